"""Which untrusted texts of a conversation a note repeats: by its lines, and by values that no model makes up.

A note rarely holds one text alone. Such values are addresses, links, numbers of accounts. What a model puts in its own
words is not found; that a note was written by a model is known all the same.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from copilot_kit.messages import Message, Role, Source, Summary, Text, ToolResult

_FEWEST_CHARS: Final = 16
_FEWEST_WORDS: Final = 3
_MOST_LINES: Final = 200
_MARKS: Final = re.compile(r"^[\s>*#+\-\d.)\[\]|]+")
_VALUE: Final = re.compile(r"[^\s<>\"'`(),;|]*(?:@|://|\d[^\s<>\"'`(),;|]*\d|\w\.\w)[^\s<>\"'`(),;|]*")
_LEAST_VALUE: Final = 6
_SPACES: Final = re.compile(r"\s+")
_UNSAID: Final[dict[Role, Source]] = {
    "user": Source(kind="user", trusted=True),
    "system": Source(kind="application", trusted=True),
}


def repeated(text: str, messages: Sequence[Message]) -> tuple[Source, ...]:
    """Return where the lines came from that the text shares with what nobody vouches for; calls do not count."""
    lines = _telling(text)
    if not lines:
        return ()
    found: dict[Source, None] = {}
    for source, said in _untrusted(messages):
        if source not in found and _holds_one(said, lines):
            found[source] = None
    return tuple(found)


def _holds_one(said: str, lines: dict[str, str]) -> bool:
    folded = said.casefold()
    likely = [line for line, word in lines.items() if word in folded]
    plain = _plain(said) if likely else ""
    return any(line in plain for line in likely)


def _telling(text: str) -> dict[str, str]:
    """Return the lines and values that are not shared by chance, each with its longest word."""
    lines = {_plain(_MARKS.sub("", line)) for line in text.split("\n")}
    long = [line for line in lines if len(line) >= _FEWEST_CHARS and line.count(" ") >= _FEWEST_WORDS - 1]
    values = {value for found in _VALUE.findall(text.casefold()) if len(value := found.strip(".:!?")) >= _LEAST_VALUE}
    telling = [*sorted(long, key=len, reverse=True)[:_MOST_LINES], *sorted(values)[:_MOST_LINES]]
    return {one: max(one.split(" "), key=len) for one in telling}


def _plain(text: str) -> str:
    return _SPACES.sub(" ", text).strip().casefold()


def _untrusted(messages: Iterable[Message]) -> Iterator[tuple[Source, str]]:
    for message in messages:
        for part in message.parts:
            match part:
                case ToolResult(content=content, source=source):
                    named = source or Source(kind="tool")
                    said = [(one.source or named, one.text) for one in content if isinstance(one, Text)]
                case Text(text=text, source=source) | Summary(text=str(text), source=source):
                    said = [(source or _UNSAID.get(message.role, Source(kind="model")), text)]
                case _:
                    said = []
            yield from ((source, text) for source, text in said if not source.trusted and source.kind != "model")
