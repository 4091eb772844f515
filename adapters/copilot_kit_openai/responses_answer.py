"""An answer of the Responses API, whole or as a stream, as our events."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, TypeAlias

from pydantic_core import from_json, to_json

from copilot_kit.assembly import Assembly
from copilot_kit.errors import BadAnswer, ModelError
from copilot_kit.events import Ended, Event, Failed, Started
from copilot_kit.ids import NewId, new_id
from copilot_kit.messages import Foreign, Message, Part, Reasoning, Text, ToolCall, ToolResult, Wire
from copilot_kit.response import Response, Served, Stop
from copilot_kit_openai.failures import payload_failure, truncated
from copilot_kit_openai.responses_body import fault_of, loads, stop_of, usage_of
from copilot_kit_openai.responses_items import Item, own_names, parts_of, starting_part, summed_up
from copilot_kit_openai.responses_messages import key_of
from copilot_kit_openai.responses_request import Sent

Key: TypeAlias = int | str
"""An item's place in the answer; its id where the server does not count."""

_END_MARK = "response.completed"
_EXTRA = ("service_tier", "content_filters", "conversation", "moderation", "citations", "search_results")


class Asked(NamedTuple):
    """What was asked of whom: what an answer is labelled with."""

    model_id: str
    model: str
    provider: str
    origin: str
    sent: Sent


@dataclass(slots=True)
class _Slot:
    """An item that is being written."""

    item: Item
    indices: dict[int, int] = field(default_factory=dict)
    """Our part for each content part; the only part of an item without content is 0."""
    told: str = ""
    """Which kind of words of a reasoning item are passed on: the first that came."""
    section: object = None


_Handler: TypeAlias = Callable[["AnswerReader", Item], Sequence[Event]]


def _nothing(reader: "AnswerReader", event: Item) -> Sequence[Event]:
    del reader, event
    return ()


class AnswerReader:
    """Turns one answer into events; `ended` tells that its end mark has come."""

    def __init__(self, asked: Asked, *, make_id: NewId = new_id) -> None:
        self.ended = False
        self._asked = asked
        self._make_id = make_id
        self._name_call = own_names(make_id)
        self._parts = Assembly()
        self._slots: dict[Key, _Slot] = {}
        self._latest: Key | None = None
        self._done: set[Key] = set()
        self._order: list[tuple[int, str]] = []
        self._held: dict[int, Part] = {}
        self._begun = False
        self._body: Item = {}

    @property
    def started(self) -> bool:
        """Tell whether words or calls had begun."""
        return bool(self._done or self._slots)

    def read(self, data: bytes) -> Sequence[Event]:
        """Return the events that one server-sent event makes."""
        if not data or data == b"[DONE]":
            return ()
        event = loads(data)
        kind = event.get("type")
        handle = self._HANDLERS.get(kind)
        if handle is None:
            if "error" in event and kind is None:
                return self._error(event)
            return ()  # progress of the provider's own tools, keepalive, and whatever comes to exist
        if self._begun or kind == "error":
            return handle(self, event)
        return [*self._begin(event.get("response")), *handle(self, event)]

    def whole(self, data: bytes) -> Sequence[Event]:
        """Return the events of a whole body."""
        body = loads(data)
        if body.get("error") and (body.get("status") == "failed" or not isinstance(body.get("output"), list)):
            return self._error(body)
        if not isinstance(body.get("output"), list):
            raise BadAnswer(
                f"{self._asked.model_id} sent no list 'output' but {sorted(body)!r}. Check the base URL.",
                model=self._asked.model_id,
            )
        return [*self._begin(body), *self._end({"response": body})]

    def failed(self, error: ModelError) -> Failed:
        """Return the end of an answer that will not become whole, with what came of it."""
        self.ended = True
        error.started = error.started or self.started
        partial = self._response(
            "partial", Stop(kind="error", raw=_text(self._body.get("status"))), self._parts.so_far()
        )
        return Failed(error, partial if self._begun else None)

    def cut(self) -> Failed:
        """Return the end of a stream that stopped before its end mark."""
        return self.failed(truncated(self._asked.model_id, started=self.started, missing=_END_MARK))

    def _begin(self, response: Any) -> Sequence[Event]:
        self._begun = True
        self._body = response if isinstance(response, dict) else {}
        return [Started(self._served(), _text(self._body.get("id")))]

    def _served(self) -> Served:
        return Served(asked=self._asked.model, provider=self._asked.provider, served=_text(self._body.get("model")))

    def _slot(self, event: Item, assumed: str) -> _Slot:
        """Return the item that an event belongs to; some servers tell neither index nor a known id."""
        key = _key(event)
        slot = self._slots.get(key)
        if slot is not None:
            return slot
        latest = self._slots.get(self._latest) if self._latest is not None else None
        if latest is not None and "output_index" not in event and latest.item.get("type") == assumed:
            return latest
        self._latest = key
        slot = self._slots[key] = _Slot({"type": assumed, "id": event.get("item_id")})
        return slot

    def _added(self, event: Item) -> Sequence[Event]:
        item = event["item"]
        key = _key(event)
        if key in self._slots:
            return ()  # told twice
        slot = self._slots[key] = _Slot(item)
        self._latest = key
        part = starting_part(item, self._asked.origin, self._name_call)
        if part is None:
            return ()
        start = self._parts.open(self._answered(part))
        slot.indices[0] = start.index
        return (start,)

    def _part_added(self, event: Item) -> Sequence[Event]:
        part = event.get("part") or {}
        if part.get("type") not in {"output_text", "refusal"}:
            return ()
        slot = self._slot(event, "message")
        place = event.get("content_index") or 0
        if place in slot.indices:
            return ()
        return (self._open_text(slot, place, refusal=part["type"] == "refusal"),)

    def _open_text(self, slot: _Slot, place: int, *, refusal: bool) -> Event:
        wire = Wire(origin=self._asked.origin, id=_text(slot.item.get("id")))
        start = self._parts.open(Text(text="", refusal=refusal, wire=wire))
        slot.indices[place] = start.index
        return start

    def _words(self, event: Item) -> Sequence[Event]:
        slot = self._slots.get(event.get("output_index", "")) or self._slot(event, "message")
        place = event.get("content_index") or 0
        index = slot.indices.get(place)
        if index is not None:
            return (self._parts.add_text(index, _delta(event)),)
        start = self._open_text(slot, place, refusal=event["type"] == "response.refusal.delta")
        return (start, self._parts.add_text(slot.indices[place], _delta(event)))

    def _thought(self, event: Item) -> Sequence[Event]:
        slot = self._slot(event, "reasoning")
        events: list[Event] = []
        if 0 not in slot.indices:
            start = self._parts.open(Reasoning(form="hidden"))
            slot.indices[0] = start.index
            events.append(start)
        if slot.told not in {"", event["type"]}:
            return events
        section = event.get("summary_index")
        gap = "\n\n" if slot.told and section != slot.section else ""
        slot.told, slot.section = event["type"], section
        events.append(self._parts.add_text(slot.indices[0], gap + _delta(event)))
        return events

    def _arguments(self, event: Item) -> Sequence[Event]:
        slot = self._slot(event, "function_call")
        if 0 not in slot.indices:  # a call that was never announced: its item brings everything
            return ()
        index = slot.indices[0]
        if isinstance(self._parts.part(index), Text):
            return (self._parts.add_text(index, _delta(event)),)
        return (self._parts.add_args(index, _delta(event)),)

    def _answered(self, part: Part) -> Part:
        """Return a part as it is, but the call of the output tool as the answer that it is."""
        answers = isinstance(part, ToolCall) and part.name == self._asked.sent.output_tool
        return Text(text=part.args_json) if answers and isinstance(part, ToolCall) else part

    def _free_text(self, event: Item) -> Sequence[Event]:
        slot = self._slot(event, "custom_tool_call")
        if 0 not in slot.indices:
            return ()
        begun = self._parts.part(slot.indices[0])
        if isinstance(begun, ToolCall) and begun.executed_by == "provider":
            return (self._parts.add_args(slot.indices[0], _delta(event)),)
        opening = "" if slot.told else '{"input":"'
        slot.told = event["type"]
        return (self._parts.add_args(slot.indices[0], opening + to_json(_delta(event))[1:-1].decode()),)

    def _item_done(self, event: Item) -> Sequence[Event]:
        return self._finish(_key(event), event["item"])

    def _finish(self, key: Key, item: Item) -> list[Event]:
        slot = self._slots.pop(key, None)
        if slot is None and isinstance(key, str) and self._latest in self._slots and self._latest is not None:
            latest = self._slots[self._latest]
            slot = self._slots.pop(self._latest) if latest.item.get("type") == item.get("type") else None
        slot = slot or _Slot(item)
        self._done.add(key)
        item = self._filled(item, slot)
        events: list[Event] = []
        begun = [index for _, index in sorted(slot.indices.items())]  # some servers count content from 1
        found = parts_of(item, self._asked.origin, self._name_call)
        parts = [self._answered(_theirs(summed_up(part, self._asked.sent.span))) for part in found]
        for place, part in enumerate(parts):
            if place < len(begun):
                index = begun[place]
            else:
                start = self._parts.open(part)
                index = start.index
                events.append(start)
            if place == 0:
                self._order.append((index, key_of(item)))
            if slot.told and item.get("type") == "custom_tool_call":
                events.append(self._parts.add_args(index, '"}'))
            if isinstance(part, ToolCall) and part.executed_by == "client":
                self._held[index] = part if item.get("status") != "incomplete" else _half(part)
            else:
                events.append(self._parts.close(index, self._as_told(index, part, item)))
        return events + [self._parts.close(index) for index in begun[len(parts) :]]

    def _filled(self, item: Item, slot: _Slot) -> Item:
        """Return the item with what its deltas brought, where the item itself came without it."""
        kind = item.get("type")
        if kind == "message" and not item.get("content") and slot.indices:
            pieces = [(self._parts.part(i), self._parts.collected(i)) for _, i in sorted(slot.indices.items())]
            return item | {"content": [_content(part, words) for part, words in pieces]}
        if kind == "function_call" and not item.get("arguments") and 0 in slot.indices:
            return item | {"arguments": self._parts.collected(slot.indices[0])}
        return item

    def _as_told(self, index: int, part: Part, item: Item) -> Part:
        """Return reasoning in the form in which it was streamed, where an item has a summary and the full text."""
        if not isinstance(part, Reasoning) or part.form != "full" or not item.get("summary"):
            return part
        told = self._parts.collected(index)
        summary = "\n\n".join([str(piece.get("text") or "") for piece in item["summary"]])
        return part.model_copy(update={"text": summary, "form": "summary"}) if told == summary else part

    def _end(self, event: Item) -> Sequence[Event]:
        body = event.get("response")
        self._body = body if isinstance(body, dict) else self._body
        status = _text(self._body.get("status")) or event.get("type", "").removeprefix("response.")
        if status == "failed":
            return self._error(self._body)
        events: list[Event] = []
        output = self._body.get("output") or []
        if len(output) != len(self._done):
            for place, item in enumerate(output):
                if place not in self._done and (item.get("id") or place) not in self._done:
                    key: Key = place if place in self._slots else str(item.get("id") or place)
                    events += self._finish(key if key in self._slots else place, item)
        for key, slot in sorted(self._slots.items(), key=lambda kept: min(kept[1].indices.values(), default=0)):
            if slot.indices:
                events += self._finish(key, slot.item | {"status": "completed"})
        cut_short = status == "incomplete"
        for index, part in sorted(self._held.items()):
            half = cut_short and isinstance(part, ToolCall) and not _is_json(part.args_json)
            events.append(self._parts.close(index, _half(part) if half and isinstance(part, ToolCall) else part))
        parts = self._parts.finished()
        events.append(Ended(self._response("complete", stop_of(self._body, status, parts), parts)))
        self.ended = True
        return events

    def _error(self, event: Item) -> Sequence[Event]:
        if isinstance(event.get("response"), dict):
            self._body = event["response"]
        error = event.get("error") or self._body.get("error") or event
        return (self.failed(payload_failure(fault_of(error), model=self._asked.model_id, started=self.started)),)

    def _response(self, state: Any, stop: Stop, parts: tuple[Part, ...]) -> Response:
        order = [key for _, key in sorted(self._order)]
        bound = any(key.startswith("reasoning/") for key in order)
        wire = Wire(origin=self._asked.origin, opaque={"items": [*order]}) if bound else None
        sent = self._asked.sent
        return Response(
            message=Message(id=self._make_id("msg"), role="assistant", parts=parts, wire=wire),
            model=self._served(),
            stop=stop,
            state=state,
            usage=usage_of(self._body.get("usage")),
            settings_used=sent.settings,
            output_mode=sent.output_mode,
            dropped=sent.dropped,
            response_id=_text(self._body.get("id")),
            extra={name: self._body[name] for name in _EXTRA if self._body.get(name)},
        )

    _HANDLERS: ClassVar[dict[Any, _Handler]] = {
        "response.created": _nothing,
        "response.in_progress": _nothing,
        "response.queued": _nothing,
        "response.output_item.added": _added,
        "response.output_item.done": _item_done,
        "response.content_part.added": _part_added,
        "response.output_text.delta": _words,
        "response.refusal.delta": _words,
        "response.reasoning_summary_text.delta": _thought,
        "response.reasoning_text.delta": _thought,
        "response.function_call_arguments.delta": _arguments,
        "response.mcp_call_arguments.delta": _arguments,
        "response.custom_tool_call_input.delta": _free_text,
        "response.completed": _end,
        "response.incomplete": _end,
        "response.failed": _end,
        "response.cancelled": _end,
        "error": _error,
    }


def _theirs(part: Part) -> Part:
    """Return a part of an answer: a result in it is of the provider's own making."""
    client = isinstance(part, ToolResult) and part.executed_by == "client"
    return part.model_copy(update={"executed_by": "provider"}) if client else part


def _half(call: ToolCall) -> Foreign:
    """Return a call whose arguments are not whole as data, which nothing can run."""
    return Foreign(kind="copilot_kit.partial_tool_call", value={"name": call.name, "args_json": call.args_json})


def _content(part: Part, words: str) -> Item:
    refusal = isinstance(part, Text) and part.refusal
    return {"type": "refusal", "refusal": words} if refusal else {"type": "output_text", "text": words}


def _is_json(text: str) -> bool:
    try:
        from_json(text)
    except ValueError:
        return False
    return True


def _delta(event: Item) -> str:
    delta = event["delta"]
    if not isinstance(delta, str):
        raise TypeError(f"a delta must be text, not {delta!r}")
    return delta


def _key(event: Item) -> Key:
    place = event.get("output_index")
    if isinstance(place, int):
        return place
    return str(event.get("item_id") or (event.get("item") or {}).get("id") or "")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
