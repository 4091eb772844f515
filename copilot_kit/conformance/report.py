"""What a check of a corpus found, in the words that scripts read."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Status: TypeAlias = Literal["passed", "failed", "not_claimed"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the adapter said and understood what was recorded in one exchange."""

    id: str
    provider: str
    api: str
    status: Status
    reason: str = ""
    """Why it is not passed: the first difference, or what is not claimed."""
    differences: tuple[str, ...] = ()
    steps: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it as an object of the report."""
        named = {"id": self.id, "provider": self.provider, "api": self.api, "status": self.status}
        return {**named, "reason": self.reason, "steps": self.steps, "differences": list(self.differences)}


@dataclass(frozen=True, slots=True)
class Report:
    """All exchanges of a corpus."""

    verdicts: tuple[Verdict, ...] = field(default=())

    def count(self, status: Status) -> int:
        """Return how many exchanges have this status."""
        return sum(verdict.status == status for verdict in self.verdicts)

    @property
    def exit_code(self) -> int:
        """Return 0, or 1 if an exchange failed."""
        return 1 if self.count("failed") else 0

    def as_json(self) -> dict[str, Any]:
        """Return the report as it is printed."""
        summary = {status: self.count(status) for status in ("passed", "failed", "not_claimed")}
        return {"summary": summary, "exchanges": [verdict.as_json() for verdict in self.verdicts]}
