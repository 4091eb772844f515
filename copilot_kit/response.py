"""What a model answered, what it cost, and what did not carry over."""

from decimal import Decimal
from typing import Literal, TypeAlias

from pydantic import Field, JsonValue

from copilot_kit.messages import Message, Record, ToolCall
from copilot_kit.request import OutputMode

StopKind: TypeAlias = Literal["end", "tool", "length", "refusal", "paused", "cancelled", "error"]


class Usage(Record):
    """Tokens and money. None means that nobody said, and None is not 0."""

    input: int | None = None
    """All tokens read, those from and into the cache included."""
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    """All tokens written, reasoning included."""
    reasoning: int | None = None
    cost_usd: Decimal | None = None
    price_source: str | None = None
    """Where the price comes from, with its date; `provider` where the provider names the cost itself."""

    def __add__(self, other: "Usage") -> "Usage":
        """Add up; a figure that one side does not know is not known for the sum."""
        return Usage(
            input=_sum(self.input, other.input),
            cache_read=_sum(self.cache_read, other.cache_read),
            cache_write=_sum(self.cache_write, other.cache_write),
            output=_sum(self.output, other.output),
            reasoning=_sum(self.reasoning, other.reasoning),
            cost_usd=None if self.cost_usd is None or other.cost_usd is None else self.cost_usd + other.cost_usd,
            price_source=self.price_source if self.price_source == other.price_source else None,
        )


_UNKNOWN_USAGE = Usage()  # one for all: pydantic would copy a default each time


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


class Served(Record):
    """Which model answered: the slot it was opened by, the name asked for, the name the provider gave back."""

    asked: str
    provider: str
    served: str | None = None
    slot: str | None = None


class Stop(Record):
    """Why the answer ended; `raw` is the provider's own word, `detail` what else it said of it."""

    kind: StopKind
    raw: str | None = None
    detail: JsonValue = None


class Dropped(Record):
    """Something that was asked for and not sent as such."""

    kind: Literal["setting", "part", "opaque", "tool", "feature"]
    name: str
    """The setting's or the tool's name, or the type of the part."""
    reason: str
    message_id: str | None = None
    became: str | None = None
    """What was sent in its place, if anything."""


class Attempt(Record):
    """One try of a request that needed several."""

    model: str
    error: str | None = None
    """Class of the error, None for the one that succeeded."""
    message: str | None = None
    waited_s: float | None = None
    """Seconds waited after it."""


class Response(Record):
    """One whole answer, or as much of it as came."""

    message: Message
    model: Served
    stop: Stop
    state: Literal["complete", "partial"] = "complete"
    usage: Usage = Field(default_factory=lambda: _UNKNOWN_USAGE)
    settings_used: dict[str, JsonValue] = Field(default_factory=dict)
    """The settings as they were sent, by the provider's names; never messages, tools or keys."""
    output_mode: OutputMode | None = None
    dropped: tuple[Dropped, ...] = ()
    warnings: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    response_id: str | None = None
    extra: dict[str, JsonValue] = Field(default_factory=dict)
    """What else the provider said of the answer (log probabilities, service tier, container), by its names."""

    @property
    def text(self) -> str:
        """The words of the answer."""
        return self.message.text

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The calls to run: those of a complete answer only, so that half a stream never runs a tool."""
        return self.message.calls if self.state == "complete" else ()
