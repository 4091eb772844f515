"""A suite of sums, and models that are as good at them as a test wants."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from copilot_kit.request import Request
from copilot_kit.response import Usage
from copilot_kit.slots import Opened
from copilot_kit.testing import FunctionModel
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.tasks import Ask, Task

USAGE = Usage(input=10, output=2, cost_usd=Decimal("0.01"))


def sums(items: int, **task: object) -> Task:
    dataset = Dataset.of((Item(id=f"i{n}", input=f"{n}+{n}", target=str(2 * n)) for n in range(items)), name="sums")
    return Task("sums", dataset, Ask("Add."), [Exact()], **task)  # type: ignore[arg-type]


def adder(name: str = "fake:good", *, wrong: Sequence[int] = (), delay_s: float = 0.0) -> FunctionModel:
    """Adds; `wrong` are the first numbers of sums that it gets wrong."""

    async def answer(request: Request) -> list[object]:
        await asyncio.sleep(delay_s)
        first, second = request.messages[-1].text.split("+")
        off = int(first) in wrong
        return [str(int(first) + int(second) + off), USAGE]

    return FunctionModel(answer, id=name)  # type: ignore[arg-type]


def opening(*models: FunctionModel) -> Callable[[str], Opened | None]:
    known = {model.id: model for model in models}
    return lambda name: Opened(known[name]) if name in known else None


def asked(model: FunctionModel) -> list[str]:
    return [request.messages[-1].text for request in model.requests]


def digest_of(folder: Path) -> str:
    return hashlib.sha256((folder / "attempts.jsonl").read_bytes()).hexdigest()
