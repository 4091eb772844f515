"""What a run writes when its window fills up."""

from typing import Literal, TypeAlias

from copilot_kit.messages import Message, Record
from copilot_kit.response import Usage

Notes: TypeAlias = Literal["none", "written", "repaired", "listed"]


class ResultsCleared(Record):
    """From here on the results of these calls are not sent any more; a line in their place says where they are."""

    kind: Literal["results_cleared"] = "results_cleared"
    call_ids: tuple[str, ...]
    tokens_before: int
    tokens_after: int
    """Both estimated, from what the provider counted last."""


class HandoverAsked(Record):
    """The window is about to close: the model is told to write down what it will need."""

    kind: Literal["handover_asked"] = "handover_asked"
    message: Message


class WindowClosed(Record):
    """A new window begins: instructions, this opening, and the turns that are kept. All else stays in the journal."""

    kind: Literal["window_closed"] = "window_closed"
    opening: Message
    kept: tuple[str, str] | None = None
    """Ids of the first and the last message that go on behind the opening; None: no turn does."""
    notes: Notes = "none"
    """none: the agent has no memory. written: it had written notes when the window closed. repaired: it had not, and
    a model summed up. listed: no model could be asked, and the calls are listed."""
    usage: Usage | None = None
    """Of summing up."""
    tokens_before: int = 0
    tokens_after: int = 0
    """Both estimated, from what the provider counted last."""
