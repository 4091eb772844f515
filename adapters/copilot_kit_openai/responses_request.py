"""A request of ours as the bytes that the Responses API takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from pydantic_core import to_json

from copilot_kit.encoding import EncodedMessages
from copilot_kit.errors import InvalidRequest
from copilot_kit.messages import Message, Text, ToolResult
from copilot_kit.profile import Profile
from copilot_kit.request import (
    AnyTool,
    ContextEditing,
    Effort,
    OutputMode,
    OutputSpec,
    ProviderTool,
    Request,
    Settings,
    ToolSpec,
)
from copilot_kit.response import Dropped
from copilot_kit.wire import Target, call_id_for, may_replay
from copilot_kit_openai.chat_files import sees
from copilot_kit_openai.dialects import Dialect
from copilot_kit_openai.profiles import effort_words
from copilot_kit_openai.prompted import described, output_instructions
from copilot_kit_openai.responses_items import Item
from copilot_kit_openai.responses_messages import Encoded, encode

_HOLDS_NO_STATE = frozenset({"openai", "azure", "xai"})
"""Providers known to take `store` and to give reasoning back encrypted."""
_COMPACTS = frozenset({"openai", "azure"})
_NEEDS_STATE = frozenset({"previous_response_id", "conversation", "background", "prompt"})
_ENCRYPTED = "reasoning.encrypted_content"
_SAME_TOOLS = {"azure": ("openai",)}
"""Whose tools a provider has as well."""
_TEXT_RESULTS_ONLY = frozenset({"xai"})
_IGNORES_FORMAT = frozenset({"llamacpp"})
"""Servers that take `text.format` and do nothing with it."""
_MERGED = ("reasoning", "text")
"""Objects of the API in which the caller's `extra` adds fields to ours."""
_NOT_SETTINGS = frozenset({"model", "instructions", "input", "tools", "stream", "prompt"})
_LEVELS: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "max")
_STRICT_WORDS = frozenset(
    {
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "const",
        "anyOf",
        "$ref",
        "$defs",
        "description",
        "title",
    }
)


class Sent(NamedTuple):
    """A request as it goes out, and what the response must say of it."""

    content: bytes
    settings: dict[str, Any]
    dropped: tuple[Dropped, ...]
    output_mode: OutputMode | None
    output_tool: str | None = None
    """The tool whose call is the answer."""
    span: tuple[str, str] | None = None
    """Ids of the first and the last message after the instructions: what a summary in the answer stands for."""


@dataclass(slots=True)
class _Body:
    """The fields of a request, apart from input and tools, while it is put together."""

    settings: Settings
    model: str
    fields: dict[str, Any] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)

    def cannot(self, name: str, reason: str, *, became: str | None = None) -> None:
        """Report a setting that is not sent, or refuse the request where the caller wants that."""
        self.without(Dropped(kind="setting", name=name, reason=reason, became=became))

    def without(self, lost: Dropped) -> None:
        """Keep a receipt, or refuse the request where the caller wants that."""
        if self.settings.on_unsupported == "error":
            raise InvalidRequest(
                f"{self.model} does not take {lost.name!r}: {lost.reason}. Leave it out, or set on_unsupported='drop'.",
                param=lost.name,
                model=self.model,
            )
        self.dropped.append(lost)


class RequestEncoder:
    """Encodes the requests of one model; each message only once."""

    def __init__(self, dialect: Dialect, model: str, profile: Profile) -> None:
        self._dialect = dialect
        self._model = model
        self._profile = profile
        self._target = Target(dialect.origin("responses"), model, tool_id_pattern=profile.tool_id_pattern)
        text_only = dialect.name in _TEXT_RESULTS_ONLY
        self._encode = partial(
            encode, target=self._target, awaited={}, text_results_only=text_only, images=sees(profile)
        )
        self._messages: EncodedMessages[Encoded] = EncodedMessages()
        self._tools: tuple[tuple[AnyTool, ...], list[bytes], list[Dropped]] = ((), [], [])

    @property
    def target(self) -> Target:
        """Where the requests go."""
        return self._target

    def encode(self, request: Request) -> Sent:
        """Return the bytes of a request; raises `InvalidRequest` for what is refused before it is sent."""
        body = _Body(request.settings, self._model)
        if self._model:  # a stored prompt may name it
            body.fields["model"] = self._model
        messages, instructions = self._instructions(request.messages)
        items, dropped = self._input(messages)
        tools, lost_tools = self._tool_forms(request.tools)
        for lost in lost_tools:
            body.without(lost)
        mode = self._output_mode(request.output)
        if request.output is not None and mode == "tool":
            tools = [*tools, to_json(_output_tool(request.output))]
        if request.output is not None and mode == "prompted":
            asked = output_instructions(request.output)
            instructions = f"{instructions}\n\n{asked}" if instructions else asked
        if instructions is not None:
            body.fields["instructions"] = instructions
        self._answer_form(body, request, mode)
        self._settings(body, request)
        extra = self._extra(body, request)
        if "input" in extra:
            items = b"" if extra["input"] is None else to_json(extra["input"])
        content = _joined(body.fields, items, tools, extra)
        used = {name: value for name, value in body.fields.items() if name not in _NOT_SETTINGS}
        output_tool = request.output.name if request.output is not None and mode == "tool" else None
        span = (messages[0].id, messages[-1].id) if messages else None
        return Sent(content, used, (*dropped, *body.dropped), mode, output_tool, span)

    def _instructions(self, messages: tuple[Message, ...]) -> tuple[tuple[Message, ...], str | None]:
        first = messages[0] if messages else None
        if first is None or first.role != "system" or may_replay(first.wire, self._target):
            return messages, None
        if not all(isinstance(part, Text) for part in first.parts):
            return messages, None  # stays a message of its own, which can hold more than words
        return messages[1:], first.text

    def _input(self, messages: tuple[Message, ...]) -> tuple[bytes, list[Dropped]]:
        if len(messages) == 1 and self._is_bare(messages[0]):
            return to_json(messages[0].text), []
        pieces: list[bytes] = []
        dropped: list[Dropped] = []
        awaited: dict[str, str] = {}
        for message in messages:
            answered = self._answered(message, awaited) if awaited and message.role == "tool" else None
            if answered:
                found = self._messages.lookup(message, answered, partial(self._encode, awaited=dict(answered)))
            else:
                found = self._messages.lookup(message, None, self._encode)
            if found.items:
                pieces.append(found.items)
            if found.dropped:
                dropped += found.dropped
            if found.awaited:
                awaited.update(found.awaited)
        return b"[" + b",".join(pieces) + b"]", dropped

    def _answered(self, message: Message, awaited: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Return which of the awaited calls this message has the results of."""
        ids = [call_id_for(part, self._target) for part in message.parts if isinstance(part, ToolResult)]
        return tuple((call_id, awaited[call_id]) for call_id in ids if call_id in awaited)

    def _is_bare(self, message: Message) -> bool:
        wire = message.wire
        bare = wire is not None and isinstance(wire.opaque, dict) and wire.opaque.get("bare") is True
        return bare and may_replay(wire, self._target)

    def _tool_forms(self, tools: tuple[AnyTool, ...]) -> tuple[list[bytes], list[Dropped]]:
        known, forms, dropped = self._tools
        if len(known) == len(tools) and all(a is b for a, b in zip(known, tools, strict=True)):
            return forms, dropped
        forms, dropped = [], []
        for tool in tools:
            if isinstance(tool, ToolSpec):
                forms.append(to_json(self._function(tool)))
            elif (form := self._provider_tool(tool)) is not None:
                forms.append(to_json(form))
            else:
                reason = f"{self._dialect.name} does not have the tools of {tool.kind.partition('.')[0]}"
                dropped.append(Dropped(kind="tool", name=tool.kind, reason=reason))
        self._tools = (tools, forms, dropped)
        return forms, dropped

    def _provider_tool(self, tool: ProviderTool) -> Item | None:
        maker, _, kind = tool.kind.partition(".")
        known = {self._dialect.name, *_SAME_TOOLS.get(self._dialect.name, ())}
        if maker not in known or not isinstance(tool.value, dict):
            return None
        return {"type": kind, **tool.value}

    def _function(self, tool: ToolSpec) -> Item:
        form: Item = {"type": "function", "name": tool.name, "parameters": tool.parameters}
        if (description := described(tool)) is not None:
            form["description"] = description
        # Left out, the server would switch strict on and rewrite the schema.
        form["strict"] = tool.strict if tool.strict is not None else fits_strict(tool.parameters)
        if may_replay(tool.wire, self._target) and tool.wire is not None and isinstance(tool.wire.opaque, dict):
            form |= tool.wire.opaque
        return {name: value for name, value in form.items() if value is not None}

    def _output_mode(self, output: OutputSpec | None) -> OutputMode | None:
        if output is None:
            return None
        if output.mode != "auto":
            return output.mode
        modes = self._profile.output_modes
        return modes[0] if modes else "prompted" if self._dialect.name in _IGNORES_FORMAT else "native"

    def _answer_form(self, body: _Body, request: Request, mode: OutputMode | None) -> None:
        output = request.output
        if output is not None and mode == "native":
            form: Item = {"type": "json_schema", "name": output.name, "schema": output.json_schema}
            if output.description is not None:
                form["description"] = output.description
            form["strict"] = output.strict if output.strict is not None else fits_strict(output.json_schema)
            body.fields["text"] = {"format": form}
        if request.tool_choice is not None:
            body.fields["tool_choice"] = _choice(request.tool_choice, request.tools)
        elif mode == "tool" and self._profile.forced_tools is not False:
            body.fields["tool_choice"] = "required"  # the answer is a call, too
        if request.parallel_tools is not None:
            body.fields["parallel_tool_calls"] = request.parallel_tools
        if request.delivery == "stream":
            body.fields["stream"] = True

    def _settings(self, body: _Body, request: Request) -> None:
        settings = request.settings
        if settings.max_output_tokens is not None:
            body.fields["max_output_tokens"] = settings.max_output_tokens
        for name, value in (("temperature", settings.temperature), ("top_p", settings.top_p)):
            if value is not None and name in self._profile.refuses:
                body.cannot(name, "the model refuses it")
            elif value is not None:
                body.fields[name] = value
        if settings.effort is not None:
            self._effort(body, settings.effort)
        if settings.seed is not None:
            body.cannot("seed", "the API has no such field")
        if settings.stop:
            body.cannot("stop", "the API has no such field")
        if settings.cache in {"off", "5m", "1h"}:
            body.cannot("cache", "the provider caches by itself; use extra for prompt_cache_options")
        if settings.context is not None:
            self._context(body, settings.context)

    def _context(self, body: _Body, editing: ContextEditing) -> None:
        edits = self._profile.edits_context
        if editing.compact_at is not None and compacts(self._dialect) and (edits is None or "compact" in edits):
            body.fields["context_management"] = [{"type": "compaction", "compact_threshold": editing.compact_at}]
        elif editing.compact_at is not None:
            body.cannot("context.compact_at", "it is not done for this model")
        if editing.clear_results_at is not None:
            body.cannot("context.clear_results_at", "the API clears no results")

    def _effort(self, body: _Body, asked: Effort) -> None:
        words = effort_levels(self._dialect, self._model)
        known = self._profile.efforts
        taken = [level for level in words if known is None or level in known]
        level = min(taken, key=lambda level: abs(_LEVELS.index(level) - _LEVELS.index(asked)), default=None)
        word = None if level is None else words[level]
        if level != asked:
            body.cannot("effort", f"the model does not know the level {asked!r}", became=word)
        if word is not None:
            body.fields["reasoning"] = {"effort": word}

    def _reasons(self) -> bool:
        # OpenAI refuses to encrypt what a model without reasoning does not have; xAI does not mind, and some of its
        # models reason without levels.
        return self._dialect.name == "xai" or self._profile.efforts != ()

    def _extra(self, body: _Body, request: Request) -> dict[str, Any]:
        """Apply the caller's own fields, and what a history that lives here needs, to the body; return them."""
        extra: dict[str, Any] = request.settings.extra.get(self._dialect.name, {})
        if self._dialect.name in _HOLDS_NO_STATE and not _NEEDS_STATE & extra.keys():
            store = extra.get("store", False)
            if "store" not in extra:
                body.fields["store"] = False
            if store is False and "include" not in extra and self._reasons():
                body.fields["include"] = [_ENCRYPTED]
        for name, value in extra.items():
            if name in _MERGED and isinstance(value, dict):
                body.fields[name] = merged(body.fields.get(name, {}), value)
            elif name not in {"input", "tools"}:
                body.fields[name] = value
        body.fields = {name: value for name, value in body.fields.items() if value is not None}
        return extra


def compacts(dialect: Dialect) -> bool:
    """Return whether the provider sums up what came before, where a request asks for it."""
    return dialect.name in _COMPACTS


def effort_levels(dialect: Dialect, model: str) -> Mapping[Effort, str]:
    """Return the levels of effort in this API's words; it has one field for them, at every provider."""
    return effort_words(dialect, model) if dialect.effort != "thinking.type" else {level: level for level in _LEVELS}


def _joined(fields: Mapping[str, Any], items: bytes, tools: Sequence[bytes], extra: Mapping[str, Any]) -> bytes:
    pieces = [to_json(fields)[1:-1]] if fields else []
    if items:
        pieces.append(b'"input":' + items)
    if tools:
        pieces.append(b'"tools":[' + b",".join(tools) + b"]")
    elif "tools" in extra and extra["tools"] is not None:
        pieces.append(b'"tools":' + to_json(extra["tools"]))
    return b"{" + b",".join(pieces) + b"}"


def merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Return both objects in one; theirs wins, and None in theirs takes a field away."""
    result = dict(ours)
    for name, value in theirs.items():
        if isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = merged(result[name], value)
        elif value is None:
            result.pop(name, None)
        else:
            result[name] = value
    return result


def _choice(choice: str | tuple[str, ...], tools: tuple[AnyTool, ...]) -> str | Item:
    if isinstance(choice, str):
        return choice
    forms = [_named(name, tools) for name in choice]
    return forms[0] if len(forms) == 1 else {"type": "allowed_tools", "mode": "required", "tools": forms}


def _named(name: str, tools: tuple[AnyTool, ...]) -> Item:
    functions = {tool.name for tool in tools if isinstance(tool, ToolSpec)}
    for tool in tools:
        if isinstance(tool, ProviderTool) and isinstance(tool.value, dict) and name not in functions:
            kind = tool.kind.partition(".")[2]
            if kind == "custom" and tool.value.get("name") == name:
                return {"type": "custom", "name": name}
            if kind == name:
                return {"type": name}
    return {"type": "function", "name": name}


def _output_tool(output: OutputSpec) -> Item:
    what = output.description or "Give the final answer in this form."
    strict = output.strict if output.strict is not None else fits_strict(output.json_schema)
    return {
        "type": "function",
        "name": output.name,
        "description": what,
        "parameters": output.json_schema,
        "strict": strict,
    }


def fits_strict(schema: Any) -> bool:
    """Tell whether a schema is of the form that strict mode takes as it is.

    https://developers.openai.com/api/docs/guides/structured-outputs: every object lists all its properties as
    required and allows no others. Keywords beyond the plain ones are left to the caller to be strict about.
    """
    if not isinstance(schema, dict) or not schema.keys() <= _STRICT_WORDS:
        return False
    properties = schema.get("properties", {})
    if schema.get("type") == "object" or "properties" in schema:
        if schema.get("additionalProperties") is not False:
            return False
        if set(schema.get("required", [])) != set(properties):
            return False
    inner = [*properties.values(), *schema.get("anyOf", []), *schema.get("$defs", {}).values()]
    inner += [schema["items"]] if "items" in schema else []
    return bool(schema) and all(fits_strict(part) for part in inner)
