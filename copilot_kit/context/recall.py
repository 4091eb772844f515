"""A tool that finds again what was said in the conversation, however long ago it left the window.

The application holds the whole conversation; the model sees the end of it. `recall` searches all of it by words and
cites messages; with the id of one it gives that message whole. What it quotes is never trusted as such: a few words
cut out of what a user said may say the opposite. The words themselves still stand where they were said.
"""

import sqlite3
import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

from pydantic import Field

from copilot_kit.context.window import is_opening
from copilot_kit.display import clipped
from copilot_kit.memory.query import questions
from copilot_kit.memory.words import humps, levelled
from copilot_kit.messages import File, Foreign, Message, Part, Role, Source, Summary, Text, ToolCall, ToolResult
from copilot_kit.outputs import ToolError
from copilot_kit.tools import Tool, ToolContext, tool

NAME: Final = "recall"
MOST_HITS: Final = 8
MOST_PASSAGE_CHARS: Final = 1_200
PAGE_CHARS: Final = 20_000
_KEPT = 32
"""Conversations whose index is kept at once."""
_SPOKEN: dict[Role, str] = {"user": "the user", "assistant": "you", "system": "instructions", "tool": "a tool"}
_KINDS: dict[Role, Source] = {
    "user": Source(kind="user", trusted=True),
    "system": Source(kind="application", trusted=True),
    "tool": Source(kind="tool"),
    "assistant": Source(kind="model"),
}
_OWN = (f"result of {NAME}", f"your call of {NAME}")
"""What was recalled before is not found again: it stands where it was said."""
_SCHEMA = """
CREATE VIRTUAL TABLE found USING fts5(name, headings, lines, humps, content='', tokenize='ascii');
INSERT INTO found(found, rank) VALUES('rank', 'bm25(2.0, 1.0, 1.0, 0.5)');
"""


@dataclass(frozen=True, slots=True)
class Said:
    """Words of a message, from one place."""

    message_id: str
    who: str
    """As a model reads it: `the user`, `you`, `result of fetch_page`."""
    text: str
    source: Source
    """Of the whole part that it stands in."""
    start: int = 0
    """The character of the message that it begins with."""

    def quoted(self) -> Text:
        """Return it as a part of a result, with who said it where."""
        source = Source(kind="derived", ref=self.message_id, of=(self.source,))
        place = f", from character {self.start}" if self.start else ""
        return Text(text=f"[{self.message_id}, {self.who}{place}]\n{self.text}\n\n", source=source)


def recall_tool() -> Tool[..., list[Text]]:
    """Return a tool by which a model searches the whole conversation that it is in, and reads any message of it."""
    known = _Known()

    def recall(
        context: ToolContext,
        query: Annotated[str, "words to look for; passages with the rarest of them come first"] = "",
        message: Annotated[str, "id of a message to read whole, as results cite it"] = "",
        start: Annotated[int, Field(ge=0, description="with message: the character to go on from")] = 0,
    ) -> list[Text]:
        if message:
            return _page(context.messages, message, start)
        if not query.strip():
            raise ToolError("Nothing was asked. Give query, words to look for, or message, the id of a message.")
        hits = known.transcript(context).search(query)
        if not hits:
            return [Text(text=f"Nothing in this conversation has any of these words: {clipped(query, 100)!r}.")]
        return [hit.quoted() for hit in hits]

    return tool(
        effect="read",
        name=NAME,
        description="Search everything that was said in this conversation and what its tools returned, also what is "
        "no longer before you; results begin with the id of their message. With message=ID: that message whole.",
    )(recall)


class Transcript:
    """The words of one conversation, indexed as it grows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: str = ""
        self._begin()

    def __del__(self) -> None:
        self._database.close()

    def follow(self, messages: Sequence[Message]) -> None:
        """Take in the messages that are new; another conversation than before begins from nothing."""
        with self._lock:
            if len(messages) < self._count or (self._count and messages[self._count - 1].id != self._newest):
                self._database.close()
                self._begin()
            for message in messages[self._count :]:
                self._take(message)
                self._count += 1
                self._newest = message.id

    def search(self, query: str, *, limit: int = MOST_HITS) -> list[Said]:
        """Return the passages that answer plain words best, the best first; among equals the latest."""
        found: dict[int, None] = {}
        with self._lock:
            for question in questions(query, {}):
                rows = self._database.execute(
                    "SELECT rowid FROM found WHERE found MATCH ? ORDER BY rank, rowid DESC LIMIT ?",
                    (question.match, limit),
                )
                found |= dict.fromkeys(row[0] for row in rows)
                if len(found) >= limit:
                    break
            return [self._said[place - 1] for place in list(found)[:limit]]

    def _begin(self) -> None:
        self._said: list[Said] = []
        self._count = 0
        self._newest = ""
        self._tools: dict[str, str] = {}
        self._database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._database.executescript(_SCHEMA)

    def _take(self, message: Message) -> None:
        for part in message.parts:
            if isinstance(part, ToolCall):
                self._tools[part.call_id] = part.name
        if message.role == "system" or is_opening(message):  # always before the model
            return
        for said in _said(message, self._tools):
            if said.who in _OWN:
                continue
            for start, text in _pieces(said.text):
                self._said.append(replace(said, text=text, start=said.start + start))
                row = (len(self._said), levelled(said.who), "", levelled(text), humps(text))
                self._database.execute(
                    "INSERT INTO found(rowid, name, headings, lines, humps) VALUES(?, ?, ?, ?, ?)", row
                )


class _Known:
    """The transcripts of conversations that are going on; one that nobody holds any more is let go."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._transcripts: dict[tuple[str, tuple[str, ...], int], Transcript] = {}

    def transcript(self, context: ToolContext) -> Transcript:
        """Return the transcript of this conversation, up to now."""
        messages = context.messages
        if not messages:
            return Transcript()
        key = (context.run_id, context.path, id(messages[0]))
        with self._lock:
            transcript = self._transcripts.pop(key, None)
            if transcript is None:
                transcript = Transcript()
                weakref.finalize(messages[0], self._transcripts.pop, key, None).atexit = False
            self._transcripts[key] = transcript
            while len(self._transcripts) > _KEPT:
                del self._transcripts[next(iter(self._transcripts))]
        transcript.follow(messages)
        return transcript


def _said(message: Message, tools: dict[str, str]) -> Iterator[Said]:
    """Yield what a message says, part by part; thoughts are left out."""
    start = 0
    for who, text, source in _parts(message, tools):
        yield Said(message.id, who, text, source, start)
        start += len(text)


def _parts(message: Message, tools: dict[str, str]) -> Iterator[tuple[str, str, Source]]:
    spoken, kind = _SPOKEN[message.role], _KINDS[message.role]
    for part in message.parts:
        match part:
            case Text(text=text, source=source):
                yield spoken, text, source or kind
            case Summary(text=str(text), source=source):
                yield "a summary", text, source or Source(kind="summary")
            case ToolCall():
                yield f"your call of {part.name}", part.args_json, _KINDS["assistant"]
            case ToolResult():
                name = tools.get(part.call_id, "a tool")
                of_tool = part.source or Source(kind="tool", ref=name)
                for one in part.content:
                    yield f"result of {name}", _words(one), getattr(one, "source", None) or of_tool
            case File() | Foreign():
                yield spoken, _words(part), part.source or kind
            case _:
                pass


def _words(part: Part) -> str:
    match part:
        case Text(text=text):
            return text
        case File(name=name, media_type=media_type):
            return f"(a file: {clipped(name or 'without a name', 100)}, {media_type})"
        case _:
            return "(something that is no text)"


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Yield where each piece of a text begins, and the piece: cut at the end of a line or between words."""
    start = 0
    while start < len(text):
        end = start + MOST_PASSAGE_CHARS
        if end < len(text):
            least = start + MOST_PASSAGE_CHARS // 2
            end = text.rfind("\n", least, end) + 1 or text.rfind(" ", least, end) + 1 or end
        yield start, text[start:end]
        start = end


def _page(messages: Sequence[Message], message_id: str, start: int) -> list[Text]:
    """Return a message whole, or a page of it, each part with its own source."""
    tools = {part.call_id: part.name for one in messages for part in one.parts if isinstance(part, ToolCall)}
    wanted = next((one for one in messages if one.id == message_id), None)
    if wanted is None:
        raise ToolError(
            f"There is no message {clipped(message_id, 60)!r} in this conversation. Ids stand at the head of what "
            f"{NAME} finds: ask with query first."
        )
    said = list(_said(wanted, tools))
    length = sum(len(one.text) for one in said)
    if start and start >= length:
        raise ToolError(
            f"The message has {length} characters, so there is nothing from {start} on. Give a lower start."
        )
    texts = [piece.quoted() for piece in (_between(one, start, start + PAGE_CHARS) for one in said) if piece.text]
    if start + PAGE_CHARS < length:
        texts.append(Text(text=f"[{length} characters in all; go on with start={start + PAGE_CHARS}]"))
    return texts or [Text(text="The message says nothing in words.")]


def _between(said: Said, first: int, end: int) -> Said:
    """Return what of it stands between two characters of its message."""
    skipped = max(0, first - said.start)
    return replace(said, text=said.text[skipped : max(0, end - said.start)], start=said.start + skipped)
