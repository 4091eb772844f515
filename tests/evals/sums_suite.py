"""A suite for processes that are killed: each call of a model leaves a line, so that paid ones can be counted."""

import asyncio
import os
import signal
from decimal import Decimal
from pathlib import Path

from copilot_kit.events import Ended
from copilot_kit.messages import Message, Text
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.response import Response, Served, Stop, Usage
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.tasks import Ask, Task

CALLS = Path(os.environ.get("SUMS_CALLS", os.devnull))
DELAY_S = float(os.environ.get("SUMS_DELAY_S", "0.03"))
ITEMS = int(os.environ.get("SUMS_ITEMS", "50"))
DIES_AT = os.environ.get("SUMS_DIES_AT")
"""The first number of the sum at which the process is killed, once in all."""


def die_once() -> None:
    try:
        CALLS.with_name("died.txt").touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def bill(line: str) -> None:
    with CALLS.open("a") as file:
        file.write(line)


class Adder:
    """Writes each request to a file when it answers: that is what a provider would send a bill for."""

    profile = Profile()

    def __init__(self, name: str) -> None:
        self.id = name

    async def stream(self, request: Request):
        await asyncio.sleep(DELAY_S / 2)
        first, second = request.messages[-1].text.split("+")
        if first == DIES_AT:
            die_once()
        bill(f"{self.id} {first}\n")
        await asyncio.sleep(DELAY_S / 2)  # the answer is on its way, and has its price
        provider, _, name = self.id.partition(":")
        message = Message(id=f"msg_{first}", role="assistant", parts=(Text(text=str(int(first) + int(second))),))
        yield Ended(Response(message=message, model=Served(asked=name, provider=provider, served=name),
                             stop=Stop(kind="end"),
                             usage=Usage(input=10, output=2, cost_usd=Decimal("0.01"))))  # fmt: skip


models = {name: Adder(name) for name in ("fake:a", "fake:b")}
items = [Item(id=f"i{n}", input=f"{n}+{n}", target=str(2 * n), tags=("even",) if n % 2 == 0 else ())
         for n in range(ITEMS)]  # fmt: skip
tasks = [Task("sums", Dataset.of(items, name="sums"), Ask("Add."), [Exact()])]
