"""How a model answers, apart from whether it is right: what a wrong wiring shows in before the scores do."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reply:
    """The last answer of one attempt, and what is known of the way there."""

    task: str
    item: str
    score: float | None = None
    outcome: str = "ok"
    trouble: str | None = None
    """Class of the error that ended it."""
    stop: str | None = None
    """`length` for an answer that was cut."""
    unparsed: bool = False
    """A scorer found no answer in what was said."""
    text: str | None = None
    """The words; None where the log does not have them."""
    called: tuple[str, ...] = ()
    """Names of the tools that it called, in all of the attempt's answers."""
    garbled: bool = False
    """It called tools, and no call had arguments that can be read."""
    asks_again: bool = False
    """It made the very same calls again when it had been told what came of them."""
    told: str = ""
    """Digest of all that it is told by declaration beside the item: instructions, overlay, tools."""
    tokens_in: int | None = None
    """Of the first request: later ones hold what came before."""
    tokens_out: int | None = None
    """Of the last answer, reasoning left out where it is counted."""
    dropped: tuple[str, ...] = ()
    """What the adapter could not send, by name."""
    served: str | None = None
    """The name that the provider gave back."""
    response_id: str | None = None
    """Of the first answer."""


@dataclass(slots=True)
class Habits:
    """The replies of one candidate, one an attempt."""

    model: str | None = None
    """What was asked for, as provider:model."""
    replies: list[Reply] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)
    """What kept attempts from having a score, by its words."""

    def by_task(self) -> dict[str, list[Reply]]:
        """Return the replies of each task."""
        found: dict[str, list[Reply]] = {}
        for reply in self.replies:
            found.setdefault(reply.task, []).append(reply)
        return found

    def served(self) -> Counter[str]:
        """Return how often each name was given back."""
        return Counter(reply.served for reply in self.replies if reply.served is not None)
