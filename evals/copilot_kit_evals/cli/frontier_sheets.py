"""What `copilot-kit frontier` shows people: a line for each slot, or where that is too wide some; and what is new."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from textwrap import fill
from typing import Any, Final

from copilot_kit.cli.screen import bold, columns, dim, shown, width
from copilot_kit.display import visible
from copilot_kit.slots import Slot
from copilot_kit_evals.frontier.news import News

_COLUMNS: Final = {"slot": "slot", "model": "has", "since": "since", "by what": "evidence_words", "parked": "parked",
                   "retires": "retires"}  # fmt: skip
_LABEL: Final = 11
_GAP: Final = 2


def show_slots(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the slots: as a table, on a terminal that is too narrow for it one below the other."""
    if not rows:
        shown("There is no slot yet. Write one into frontier.toml: [slots.default] with a model.")
        return
    cells = [{name: _cell(one[key]) for name, key in _COLUMNS.items()} for one in rows]
    for one, row in zip(cells, rows, strict=True):
        one["parked"] = one["parked"] or ("?" if row["parked_file"] else "")
    if not sys.stdout.isatty():
        columns([list(one.values()) for one in cells], header=list(_COLUMNS))
        return
    told = [name for name in _COLUMNS if any(one[name] for one in cells)]
    rooms = [max(len(name), *(len(one[name]) for one in cells)) for name in told]
    if sum(rooms) + _GAP * (len(told) - 1) < width():
        columns([[one[name] for name in told] for one in cells], header=told)
        return
    for one in cells:
        shown(bold(one["slot"]))
        for name in told[1:]:
            if one[name]:
                shown(f"  {dim(name.ljust(_LABEL - _GAP))}{one[name]}")


def show_news(found: Sequence[News], slots: Mapping[str, Slot]) -> None:
    """Print what is new of the models that slots have, and what to call, each call once."""
    called: set[str] = set()
    for one in found:
        names = ", ".join(map(visible, one.slots))
        what = f"{visible(one.model)} ({names}): " if one.model else f"{names}: "
        _line("URGENT" if one.urgent else one.kind, f"{what}{visible(one.text)}")
        for call in [_call(name, slots[name], one.evaluate) for name in one.slots]:
            if call and call not in called:
                shown(f"{'':<{_LABEL}}{call}")
                called.add(call)
    if not found:
        shown("Nothing new of the models that the slots have.")


def _call(name: str, slot: Slot, evaluate: Sequence[str]) -> str:
    """Return what to call, or what to do first; nothing where there is no other model."""
    to = evaluate[0] if evaluate else "provider:name" if slot.model is None else None
    if to is None:
        return ""
    if slot.stage is not None:
        return (
            f"{visible(slot.stage.to)} takes over {visible(name)}; end that first: copilot-kit frontier advance {name}"
        )
    if not slot.suites:
        return f"write suites into [slots.{visible(name)}] to evaluate others"
    return f"copilot-kit snap {visible(name)} --to {visible(to)}"


def _line(label: str, text: str) -> None:
    line = f"{label:<{_LABEL - 1}} {text}"
    if sys.stdout.isatty():
        line = fill(line, width=max(2 * _LABEL, width() - 1), subsequent_indent=" " * _LABEL, break_on_hyphens=False,
                    break_long_words=False)  # fmt: skip
    shown(line)


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    return visible(datetime.fromisoformat(text).strftime("%Y-%m-%d") if "T" in text and text[:4].isdecimal() else text)
