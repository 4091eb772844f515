"""copilot-kit: a bare model, an exact scorer, a durable log of attempts and answers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from measured import report

from copilot_kit.events import Ended
from copilot_kit.messages import Message, Text
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.response import Response, Served, Stop, Usage
from copilot_kit.slots import Opened
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.runner import Options, run
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.tasks import Ask, Task


class Mock:
    """Always says the same."""

    id = "mock:model"
    profile = Profile()

    async def stream(self, _: Request) -> AsyncIterator[Ended]:
        message = Message(id="msg_mock", role="assistant", parts=(Text(text="yes"),))
        served = Served(asked="model", provider="mock", served="model")
        yield Ended(Response(message=message, model=served, stop=Stop(kind="end"), usage=Usage(input=9, output=1)))


def harness(items: int, folder: Path) -> int:
    dataset = Dataset.of(Item(id=f"item-{n:06d}", input=f"Question {n}?", target="yes") for n in range(items))
    task = Task("trivial", dataset, Ask(), [Exact()])
    ended = asyncio.run(run([task], candidates_of(["mock:model"]), folder, Options(opening=lambda _: Opened(Mock()))))
    standing = ended.tally.standings[0]
    return standing.ended - standing.failing - standing.missing - standing.unscored


report(harness)
