"""Files as content parts of the chat API, and back."""

import base64
import binascii
import mimetypes
import re
from typing import Any

from copilot_kit.messages import File, Message, Part, Text, ToolResult, Wire
from copilot_kit.profile import Profile
from copilot_kit.response import Dropped
from copilot_kit_openai.dialects import Dialect

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+*-]+);base64,")
_AUDIO_FORMATS = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mp4": "m4a"}
_AUDIO_TYPES = {"mp3": "audio/mpeg", "m4a": "audio/mp4"}
_TEXTS = ("text/", "application/json", "application/xml", "application/yaml")


def file_part(file: File, dialect: Dialect, fields: dict[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
    """Return the content part for a file, or None and the reason why there is none.

    fields: what else its origin said of it (`detail`), empty for a file of another origin.
    """
    family = file.media_type.partition("/")[0]
    wanted = "pdf" if family in {"application", "text"} else family
    if file.media_type.startswith(_TEXTS) and file.data is not None and "form" not in fields:
        return {"type": "text", "text": _inlined(file)}, None
    if wanted not in dialect.media and "form" not in fields:
        return None, f"{dialect.name} takes no {wanted} files"
    form = fields.get("form") or {"image": "image_url", "video": "video_url", "audio": "input_audio"}.get(
        family, "file"
    )
    extra = {name: value for name, value in fields.items() if name not in {"form", "inner", "bare"}}
    inner = fields.get("inner") or {}
    match form:
        case "image_url" | "video_url" | "audio_url":
            url = _url(file)
            return {"type": form, form: url if fields.get("bare") else {"url": url, **inner}, **extra}, None
        case "document_url":
            return {"type": form, "document_url": _url(file), **extra}, None
        case "input_audio":
            return _audio_part(file, fields, inner | extra)
        case _:
            return _document_part(file, dialect, inner, extra)


def unsent(file: File, reason: str, message_id: str) -> tuple[dict[str, Any], Dropped]:
    """Return the line of text that stands for a file which has no form there, and the receipt."""
    name = file.name or file.url or file.media_type
    line = f"[file {name} ({file.media_type}): not sent, {reason}]"
    receipt = Dropped(kind="part", name="file", reason=reason, message_id=message_id, became="a line of text")
    return {"type": "text", "text": line}, receipt


def sees(profile: Profile) -> bool:
    """Tell whether a model takes images; where nobody says, it is tried."""
    return profile.media_in is None or any(kind.partition("/")[0] == "image" for kind in profile.media_in)


def told_of_images(message: Message) -> tuple[Message, list[Dropped]]:
    """Return a message for a model that takes no images: a line of text stands for each, with a receipt."""
    dropped: list[Dropped] = []

    def told(part: Part) -> Part:
        match part:
            case File() if part.media_type.startswith("image/"):
                item, receipt = unsent(part, "the model takes no images", message.id)
                dropped.append(receipt)
                return Text(text=item["text"])
            case ToolResult():
                return part.model_copy(update={"content": tuple([told(piece) for piece in part.content])})
            case _:
                return part

    if message.role == "assistant":
        return message, dropped
    parts = tuple([told(part) for part in message.parts])
    return (message.model_copy(update={"parts": parts}) if dropped else message), dropped


def _audio_part(file: File, fields: dict[str, Any], inner: dict[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
    if file.data is None:
        if fields.get("bare"):
            return {"type": "input_audio", "input_audio": file.url}, None
        return None, "audio can only be sent as bytes"
    kind = inner.get("format") or _AUDIO_FORMATS.get(file.media_type) or file.media_type.partition("/")[2]
    data = base64.b64encode(file.data).decode()
    if fields.get("bare"):
        return {"type": "input_audio", "input_audio": data}, None
    return {"type": "input_audio", "input_audio": {"data": data, **inner, "format": kind}}, None


def _document_part(
    file: File, dialect: Dialect, inner: dict[str, Any], extra: dict[str, Any]
) -> tuple[dict[str, Any] | None, str | None]:
    if file.wire is not None and file.wire.id is not None and file.data is None and file.url is None:
        return {"type": "file", "file": {"file_id": file.wire.id, **inner}, **extra}, None
    if file.url is not None and not file.url.startswith("data:") and not dialect.file_urls and not inner:
        return None, f"{dialect.name} takes documents as bytes only"
    body = {"file_data": _url(file), **inner}
    if file.name is not None:
        body["filename"] = file.name
    elif not inner.get("unnamed"):
        body["filename"] = "document" + (mimetypes.guess_extension(file.media_type) or "")
    body.pop("unnamed", None)
    if body.pop("raw", None) and file.data is not None:
        body["file_data"] = base64.b64encode(file.data).decode()
    return {"type": "file", "file": body, **extra}, None


def _url(file: File) -> str:
    if file.data is None:
        return file.url or ""
    return f"data:{file.media_type};base64,{base64.b64encode(file.data).decode()}"


def _inlined(file: File) -> str:
    text = (file.data or b"").decode("utf-8", "replace")
    return f"<file name={file.name or 'unnamed'!r} type={file.media_type!r}>\n{text}\n</file>"


def file_of(part: dict[str, Any], origin: str) -> File | None:
    """Return the file that a content part holds; None if it holds none, or one in a form that is not known."""
    rest = {name: value for name, value in part.items() if name not in {"type", part["type"]}}
    match part:
        case {"type": "image_url" | "video_url" | "audio_url" as form, **shown} if form in shown:
            return _by_url(shown[form], form, origin, rest)
        case {"type": "document_url", "document_url": str(url)}:
            return File(media_type=_guess(url, "application/*"), url=url,
                        wire=Wire(origin=origin, opaque={"form": "document_url", **rest}))  # fmt: skip
        case {"type": "input_audio", "input_audio": {"data": str(data)} as held}:
            return _audio(data, held, origin, rest)
        case {"type": "input_audio", "input_audio": str(data)}:
            return _bare_audio(data, origin)
        case {"type": "file", "file": dict(held)}:
            return _document(held, origin, rest)
        case _:
            return None


def _by_url(held: Any, form: str, origin: str, rest: dict[str, Any]) -> File | None:
    inner: dict[str, Any] = {}
    if isinstance(held, dict):
        inner = {name: value for name, value in held.items() if name != "url"}
        url = held.get("url")
    else:
        url = held
    if not isinstance(url, str):
        return None
    opaque: dict[str, Any] = {"form": form, **rest}
    if inner:
        opaque["inner"] = inner
    if isinstance(held, str):
        opaque["bare"] = True
    wire = Wire(origin=origin, opaque=opaque)
    if found := embedded(url):
        return File(media_type=found[0], data=found[1], wire=wire)
    return File(media_type=_guess(url, f"{form.removesuffix('_url')}/*"), url=url, wire=wire)


def _audio(data: str, held: dict[str, Any], origin: str, rest: dict[str, Any]) -> File | None:
    content = _bytes(data)
    if content is None:
        return None
    inner = {name: value for name, value in held.items() if name != "data"}
    kind = str(inner.get("format", "wav"))
    opaque: dict[str, Any] = {"form": "input_audio", "inner": inner, **rest}
    return File(media_type=_AUDIO_TYPES.get(kind, f"audio/{kind}"), data=content,
                wire=Wire(origin=origin, opaque=opaque))  # fmt: skip


def _bare_audio(held: str, origin: str) -> File:
    wire = Wire(origin=origin, opaque={"form": "input_audio", "bare": True})
    content = None if held.startswith("http") else _bytes(held)
    if content is None:
        return File(media_type=_guess(held, "audio/*"), url=held, wire=wire)
    return File(media_type="audio/mpeg", data=content, wire=wire)


def _document(inner: dict[str, Any], origin: str, rest: dict[str, Any]) -> File | None:
    name, held, file_id = inner.get("filename"), inner.get("file_data"), inner.get("file_id")
    opaque: dict[str, Any] = {"form": "file", **rest}
    more = {key: value for key, value in inner.items() if key not in {"filename", "file_data", "file_id"}}
    if name is None:
        more["unnamed"] = True
    if isinstance(file_id, str):
        more.pop("unnamed", None)
        opaque["inner"] = more | ({"filename": name} if name is not None else {})
        return File(media_type="application/octet-stream", wire=Wire(origin=origin, id=file_id, opaque=opaque))
    if not isinstance(held, str):
        return None
    if found := embedded(held):
        opaque["inner"] = more
        return File(media_type=found[0], data=found[1], name=name, wire=Wire(origin=origin, opaque=opaque))
    if not held.startswith("http") and (content := _bytes(held)) is not None:
        opaque["inner"] = more | {"raw": True}
        return File(media_type=_guess(name or "", "application/octet-stream"), data=content, name=name,
                    wire=Wire(origin=origin, opaque=opaque))  # fmt: skip
    opaque["inner"] = more
    return File(media_type=_guess(name or held, "application/octet-stream"), url=held, name=name,
                wire=Wire(origin=origin, opaque=opaque))  # fmt: skip


def embedded(url: str) -> tuple[str, bytes] | None:
    """Return media type and bytes of a data URL; None if it is none, or not one that would come out the same."""
    head = _DATA_URL.match(url)
    if head is None:
        return None
    content = _bytes(url[head.end() :])
    return None if content is None else (head[1], content)


def _bytes(text: str) -> bytes | None:
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return content if base64.b64encode(content).decode() == text else None


def _guess(name: str, otherwise: str) -> str:
    guessed = mimetypes.guess_type(name.partition("?")[0])[0]
    family = otherwise.partition("/")[0]
    if guessed is None or (otherwise.endswith("/*") and family != "application" and not guessed.startswith(family)):
        return otherwise
    return guessed
