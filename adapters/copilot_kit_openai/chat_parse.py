"""A chat completion request as ours: the way back of `chat_request`, without loss.

What has no neutral name is kept where only this provider gets it again: `settings.extra` and `wire`.
"""

import json
from typing import Any, Literal

from pydantic import JsonValue

from copilot_kit.ids import new_id
from copilot_kit.messages import Cache, Foreign, Message, Part, Reasoning, Text, ToolCall, ToolResult, Wire
from copilot_kit.request import AnyTool, Effort, OutputSpec, ProviderTool, Request, Settings, ToolChoice, ToolSpec
from copilot_kit_openai.chat_files import file_of
from copilot_kit_openai.chat_messages import cache_mark
from copilot_kit_openai.chat_request import response_format, tool_definition
from copilot_kit_openai.dialects import Dialect
from copilot_kit_openai.profiles import effort_words

_REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_text")
_SIGNED = ("signature", "data")


def parse_request(body: dict[str, Any], dialect: Dialect) -> tuple[str, Request]:
    """Return the name of the model and the request; the model is empty where the address names it."""
    rest = {name: value for name, value in body.items() if name not in {"model", "messages"}}
    model = str(body.get("model") or "")
    turns = body.get("messages") or []
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        rest["messages"], turns = turns, []  # a mistake, and the provider said so
    messages = _Messages(dialect, model).read(turns)
    taken: dict[str, Any] = {}
    delivery: Literal["stream", "whole"] = "stream" if rest.get("stream") is True else "whole"
    if isinstance(rest.get("stream"), bool):
        del rest["stream"]
    if delivery == "stream":
        _usage_of_stream(rest, dialect)
    if isinstance(rest.get("tools"), list) and rest["tools"]:
        taken["tools"] = tuple(_tool(tool, dialect) for tool in rest.pop("tools"))
    if (choice := _choice(rest.get("tool_choice"), dialect)) is not None:
        taken["tool_choice"] = choice
        del rest["tool_choice"]
    if dialect.parallel_tools and isinstance(rest.get("parallel_tool_calls"), bool):
        taken["parallel_tools"] = rest.pop("parallel_tool_calls")
    if (output := _output(rest.get("response_format"), dialect)) is not None:
        taken["output"] = output
        del rest["response_format"]
    taken["settings"] = _settings(rest, dialect, model)
    return model, Request(messages=messages, delivery=delivery, **taken)


def _usage_of_stream(rest: dict[str, Any], dialect: Dialect) -> None:
    """Say in `rest` what differs from how this adapter asks for the usage of a stream."""
    if not dialect.stream_usage:
        return
    if rest.get("stream_options") == {"include_usage": True}:
        del rest["stream_options"]
    else:
        rest.setdefault("stream_options", None)


def _settings(rest: dict[str, Any], dialect: Dialect, model: str) -> Settings:
    found: dict[str, Any] = {}
    if isinstance(value := rest.get(dialect.max_tokens), int):
        found["max_output_tokens"] = value
        del rest[dialect.max_tokens]
    for name in ("temperature", "top_p"):
        if isinstance(rest.get(name), int | float):
            found[name] = rest.pop(name)
    if dialect.seed and isinstance(rest.get(dialect.seed), int):
        found["seed"] = rest.pop(dialect.seed)
    stop = rest.get("stop")
    if isinstance(stop, list) and stop and all(isinstance(word, str) for word in stop):
        found["stop"] = tuple(rest.pop("stop"))
    if (effort := _effort(rest, dialect, model)) is not None:
        found["effort"] = effort
    if dialect.cache_marks and (cache := _cache(rest.get("cache_control"))) is not None:
        found["cache"] = cache
        del rest["cache_control"]
    if rest:
        found["extra"] = {dialect.name: rest}
    return Settings(**found)


def _effort(rest: dict[str, Any], dialect: Dialect, model: str) -> Effort | None:
    """Take the effort out of the field that this provider has for it, if it is one of our levels and nothing else."""
    name = {"reasoning_effort": "reasoning_effort", "reasoning.effort": "reasoning", "thinking.type": "thinking"}.get(
        dialect.effort
    )
    if name is None:
        return None
    for level, word in effort_words(dialect, model).items():
        told: JsonValue = word if name == "reasoning_effort" else {dialect.effort.partition(".")[2]: word}
        if rest.get(name) == told and not (name == "thinking" and level not in {"none", "high"}):
            del rest[name]
            return level
    return None


def _cache(mark: Any) -> Cache | None:
    levels: tuple[Cache, ...] = ("auto", "5m", "1h")
    return next((level for level in levels if mark == cache_mark(level)), None)


def _choice(told: Any, dialect: Dialect) -> ToolChoice | None:
    match told:
        case "auto" | "none":
            return "auto" if told == "auto" else "none"
        case str() if told == dialect.required_word:
            return "required"
        case {"type": "function", "function": {"name": str(name), **more}, **rest} if not more and not rest:
            return (name,)
        case {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": list(tools)}} if (
            dialect.allowed_tools and len(tools) > 1
        ):
            names = tuple(tool["function"]["name"] for tool in tools if set(tool) == {"type", "function"})
            return names if len(names) == len(tools) else None
        case _:
            return None


def _output(told: Any, dialect: Dialect) -> OutputSpec | None:
    match told:
        case {"type": "json_schema", "json_schema": {"name": str(name), "schema": dict(schema), **more}}:
            strict, about = more.get("strict"), more.get("description")
            if not (isinstance(strict, bool | None) and isinstance(about, str | None)):
                return None
            spec = OutputSpec(json_schema=schema, name=name, description=about, mode="native", strict=strict)
            return spec if response_format(spec, dialect) == _without_nulls(told) else None
        case _:
            return None


def _without_nulls(told: dict[str, Any]) -> dict[str, Any]:
    inner = {name: value for name, value in told["json_schema"].items() if value is not None}
    return {**told, "json_schema": inner}


def _tool(told: Any, dialect: Dialect) -> AnyTool:
    match told:
        case {"type": "function", "function": {"name": str(name)}}:
            tool = _function(told, name, dialect)
            if _same_tool(tool_definition(tool, dialect), told):
                return tool
        case _:
            pass
    kind = told.get("type", "tool") if isinstance(told, dict) else "tool"
    return ProviderTool(kind=f"{dialect.name}.{kind}", value=told)


def _function(told: dict[str, Any], name: str, dialect: Dialect) -> ToolSpec:
    function = told["function"]
    known = {"name", "description", "parameters", "strict"}
    opaque: dict[str, Any] = {}
    if function.get("strict") is None:
        opaque["strict"] = "absent"
    if not isinstance(function.get("parameters"), dict):
        opaque["parameters"] = "absent"
    if more := {key: value for key, value in function.items() if key not in known and value is not None}:
        opaque["function"] = more
    cache = _cache(told.get("cache_control")) if dialect.cache_marks else None
    taken = {"type", "function"} | ({"cache_control"} if cache else set())
    if fields := {key: value for key, value in told.items() if key not in taken}:
        opaque["fields"] = fields
    return ToolSpec(
        name=name,
        description=function.get("description"),
        parameters=function.get("parameters") or {},
        strict=function.get("strict"),
        cache=cache,
        wire=Wire(origin=dialect.origin("chat"), opaque=opaque) if opaque else None,
    )


def _same_tool(ours: dict[str, Any], told: dict[str, Any]) -> bool:
    function = {name: value for name, value in told["function"].items() if value is not None}
    return ours == {**told, "function": function}


class _Messages:
    """Reads the messages of one request."""

    def __init__(self, dialect: Dialect, model: str) -> None:
        self._dialect = dialect
        self._origin = dialect.origin("chat")
        self._model = model or None

    def read(self, told: list[dict[str, Any]]) -> tuple[Message, ...]:
        """Return our messages; the results of one turn become one."""
        messages: list[Message] = []
        for item in told:
            message = self._message(item)
            if message.role == "tool" and messages and messages[-1].role == "tool":
                before = messages.pop()
                message = before.model_copy(update={"parts": before.parts + message.parts})
            messages.append(message)
        return tuple(messages)

    def _message(self, item: dict[str, Any]) -> Message:
        match item.get("role"):
            case "assistant":
                return self._assistant(item)
            case "tool" | "function":
                return Message(id=new_id("msg"), role="tool", parts=(self._result(item),))
            case role:
                marks: dict[str, Any] = {} if role in {"system", "user"} else {"role": role}
                if fields := _rest(item, "role", "content"):
                    marks["fields"] = fields
                if not item.get("content") and item.get("content") != "":
                    marks["fields"] = {"content": item.get("content")} | marks.get("fields", {})
                return Message(
                    id=new_id("msg"),
                    role="user" if role == "user" else "system",
                    parts=self._content(item.get("content")),
                    wire=self._wire(marks),
                )

    def _wire(self, opaque: dict[str, Any], *, wire_id: str | None = None, model: str | None = None) -> Wire | None:
        if not opaque and wire_id is None:
            return None
        return Wire(origin=self._origin, id=wire_id, opaque=opaque or None, model=model)

    def _content(self, content: Any) -> tuple[Part, ...]:
        if isinstance(content, str):
            return (Text(text=content),)
        return tuple(self._item(item) for item in content or ())

    def _item(self, item: Any) -> Part:
        match item:
            case str():
                return Text(text=item)
            case {"type": "text" | "input_text", "text": str(text)}:
                cache = _cache(item.get("cache_control")) if self._dialect.cache_marks else None
                fields = _rest(item, "text", *(["cache_control"] if cache else []), *_plain_type(item))
                return Text(text=text, cache=cache, wire=self._wire({"fields": fields} if fields else {}))
            case {"type": "refusal", "refusal": str(text)}:
                return Text(text=text, refusal=True, wire=self._wire({"refusal_item": True}))
            case {"type": "thinking", "thinking": list(thinking)}:
                return self._thinking(item, thinking)
            case {"type": str()} if (file := self._file(item)) is not None:
                return file
            case _:
                kind = item.get("type", "content") if isinstance(item, dict) else "content"
                return Foreign(kind=f"{self._dialect.name}.{kind}", value=item, wire=Wire(origin=self._origin))

    def _file(self, item: dict[str, Any]) -> Part | None:
        cache = _cache(item.get("cache_control")) if self._dialect.cache_marks else None
        file = file_of(_without(item, "cache_control") if cache else item, self._origin)
        return file.model_copy(update={"cache": cache}) if file is not None and cache else file

    def _thinking(self, item: dict[str, Any], thinking: list[Any]) -> Reasoning:
        opaque: dict[str, Any] = {"field": "content"}
        if [set(piece) for piece in thinking] != [{"type", "text"}]:
            opaque["thinking"] = thinking
        if fields := _rest(item, "type", "thinking"):
            opaque["fields"] = fields
        text = "".join(str(piece.get("text", "")) for piece in thinking)
        return Reasoning(text=text, wire=self._wire(opaque))

    def _result(self, item: dict[str, Any]) -> ToolResult:
        content = self._content(item.get("content"))
        if item["role"] == "function":
            name = str(item.get("name", ""))
            return ToolResult(call_id=name, content=content, wire=self._wire({"legacy": name}))  # type: ignore[arg-type]
        opaque: dict[str, Any] = {}
        if fields := _rest(item, "role", "content", "tool_call_id"):
            opaque["fields"] = fields
        if not item.get("content") and item.get("content") != "":
            opaque["fields"] = {"content": item.get("content")} | opaque.get("fields", {})
        if any(part.type == "file" for part in content):
            opaque["in_tool"] = True
        call_id = str(item.get("tool_call_id", ""))
        return ToolResult(call_id=call_id, content=content, wire=self._wire(opaque, wire_id=call_id))  # type: ignore[arg-type]

    def _assistant(self, item: dict[str, Any]) -> Message:
        parts: list[Part] = []
        known = {"role", "content", *(["tool_calls"] if item.get("tool_calls") else [])}
        if isinstance(details := item.get("reasoning_details"), list) and all(isinstance(d, dict) for d in details):
            parts += [self._detail(detail) for detail in details]
            known.add("reasoning_details")
        else:
            for name in _REASONING_FIELDS:
                if isinstance(text := item.get(name), str):
                    parts.append(Reasoning(text=text, wire=self._wire({"field": name})))
                    known.add(name)
        content = self._content(item.get("content"))
        parts += content
        marks: dict[str, Any] = {}
        if len(content) > 1 and isinstance(item.get("content"), list):
            marks["content"] = "list"
        if isinstance(refusal := item.get("refusal"), str):
            parts.append(Text(text=refusal, refusal=True))
            known.add("refusal")
        parts += [self._call(call) for call in item.get("tool_calls") or ()]
        if isinstance(legacy := item.get("function_call"), dict):
            name = str(legacy.get("name", ""))
            parts.append(ToolCall(call_id=name, name=name, args_json=str(legacy.get("arguments", "")),
                                  wire=self._wire({"type": "legacy"})))  # fmt: skip
            known.add("function_call")
        if not self._dialect.refusal_field and isinstance(item.get("refusal"), str):
            parts = [part for part in parts if not (isinstance(part, Text) and part.refusal)]
            known.discard("refusal")
        if fields := _rest(item, *known):
            marks["fields"] = fields
        if not parts or item.get("content") == []:
            marks["fields"] = {"content": item.get("content")} | marks.get("fields", {})
        return Message(id=new_id("msg"), role="assistant", parts=tuple(parts), wire=self._wire(marks))

    def _detail(self, detail: dict[str, Any]) -> Reasoning:
        return reasoning_of_detail(detail, self._origin, self._model)

    def _call(self, call: dict[str, Any]) -> ToolCall:
        call_id = str(call.get("id") or "")
        fields = _rest(call, "id", "type", "function", "custom")
        opaque: dict[str, Any] = {"fields": fields} if fields else {}
        custom = call.get("custom")
        if call.get("type") == "custom" and isinstance(custom, dict):
            opaque["type"] = "custom"
            return ToolCall(call_id=call_id, name=str(custom.get("name", "")), args_json=custom_args(custom),
                            wire=self._wire(opaque, wire_id=call_id))  # fmt: skip
        function = call.get("function") or {}
        if more := _rest(function, "name", "arguments"):
            opaque["function"] = more
        arguments = function.get("arguments")
        written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        return ToolCall(call_id=call_id, name=str(function.get("name", "")), args_json=written,
                        wire=self._wire(opaque, wire_id=call_id))  # fmt: skip


def custom_args(custom: dict[str, Any]) -> str:
    """Return the free text of a custom tool's call as arguments."""
    return json.dumps({"input": str(custom.get("input") or "")}, ensure_ascii=False)


def reasoning_of_detail(detail: dict[str, Any], origin: str, model: str | None) -> Reasoning:
    """Return one of `reasoning_details` as a part; signed or encrypted, it belongs to the model that was asked."""
    key = next((name for name in ("text", "summary") if isinstance(detail.get(name), str)), None)
    opaque: dict[str, Any] = {"field": "reasoning_details", "detail": _without(detail, key) if key else detail}
    if key:
        opaque["key"] = key
    bound = any(detail.get(name) for name in _SIGNED)
    return Reasoning(
        text=detail[key] if key else None,
        form="hidden" if key is None else ("summary" if key == "summary" else "full"),
        wire=Wire(origin=origin, opaque=opaque, model=model if bound else None),
    )


def _plain_type(item: dict[str, Any]) -> list[str]:
    return ["type"] if item["type"] == "text" else []


def _without(item: dict[str, Any], *names: str | None) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in names}


def _rest(item: dict[str, Any], *known: str) -> dict[str, Any]:
    """Return the fields that are not known and not null."""
    return {name: value for name, value in item.items() if name not in known and value is not None}
