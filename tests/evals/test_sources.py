"""What an agent of a suite is made of: any change of it is another solver, and nothing else is."""

import sys
from pathlib import Path

import pytest

from copilot_kit_evals.suites import load

SUITE = """
from copilot_kit import Agent
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.tasks import Assign, Task
from {name}_desk import find_order

def support(setup):
    return Agent(setup.model, tools=[find_order], instructions="Be polite.")

tasks = [Task("t", Dataset.of([Item(id="a", input="x")]), Assign(support), [Exact()])]
"""
DESK = """
from copilot_kit import tool

def price():
    return 12

@tool(effect="read")
def find_order(number: int) -> str:
    '''Find an order.'''
    return f"order {{number}}: {{price()}}"
"""
OTHER = "import json\n"


def digest(folder: Path, name: str, *, suite: str = SUITE, desk: str = DESK, other: str = OTHER) -> str:
    folder.mkdir()
    (folder / f"{name}_desk.py").write_text(desk)
    (folder / f"{name}_other.py").write_text(other)
    (folder / "suite.py").write_text(suite.format(name=name))
    return load(folder / "suite.py").tasks[0].solver.digest


@pytest.mark.parametrize(
    ("name", "changed", "is_other"),
    [
        ("moved", {}, False),
        ("instructions", {"suite": SUITE.replace("polite", "brief")}, True),
        ("called", {"desk": DESK.replace("12", "13")}, True),
        ("unused", {"other": "import os\n"}, False),
    ],
)
def test_an_agent_is_another_when_what_it_stands_on_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, changed: dict[str, str], *, is_other: bool
):
    before = digest(tmp_path / "before", name)
    monkeypatch.delitem(sys.modules, f"{name}_desk")
    after = digest(tmp_path / "after", name, **changed)
    assert (before != after) is is_other
