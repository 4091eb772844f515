"""How people decide: how many, how often yes, and how long they looked, so that a rubber stamp is visible."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from copilot_kit.journal.index import CallRow

QUICK_S: Final = 2.0
"""Nobody reads a whole call in less."""
_DECIDED: Final = ("approved", "edited", "rejected", "answered")
_ENOUGH: Final = 20
_MOSTLY: Final = 0.5


@dataclass(frozen=True, slots=True)
class Habits:
    """How one person decided."""

    person: str
    approved: int
    edited: int
    rejected: int
    answered: int
    looked_s: tuple[float, ...]
    """How long they looked at each call, as far as that was measured, shortest first."""

    @property
    def decided(self) -> int:
        """How many calls they decided."""
        return self.approved + self.edited + self.rejected + self.answered

    @property
    def approved_share(self) -> float:
        """Which share they let run unchanged."""
        return self.approved / self.decided

    @property
    def median_looked_s(self) -> float | None:
        """How long they looked at half of the calls at most; None if nobody measured it."""
        count = len(self.looked_s)
        return (self.looked_s[(count - 1) // 2] + self.looked_s[count // 2]) / 2 if count else None

    @property
    def quick_share(self) -> float | None:
        """Which share they decided in under two seconds; None if nobody measured it."""
        quick = sum(looked < QUICK_S for looked in self.looked_s)
        return quick / len(self.looked_s) if self.looked_s else None

    @property
    def stamps(self) -> bool:
        """Whether it looks like a rubber stamp: at least 20 calls, none stopped or changed, most in under 2 s."""
        quick = self.quick_share
        return self.approved == self.decided >= _ENOUGH and quick is not None and quick > _MOSTLY


def habits(calls: Iterable[CallRow]) -> list[Habits]:
    """Return the habits of everybody who decided any of these calls, the busiest first."""
    by_person: dict[str, list[CallRow]] = {}
    for call in calls:
        if call.by is not None and call.state in _DECIDED:
            by_person.setdefault(call.by, []).append(call)
    found = [_of(person, decided) for person, decided in by_person.items()]
    return sorted(found, key=lambda one: (-one.decided, one.person))


def _of(person: str, calls: list[CallRow]) -> Habits:
    approved, edited, rejected, answered = (sum(call.state == state for call in calls) for state in _DECIDED)
    looked = sorted(call.looked_s for call in calls if call.looked_s is not None)
    return Habits(person, approved, edited, rejected, answered, tuple(looked))
