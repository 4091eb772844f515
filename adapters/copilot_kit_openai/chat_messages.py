"""One message of ours as the chat API's messages.

Each message is encoded on its own, so that the bytes can be kept: a request is then a join.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import pydantic_core

from copilot_kit.messages import (
    Cache,
    File,
    Foreign,
    Message,
    Part,
    Reasoning,
    Summary,
    Text,
    ToolCall,
    ToolResult,
    Wire,
)
from copilot_kit.response import Dropped
from copilot_kit.wire import Target, call_id_for, fit, may_replay
from copilot_kit_openai.chat_files import file_part, told_of_images, unsent
from copilot_kit_openai.dialects import Dialect


@dataclass(frozen=True, slots=True)
class Encoded:
    """A message on the wire: joined with commas, without brackets."""

    place: bytes
    """What stands where the message stands."""
    after: bytes
    """What must wait until the last tool message of the turn, and stands behind it."""
    dropped: tuple[Dropped, ...]


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom a message is encoded for."""

    dialect: Dialect
    target: Target
    sees: bool = True


def encode_message(message: Message, receiver: Receiver) -> Encoded:
    """Return the bytes of a message and the receipts for what could not go."""
    message, unseen = (message, []) if receiver.sees else told_of_images(message)
    writer = _Writer(message, receiver, dropped=unseen)
    if message.role == "assistant":
        writer.assistant()
    else:
        writer.other()
    return Encoded(_joined(writer.place), _joined(writer.after), tuple(writer.dropped))


def cache_mark(cache: Cache) -> dict[str, str]:
    """Return the field that asks to cache up to here."""
    return {"type": "ephemeral"} if cache == "auto" else {"type": "ephemeral", "ttl": cache}


def _joined(messages: list[dict[str, Any]]) -> bytes:
    return b",".join([pydantic_core.to_json(message) for message in messages])


@dataclass(slots=True)
class _Writer:
    """Collects the wire messages of one message."""

    message: Message
    receiver: Receiver
    place: list[dict[str, Any]] = field(default_factory=list)
    after: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)

    def own(self, wire: Wire | None) -> dict[str, Any]:
        """Return what the receiver itself said of a part; nothing if another origin said it."""
        if wire is None or not isinstance(wire.opaque, dict) or not may_replay(wire, self.receiver.target):
            return {}
        return wire.opaque

    def drop(self, part: Part, reason: str) -> None:
        name = part.kind if isinstance(part, Foreign) else part.type
        self.dropped.append(Dropped(kind="part", name=name, reason=reason, message_id=self.message.id))

    def fitting(self) -> list[Part]:
        """Return the parts as far as they may go there."""
        target, fitting = self.receiver.target, list[Part]()
        for part in self.message.parts:
            fitted, receipt = fit(part, target, message_id=self.message.id)
            if receipt is not None:
                self.dropped.append(receipt)
            if fitted is not None:
                fitting.append(fitted)
        return fitting

    def other(self) -> None:
        """Encode a message of system, user or tools."""
        items: list[dict[str, Any]] = []
        media: list[dict[str, Any]] = []
        for part in self.fitting():
            if isinstance(part, ToolResult):
                self.result(part, media)
            elif item := self.item(part):
                items.append(item)
        if media:
            self.after.append({"role": "user", "content": media})
        marks = self.own(self.message.wire)
        role = self.message.role
        if role == "tool":
            if items:
                self.after.append({"role": "user", "content": _content(items)})
            return
        if not items and self.place:  # results only, in a user message
            return
        out: dict[str, Any] = {"role": marks.get("role", role), "content": _content(items)}
        (self.after if self.place else self.place).append(out | marks.get("fields", {}))

    def item(self, part: Part) -> dict[str, Any] | None:
        """Return the content part for a part of a system, user or tool message."""
        match part:
            case Text():
                return self.text(part)
            case File():
                item, reason = file_part(part, self.receiver.dialect, self.own(part.wire))
                if item is None:
                    item, receipt = unsent(part, reason or "", self.message.id)
                    self.dropped.append(receipt)
                return self.marked(item, part.cache)
            case Foreign() if isinstance(part.value, dict):
                return part.value
            case Summary():
                return {"type": "text", "text": part.text or ""}
            case _:
                self.drop(part, "the chat API has no place for it in this message")
                return None

    def text(self, part: Text) -> dict[str, Any]:
        if part.refusal and "refusal_item" in self.own(part.wire):
            return {"type": "refusal", "refusal": part.text}
        item = {"type": "text", "text": part.text}
        if part.wire is not None:
            item |= self.own(part.wire).get("fields", {})
        return self.marked(item, part.cache)

    def marked(self, item: dict[str, Any], cache: Cache | None) -> dict[str, Any]:
        if cache is not None and self.receiver.dialect.cache_marks:
            item["cache_control"] = cache_mark(cache)
        return item

    def result(self, part: ToolResult, media: list[dict[str, Any]]) -> None:
        """Encode one result; its images go into `media` where a tool message cannot hold them."""
        own = self.own(part.wire)
        inside: list[dict[str, Any]] = []
        outside: list[dict[str, Any]] = []
        for content in part.content:
            fitted, receipt = fit(content, self.receiver.target, message_id=self.message.id)
            if receipt is not None:
                self.dropped.append(receipt)
            if fitted is None or (item := self.item(fitted)) is None:
                continue
            apart = isinstance(fitted, File) and item["type"] != "text" and not self.receiver.dialect.tool_media
            (outside if apart and "in_tool" not in own else inside).append(item)
        call_id = call_id_for(part, self.receiver.target)
        if outside:
            note = f"The files that belong to the result of call {call_id}:"
            media += [{"type": "text", "text": note}, *outside]
            inside = inside or [{"type": "text", "text": "The files follow in the next message."}]
        if part.cache is not None and inside:
            self.marked(inside[-1], part.cache)
        empty = "" if part.outcome == "ok" else part.outcome
        content_ = _content(inside) if inside else empty
        if "legacy" in own:
            self.place.append({"role": "function", "name": own["legacy"], "content": content_})
            return
        self.place.append({"role": "tool", "tool_call_id": call_id, "content": content_, **own.get("fields", {})})

    def assistant(self) -> None:
        """Encode a turn of the model."""
        turn = _Turn(self)
        parts = self.fitting()
        for part in parts:
            turn.add(part)
        if not parts and self.message.parts:
            return  # nothing of it may go there, and an empty turn is refused by most
        self.place.append(turn.message(self.own(self.message.wire)))


@dataclass(slots=True)
class _Turn:
    """The fields of an assistant message, as its parts fill them."""

    writer: _Writer
    items: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    refusal: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    listed: bool = False
    """The content must stay a list."""

    def add(self, part: Part) -> None:
        """Put a part in its place."""
        writer, dialect = self.writer, self.writer.receiver.dialect
        own = writer.own(part.wire) if not isinstance(part, Summary) and hasattr(part, "wire") else {}
        match part:
            case Text() if "transcript" in own:
                pass  # the audio that it belongs to goes back by its id
            case Text(refusal=True) if dialect.refusal_field and "refusal_item" not in own:
                self.refusal = (self.refusal or "") + part.text
            case Text() | Summary():
                self.add_item(part)
            case Reasoning():
                self.add_reasoning(part, own)
            case ToolCall(executed_by="client"):
                self.calls.append(self.call(part, own))
            case File() if "audio" in own:
                self.fields["audio"] = {"id": part.wire.id if part.wire else None}
            case File() if "images" in own:
                item, _ = file_part(part, dialect, {**own, "form": "image_url"})
                self.fields.setdefault("images", []).append(item)
            case Foreign() if isinstance(part.value, dict):
                self.listed = True
                self.items.append(part.value)
            case ToolCall() | ToolResult():
                writer.drop(part, "run by the provider; its chat API does not take it back")
            case File() if "form" not in own:
                item, receipt = unsent(part, "the chat API has no place for files of the model", writer.message.id)
                writer.dropped.append(receipt)
                self.items.append(item)
            case _:
                self.add_item(part)

    def add_item(self, part: Part) -> None:
        """Append a content part; one that is more than words makes the content a list."""
        item = self.writer.item(part)
        if item is not None:
            self.items.append(item)
            self.listed = self.listed or item.keys() != {"type", "text"}

    def add_reasoning(self, part: Reasoning, own: dict[str, Any]) -> None:
        """Put reasoning back into the field that it came in."""
        if self.writer.receiver.dialect.reasoning_back == "none":
            self.writer.drop(part, "it does not take its reasoning back")
            return
        match own.get("field"):
            case "content":
                self.listed = True
                thinking = own.get("thinking", [{"type": "text", "text": part.text or ""}])
                self.items.append({"type": "thinking", "thinking": thinking, **own.get("fields", {})})
            case "content_item":
                self.listed = True
                self.items.append(own["item"])
            case "reasoning_details":
                words = {own["key"]: part.text or ""} if "key" in own else {}
                self.fields.setdefault("reasoning_details", []).append(own.get("detail", {}) | words)
            case str(name):
                self.fields[name] = self.fields.get(name, "") + (part.text or "")
            case _:
                self.writer.drop(part, "nobody said in which field it goes back")

    def call(self, part: ToolCall, own: dict[str, Any]) -> dict[str, Any]:
        """Return a call as the API writes it."""
        extra = own.get("fields", {})
        if own.get("type") == "legacy":
            return {"name": part.name, "arguments": part.args_json}
        call_id = call_id_for(part, self.writer.receiver.target)
        if own.get("type") == "custom":
            written = {"name": part.name, "input": _custom_input(part.args_json)}
            return {"id": call_id, "type": "custom", "custom": written, **extra}
        function = {"name": part.name, "arguments": part.args_json, **own.get("function", {})}
        return {"id": call_id, "type": "function", "function": function, **extra}

    def message(self, marks: dict[str, Any]) -> dict[str, Any]:
        """Return the assistant message. A text cut into blocks is joined without separators."""
        out: dict[str, Any] = {"role": "assistant"}
        if self.items:
            whole = self.listed or marks.get("content") == "list"
            out["content"] = self.items if whole else "".join([item["text"] for item in self.items])
        elif not (self.calls or self.refusal or self.fields or marks):
            out["content"] = ""
        elif not self.fields.get("audio"):
            out["content"] = None
        if self.refusal is not None:
            out["refusal"] = self.refusal
        out |= self.fields
        if self.calls:
            legacy = "id" not in self.calls[0]
            out |= {"function_call": self.calls[0]} if legacy else {"tool_calls": self.calls}
        fields: dict[str, Any] = marks.get("fields", {})
        return out | fields


def _content(items: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """Return content in its plainest form: one text is a string."""
    if not items:
        return ""
    if len(items) == 1 and items[0].keys() == {"type", "text"} and items[0]["type"] == "text":
        text: str = items[0]["text"]
        return text
    return items


def _custom_input(args_json: str) -> str:
    try:
        held = json.loads(args_json)
    except ValueError:
        return args_json
    return held["input"] if isinstance(held, dict) and isinstance(held.get("input"), str) else args_json
