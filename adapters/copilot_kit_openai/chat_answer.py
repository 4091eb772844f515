"""A chat completion as our parts, stop and response: what a whole answer and a stream have in common."""

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue
from pydantic_core import from_json

from copilot_kit.errors import BadAnswer, ModelError, Overloaded, ProviderFailed
from copilot_kit.ids import new_id
from copilot_kit.messages import (
    Citation,
    File,
    Foreign,
    Message,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Wire,
)
from copilot_kit.response import Response, Served, Stop, Usage
from copilot_kit_openai.chat_files import file_of
from copilot_kit_openai.chat_parse import custom_args, reasoning_of_detail
from copilot_kit_openai.chat_request import Outgoing
from copilot_kit_openai.chat_usage import usage_of
from copilot_kit_openai.dialects import Dialect
from copilot_kit_openai.failures import payload_failure
from copilot_kit_openai.prompted import called, unfenced

REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_text")
MESSAGE_FIELDS = frozenset({
    "role", "content", "refusal", "reasoning", "reasoning_content", "reasoning_text", "reasoning_details", "tool_calls",
    "function_call", "audio", "images", "annotations", "executed_tools",
})  # fmt: skip
_ANSWER_FIELDS = frozenset({"id", "object", "model", "choices", "usage", "obfuscation", "p"})
_CHOICE_FIELDS = frozenset({"index", "message", "delta", "finish_reason", "logprobs", "text", "token_ids", "error"})
_CALL_FIELDS = frozenset({"id", "type", "function", "custom"})
_LENGTH = frozenset({"length", "max_tokens", "model_length", "max_output_tokens", "model_context_window_exceeded"})
_FILTERED = frozenset({"content_filter", "safety", "sensitive", "refusal", "content_filtered"})
_BROKEN = frozenset({"error", "network_error", "server_error", "abort"})
_BUSY = frozenset({"insufficient_system_resource", "overloaded"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, as far as reading the answer needs it."""

    id: str
    """Of the model, as `provider:model`."""
    dialect: Dialect
    model: str
    outgoing: Outgoing

    @property
    def origin(self) -> str:
        """The label of opaque data in the answer."""
        return self.dialect.origin("chat")


@dataclass(slots=True)
class Facts:
    """What the answer says beside its parts."""

    response_id: str | None = None
    served: str | None = None
    finish: str | None = None
    usage: dict[str, Any] | None = None
    extra: dict[str, JsonValue] = field(default_factory=dict)
    choice: dict[str, JsonValue] = field(default_factory=dict)
    logprobs: JsonValue = None
    message: dict[str, Any] = field(default_factory=dict)
    """Fields of the message that have no part."""
    others: list[JsonValue] = field(default_factory=list)
    """The second and further of several choices."""

    def note(self, told: dict[str, Any]) -> None:
        """Take over what an answer or a chunk says of itself."""
        self.response_id = word_of(told.get("id")) or self.response_id
        self.served = word_of(told.get("model")) or self.served
        if isinstance(usage := told.get("usage"), dict):
            self.usage = usage
        for name, value in told.items():
            if name not in _ANSWER_FIELDS and value is not None:
                self.extra[name] = value

    def note_choice(self, choice: dict[str, Any]) -> None:
        """Take over what the choice says beside its message."""
        for name, value in choice.items():
            if name not in _CHOICE_FIELDS and value is not None:
                self.choice[name] = value


def word_of(value: Any) -> str | None:
    """Return a name or an id as text, whatever a server made of it; None for none."""
    return value if value is None or isinstance(value, str) else str(value)


def check_choice(choice: dict[str, Any], asked: Asked, *, started: bool) -> None:
    """Raise what a choice says went wrong with it."""
    if isinstance(error := choice.get("error"), dict | str) and error:
        raise payload_failure(error, model=asked.id, started=started)
    finish = word_of(choice.get("finish_reason"))
    if finish in _BUSY:
        raise Overloaded(f"{asked.id} gave up for want of capacity ({finish!r}). Try again later.", model=asked.id,
                         started=started, code=finish)  # fmt: skip
    if finish in _BROKEN:
        raise ProviderFailed(f"{asked.id} broke off its answer ({finish!r}). Try again.", model=asked.id,
                             started=started, code=finish)  # fmt: skip


def answer_parts(message: dict[str, Any], asked: Asked) -> list[Part]:
    """Return the parts of a whole message."""
    parts: list[Part] = list(_reasoning(message, asked))
    for tool in message.get("executed_tools") or ():
        parts += executed_parts(tool, asked.origin)
    parts += _content(message, asked)
    if refusal := message.get("refusal"):
        parts.append(Text(text=str(refusal), refusal=True))
    if isinstance(audio := message.get("audio"), dict):
        parts += audio_parts(audio, asked)
    parts += [file for image in message.get("images") or () if (file := image_part(image, asked)) is not None]
    parts += [call_part(call, asked) for call in message.get("tool_calls") or ()]
    if isinstance(legacy := message.get("function_call"), dict) and legacy.get("name"):
        parts.append(call_part({"function": legacy, "type": "legacy"}, asked))
    return parts


def _reasoning(message: dict[str, Any], asked: Asked) -> list[Reasoning]:
    details = [detail for detail in message.get("reasoning_details") or () if isinstance(detail, dict)]
    detailed = [reasoning_of_detail(detail, asked.origin, asked.model) for detail in details]
    if has_words(details):
        return detailed
    for name in REASONING_FIELDS:
        if isinstance(text := message.get(name), str) and text:
            return [Reasoning(text=text, wire=Wire(origin=asked.origin, opaque={"field": name})), *detailed]
    return detailed


def has_words(details: Any) -> bool:
    """Tell whether `reasoning_details` repeat the words of the plain field, and not only carry what is hidden."""
    return any(detail.get("text") or detail.get("summary") for detail in details or () if isinstance(detail, dict))


_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def json_of(data: bytes) -> Any:
    """Return parsed JSON; half a character, as some servers cut them, becomes a replacement mark."""
    try:
        return from_json(data)
    except ValueError:
        if _LONE_SURROGATE.search(data) is None:
            raise
        return from_json(_LONE_SURROGATE.sub(rb"\\ufffd", data))


def _content(message: dict[str, Any], asked: Asked) -> list[Part]:
    content = message.get("content")
    if isinstance(content, str):
        return _text_parts(content, message, asked) if content else []
    parts: list[Part] = []
    for item in content or ():
        parts += content_item(item, asked)
    return parts


def _text_parts(content: str, message: dict[str, Any], asked: Asked) -> list[Part]:
    if asked.outgoing.prompted_tools and (found := called(content, asked.outgoing.prompted_tools)):
        return [ToolCall(call_id=new_id("call"), name=found[0], args_json=found[1])]
    if asked.outgoing.output_mode == "prompted":
        content = unfenced(content)
    return [Text(text=content, citations=citations_of(message.get("annotations"), asked.origin))]


def content_item(item: Any, asked: Asked) -> list[Part]:
    """Return one element of a content list as parts."""
    match item:
        case {"type": "text", "text": str(text)}:
            return [Text(text=text)] if text else []
        case {"type": "thinking", "thinking": list(thinking)}:
            text = "".join(str(piece.get("text") or "") for piece in thinking)
            return [Reasoning(text=text, wire=Wire(origin=asked.origin, opaque={"field": "content"}))]
        case {"type": "refusal", "refusal": str(text)}:
            return [Text(text=text, refusal=True)]
        case {"type": "reasoning", "summary": list(summary)}:  # Databricks: Claude's thinking
            text = "".join(str(piece.get("text") or "") for piece in summary if isinstance(piece, dict))
            opaque: dict[str, JsonValue] = {"field": "content_item", "item": item}
            return [
                Reasoning(text=text, form="summary", wire=Wire(origin=asked.origin, model=asked.model, opaque=opaque))
            ]
        case {"type": str(kind)}:
            found = file_of(item, asked.origin)
            return (
                [found]
                if found
                else [Foreign(kind=f"{asked.dialect.name}.{kind}", value=item, wire=Wire(origin=asked.origin))]
            )
        case str():
            return [Text(text=item)]
        case _:
            return []


def citations_of(annotations: Any, origin: str) -> tuple[Citation, ...]:
    """Return the passages that an answer names as its sources."""
    if not isinstance(annotations, list):
        return ()
    found: list[Citation] = []
    for note in annotations:
        cited = note.get("url_citation") if isinstance(note, dict) else None
        if isinstance(cited, dict):
            found.append(
                Citation(
                    title=cited.get("title"),
                    url=cited.get("url"),
                    quote=cited.get("content"),
                    start=cited.get("start_index"),
                    end=cited.get("end_index"),
                    wire=Wire(origin=origin, opaque=note),
                )
            )
    return tuple(found)


def call_part(call: dict[str, Any], asked: Asked) -> Part:
    """Return a call as a part; that of the output tool is the answer itself."""
    kind, custom = call.get("type"), call.get("custom")
    fields = further_fields(call, asked.dialect)
    opaque: dict[str, JsonValue] = {"fields": fields} if fields else {}
    if kind in {"custom", "legacy"}:
        opaque["type"] = kind
    if kind == "custom" and isinstance(custom, dict):
        name, args_json = str(custom.get("name") or ""), custom_args(custom)
    else:
        function = call.get("function") or {}
        name, args_json = str(function.get("name") or ""), arguments_of(function.get("arguments"))
    if name == asked.outgoing.output_tool:
        return Text(text=args_json)
    wire_id = call.get("id") or None
    wire = Wire(origin=asked.origin, id=None if wire_id is None else str(wire_id), opaque=opaque or None)
    return ToolCall(call_id=new_id("call"), name=name, args_json=args_json, wire=wire)


def further_fields(call: dict[str, Any], dialect: Dialect) -> dict[str, JsonValue]:
    """Return what a call says beside its name and arguments, as far as it goes back."""
    known = _CALL_FIELDS if dialect.call_index else _CALL_FIELDS | {"index"}
    return {name: value for name, value in call.items() if name not in known and value is not None}


def arguments_of(told: Any) -> str:
    """Return arguments as text; nothing is an empty object."""
    if isinstance(told, str):
        return told if told.strip() else "{}"
    return "{}" if told is None else json.dumps(told, ensure_ascii=False)


def executed_parts(tool: dict[str, Any], origin: str, call_id: str | None = None) -> list[Part]:
    """Return a tool that the provider ran: the call, and the result where it is there.

    call_id: that of the call, where only the result is wanted.
    """
    parts: list[Part] = []
    known = {"type", "arguments", "output"}
    about = {name: value for name, value in tool.items() if name not in known and value is not None}
    wire = Wire(origin=origin, opaque=about or None)
    named = call_id or new_id("call")
    if call_id is None:
        parts.append(ToolCall(call_id=named, name=str(tool.get("type") or "tool"), executed_by="provider",
                              args_json=arguments_of(tool.get("arguments")), wire=wire))  # fmt: skip
    if (output := tool.get("output")) is not None:
        text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
        parts.append(ToolResult(call_id=named, content=(Text(text=text),), executed_by="provider", wire=wire))
    return parts


def audio_parts(audio: dict[str, Any], asked: Asked) -> list[Part]:
    """Return spoken words as text and as sound; the provider takes them back by their id."""
    transcript, content = audio.get("transcript"), audio_bytes(audio.get("data"))
    wire = Wire(origin=asked.origin, opaque={"transcript": True})
    parts: list[Part] = [Text(text=transcript, wire=wire)] if isinstance(transcript, str) and transcript else []
    if content is not None:
        opaque: dict[str, JsonValue] = {"audio": {"expires_at": audio.get("expires_at")}}
        kind = {"mp3": "mpeg", "pcm16": "pcm"}.get(asked.outgoing.audio_format, asked.outgoing.audio_format)
        parts.append(File(media_type=f"audio/{kind}", data=content,
                          wire=Wire(origin=asked.origin, id=audio.get("id"), opaque=opaque)))  # fmt: skip
    return parts


def audio_bytes(data: Any) -> bytes | None:
    """Return the bytes behind base64; None if there are none."""
    try:
        return base64.b64decode(data) if isinstance(data, str) else None
    except (binascii.Error, ValueError):
        return None


def image_part(image: Any, asked: Asked) -> File | None:
    """Return a picture that the model made."""
    if not isinstance(image, dict) or "image_url" not in image:
        return None
    file = file_of({"type": "image_url", "image_url": image["image_url"]}, asked.origin)
    return (
        None if file is None else file.model_copy(update={"wire": Wire(origin=asked.origin, opaque={"images": True})})
    )


def uncut(part: Part, finish: str | None) -> Part:
    """Return the part, or as data what a limit cut out of the middle of a call, so that nothing can run it."""
    if not isinstance(part, ToolCall) or (finish not in _LENGTH and finish not in _FILTERED):
        return part
    try:
        json.loads(part.args_json)
    except ValueError:
        return Foreign(kind="copilot_kit.partial_tool_call", value={"name": part.name, "args_json": part.args_json})
    return part


def stop_of(facts: Facts, parts: tuple[Part, ...]) -> Stop:
    """Return why the answer ended. Whether it is for a tool is read from the parts: providers say stop there too."""
    finish, detail = facts.finish, facts.choice.get("content_filter_results")
    if finish in _LENGTH:
        return Stop(kind="length", raw=finish)
    if finish in _FILTERED or any(isinstance(part, Text) and part.refusal for part in parts):
        return Stop(kind="refusal", raw=finish, detail=detail)
    if any(isinstance(part, ToolCall) and part.executed_by == "client" for part in parts):
        return Stop(kind="tool", raw=finish)
    return Stop(kind="end", raw=finish)


def response_of(asked: Asked, facts: Facts, parts: tuple[Part, ...], *, stop: Stop | None = None) -> Response:
    """Return the response; `stop` is given for one that broke off."""
    extra = dict(facts.extra)
    if facts.usage is not None:
        extra["usage"] = facts.usage
    if facts.logprobs is not None:
        extra["logprobs"] = facts.logprobs
    if facts.choice:
        extra["choice"] = facts.choice
    if facts.others:
        extra["choices"] = facts.others
    marks = _marks(asked, facts, extra)
    return Response(
        message=Message(id=new_id("msg"), role="assistant", parts=parts,
                        wire=Wire(origin=asked.origin, opaque=marks) if marks else None),
        model=Served(asked=asked.model, provider=asked.dialect.name, served=facts.served),
        stop=stop or stop_of(facts, parts),
        state="complete" if stop is None else "partial",
        usage=_usage(facts),
        settings_used=asked.outgoing.sent,
        output_mode=asked.outgoing.output_mode,
        dropped=asked.outgoing.dropped,
        response_id=facts.response_id,
        extra=extra,
    )  # fmt: skip


def _usage(facts: Facts) -> Usage:
    told = facts.usage
    if told is None and isinstance(groq := facts.extra.get("x_groq"), dict):
        told = groq.get("usage")  # type: ignore[assignment]
    return usage_of(told) if isinstance(told, dict) else Usage()


def _marks(asked: Asked, facts: Facts, extra: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the message's fields that must go back; the others are put into `extra`."""
    message = dict(facts.message)
    notes = message.pop("annotations", None)
    if isinstance(notes, list):
        rest = [note for note in notes if not (isinstance(note, dict) and "url_citation" in note)]
        if rest or not notes:
            message["annotations"] = rest
    back = {name: value for name, value in message.items() if name in asked.dialect.echo}
    if kept := {name: value for name, value in message.items() if name not in back and value != []}:
        extra["message"] = kept
    return {"fields": back} if back else {}


def bad_answer(asked: Asked, what: str, *, started: bool = False) -> ModelError:
    """Return the error for an answer that is none."""
    return BadAnswer(f"{asked.id} sent {what} in place of a chat completion. Check the base URL, or try again.",
                     model=asked.id, started=started)  # fmt: skip
