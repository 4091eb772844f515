"""A conversation that any provider can continue: messages made of typed parts.

Everything here is immutable and survives JSON exactly. What only one provider understands (signatures,
encrypted reasoning, item ids) sits in `wire`, labelled with its origin; `copilot_kit.wire` decides where it may go.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag, model_validator

from copilot_kit.ids import new_id

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
Outcome: TypeAlias = Literal["ok", "error", "denied", "expired", "cancelled", "interrupted", "unknown"]
ExecutedBy: TypeAlias = Literal["client", "provider"]


def _is_none(value: object) -> bool:
    return value is None


def _is_empty(value: object) -> bool:
    return not value


class Record(BaseModel):
    """Immutable data that crosses a wire or a file: unknown fields are refused, bytes are base64 in JSON."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_bytes="base64",
        val_json_bytes="base64",
        allow_inf_nan=False,
        defer_build=True,
    )


class Wire(Record):
    """What only its origin understands, kept byte for byte so that it can go back there."""

    origin: str
    """Who made it, as provider.api: `anthropic.messages`, `openai.responses`, `deepseek.chat`."""
    model: str | None = Field(default=None, exclude_if=_is_none)
    """The model that served it, where the blob is bound to one."""
    id: str | None = Field(default=None, exclude_if=_is_none)
    """The provider's own identifier of this part (toolu_…, call_…, rs_…, file-…)."""
    opaque: JsonValue = Field(default=None, exclude_if=_is_none)
    """Signature, encrypted content, further fields: whatever must come back unchanged."""
    prefix_digest: str | None = Field(default=None, exclude_if=_is_none)
    """Digest of the conversation before it, where the provider binds the blob to its prefix."""


class Source(Record):
    """Where a part's content came from; set by the framework, or by an application for quoted material."""

    kind: Literal["user", "application", "person", "model", "tool", "document", "memory", "summary", "derived"]
    ref: str | None = Field(default=None, exclude_if=_is_none)
    trusted: bool = False
    of: tuple["Source", ...] = Field(default=(), exclude_if=_is_empty)
    """What it was made from; nothing made from untrusted text is trusted."""


Cache: TypeAlias = Literal["auto", "5m", "1h"]
"""A neutral hint: the conversation up to here is worth caching, for so long."""


class _Part(Record):
    wire: Wire | None = Field(default=None, exclude_if=_is_none)
    cache: Cache | None = Field(default=None, exclude_if=_is_none)
    source: Source | None = Field(default=None, exclude_if=_is_none)


class Citation(Record):
    """A passage that supports a text."""

    title: str | None = Field(default=None, exclude_if=_is_none)
    url: str | None = Field(default=None, exclude_if=_is_none)
    quote: str | None = Field(default=None, exclude_if=_is_none)
    """The cited passage itself."""
    start: int | None = Field(default=None, exclude_if=_is_none)
    """First character in the cited document or in the answer, as the origin counts."""
    end: int | None = Field(default=None, exclude_if=_is_none)
    wire: Wire | None = Field(default=None, exclude_if=_is_none)


class Text(_Part):
    """Words of the user, the application or the model."""

    type: Literal["text"] = "text"
    text: str
    citations: tuple[Citation, ...] = Field(default=(), exclude_if=_is_empty)
    refusal: bool = Field(default=False, exclude_if=_is_empty)
    """The model says no in these words."""


class Reasoning(_Part):
    """What the model thought; `hidden` has no readable text but may be needed to go on."""

    type: Literal["reasoning"] = "reasoning"
    text: str | None = Field(default=None, exclude_if=_is_none)
    form: Literal["full", "summary", "hidden"] = "full"


class ToolCall(_Part):
    """A call that the model asks for."""

    type: Literal["tool_call"] = "tool_call"
    call_id: str
    """Ours: unique everywhere. The provider's own id is in `wire.id`."""
    name: str
    args_json: str
    """The arguments exactly as the model wrote them; not yet parsed or checked."""
    executed_by: ExecutedBy = "client"


class File(_Part):
    """Image, audio, video or document: its bytes, a URL, or (in `wire.id`) a reference at a provider."""

    type: Literal["file"] = "file"
    media_type: str
    """As `image/png`; `application/octet-stream` where it is not known."""
    data: bytes | None = Field(default=None, exclude_if=_is_none)
    url: str | None = Field(default=None, exclude_if=_is_none)
    name: str | None = Field(default=None, exclude_if=_is_none)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        places = (self.data is not None) + (self.url is not None)
        if places > 1 or (places == 0 and (self.wire is None or self.wire.id is None)):
            raise ValueError("a File needs exactly one of data, url, or a provider reference in wire.id")
        return self


class Foreign(_Part):
    """Content that has no neutral form; goes back to its origin unchanged and nowhere else."""

    type: Literal["foreign"] = "foreign"
    kind: str
    """As provider.type: `anthropic.web_search_tool_result`."""
    value: JsonValue


class Summary(_Part):
    """Stands for messages that were taken out of the window."""

    type: Literal["summary"] = "summary"
    text: str | None = Field(default=None, exclude_if=_is_none)
    replaces: tuple[str, str]
    """Ids of the first and the last message that it stands for."""


class UnknownPart(BaseModel):
    """A part of a later version of this library: kept and dumped exactly as it came."""

    model_config = ConfigDict(frozen=True, extra="allow")
    type: str


_KNOWN = ("text", "reasoning", "tool_call", "tool_result", "file", "foreign", "summary")


def _tag(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return kind if kind in _KNOWN else "unknown"


ResultContent: TypeAlias = Annotated[
    Annotated[Text, Tag("text")]
    | Annotated[File, Tag("file")]
    | Annotated[Foreign, Tag("foreign")]
    | Annotated[UnknownPart, Tag("unknown")],
    Discriminator(_tag),
]


class ToolResult(_Part):
    """What became of a call."""

    type: Literal["tool_result"] = "tool_result"
    call_id: str
    content: tuple[ResultContent, ...] = ()
    outcome: Outcome = "ok"
    executed_by: ExecutedBy = "client"

    @property
    def text(self) -> str:
        """The words of the result, joined."""
        return "".join(part.text for part in self.content if isinstance(part, Text))


Part: TypeAlias = Annotated[
    Annotated[Text, Tag("text")]
    | Annotated[Reasoning, Tag("reasoning")]
    | Annotated[ToolCall, Tag("tool_call")]
    | Annotated[ToolResult, Tag("tool_result")]
    | Annotated[File, Tag("file")]
    | Annotated[Foreign, Tag("foreign")]
    | Annotated[Summary, Tag("summary")]
    | Annotated[UnknownPart, Tag("unknown")],
    Discriminator(_tag),
]


class Message(Record):
    """One turn of one side. The results of several calls of one turn are parts of one tool message."""

    id: str
    role: Role
    parts: tuple[Part, ...]
    at: datetime | None = Field(default=None, exclude_if=_is_none)
    meta: dict[str, JsonValue] = Field(default_factory=dict, exclude_if=_is_empty)
    """The application's own; never sent to a provider."""
    wire: Wire | None = Field(default=None, exclude_if=_is_none)
    """What belongs to the message as a whole: a provider's role name, item id, phase."""

    @property
    def text(self) -> str:
        """The words of the message, joined without separators; reasoning is not among them."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The calls that the application must run, in order."""
        return tuple(p for p in self.parts if isinstance(p, ToolCall) and p.executed_by == "client")


def system(text: str, *, cache: Cache | None = None) -> Message:
    """Return a system message with these instructions."""
    return Message(id=new_id("msg"), role="system", parts=(Text(text=text, cache=cache),))


def user(*content: "str | Part") -> Message:
    """Return a user message from texts and parts."""
    parts = tuple(Text(text=c) if isinstance(c, str) else c for c in content)
    return Message(id=new_id("msg"), role="user", parts=parts)


def assistant(*content: "str | Part") -> Message:
    """Return an assistant message, as one would write an example turn."""
    parts = tuple(Text(text=c) if isinstance(c, str) else c for c in content)
    return Message(id=new_id("msg"), role="assistant", parts=parts)


def results(*content: ToolResult) -> Message:
    """Return the tool message that answers the calls of the turn before it."""
    return Message(id=new_id("msg"), role="tool", parts=content)


def answer(call: ToolCall, *content: "str | ResultContent", outcome: Outcome = "ok") -> ToolResult:
    """Return the result of this call; it carries the provider's id of the call, which the provider will ask for."""
    parts = tuple(Text(text=c) if isinstance(c, str) else c for c in content)
    wire = None if call.wire is None else Wire(origin=call.wire.origin, id=call.wire.id)
    return ToolResult(call_id=call.call_id, content=parts, outcome=outcome, executed_by=call.executed_by, wire=wire)
