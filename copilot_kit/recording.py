"""Keeps what was asked of a model and what it answered, one JSON line an exchange, to read or to play again.

A recording is what the application sees (`Request`, `Response`, error), not what a provider's wire carried; so it
replays under any adapter. Keys and tokens never reach the file.
"""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import JsonValue, TypeAdapter, ValidationError

import copilot_kit.errors as errors_module
from copilot_kit.assembly import Assembly
from copilot_kit.errors import BrokenRecord, ModelError
from copilot_kit.events import Ended, Event, Failed, PartDelta, Started, closing
from copilot_kit.messages import Part, Reasoning, Record, Text, ToolCall
from copilot_kit.model import Model
from copilot_kit.profile import Profile
from copilot_kit.redaction import without_secrets
from copilot_kit.request import Request
from copilot_kit.response import Response


class ErrorRecord(Record):
    """A `ModelError` as data: its class and the fields that a caller acts on."""

    kind: str
    message: str
    fields: dict[str, JsonValue] = {}

    @classmethod
    def of(cls, error: ModelError) -> "ErrorRecord":
        """Return the record of this error; its partial answer is kept apart."""
        fields = {name: value for name, value in vars(error).items() if name != "partial" and value is not None}
        return cls(kind=type(error).__name__, message=str(error), fields=fields)

    def error(self) -> ModelError:
        """Return the error again; one of a later version comes back as plain `ModelError`."""
        known = getattr(errors_module, self.kind, ModelError)
        kind = known if isinstance(known, type) and issubclass(known, ModelError) else ModelError
        error = kind.__new__(kind, self.message)
        ModelError.__init__(error, self.message)
        for name, value in self.fields.items():
            setattr(error, name, value)
        return error


class Exchange(Record):
    """One request and what became of it: `response` (whole, or partial together with `error`)."""

    format: Literal["copilot-kit-exchange/1"] = "copilot-kit-exchange/1"
    model: str
    at: datetime
    request: Request
    response: Response | None = None
    error: ErrorRecord | None = None

    def events(self, *, chunk_chars: int = 0) -> Iterator[Event]:
        """Yield the events again, words cut into pieces of `chunk_chars` (0: whole)."""
        if self.error is None:
            if self.response is not None:
                yield from events_of(self.response, chunk_chars=chunk_chars)
            return
        if self.response is not None:
            *told, _ = events_of(self.response, chunk_chars=chunk_chars)
            yield from told
        yield Failed(self.error.error(), self.response)


def events_of(response: Response, *, chunk_chars: int = 0) -> Iterator[Event]:
    """Yield the events that tell of this response, words cut into pieces of `chunk_chars` (0: whole)."""
    yield Started(response.model, response.response_id)
    parts = Assembly()
    for part in response.message.parts:
        start = parts.open(emptied(part))
        yield start
        yield from deltas_of(parts, start.index, part, chunk_chars=chunk_chars)
        yield parts.close(start.index, part)
    yield Ended(response)


def emptied(part: Part) -> Part:
    """Return the part as it is when it begins: without the words or arguments that will come."""
    match part:
        case Text() | Reasoning(text=str()):
            return part.model_copy(update={"text": ""})
        case ToolCall():
            return part.model_copy(update={"args_json": ""})
        case _:
            return part


def deltas_of(parts: Assembly, index: int, part: Part, *, chunk_chars: int = 0) -> Iterator[PartDelta]:
    """Yield the pieces that make the open part `index` into `part`."""
    match part:
        case Text(text=str(words)) | Reasoning(text=str(words)):
            yield from (parts.add_text(index, piece) for piece in _pieces(words, chunk_chars))
        case ToolCall():
            yield from (parts.add_args(index, piece) for piece in _pieces(part.args_json, chunk_chars))
        case _:
            return


def _pieces(text: str, size: int) -> list[str]:
    if size <= 0 or not text:
        return [text] if text else []
    return [text[start : start + size] for start in range(0, len(text), size)]


class Recorder:
    """A model that answers as the wrapped one does and appends each exchange to a file."""

    def __init__(self, model: Model, path: Path) -> None:
        self._model = model
        self._path = path

    @property
    def id(self) -> str:
        """The wrapped model's name."""
        return self._model.id

    @property
    def profile(self) -> Profile:
        """The wrapped model's profile."""
        return self._model.profile

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the wrapped model's events; the exchange is on file before the last one is passed on."""
        async with closing(self._model.stream(request)) as events:
            async for event in events:
                match event:
                    case Ended(response):
                        self._keep(request, response, None)
                    case Failed(error, partial):
                        self._keep(request, partial, error)
                    case _:
                        pass
                yield event

    def _keep(self, request: Request, response: Response | None, error: ModelError | None) -> None:
        exchange = Exchange(
            model=self._model.id,
            at=datetime.now(UTC),
            request=request,
            response=response,
            error=None if error is None else ErrorRecord.of(error),
        )
        line = json.dumps(without_secrets(exchange.model_dump(mode="json")), ensure_ascii=False)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


_EXCHANGE = TypeAdapter(Exchange)


def recorded(path: Path) -> list[Exchange]:
    """Return the exchanges of a file in the order they ended; raises `BrokenRecord`, naming the line."""
    exchanges = []
    lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines(): text may hold U+2028
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            exchanges.append(_EXCHANGE.validate_json(line))
        except ValidationError as error:
            raise BrokenRecord(
                f"{path}, line {number}, is no exchange that this version reads ({error.errors()[0]['msg']}). "
                "Remove the line, or record it again."
            ) from error
    return exchanges


def fingerprint(request: Request) -> str:
    """Return a digest of what is asked; ids and times of messages, and how the answer travels, do not count."""
    body = request.model_dump(mode="json", exclude={"delivery": True, "messages": {"__all__": {"id", "at", "meta"}}})
    return sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
