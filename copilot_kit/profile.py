"""What a model can do, and who says so. None means unknown; unknown is tried, never assumed to be a no."""

from datetime import date
from typing import Literal

from pydantic import Field

from copilot_kit.messages import Record
from copilot_kit.request import ContextEdit, Effort, OutputMode


class Lifecycle(Record):
    """When a model came, and when it goes."""

    released: date | None = None
    deprecated: date | None = None
    retires: date | None = None
    successor: str | None = None


class Profile(Record):
    """Facts about one model. `sources` names who says so, by field: table < catalogue < probe < user."""

    tools: bool | None = None
    parallel_tools: bool | None = None
    forced_tools: bool | None = None
    forced_tools_with_reasoning: bool | None = None
    output_modes: tuple[OutputMode, ...] | None = None
    media_in: tuple[str, ...] | None = None
    """Media types or their families: `image`, `audio`, `application/pdf`."""
    media_out: tuple[str, ...] | None = None
    efforts: tuple[Effort, ...] | None = None
    """The levels it takes; empty: it has none."""
    context_window: int | None = None
    """Tokens."""
    max_output_tokens: int | None = None
    default_output_tokens: int | None = None
    """Sent where the wire demands a maximum and the caller set none."""
    refuses: tuple[str, ...] = ()
    """Names of settings that it is known to refuse: `temperature`."""
    tool_id_pattern: str | None = None
    """Regular expression of the call ids it accepts; None: any."""
    caching: Literal["none", "automatic", "marked"] | None = None
    edits_context: tuple[ContextEdit, ...] | None = None
    """What its provider can take out of a long conversation; empty: nothing."""
    binds_reasoning: bool | None = None
    """It refuses reasoning whose preceding conversation was changed."""
    lifecycle: Lifecycle = Field(default_factory=Lifecycle)
    sources: dict[str, str] = Field(default_factory=dict)

    def over(self, lower: "Profile") -> "Profile":
        """Return this profile, with the facts of `lower` where this one knows nothing."""
        known = {name: getattr(lower, name) for name in lower.model_fields_set}
        known |= {name: getattr(self, name) for name in self.model_fields_set}
        return Profile.model_validate(known | {"sources": {**lower.sources, **self.sources}})
