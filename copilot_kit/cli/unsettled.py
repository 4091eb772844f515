"""Calls whose end a person must find out, and calls that can be taken back, as the terminal shows them."""

from datetime import datetime
from enum import Enum

from copilot_kit.cli.keys import Keyboard
from copilot_kit.cli.preview_lines import labelled
from copilot_kit.cli.screen import bold, dim, folded, shown, width
from copilot_kit.display import block
from copilot_kit.journal import Journal, RunState
from copilot_kit.journal.index import CallRow, Waiting
from copilot_kit.records import Intended, Proposed

_BEGUN = "It was begun, and nobody knows whether it was carried out. It is not repeated. Look where it would show."


class Unsettled(Enum):
    """What a person wants of a call of unknown outcome."""

    DONE = "d"
    NOT_DONE = "n"
    STOP = "s"
    NEXT = "j"
    BACK = "k"
    LEAVE = "q"


async def ask_unsettled(journal: Journal, row: Waiting, keyboard: Keyboard) -> Unsettled:
    """Show the call that was begun, and return what the person wants; closing the terminal leaves it as it is."""
    state = RunState.of(await journal.read(row.run_id))
    call = next((one for one in state.unknown if one.call.call_id == row.id), None)
    shown()
    for line in labelled("──", row.tool, width=width()):
        shown(line)
    for line in labelled("task", row.title, width=width()):
        shown(line)
    shown(folded(_BEGUN, indent="  "))
    if call is not None:
        ran = call.intended.arguments if call.intended is not None and call.intended.arguments else call.call.args_json
        for line in ["  what was begun", *block(ran, width=width())]:
            shown(line)
        if call.received is not None:
            for line in ["  what is known", *block(call.received.result.text, width=width())]:
                shown(line)
    return await _wish(keyboard)


async def _wish(keyboard: Keyboard) -> Unsettled:
    settling = False
    while True:
        if settling:
            shown(bold("  Was it carried out? ") + dim("d it was done · n it was not · any other key leaves it open"))
        else:
            shown(dim("  w settle · s stop · j k move · q leave"))
        key = await keyboard.key()
        match key:
            case None | "q":
                return Unsettled.LEAVE
            case "d" | "n" if settling:
                return Unsettled(key)
            case "w":
                settling = True
            case "s" | "j" | "k" if not settling:
                return Unsettled(key)
            case _:
                settling = False


async def undoable_call(journal: Journal) -> CallRow | None:
    """Return the call that ran last and can be taken back."""
    rows = [row for row in await journal.calls(limit=50) if row.undoable and row.outcome == "done"]
    return max(rows, key=_when, default=None)


def _when(row: CallRow) -> datetime:
    return row.decided_at or row.asked_at


async def undoable_lines(journal: Journal, call: CallRow, *, width: int) -> list[str]:
    """Return the call that would be taken back, with what ran."""
    arguments = ""
    for entry in await journal.read(call.run_id):
        match entry.body:
            case Intended(call_id=call_id, arguments=ran) if call_id == call.call_id and ran:
                arguments = ran
            case Proposed(proposal=proposal) if entry.head.seq == call.seq:
                arguments = arguments or proposal.arguments
            case _:
                pass
    when = dim(f"  it ran at {_when(call).astimezone():%H:%M:%S}")
    return ["", *labelled("take back", call.tool, width=width, strong=True), when, *block(arguments, width=width)]
