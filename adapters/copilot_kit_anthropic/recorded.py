"""A request body of the wire, read back into our request, such that encoding it again gives the same body.

What has a neutral form takes it if the way back leads to the same place; everything else goes into `settings.extra`
or stays as data.
"""

from typing import Any

from copilot_kit.ids import NewId, new_id
from copilot_kit.messages import Message, Part, Role, Wire
from copilot_kit.request import Effort, OutputSpec, Request, Settings
from copilot_kit.wire import Target
from copilot_kit_anthropic.blocks import CallIds, foreign_part, part_of
from copilot_kit_anthropic.context import FIELD, editing_of, summary_of
from copilot_kit_anthropic.encoded import turn_of
from copilot_kit_anthropic.json_bytes import Json, loaded
from copilot_kit_anthropic.profiles import facts_of, profile_of
from copilot_kit_anthropic.request import Encoder
from copilot_kit_anthropic.tools import cache_of, choice_of, tool_of

_EFFORTS: tuple[Effort, ...] = ("low", "medium", "high", "max")
_SPOKEN = ("model", "messages", "system", "tools")
_NEUTRAL = {
    "max_tokens": "max_output_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "stop_sequences": "stop",
    "thinking": "effort",
    FIELD: "context",
}


def request_of(provider: str, body: Json, *, new: NewId = new_id) -> tuple[str, Request]:
    """Return the model's name (empty where the body does not say) and the request."""
    origin = f"{provider}.messages"
    model = body["model"] if isinstance(body.get("model"), str) else ""
    reading = _Reading(Target(origin=origin, model=model), CallIds(new), new)
    tools: Any = body.get("tools")
    choice, parallel = choice_of(body.get("tool_choice"))
    neutral, output = _settings(body, model)
    turns: Any = body.get("messages")
    turns = turns if _is_conversation(turns) else []
    request = Request(
        messages=(*reading.system(body.get("system")), *reading.messages(turns)),
        tools=tuple(tool_of(tool, origin) for tool in tools) if isinstance(tools, list) else (),
        tool_choice=choice,
        parallel_tools=parallel,
        output=output,
        settings=neutral,
        delivery="stream" if body.get("stream") is True else "whole",
    )
    return model, _corrected(request, body, provider, model)


def _settings(body: Json, model: str) -> tuple[Settings, OutputSpec | None]:
    values: Json = {}
    for name in ("max_tokens", "temperature", "top_p"):
        value = body.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            values[_NEUTRAL[name]] = value
    stops = body.get("stop_sequences")
    if isinstance(stops, list) and stops and all(isinstance(stop, str) for stop in stops):
        values["stop"] = tuple(stops)
    stated: Any = body.get("output_config")
    config: Json = stated if isinstance(stated, dict) else {}
    if config.get("effort") in _EFFORTS and facts_of(model).thinking == "adaptive":
        values["effort"] = config["effort"]
    elif body.get("thinking") == {"type": "disabled"}:
        values["effort"] = "none"
    if (editing := editing_of(body.get(FIELD))) is not None:
        values["context"] = editing
    return Settings(**values), _output(config)


def _output(config: Json) -> OutputSpec | None:
    match config.get("format"):
        case {"type": "json_schema", "schema": dict(schema), **more} if not more:
            return OutputSpec(json_schema=schema, mode="native")
        case _:
            return None


def _corrected(request: Request, body: Json, provider: str, model: str) -> Request:
    """Return the request with those fields that would go out otherwise moved to `extra`, as they came."""
    extra: Json = {}
    values: Json = {}
    for name in _different(request, body, provider, model):
        extra[name] = body.get(name)
        if name in _NEUTRAL:
            values[_NEUTRAL[name]] = () if name == "stop_sequences" else None
        if name == "output_config":
            values["effort"] = None
    if "effort" in values and request.settings.effort is not None:
        for name in ("thinking", "output_config"):
            if body.get(name) is not None:
                extra[name] = body[name]
    if "output_config" in extra:
        request = request.model_copy(update={"output": None})
    spoken = any(message.role == "system" and message.wire is None for message in request.messages)
    talks = _is_conversation(body.get("messages"))
    for name, known in (("system", spoken), ("tools", bool(request.tools)), ("messages", talks)):
        if body.get(name) is not None and not known:
            extra[name] = body[name]
    if not extra:
        return request
    settings = request.settings.model_copy(update={**values, "extra": {provider: extra}})
    return request.model_copy(update={"settings": settings})


def _is_conversation(turns: Any) -> bool:
    """Tell whether these are turns; a client that made a mistake sent something else, and was told so."""
    return isinstance(turns, list) and all(isinstance(turn, dict) for turn in turns)


def _different(request: Request, body: Json, provider: str, model: str) -> list[str]:
    target = Target(origin=f"{provider}.messages", model=model)
    encoder = Encoder(target, provider=provider, profile=profile_of(model), facts=facts_of(model), names_model=False)
    sent = loaded(encoder.prepare(request).body)
    names = dict.fromkeys([*body, *sent])
    return [name for name in names if name not in _SPOKEN and sent.get(name) != body.get(name)]


class _Reading:
    """Reads the messages of one body."""

    def __init__(self, target: Target, calls: CallIds, new: NewId) -> None:
        self._target = target
        self._origin = target.origin
        self._calls = calls
        self._new_id = new
        self._span: tuple[str, str] | None = None

    def system(self, value: Any) -> list[Message]:
        """Return the system prompt."""
        blocks = [{"type": "text", "text": value}] if isinstance(value, str) else value
        if not isinstance(blocks, list) or not all(isinstance(b, dict) for b in blocks) or value in ([], ""):
            return []
        return [Message(id=self._new_id("msg"), role="system", parts=tuple(self._part(b) for b in blocks))]

    def messages(self, values: list[Json]) -> list[Message]:
        """Return the conversation. Results become a message of their own, joined again on the way out."""
        messages: list[Message] = []
        before = ""
        for value in values:
            role = str(value.get("role"))
            wire: Json = {"separate": True} if role == before == "user" else {}
            wire |= {"inline": True} if role == "system" else {}
            more = {k: v for k, v in value.items() if k not in ("role", "content")}
            wire |= {"fields": more} if more else {}
            messages.extend(self._message(value, role, wire))
            self._span = (messages[0].id, messages[-1].id)
            before = role
        return messages

    def _message(self, value: Json, role: str, wire: Json) -> list[Message]:
        content = value.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) and content.strip() else content
        if not isinstance(blocks, list) or not blocks or not all(isinstance(block, dict) for block in blocks):
            return [self._made(role, (), {**wire, "content": content})]
        count = next((i for i, b in enumerate(blocks) if b.get("type") != "tool_result"), len(blocks))
        parts = tuple(self._part(block) for block in blocks)
        if role != "user" or count == 0:
            return [self._made(role, parts, wire)]
        if "fields" in wire:
            return [self._made("user", parts, wire)]
        results = [self._made("tool", parts[:count], wire)]
        return results if count == len(parts) else [*results, self._made("user", parts[count:], {})]

    def _made(self, role: str, parts: tuple[Part, ...], wire: Json) -> Message:
        kept = Wire(origin=self._origin, opaque=wire) if wire else None
        known: Role = role if role in ("user", "assistant", "system", "tool") else "user"  # type: ignore[assignment]
        return Message(id=self._new_id("msg"), role=known, parts=parts, wire=kept)

    def _part(self, block: Json) -> Part:
        """Return the part of a block; as data if its neutral form would not lead back to it."""
        cache = cache_of(block.get("cache_control"))
        rest = {k: v for k, v in block.items() if k != "cache_control"} if cache is not None else block
        summary = None if self._span is None else summary_of(rest, self._origin, self._span)
        part = summary or part_of(rest, self._origin, self._calls)
        part = part.model_copy(update={"cache": cache}) if cache is not None else part
        turn = turn_of(Message(id="", role="user", parts=(part,)), self._target)
        same = len(turn.blocks) == 1 and _plain(loaded(turn.whole)) == _plain(block)
        return part if same else foreign_part(block, self._origin)


def _plain(value: Any) -> Any:
    """Return a value without the differences that mean nothing: nulls, and a text alone against a list of it."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {k: _plain(v) for k, v in value.items() if v is not None}
    match kept.get("content"):
        case [{"type": "text", "text": str(text), **more}] if not more:
            kept["content"] = text
        case _:
            pass
    return kept
