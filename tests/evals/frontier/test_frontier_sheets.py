"""What people see of slots: a table where it fits, else one slot below the other; and each call to make once."""

from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.profile import Lifecycle
from copilot_kit.slots import Slot
from copilot_kit_evals.cli.frontier_sheets import show_news, show_slots
from copilot_kit_evals.frontier.catalogues import Catalogue
from copilot_kit_evals.frontier.news import news
from tests.evals.frontier.test_news import TODAY

ROWS: list[dict[str, Any]] = [
    {"slot": "default", "has": "acme:large-4-5, 10% acme:large-5", "since": "2026-11-20T10:00:00", "parked": None,
     "parked_file": "gone.jsonl", "evidence_words": "promote, runs/default-20261120-100000, by anna", "retires": None},
    {"slot": "first", "has": "none yet", "since": None, "parked": None, "parked_file": None, "evidence_words": None,
     "retires": None},
]  # fmt: skip


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("NO_COLOR", "1")

    def seen(columns: int, show: Callable[..., None], *told: object) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        with redirect_stdout(Terminal()) as found:
            show(*told)
        return found.getvalue()

    return seen


def test_a_wide_terminal_has_a_table_of_what_there_is_to_tell(terminal: Callable[..., str]):
    assert terminal(120, show_slots, ROWS).splitlines() == [
        "slot     model                             since       by what                                         parked",
        "default  acme:large-4-5, 10% acme:large-5  2026-11-20  promote, runs/default-20261120-100000, by anna  ?",
        "first    none yet",
    ]


def test_a_narrow_terminal_has_one_slot_below_the_other(terminal: Callable[..., str]):
    shown = terminal(80, show_slots, ROWS).splitlines()
    assert shown == [
        "default",
        "  model    acme:large-4-5, 10% acme:large-5",
        "  since    2026-11-20",
        "  by what  promote, runs/default-20261120-100000, by anna",
        "  parked   ?",
        "first",
        "  model    none yet",
    ]


def test_without_a_slot_it_says_what_to_write(terminal: Callable[..., str]):
    assert terminal(80, show_slots, []) == (
        "There is no slot yet. Write one into frontier.toml: [slots.default] with a model.\n"
    )


def test_what_is_new_fits_a_terminal_and_names_each_call_once_and_only_what_can_be_called(
    terminal: Callable[..., str],
):
    slots = {
        "default": Slot(model="acme:large-4-5", suites=("s.py",)),
        "bare": Slot(model="acme:large-4-5"),
        "moving": Slot.model_validate({"model": "acme:small-1", "suites": ["s.py"],
                                       "stage": {"to": "acme:small-2", "share": 0.1}}),
        "first": Slot(suites=("s.py",)),
    }  # fmt: skip
    listed = Catalogue("acme", frozenset({"large-4-5", "large-5", "small-1", "small-2", "small-3"}))

    def lifecycle(model: str) -> Lifecycle:
        return Lifecycle(retires=TODAY.replace(day=24)) if model == "acme:large-4-5" else Lifecycle()

    found = news(slots, lambda _: [listed], lifecycle, today=TODAY)
    assert terminal(80, show_news, found, slots).splitlines() == [
        "URGENT     acme:large-4-5 (default, bare): retires on 2026-11-24, in 1 day",
        "           copilot-kit snap default --to acme:large-5",
        "           write suites into [slots.bare] to evaluate others",
        "newer      acme:large-4-5 (default, bare): newer of its line: large-5",
        "newer      acme:small-1 (moving): newer of its line: small-3, small-2",
        "           acme:small-2 takes over moving; end that first: copilot-kit frontier advance moving",
        "newer      acme:small-2 (moving): newer of its line: small-3",
        "empty      first: it waits for its first model",
        "           copilot-kit snap first --to provider:name",
    ]


def test_a_model_that_retires_today_is_told_so():
    slots = {"a": Slot(model="acme:a")}
    (one, *_) = news(slots, lambda _: [], lambda _: Lifecycle(retires=TODAY), today=TODAY)
    assert (one.text, one.urgent) == ("retires on 2026-11-23, today", True)


def test_a_slot_that_there_is_not_is_told_with_those_there_are(project: Path, copilot):
    for words in (("status", "nope"), ("advance", "nope")):
        ended = copilot("frontier", *words)
        assert (ended.code, ended.err.strip()) == (
            64, f"There is no slot 'nope' in {project}/frontier.toml. It has default, fast.")  # fmt: skip
    ended = copilot("frontier", "status", "default")
    assert (ended.code, ended.out) == (0, "In slot default no model takes over.\n")
    assert copilot("frontier", "verify").out == "No promotion yet.\n"
