"""A request of ours as the bytes of a chat completion request."""

from dataclasses import dataclass, field
from typing import Any, Literal

import pydantic_core
from pydantic import JsonValue

from copilot_kit.profile import Profile
from copilot_kit.request import AnyTool, Effort, OutputMode, OutputSpec, ProviderTool, Request, ToolSpec
from copilot_kit.response import Dropped
from copilot_kit.wire import Target
from copilot_kit_openai.chat_conversation import Conversations
from copilot_kit_openai.chat_files import sees
from copilot_kit_openai.chat_messages import Receiver, cache_mark, encode_message
from copilot_kit_openai.dialects import Dialect
from copilot_kit_openai.profiles import effort_words
from copilot_kit_openai.prompted import described, output_instructions, tool_instructions, with_calls_as_text

_LEVELS: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "max")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request ready to post, and what the answer must know of it."""

    content: bytes
    stream: bool
    sent: dict[str, JsonValue]
    """The settings, by the provider's names."""
    dropped: tuple[Dropped, ...]
    output_mode: OutputMode | None = None
    output_tool: str | None = None
    """The tool whose call is the answer."""
    prompted_tools: frozenset[str] = frozenset()
    """Tools that the model was asked for in words, because it knows no calls."""
    audio_format: str = "wav"


@dataclass(slots=True)
class _Draft:
    """The fields of the body, as they are collected."""

    request: Request
    fields: dict[str, Any] = field(default_factory=dict)
    tools: tuple[AnyTool, ...] = ()
    extra_text: list[str] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)

    def drop(
        self, kind: Literal["setting", "tool", "feature"], name: str, reason: str, became: str | None = None
    ) -> None:
        self.dropped.append(Dropped(kind=kind, name=name, reason=reason, became=became))


class ChatEncoder:
    """Encodes the requests to one model; each message and each list of tools only once."""

    __slots__ = ("_conversations", "_dialect", "_key", "_model", "_profile", "_receiver", "_tools", "_tools_of")

    def __init__(self, dialect: Dialect, model: str, profile: Profile) -> None:
        self._dialect = dialect
        self._model = model
        self._profile = profile
        target = Target(
            origin=dialect.origin("chat"),
            model=model,
            binds_reasoning=bool(profile.binds_reasoning),
            tool_id_pattern=profile.tool_id_pattern or dialect.tool_id_pattern,
        )
        self._receiver = Receiver(dialect, target, sees=sees(profile))
        self._conversations = Conversations()
        self._tools_of: tuple[AnyTool, ...] = ()
        self._tools: tuple[bytes, tuple[Dropped, ...]] = (b"", ())

    def encode(self, request: Request) -> Outgoing:
        """Return the request as bytes, with the receipts for what it leaves out."""
        draft = _Draft(request, tools=request.tools)
        prompted = frozenset[str]()
        if request.tools and (self._profile.tools is False or self._dialect.tools is False):
            prompted = frozenset(tool.name for tool in request.tools if isinstance(tool, ToolSpec))
            draft.extra_text.append(tool_instructions(request))
            draft.request = request = with_calls_as_text(request)
            draft.tools = tuple(tool for tool in request.tools if isinstance(tool, ProviderTool))
        mode, output_tool = self._output(draft)
        self._choice(draft)
        self._settings(draft)
        self._finish(draft)
        messages, receipts = self._messages(draft)
        tools, tool_receipts = self._encoded_tools(draft.tools)
        given = draft.fields.pop("messages", None)  # laid over ours, as every field of `extra`
        told = b"[" + messages + b"]" if given is None else pydantic_core.to_json(given)
        content = b"".join((
            b'{"model":' + pydantic_core.to_json(self._model) + b"," if self._model else b"{",
            b'"messages":', told, tools,
            b"," + pydantic_core.to_json(draft.fields)[1:] if draft.fields else b"}",
        ))  # fmt: skip
        audio = draft.fields.get("audio")
        return Outgoing(
            content,
            stream=draft.fields.get("stream") is True,
            sent={name: value for name, value in draft.fields.items() if name not in {"tools", "functions"}},
            dropped=(*receipts, *tool_receipts, *draft.dropped),
            output_mode=mode,
            output_tool=output_tool,
            prompted_tools=prompted,
            audio_format=str(audio.get("format", "wav")) if isinstance(audio, dict) else "wav",
        )

    def _messages(self, draft: _Draft) -> tuple[bytes, list[Dropped]]:
        conversation = self._conversations.of(draft.request.messages, lambda m: encode_message(m, self._receiver))
        more = [pydantic_core.to_json({"role": "system", "content": text}) for text in draft.extra_text]
        return conversation.body(*more), conversation.dropped

    def _encoded_tools(self, tools: tuple[AnyTool, ...]) -> tuple[bytes, tuple[Dropped, ...]]:
        if not tools:
            return b"", ()
        if self._tools_of is not tools and self._tools_of != tools:
            receipts: list[Dropped] = []
            definitions = [found for tool in tools if (found := self._tool(tool, receipts)) is not None]
            content = b',"tools":' + pydantic_core.to_json(definitions) if definitions else b""
            self._tools = (content, tuple(receipts))
        self._tools_of = tools
        return self._tools

    def _tool(self, tool: AnyTool, receipts: list[Dropped]) -> JsonValue:
        if isinstance(tool, ProviderTool):
            if tool.kind.startswith(self._dialect.name + "."):
                return tool.value
            reason = f"defined by another provider than {self._dialect.name}"
            receipts.append(Dropped(kind="tool", name=tool.kind, reason=reason))
            return None
        return tool_definition(tool, self._dialect)

    def _output(self, draft: _Draft) -> tuple[OutputMode | None, str | None]:
        """Ask for the output in the way that the model knows."""
        spec = draft.request.output
        if spec is None:
            return None, None
        known = self._profile.output_modes or self._dialect.outputs
        mode: OutputMode = (known[0] if known else "prompted") if spec.mode == "auto" else spec.mode
        match mode:
            case "native":
                draft.fields["response_format"] = response_format(spec, self._dialect)
            case "tool":
                tool = ToolSpec(name=spec.name, description=spec.description or "Gives the final answer.",
                                parameters=spec.json_schema, strict=spec.strict)  # fmt: skip
                draft.tools = (*draft.tools, tool)
                if self._profile.forced_tools and not draft.request.tools:
                    draft.fields["tool_choice"] = self._dialect.required_word
                return mode, spec.name
            case "prompted":
                draft.extra_text.append(output_instructions(spec))
        return mode, None

    def _choice(self, draft: _Draft) -> None:
        """Set which tools may be called, and how many at once."""
        request, fields = draft.request, draft.fields
        if request.tool_choice is not None and (draft.tools or not request.tools):
            fields["tool_choice"] = self._choice_word(draft)
        if request.parallel_tools is not None:
            if self._dialect.parallel_tools:
                fields["parallel_tool_calls"] = request.parallel_tools
            else:
                draft.drop("setting", "parallel_tools", f"{self._dialect.name} has no such setting")

    def _choice_word(self, draft: _Draft) -> JsonValue:
        match draft.request.tool_choice:
            case "required":
                return self._dialect.required_word
            case (str(name),):
                return {"type": "function", "function": {"name": name}}
            case tuple(names):
                if self._dialect.allowed_tools:
                    allowed: list[JsonValue] = [{"type": "function", "function": {"name": name}} for name in names]
                    return {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": allowed}}
                draft.tools = tuple(t for t in draft.tools if isinstance(t, ToolSpec) and t.name in names)
                draft.drop("feature", "tool_choice", "no choice among several names there", "only these tools")
                return self._dialect.required_word
            case word:
                return word

    def _settings(self, draft: _Draft) -> None:
        """Set what the caller set, by the provider's names."""
        settings, dialect, fields = draft.request.settings, self._dialect, draft.fields
        named: tuple[tuple[str, str | None, JsonValue], ...] = (
            ("max_output_tokens", dialect.max_tokens, settings.max_output_tokens),
            ("temperature", "temperature", settings.temperature),
            ("top_p", "top_p", settings.top_p),
            ("stop", "stop", list(settings.stop) or None),
            ("seed", dialect.seed, settings.seed),
        )
        for ours, theirs, value in named:
            if value is None:
                continue
            if theirs is None:
                draft.drop("setting", ours, f"{dialect.name} has no such setting")
            elif ours in self._profile.refuses:
                draft.drop("setting", ours, f"{self._model} refuses it")
            else:
                fields[theirs] = value
        if settings.effort is not None:
            self._effort(draft, settings.effort)
        if settings.cache is not None:
            self._caching(draft)
        if settings.context is not None:
            draft.drop("setting", "context", "the API takes nothing out of a conversation")

    def _effort(self, draft: _Draft, effort: Effort) -> None:
        dialect, words = self._dialect, effort_words(self._dialect, self._model)
        taken = tuple(level for level in _LEVELS if level in words)
        if self._profile.efforts is not None:
            taken = tuple(level for level in taken if level in self._profile.efforts)
        level = _nearest(effort, taken)
        if dialect.effort == "none" or level is None:
            draft.drop("setting", "effort", f"{self._model} has no such levels of effort")
            return
        word = words[level]
        if level != effort:
            draft.drop("setting", "effort", f"{self._model} has no level {effort!r}", level)
        match dialect.effort:
            case "reasoning_effort":
                draft.fields["reasoning_effort"] = word
            case "reasoning.effort":
                draft.fields["reasoning"] = {"effort": word}
            case "thinking.type":
                draft.fields["thinking"] = {"type": word}
                if level not in {"none", "high"}:
                    draft.drop("setting", "effort", f"{dialect.name} only knows thinking and not thinking", "thinking")

    def _caching(self, draft: _Draft) -> None:
        cache, dialect = draft.request.settings.cache, self._dialect
        if cache == "off" or cache is None:
            if not dialect.cache_marks:
                draft.drop("setting", "cache", f"{dialect.name} caches on its own")
        elif dialect.cache_marks:
            draft.fields["cache_control"] = cache_mark(cache)
        elif cache != "auto":
            draft.drop("setting", "cache", f"{dialect.name} caches on its own", "automatic caching")

    def _finish(self, draft: _Draft) -> None:
        """Add how the answer travels, and the fields that only this provider knows."""
        fields = draft.fields
        extra = draft.request.settings.extra.get(self._dialect.name, {})
        if draft.request.delivery == "stream":
            fields["stream"] = True
            if self._dialect.stream_usage:
                fields["stream_options"] = {"include_usage": True}
        for name, value in extra.items():
            if value is None and name in fields:
                del fields[name]  # the caller takes back what would be sent
            else:
                fields[name] = value


def _nearest(effort: Effort, taken: tuple[Effort, ...]) -> Effort | None:
    """Return the level itself, else the next lower one, else the next higher; thinking is never turned off."""
    if effort in taken:
        return effort
    rank = _LEVELS.index(effort)
    thinking = [level for level in taken if level != "none"]
    lower = [level for level in thinking if _LEVELS.index(level) < rank]
    return lower[-1] if lower else (thinking[0] if thinking else None)


def tool_definition(tool: ToolSpec, dialect: Dialect) -> dict[str, JsonValue]:
    """Return a tool as the API describes it."""
    own: dict[str, Any] = {}
    if tool.wire is not None and tool.wire.origin == dialect.origin("chat") and isinstance(tool.wire.opaque, dict):
        own = tool.wire.opaque
    function: dict[str, JsonValue] = {"name": tool.name}
    if (description := described(tool)) is not None:
        function["description"] = description
    if own.get("parameters") != "absent":
        function["parameters"] = tool.parameters
    if dialect.strict != "never" and own.get("strict") != "absent":
        # Said even where it is off: one API of this family turns it on when nothing is said.
        if tool.strict is not None:
            function["strict"] = tool.strict
        elif dialect.strict == "explicit":
            function["strict"] = False
    function |= own.get("function", {})
    definition: dict[str, JsonValue] = {"type": "function", "function": function}
    if tool.cache is not None and dialect.cache_marks:
        definition["cache_control"] = dict(cache_mark(tool.cache))
    definition |= own.get("fields", {})
    return definition


def response_format(spec: OutputSpec, dialect: Dialect) -> dict[str, JsonValue]:
    """Return the form of the answer as the API asks for it; strict where the schema allows it or the caller says."""
    schema: dict[str, JsonValue] = {"name": spec.name}
    if spec.description is not None:
        schema["description"] = spec.description
    schema["schema"] = spec.json_schema
    strict = spec.strict if spec.strict is not None else (True if _closed(spec.json_schema) else None)
    if strict is not None and dialect.strict != "never":
        schema["strict"] = strict
    return {"type": "json_schema", "json_schema": schema}


def _closed(schema: JsonValue) -> bool:
    """Tell whether a schema fulfils what strict mode demands: no further properties, all of them required."""
    if isinstance(schema, list):
        return all(_closed(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if schema.get("type") == "object" or isinstance(properties, dict):
        named = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        if schema.get("additionalProperties") is not False or set(
            required if isinstance(required, list) else ()
        ) != set(named):
            return False
        return all(_closed(value) for value in named.values()) and _closed(schema.get("$defs"))
    return all(_closed(value) for name, value in schema.items() if name not in {"enum", "const", "default"})
