"""Which models a scorer or a solver holds, wherever it does, and where candidates of a plan are asked."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.events import Event
from copilot_kit.request import Request
from copilot_kit.retry import Retry
from copilot_kit.sending import NotAllowed
from copilot_kit.testing import ScriptedModel
from copilot_kit_evals.candidates import Candidate
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.sending import check_planned, models_in
from copilot_kit_evals.tasks import Ask, Task

JUDGE = ScriptedModel("yes", id="acme:judge")


@dataclass
class Holds:
    one: Any
    other: Any = None

    def ask(self) -> None:
        """Be a method that is handed on."""


@dataclass(frozen=True, slots=True)
class Slotted:
    one: Any


@dataclass
class Elsewhere:
    """A model at an address of its own."""

    server: str
    id: str = "acme:judge"
    profile: Any = None

    def stream(self, request: Request) -> AsyncIterator[Event]:
        """Nobody asks it."""
        raise NotImplementedError


def closing_over(model: Any) -> Any:
    def scored() -> Any:
        return model

    return scored


@pytest.mark.parametrize(
    "scorer",
    [
        JUDGE,
        Slotted(JUDGE),
        Holds({"judges": [JUDGE]}),
        partial(print, Holds(JUDGE)),
        Holds(JUDGE).ask,
        closing_over(Slotted(JUDGE)),
        lambda: JUDGE,
    ],
    ids=["itself", "slot", "lists", "partial", "method", "closure", "global"],
)
def test_a_model_is_found_wherever_a_scorer_holds_it(scorer: object):
    assert models_in(scorer) == [("acme:judge", None)]


def test_what_is_held_far_away_and_near_by_is_looked_through_from_near_by():
    shared = Holds(Holds(JUDGE))
    far = Holds(Holds(Holds(shared)))
    assert models_in(Holds(far, shared)) == [("acme:judge", None)]


def test_what_holds_itself_is_looked_through_once():
    ring = Holds(JUDGE)
    ring.other = [ring]
    assert models_in(ring) == [("acme:judge", None)]


def test_a_model_that_asks_another_one_is_asked_where_that_one_is():
    assert models_in(Holds(Retry(Elsewhere("https://llm.acme.example")))) == [
        ("acme:judge", None),
        ("acme:judge", "https://llm.acme.example"),
    ]


def test_a_plan_refuses_a_slot_that_the_environment_leads_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COPILOT_KIT_FRONTIER", raising=False)
    monkeypatch.setenv("VLLM_BASE_URL", "https://llm.acme.example/v1")
    Path("frontier.toml").write_text('[slots.default]\nmodel = "vllm:m"\nmay_send_to = ["vllm"]\n')
    item = Item(id="a", input="1", target="1", meta={"may_send_to": {"default": ["vllm"]}})
    task = Task("t", Dataset.of([item]), Ask(), [Exact()])
    with pytest.raises(NotAllowed, match=r"slot 'default' may not go to 'llm\.acme\.example', for 'vllm:m'"):
        check_planned([task], [Candidate(name="default", model="default")], lambda _: None)
