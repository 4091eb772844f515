"""Recorded traffic on disk: folders of the form `wire-exchange/1`, an index.json and a file for each exchange."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from copilot_kit.errors import CopilotError, UsageError


class BrokenCorpus(CopilotError):
    """A file of the corpus is not of the format that it names."""

    exit_code: ClassVar[int] = 3


class _Recorded(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RecordedRequest(_Recorded):
    """What a client sent."""

    method: str
    path: str
    """The provider's own path without host."""
    query: Any = None
    headers: dict[str, str] = {}
    body: Any = Field(default=None, alias="json")


class RecordedResponse(_Recorded):
    """What the provider sent back: `json`, `text` or `base64` in one piece, or the chunks of a stream."""

    status: int
    headers: dict[str, str] = {}
    body: Any = Field(default=None, alias="json")
    text: str | None = None
    base64: str | None = None
    chunks: tuple[str, ...] | None = None
    chunks_base64: tuple[str, ...] | None = None
    close: Literal["abrupt"] | None = None

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """The body as it travels, a piece for each recorded chunk."""
        if self.chunks is not None:
            return tuple(chunk.encode() for chunk in self.chunks)
        if self.chunks_base64 is not None:
            return tuple(base64.b64decode(chunk, validate=True) for chunk in self.chunks_base64)
        if self.text is not None:
            return (self.text.encode(),)
        if self.base64 is not None:
            return (base64.b64decode(self.base64, validate=True),)
        return (json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode(),)

    @property
    def content_type(self) -> str:
        """The media type of the body, empty where none was recorded."""
        return next((value for name, value in self.headers.items() if name.lower() == "content-type"), "")


class Interaction(_Recorded):
    """One request and its response."""

    request: RecordedRequest
    response: RecordedResponse


class Recording(_Recorded):
    """A sequence of requests with their responses: one conversation, or one case."""

    format: Literal["wire-exchange/1"]
    id: str
    provider: str
    api: str
    providers: tuple[str, ...] = ()
    fidelity: str = "recorded"
    interactions: tuple[Interaction, ...] = Field(min_length=1)

    def speaker(self, step: int) -> tuple[str, str]:
        """Return the provider and the API of a step; they differ from step to step where a conversation moves."""
        api = _api(self.interactions[step].request, self.api)
        if self.provider != "several":
            return self.provider, api
        native = _NATIVE.get(api, ())
        able = [name for name in self.providers if name in native or (api == "chat" and name not in _NO_CHAT)]
        path = self.interactions[step].request.path
        hinted = [name for name in able if any(path.startswith(hint) for hint in _PATHS.get(name, ()))]
        unhinted = [name for name in able if name not in _PATHS]
        return next(iter([*hinted, *unhinted, *able, "several"])), api


_ENDPOINTS = (
    (re.compile(r"/chat/completions$"), "chat"),
    (re.compile(r"/responses$"), "responses"),
    (re.compile(r"/messages$"), "messages"),
    (re.compile(r":(streamG|g)enerateContent$"), "generate"),
    (re.compile(r"/converse(-stream)?$"), "converse"),
    (re.compile(r"/invoke(-with-response-stream)?$"), "invoke"),
    (re.compile(r"/v2/chat$"), "chat-v2"),
    (re.compile(r"/api/chat$"), "ollama-chat"),
)
_NATIVE = {
    "messages": ("anthropic",),
    "generate": ("google", "google-vertex"),
    "responses": ("openai", "azure", "xai"),
    "converse": ("bedrock",),
    "invoke": ("bedrock",),
    "chat-v2": ("cohere",),
    "ollama-chat": ("ollama",),
}
_NO_CHAT = ("anthropic", "google", "google-vertex", "bedrock", "cohere")
_PATHS = {
    "azure": ("/openai/deployments/", "/openai/v1/responses", "/models/"),
    "groq": ("/openai/v1/chat/",),
    "openrouter": ("/api/v1/",),
    "deepseek": ("/chat/",),
}
"""How the paths of some providers begin, where one API is spoken by several of a conversation."""
_MODEL_APIS = {api for _, api in _ENDPOINTS}


def _api(request: RecordedRequest, declared: str) -> str:
    """Return the API that a step calls: by its path, since one exchange may call several."""
    found = next((api for pattern, api in _ENDPOINTS if pattern.search(request.path)), None)
    if found is not None and request.method == "POST":
        return found
    if declared in _MODEL_APIS:
        return f"{declared}: {request.method} {request.path}"  # not a model's answer: fetch, compact, cancel, …
    return declared


def recordings(directory: Path) -> Iterator[Recording]:
    """Yield the exchanges of a folder, in the order of its index; raises `BrokenCorpus` where a file is broken."""
    if not directory.is_dir():
        raise UsageError(
            f"There is no folder {str(directory)!r}. Give the folder that holds index.json and exchanges/."
        )
    for file in _files(directory):
        yield _recording(file)


def _files(directory: Path) -> list[Path]:
    index = directory / "index.json"
    if not index.is_file():
        files = sorted((directory / "exchanges").glob("*.json"))
        if not files:
            raise UsageError(f"{str(directory)!r} holds no recordings. It needs index.json, or exchanges/*.json.")
        return files
    rows = _json(index)
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
        raise BrokenCorpus(f"{index} is no list of rows with an 'id' each. Restore it, or remove it to use all files.")
    return [directory / str(row.get("file") or f"exchanges/{row['id']}.json") for row in rows]


_REPAIR = "Restore the file, or take its row out of index.json."


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise BrokenCorpus(
            f"{file} cannot be read ({error.strerror}). Restore it, or take its row out of index.json."
        ) from error
    except ValueError as error:
        raise BrokenCorpus(f"{file} is no JSON ({error}). Restore it, or take its row out of index.json.") from error


def _recording(file: Path) -> Recording:
    try:
        recording = Recording.model_validate(_json(file))
        for interaction in recording.interactions:
            _ = interaction.response.pieces
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        what = f"{place or 'the file'}: {first['msg']}"
        raise BrokenCorpus(f"{file} is no wire-exchange/1 ({what}). {_REPAIR}") from error
    except binascii.Error as error:
        raise BrokenCorpus(f"{file} holds a body that is no base64 ({error}). {_REPAIR}") from error
    return recording
