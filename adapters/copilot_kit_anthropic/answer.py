"""An answer of the provider, whole or event by event, as our events.

Event types: https://platform.claude.com/docs/en/build-with-claude/streaming. Unknown events, blocks and deltas are
passed over or kept as data; only `message_stop` after a stop reason makes an answer complete.
"""

import re
from dataclasses import dataclass
from typing import Any

from copilot_kit.assembly import Assembly
from copilot_kit.events import Ended, Event, Started
from copilot_kit.ids import NewId, new_id
from copilot_kit.messages import Foreign, Message, Part, Reasoning, Text, ToolCall, Wire
from copilot_kit.response import Response, Served, Stop, StopKind, Usage
from copilot_kit_anthropic.blocks import CallIds, call_part, citation, part_of, thinking_part
from copilot_kit_anthropic.context import summary_of
from copilot_kit_anthropic.failures import not_an_answer, stated_error
from copilot_kit_anthropic.json_bytes import Json, dumped, is_object
from copilot_kit_anthropic.request import Prepared

_STOPS: dict[str, StopKind] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "tool_use": "tool",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "paused",
    "refusal": "refusal",
    "compaction": "paused",
}
_FENCE = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)
_FRAME = {"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details", "usage"}
_COUNTED = {"input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, and of whom: an answer is read in its light."""

    model: str
    provider: str
    origin: str
    prepared: Prepared

    @property
    def id(self) -> str:
        """The model's name with its provider."""
        return f"{self.provider}:{self.model}"


class _Open:
    """A block of a stream that is not finished."""

    __slots__ = ("block", "citations", "index")

    def __init__(self, block: Json, index: int | None) -> None:
        self.block = block
        self.index = index
        """Of the part; None for a block that is kept whole and becomes a part at its end."""
        self.citations: list[Json] = []


class Answer:
    """Puts one answer together."""

    def __init__(self, asked: Asked, *, new: NewId = new_id) -> None:
        self.ended = False
        self.begun = False
        """Output has been told: to ask again would repeat it."""
        self._is_started = False
        self._asked = asked
        self._origin = asked.origin
        self._new_id = new
        self._calls = CallIds(new)
        self._assembly = Assembly()
        self._open: dict[int, _Open] = {}
        self._held: tuple[int, ToolCall] | None = None
        self._frame: Json = {}
        self._usage: Json = {}

    def whole(self, body: Json) -> list[Event]:
        """Return the events of an answer that came at once; raises `ModelError` if the body is none."""
        content = body.get("content")
        if not isinstance(content, list):
            error = stated_error(self._asked.id, body)
            raise error if error is not None else not_an_answer(self._asked.id, dumped(body))
        events: list[Event] = self._begin(body)
        self._frame |= body
        cut = self._is_cut_off()
        for number, block in enumerate(content):
            part = self._whole_part(block)
            if cut and number == len(content) - 1:
                part = _unless_cut(part)
            events.extend(self._assembly.whole(part))
        return [*events, self._end()]

    def event(self, event: Json) -> list[Event]:
        """Return what one event of the stream means; raises `ModelError` if it is an error."""
        match event.get("type"):
            case "content_block_delta":
                return self._delta(event)
            case "content_block_start":
                return [*self._release(), *self._block_start(event)]
            case "content_block_stop":
                return self._block_stop(event)
            case "message_start":
                message = event.get("message")
                return self._begin(message) if isinstance(message, dict) else []
            case "message_delta":
                return self._message_delta(event)
            case "message_stop":
                return self._message_stop()
            case "error":
                error = stated_error(self._asked.id, event, status=200, started=self.begun)
                raise error if error is not None else not_an_answer(self._asked.id, dumped(event), started=self.begun)
            case _:
                return []

    def partial(self) -> Response | None:
        """Return what has come so far, with no call that could run; None before anything came."""
        if not self._is_started:
            return None
        return self._response(self._assembly.so_far(), Stop(kind="error"), complete=False)

    def _begin(self, message: Json) -> list[Event]:
        self._frame |= {k: v for k, v in message.items() if k != "content" and v is not None}
        self._usage |= _stated(message.get("usage"))
        if self._is_started:
            return []
        self._is_started = True
        return [Started(self._served(), _text(message.get("id")))]

    def _served(self) -> Served:
        return Served(asked=self._asked.model, provider=self._asked.provider, served=_text(self._frame.get("model")))

    def _block_start(self, event: Json) -> list[Event]:
        block = event.get("content_block")
        if not isinstance(block, dict):
            return []
        number = _index(event)
        begun = self._begun(block)
        start = None if begun is None else self._assembly.open(begun)
        self.begun = self.begun or start is not None
        self._open[number] = _Open(block, None if start is None else start.index)
        return [] if start is None else [start]

    def _begun(self, block: Json) -> Part | None:
        """Return the part that a block begins as; None for one that is kept whole."""
        match block:
            case {"type": "text", "text": str(text)}:
                return Text(text=text) if self._asked.prepared.output_mode != "prompted" else None
            case {"type": "thinking", "thinking": str(text)}:
                return Reasoning(text=text)
            case {"type": "tool_use", "name": str(name)} if name == self._asked.prepared.answer_tool:
                return Text(text="")
            case {"type": str(kind), "id": str(), "name": str()} if kind.endswith("tool_use"):
                return call_part(block, self._origin, self._calls, args_json="")
            case _:
                return None

    def _delta(self, event: Json) -> list[Event]:
        delta = event.get("delta")
        block = self._open.get(_index(event))
        if block is None or not isinstance(delta, dict):
            return []
        index = block.index
        match delta:
            case {"type": "text_delta", "text": str(text)} | {"type": "thinking_delta", "thinking": str(text)} if (
                index is not None
            ):
                return [self._assembly.add_text(index, text)] if text else []
            case {"type": "input_json_delta", "partial_json": str(text)} if index is not None:
                add = self._assembly.add_text if self._is_answer(block.block) else self._assembly.add_args
                return [add(index, text)] if text else []
            case {"type": "signature_delta"}:
                block.block["signature"] = delta.get("signature")
            case {"type": "citations_delta", "citation": dict(raw)}:
                block.citations.append(raw)
            case _:
                _merge(block.block, delta)
        return []

    def _block_stop(self, event: Json) -> list[Event]:
        block = self._open.pop(_index(event), None)
        if block is None:
            return []
        if block.index is None:
            self.begun = True
            return list(self._assembly.whole(self._whole_part(block.block)))
        part = self._finished(block, block.index)
        if isinstance(part, ToolCall) and part.executed_by == "client":
            # Whether the output limit cut it off is said only after its end.
            self._held = (block.index, part)
            return []
        return [self._assembly.close(block.index, part)]

    def _is_answer(self, block: Json) -> bool:
        """Tell whether a block is the answer, given as the call of a tool that was made for it."""
        name = self._asked.prepared.answer_tool
        return name is not None and block.get("type") == "tool_use" and block.get("name") == name

    def _finished(self, block: _Open, index: int) -> Part | None:
        begun = self._assembly.part(index)
        content = self._assembly.collected(index)
        match begun:
            case Text() if self._is_answer(block.block):
                return Text(text=content or dumped(block.block.get("input") or {}).decode())
            case Text():
                raw = [*(block.block.get("citations") or ()), *block.citations]
                if not raw:
                    return None
                cited = tuple(citation(c, self._origin) for c in raw)
                return Text(text=content, citations=cited, wire=Wire(origin=self._origin))
            case Reasoning():
                return thinking_part(
                    {**block.block, "thinking": content}, self._origin, self._asked.prepared.prefix_digest
                )
            case ToolCall():
                args = content if content.strip() else dumped(block.block.get("input") or {}).decode()
                return begun.model_copy(update={"args_json": args})
            case _:
                return None

    def _whole_part(self, block: Any) -> Part:
        if not isinstance(block, dict):
            raise not_an_answer(self._asked.id, dumped(block), started=self.begun)
        if self._is_answer(block):
            return Text(text=dumped(block.get("input")).decode())
        span = self._asked.prepared.span
        if span is not None and (summary := summary_of(block, self._origin, span)) is not None:
            return summary
        part = part_of(block, self._origin, self._calls)
        if isinstance(part, Text) and self._asked.prepared.output_mode == "prompted":
            return part.model_copy(update={"text": _unfenced(part.text)})
        if isinstance(part, Reasoning) and part.wire is not None and self._asked.prepared.prefix_digest is not None:
            wire = part.wire.model_copy(update={"prefix_digest": self._asked.prepared.prefix_digest})
            return part.model_copy(update={"wire": wire})
        return part

    def _release(self) -> list[Event]:
        """Return the end of the call that was held back; cut off by the output limit, it is no call."""
        if self._held is None:
            return []
        (index, call), self._held = self._held, None
        return [self._assembly.close(index, _unless_cut(call) if self._is_cut_off() else call)]

    def _is_cut_off(self) -> bool:
        return _STOPS.get(str(self._frame.get("stop_reason"))) == "length"

    def _message_delta(self, event: Json) -> list[Event]:
        delta = event.get("delta")
        if isinstance(delta, dict):
            self._frame |= {k: v for k, v in delta.items() if v is not None}
        self._frame |= {k: v for k, v in event.items() if k not in ("type", "delta", "usage") and v is not None}
        self._usage |= _stated(event.get("usage"))
        return self._release()

    def _message_stop(self) -> list[Event]:
        if self._frame.get("stop_reason") is None:
            return []  # without a reason to stop, this is no end: the caller will find the stream cut off
        events = self._release()
        for number in sorted(self._open):
            block = self._open.pop(number)
            part = None if block.index is None else self._assembly.part(block.index)
            if block.index is None or isinstance(part, ToolCall):
                raise not_an_answer(self._asked.id, dumped(block.block), started=True)
            events.append(self._assembly.close(block.index, self._finished(block, block.index)))
        return [*events, self._end()]

    def _end(self) -> Ended:
        self.ended = True
        parts = self._assembly.finished()
        return Ended(self._response(parts, self._stop(parts), complete=True))

    def _stop(self, parts: tuple[Part, ...]) -> Stop:
        raw = _text(self._frame.get("stop_reason"))
        kind = _STOPS.get(raw or "", "end")
        calls = any(isinstance(part, ToolCall) and part.executed_by == "client" for part in parts)
        if kind == "end" and calls:
            kind = "tool"
        elif kind == "tool" and not calls and self._asked.prepared.answer_tool is not None:
            kind = "end"
        detail = self._frame.get("stop_details")
        sequence = self._frame.get("stop_sequence")
        if detail is None and sequence is not None:
            detail = {"stop_sequence": sequence}
        return Stop(kind=kind, raw=raw, detail=detail)

    def _response(self, parts: tuple[Part, ...], stop: Stop, *, complete: bool) -> Response:
        usage = self._usage or _stated(self._frame.get("usage"))
        extra = {k: v for k, v in self._frame.items() if k not in _FRAME and v is not None}
        more = {k: v for k, v in usage.items() if k not in _COUNTED}
        return Response(
            message=Message(id=self._new_id("msg"), role="assistant", parts=parts),
            model=self._served(),
            stop=stop,
            state="complete" if complete else "partial",
            usage=_usage(usage),
            settings_used=self._asked.prepared.settings_used,
            output_mode=self._asked.prepared.output_mode,
            dropped=self._asked.prepared.dropped,
            warnings=_warnings(extra.get("input_transformations")),
            response_id=_text(self._frame.get("id")),
            extra={**extra, "usage": more} if more else extra,
        )


def _index(event: Json) -> int:
    number = event.get("index")
    return number if isinstance(number, int) else 0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _stated(value: object) -> Json:
    """Return what an object says, without its nulls: later figures must not be overwritten by them."""
    return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else {}


def _merge(block: Json, delta: Json) -> None:
    """Add a delta of an unknown kind to its block: text to text, lists to lists, anything else in its place."""
    for key, value in delta.items():
        if key == "type":
            continue
        old = block.get(key)
        if (isinstance(old, str) and isinstance(value, str)) or (isinstance(old, list) and isinstance(value, list)):
            block[key] = old + value  # type: ignore[operator]
        elif value is not None:
            block[key] = value


def _unfenced(text: str) -> str:
    """Return JSON without the code fence that models like to put around it."""
    found = _FENCE.fullmatch(text.strip())
    return found[1] if found else text


def _unless_cut(part: Part) -> Part:
    """Return a call whose arguments are whole as it is, and any other as data that nothing can run."""
    if not isinstance(part, ToolCall) or part.executed_by == "provider":
        return part
    if part.args_json != "{}" and is_object(part.args_json):
        return part
    return Foreign(kind="copilot_kit.partial_tool_call", value={"name": part.name, "args_json": part.args_json})


def _usage(stated: Json) -> Usage:
    """Return the figures; the provider's input count leaves out what was read from and written to the cache."""
    read, written = _count(stated, "cache_read_input_tokens"), _count(stated, "cache_creation_input_tokens")
    fresh = _count(stated, "input_tokens")
    details = stated.get("output_tokens_details")
    usage = Usage(
        input=None if fresh is None else fresh + (read or 0) + (written or 0),
        cache_read=read,
        cache_write=written,
        output=_count(stated, "output_tokens"),
        reasoning=_count(details, "thinking_tokens") if isinstance(details, dict) else None,
    )
    return usage if "iterations" not in stated else _with_compaction(usage, stated["iterations"])


def _with_compaction(usage: Usage, iterations: object) -> Usage:
    """Return the figures with what summing up took: it is billed, and the provider's own totals leave it out."""
    found = [one for one in iterations if isinstance(one, dict)] if isinstance(iterations, list) else []
    for one in found:
        if one.get("type") == "compaction":
            counted = _usage({name: one.get(name) for name in _COUNTED})
            usage = Usage(
                input=_added(usage.input, counted.input),
                cache_read=_added(usage.cache_read, counted.cache_read),
                cache_write=_added(usage.cache_write, counted.cache_write),
                output=_added(usage.output, counted.output),
                reasoning=usage.reasoning,
            )
    return usage


def _added(some: int | None, more: int | None) -> int | None:
    return some if more is None else more + (some or 0)


def _count(stated: Json, name: str) -> int | None:
    value = stated.get(name)
    return value if isinstance(value, int) else None


def _warnings(transformations: object) -> tuple[str, ...]:
    if not isinstance(transformations, list):
        return ()
    return tuple(
        f"The API changed the input at {entry.get('path')}: {entry.get('type')} ({entry.get('reason')})."
        for entry in transformations
        if isinstance(entry, dict)
    )
