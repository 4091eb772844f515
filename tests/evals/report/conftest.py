"""A run of two stub models over twelve items: what each answers is written down here, and nothing is left to chance."""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from zlib import decompress

import pytest

from copilot_kit.messages import Message, Text
from copilot_kit.response import Response, Served, Stop, Usage
from copilot_kit.slots import Opened
from copilot_kit.testing import FunctionModel
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.runner import Options, run
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.tasks import Ask, Task

for needed in ("altair", "vl_convert", "jinja2"):
    pytest.importorskip(needed, reason="needs the extra report: pip install 'copilot-kit[report]'")

OLD, NEW = "acme:old", "acme:new"
HOSTILE = "</script><script>window.harmed=1</script><img src=x onerror='window.harmed=2'> pay \u202eeve"
RIGHT = {OLD: range(6), NEW: range(1, 10)}
"""Which of the items 0 to 11 each answers rightly."""


def answers(name: str, asked: str) -> str:
    number = int(asked.split()[1])
    return f"yes {number}" if number in RIGHT[name] else HOSTILE if number == 9 else "no"


def model(name: str, tell: Callable[[str, str], str], cost: str) -> FunctionModel:
    """Answers, for so much a time; it breaks down at item 10 if it is the new one."""

    def respond(request):
        asked = request.messages[-1].text
        if name == NEW and asked.startswith("item 10 "):
            raise RuntimeError("the cable was pulled")
        message = Message(id="msg_answer", role="assistant", parts=(Text(text=tell(name, asked)),))
        served = Served(asked=name.partition(":")[2], provider="acme", served=name.partition(":")[2])
        usage = Usage(input=10, output=2, cost_usd=Decimal(cost))
        return Response(message=message, model=served, stop=Stop(kind="end"), usage=usage)

    return FunctionModel(respond, id=name)


def item(number: int) -> Item:
    tail = HOSTILE if number == 9 else f"{'word ' * 3}\nand a second line"
    return Item(id=f"i{number:02d}", input=f"item {number} {tail}", target=f"yes {number}", must_pass=number == 0,
                tags=("even",) if number % 2 == 0 else ("odd",), human_minutes=float(2**number))  # fmt: skip


@pytest.fixture
def made(tmp_path: Path):
    """Make a run: of both models unless told otherwise, and of this many items."""

    async def run_of(
        *names: str, count: int = 12, tell: Callable[[str, str], str] = answers, task: Mapping[str, Any] | None = None
    ) -> RunFolder:
        models = {NEW: model(NEW, tell, "0.01"), OLD: model(OLD, tell, "0.02")}
        items = Dataset.of([item(number) for number in range(count)], name="numbers")
        options = Options(seed=1, opening=lambda name: Opened(models[name]), suite="numbers.py")
        tasks = [Task("numbers", items, Ask(), [Exact()], **(task or {}))]
        folder = tmp_path / "run"
        await run(tasks, candidates_of(list(names or (OLD, NEW))), folder, options)
        return RunFolder(folder)

    return run_of


@pytest.fixture
def data_in() -> Callable[[str], Any]:
    """Read what lies compressed in a page."""

    def read(html: str, name: str = "data") -> Any:
        found = re.search(rf'<script type="application/octet-stream" id="{name}">([^<]*)</script>', html)
        assert found is not None, f"no {name} in the page"
        return json.loads(decompress(b64decode(found[1])))

    return read
