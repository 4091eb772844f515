"""Which models a scorer or a solver holds, wherever it does."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from copilot_kit.events import Event
from copilot_kit.request import Request
from copilot_kit.retry import Retry
from copilot_kit.testing import ScriptedModel
from copilot_kit_evals.sending import models_in

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
