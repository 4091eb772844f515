"""One message of ours as items of the Responses API, ready to be joined into a request."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from copilot_kit.messages import (
    File,
    Foreign,
    Message,
    Part,
    Reasoning,
    ResultContent,
    Summary,
    Text,
    ToolCall,
    ToolResult,
    UnknownPart,
)
from copilot_kit.response import Dropped
from copilot_kit.wire import Target, call_id_for, fit, may_replay
from copilot_kit_openai.chat_files import told_of_images
from copilot_kit_openai.responses_items import ANSWERED_BY, Item

_AUDIO = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}


class Encoded(NamedTuple):
    """A message as it is sent: its items with commas between them, and what did not come along."""

    items: bytes
    dropped: tuple[Dropped, ...]
    awaited: tuple[tuple[str, str], ...]
    """Provider's ids and types of the calls in it that are not plain functions: their results have other forms."""


@dataclass(slots=True)
class _Turn:
    """The items of one message while it is encoded."""

    message: Message
    target: Target
    awaited: Mapping[str, str]
    text_results_only: bool
    items: list[Item] = field(default_factory=list)
    parts: list[Part | None] = field(default_factory=list)
    """The part that each item came from first; None for words that remember no item."""
    dropped: list[Dropped] = field(default_factory=list)
    after: list[Item] = field(default_factory=list)
    """Items that must follow all others: what tool results of this provider cannot hold."""

    def add(self, item: Item, part: Part | None) -> None:
        """Append an item."""
        self.items.append(item)
        self.parts.append(part)

    def memory(self, part: Any) -> dict[str, Any] | None:
        """Return what a part remembers of the item it came from, if that may be sent to this target."""
        if part.wire is None or not isinstance(part.wire.opaque, dict) or not may_replay(part.wire, self.target):
            return None
        return dict(part.wire.opaque)

    def drop(self, name: str, reason: str, *, became: str | None = None) -> None:
        """Report a part that is not sent as such."""
        self.dropped.append(Dropped(kind="part", name=name, reason=reason, message_id=self.message.id, became=became))


def encode(
    message: Message,
    target: Target,
    *,
    awaited: Mapping[str, str],
    text_results_only: bool = False,
    images: bool = True,
) -> Encoded:
    """Return the items of a message.

    awaited: of the calls before it that are no plain functions, the provider's id and the type of the item.
    """
    message, unseen = (message, []) if images else told_of_images(message)
    turn = _Turn(message, target, awaited, text_results_only, dropped=unseen)
    for part in message.parts:
        kept, lost = fit(part, target, message_id=message.id)
        if lost is not None:
            turn.dropped.append(lost)
        if kept is not None:
            _add(turn, kept)
    items = _whole_turns(turn) + turn.after
    special = tuple(
        (str(item["call_id"]), str(item["type"]))
        for item in items
        if item.get("type") in ANSWERED_BY and item["type"] != "function_call" and item.get("call_id")
    )
    return Encoded(b",".join([to_json(item) for item in items]), tuple(turn.dropped), special)


def _add(turn: _Turn, part: Part) -> None:
    if turn.message.role in {"user", "system"} and _add_content(turn, part):
        return
    match part:
        case Text():
            _add_words(turn, part)
        case Reasoning() | Foreign() if (memory := turn.memory(part)) is not None or isinstance(part, Foreign):
            _add_kept(turn, part, memory or {})
        case Summary() if (memory := turn.memory(part)) is not None and "item" in memory:
            turn.add(memory["item"], part)
        case ToolCall():
            _add_call(turn, part)
        case ToolResult():
            _add_result(turn, part)
        case File() if (memory := turn.memory(part)) is not None and "shell" in memory and part.data is not None:
            turn.add(memory["shell"] | {"result": base64.b64encode(part.data).decode()}, part)
        case File() if turn.message.role == "tool" and (form := content_of(part, turn)) is not None:
            turn.add({"role": "user", "content": [form]}, None)
        case File():
            turn.drop("file", "the API takes no files in a turn of the assistant")
        case _:
            turn.drop(part.type, f"{turn.target.origin} has no form for it")


def _add_content(turn: _Turn, part: Part) -> bool:
    """Add to the one item of a user's or system message; False for what is an item of its own."""
    form = content_of(part, turn) if isinstance(part, Text | File | Foreign) else None
    if form is None:
        return False
    if turn.parts and turn.parts[-1] is None:
        content = turn.items[-1]["content"]
        if isinstance(content, str):
            turn.items[-1]["content"] = content = [{"type": "input_text", "text": content}]
        content.append(form)
        return True
    shell = (turn.memory(turn.message) or {}).get("shell") or {"role": turn.message.role}
    plain = set(form) == {"type", "text"} and not (turn.memory(turn.message) or {}).get("list")
    turn.add({**shell, "content": form["text"] if plain else [form]}, None)
    return True


def content_of(part: Text | File | Foreign | UnknownPart, turn: _Turn) -> Item | None:
    """Return a part as content of a user's message or of a result; None where it has no such form."""
    memory = {} if isinstance(part, UnknownPart) else (turn.memory(part) or {})
    match part:
        case Text():
            return {**memory.get("part", {}), "type": "input_text", "text": part.text}
        case File():
            return _file(part, memory)
        case Foreign(value=dict()) if memory.get("content"):
            return dict(part.value) if isinstance(part.value, dict) else None
        case _:
            return None


def file_kind(media_type: str, *, has_data: bool) -> str:
    """Return the type of content that holds a file, where the file does not remember one."""
    if media_type.startswith("image/"):
        return "input_image"
    return "input_audio" if has_data and media_type in _AUDIO else "input_file"


def _file(part: File, memory: Mapping[str, Any]) -> Item:
    form: Item = dict(memory.get("part", {}))
    kind = form.setdefault("type", file_kind(part.media_type, has_data=part.data is not None))
    if kind == "input_audio" and part.data is not None:
        coding = _AUDIO.get(part.media_type, "wav")
        return form | {"input_audio": {"data": base64.b64encode(part.data).decode(), "format": coding}}
    if part.data is not None:
        form["image_url" if kind == "input_image" else "file_data"] = _data_url(part)
    elif part.url is not None:
        form["image_url" if kind == "input_image" else "file_url"] = part.url
    elif part.wire is not None:
        form["file_id"] = part.wire.id
    if kind == "input_file" and "filename" not in form:
        # Data without a name is refused.
        form["filename"] = part.name or (f"file{_suffix(part.media_type)}" if part.data is not None else None)
    return {name: value for name, value in form.items() if value is not None}


def _data_url(part: File) -> str:
    return f"data:{part.media_type};base64,{base64.b64encode(part.data or b'').decode()}"


def _suffix(media_type: str) -> str:
    import mimetypes

    return mimetypes.guess_extension(media_type) or ""


def _add_words(turn: _Turn, part: Text) -> None:
    """Add words of the assistant: into the item they came from, or as a plain message."""
    memory = turn.memory(part)
    if memory is None:
        if turn.items and turn.parts[-1] is None and turn.items[-1].get("role") == "assistant":
            turn.items[-1]["content"] += part.text  # one answer that was cut into pieces, by citations for example
        elif part.text:
            # llama.cpp's server does not know an item of the assistant without its type.
            turn.add({"type": "message", "role": "assistant", "content": part.text}, None)
        return
    if "part" not in memory:
        turn.add({**memory.get("shell", {}), "content": part.text}, part)
        return
    form = dict(memory["part"])
    form.setdefault("type", "refusal" if part.refusal else "output_text")
    form["refusal" if form["type"] == "refusal" else "text"] = part.text
    if part.citations:
        known = [c.wire.opaque for c in part.citations if c.wire is not None and may_replay(c.wire, turn.target)]
        form["annotations"] = [note for note in known if isinstance(note, dict)]
    _add_to_message(turn, part, form, memory)


def _add_to_message(turn: _Turn, part: Text | Foreign, form: Item, memory: Mapping[str, Any]) -> None:
    before = turn.parts[-1] if turn.parts else None
    same = isinstance(before, Text | Foreign) and _wire_id(before) == _wire_id(part)
    if "shell" not in memory and same and isinstance(turn.items[-1].get("content"), list):
        turn.items[-1]["content"].append(form)
        return
    shell = memory.get("shell", {"type": "message", "role": "assistant"})
    turn.add({**shell, "content": [form]}, part)


def _wire_id(part: Text | Foreign) -> str | None:
    return None if part.wire is None else part.wire.id


def _add_kept(turn: _Turn, part: Reasoning | Foreign, memory: Mapping[str, Any]) -> None:
    if isinstance(part, Reasoning):
        if "item" in memory:
            turn.add(memory["item"], part)
        else:
            turn.drop("reasoning", f"{turn.target.origin} takes back only reasoning that it made itself")
    elif "part" in memory and isinstance(part.value, dict):
        _add_to_message(turn, part, dict(part.value), memory)
    elif isinstance(part.value, dict):
        turn.add(dict(part.value), part)


def _add_call(turn: _Turn, part: ToolCall) -> None:
    memory = turn.memory(part) or {}
    if "item" in memory:
        turn.add(memory["item"], part)
        return
    shell = memory.get("shell", {"type": "function_call"})
    named = {**shell, "call_id": call_id_for(part, turn.target), "name": part.name}
    if shell.get("type") == "custom_tool_call":
        turn.add(named | {"input": _free_text(part.args_json)}, part)
    else:
        turn.add(named | {"arguments": part.args_json}, part)


def _free_text(args_json: str) -> str:
    try:
        value = from_json(args_json)
    except ValueError:
        return args_json
    return value["input"] if isinstance(value, dict) and isinstance(value.get("input"), str) else args_json


def _add_result(turn: _Turn, part: ToolResult) -> None:
    memory = turn.memory(part) or {}
    if "of" in memory:
        if not any(item.get("id") == memory["of"] for item in turn.items):
            turn.drop("tool_result", "the call that it belongs to is gone")
        return
    if "item" in memory:
        turn.add(memory["item"], part)
        return
    call_id = call_id_for(part, turn.target)
    kind = turn.awaited.get(call_id, "function_call")
    if kind not in {"function_call", "custom_tool_call"} and "shell" not in memory:
        turn.add({"type": ANSWERED_BY[kind], **_special_output(turn, part, kind, call_id)}, part)
        return
    shell = memory.get("shell") or {"type": ANSWERED_BY[kind]}
    turn.add(shell | {"call_id": call_id, "output": _output(turn, part, as_list="list" in memory)}, part)


def _output(turn: _Turn, part: ToolResult, *, as_list: bool) -> str | list[Item]:
    words = part.text or ("" if part.outcome == "ok" else f"[{part.outcome}]")
    if all(isinstance(piece, Text) for piece in part.content) and len(part.content) <= 1 and not as_list:
        return words
    forms = [_result_content(turn, piece) for piece in part.content]
    known = [form for form in forms if form is not None]
    media = [form for form in known if form["type"] != "input_text"]
    if media and turn.text_results_only:
        note = {"type": "input_text", "text": f"Files from the result of {call_id_for(part, turn.target)}:"}
        turn.after.append({"role": "user", "content": [note, *media]})
        turn.drop("file", "results hold only text at this provider", became="a user message after the results")
        return words
    return known


def _result_content(turn: _Turn, piece: ResultContent) -> Item | None:
    kept, lost = (piece, None) if isinstance(piece, Text) else fit(piece, turn.target, message_id=turn.message.id)
    if lost is not None:
        turn.dropped.append(lost)
    form = content_of(kept, turn) if isinstance(kept, Text | File | Foreign) else None
    if form is None and lost is None:
        turn.drop(piece.type, f"{turn.target.origin} has no form for it in a result")
    return form


def _special_output(turn: _Turn, part: ToolResult, kind: str, call_id: str) -> Item:
    """Return the fields of a result for one of the API's own tools that run at the application."""
    good = part.outcome == "ok"
    given = [piece.value for piece in part.content if isinstance(piece, Foreign)]
    match kind:
        case "apply_patch_call":
            return {"call_id": call_id, "status": "completed" if good else "failed", "output": part.text}
        case "local_shell_call":
            return {"id": call_id, "output": part.text}
        case "shell_call":
            outcome = {"type": "exit", "exit_code": 0 if good else 1}
            said = {"stdout": part.text if good else "", "stderr": "" if good else part.text, "outcome": outcome}
            return {"call_id": call_id, "output": given[0] if given else [said]}
        case "tool_search_call":
            return {"call_id": call_id, "execution": "client", "tools": given[0] if given else []}
        case _:
            pictures = [content_of(piece, turn) for piece in part.content if isinstance(piece, File)]
            shot = {key: value for key, value in (pictures[-1] or {}).items() if key != "type"} if pictures else {}
            return {"call_id": call_id, "output": {"type": "computer_screenshot", **shot}}


def _whole_turns(turn: _Turn) -> list[Item]:
    """Return the items without reasoning whose follower is gone.

    The API refuses a reasoning item without the item that came after it, and an item that is sent with its id but
    without the reasoning before it. A message made of an answer knows the order (`items` in its `wire`); one that
    was read from a request is sent as it was.
    """
    memory = turn.memory(turn.message) or {}
    if memory.get("as_sent"):
        return turn.items
    order: list[str] = memory.get("items") or []
    places = _places(turn.items, order)
    kept: list[tuple[int | None, Item]] = []
    after: tuple[int | None, Part | None] = (None, None)
    for place, item, part in zip(reversed(places), reversed(turn.items), reversed(turn.parts), strict=True):
        # Where the order is not known, words without an item of their own do not count as a follower.
        follows = after[0] == place + 1 if place is not None else after[1] is not None
        if follows or item.get("type") != "reasoning":
            kept.append((place, item))
            after = (place, part)
        else:
            reason = "the item that followed it is gone"
            turn.dropped.append(Dropped(kind="opaque", name="reasoning", reason=reason, message_id=turn.message.id))
    present = {place for place, _ in kept}
    return [_without_lost_id(item, place, order, present) for place, item in reversed(kept)]


def _places(items: list[Item], order: list[str]) -> list[int | None]:
    """Return the place of each item in the order of its turn; ids may repeat there."""
    places: list[int | None] = []
    begin = 0
    for item in items:
        key = key_of(item)
        place = order.index(key, begin) if key in order[begin:] else None
        begin = begin if place is None else place + 1
        places.append(place)
    return places


def _without_lost_id(item: Item, place: int | None, order: list[str], present: set[int | None]) -> Item:
    if not place or place - 1 in present or not order[place - 1].startswith("reasoning/"):
        return item
    return {name: value for name, value in item.items() if name != "id"}


def key_of(item: Item) -> str:
    """Return what an item is called in the order of its turn."""
    return f"{item.get('type') or 'message'}/{item.get('id') or item.get('call_id') or ''}"
