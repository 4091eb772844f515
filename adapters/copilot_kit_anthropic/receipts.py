"""What a request asked for and did not get: collected as receipts, or refused at once if the caller wants that."""

from dataclasses import dataclass, field
from typing import Literal

from copilot_kit.errors import InvalidRequest
from copilot_kit.response import Dropped


@dataclass(slots=True)
class Receipts:
    """The receipts of one request."""

    model: str
    on_unsupported: Literal["drop", "error"]
    dropped: list[Dropped] = field(default_factory=list)

    def leave_out(
        self,
        name: str,
        reason: str,
        *,
        kind: Literal["setting", "tool", "feature"] = "setting",
        became: str | None = None,
    ) -> None:
        """Note that this was not sent as such; raises `InvalidRequest` if the caller asked for that."""
        if self.on_unsupported == "error":
            raise InvalidRequest(
                f"{self.model} does not take {name!r}: {reason}. Leave it out, or set on_unsupported='drop'.",
                param=name,
                model=self.model,
            )
        self.dropped.append(Dropped(kind=kind, name=name, reason=reason, became=became))
