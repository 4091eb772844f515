"""Puts the calls of a streamed answer together from their pieces."""

import json
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from copilot_kit.assembly import Assembly
from copilot_kit.events import Event
from copilot_kit.ids import new_id
from copilot_kit.messages import Foreign, Text, ToolCall, Wire
from copilot_kit_openai.chat_answer import Asked, arguments_of, further_fields, uncut, word_of


@dataclass(slots=True)
class _Call:
    """A call while its pieces come."""

    wire_id: str | None = None
    kind: str = "function"
    name: str = ""
    index: int | None = None
    """Of its part, once it has a name."""
    early: list[str] = field(default_factory=list)
    """Arguments that came before the name."""
    fields: dict[str, JsonValue] = field(default_factory=dict)


class Calls:
    """The calls of one answer.

    All of them stay open until the answer has ended well: a call that is told as finished may be run.
    """

    __slots__ = ("_asked", "_assembly", "_by_key", "_calls")

    def __init__(self, asked: Asked, assembly: Assembly) -> None:
        self._asked = asked
        self._assembly = assembly
        self._calls: list[_Call] = []
        self._by_key: dict[Any, _Call] = {}

    def take(self, told: dict[str, Any], position: Any, events: list[Event]) -> None:
        """Take a piece of a call. The index tells calls apart, or a new id where a server repeats the index."""
        body = told.get("function") or told.get("custom") or {}
        call = self._of(told, position, body)
        call.wire_id = call.wire_id or word_of(told.get("id")) or None
        call.kind = told.get("type") or call.kind
        call.fields |= further_fields(told, self._asked.dialect)
        if call.index is None:
            call.name += body.get("name") or ""
        arguments = body.get("input") if call.kind == "custom" else body.get("arguments")
        if arguments:
            text = arguments if isinstance(arguments, str) else arguments_of(arguments)
            call.early.append(json.dumps(text, ensure_ascii=False)[1:-1] if call.kind == "custom" else text)
        if call.name:
            self._tell(call, events)

    def _of(self, told: dict[str, Any], position: Any, body: dict[str, Any]) -> _Call:
        wire_id, index = word_of(told.get("id")) or None, told.get("index")
        key = index if index is not None else (wire_id or position)
        call = self._by_key.get(key)
        if call is None and index is None and wire_id is None and self._calls:
            call = self._calls[-1]
        if call is None or (wire_id and call.wire_id and wire_id != call.wire_id and body.get("name")):
            call = self._by_key[key] = _Call()
            self._calls.append(call)
        return call

    def _tell(self, call: _Call, events: list[Event]) -> None:
        assembly = self._assembly
        if call.index is None:
            start = assembly.open(self._begun(call))
            call.index = start.index
            events.append(start)
        for text in call.early:
            is_text = call.name == self._asked.outgoing.output_tool
            events.append(assembly.add_text(call.index, text) if is_text else assembly.add_args(call.index, text))
        call.early.clear()

    def _begun(self, call: _Call) -> Text | ToolCall:
        if call.name == self._asked.outgoing.output_tool:
            return Text(text="")
        begun = '{"input": "' if call.kind == "custom" else ""
        return ToolCall(call_id=new_id("call"), name=call.name, args_json=begun, wire=self._wire_of(call))

    def _wire_of(self, call: _Call) -> Wire:
        opaque: dict[str, JsonValue] = {"fields": dict(call.fields)} if call.fields else {}
        if call.kind in {"custom", "legacy"}:
            opaque["type"] = call.kind
        return Wire(origin=self._asked.origin, id=call.wire_id, opaque=opaque or None)

    def close(self, finish: str | None, events: list[Event]) -> None:
        """Finish the calls of a whole answer."""
        for call in self._calls:
            self._close(call, finish, events)

    def _close(self, call: _Call, finish: str | None, events: list[Event]) -> None:
        assembly = self._assembly
        if call.index is None:  # never got a name: nothing that could be run
            value: JsonValue = {"name": "", "args_json": "".join(call.early)}
            events += assembly.whole(Foreign(kind="copilot_kit.partial_tool_call", value=value))
            return
        if call.kind == "custom":
            events.append(assembly.add_args(call.index, '"}'))
        begun = assembly.part(call.index)
        if isinstance(begun, ToolCall):
            args = assembly.collected(call.index)
            args = args if args.strip() else "{}"
            whole = begun.model_copy(update={"args_json": args, "wire": self._wire_of(call)})
            events.append(assembly.close(call.index, uncut(whole, finish)))
