"""The conversation part of a request: kept from one request to the next, so that only new messages cost anything."""

import hashlib
import weakref
from collections.abc import Callable, Sequence
from operator import is_

from copilot_kit.messages import Message
from copilot_kit.response import Dropped
from copilot_kit_anthropic.encoded import Turn


class Conversation:
    """What goes out of the messages seen so far, and room for more. It keeps none of them alive."""

    __slots__ = (
        "_is_open",
        "_openings",
        "_pieces",
        "_seen",
        "digest",
        "dropped",
        "ends",
        "is_compacted",
        "kinds",
        "marks",
        "turns",
    )

    def __init__(self, digest: bytes) -> None:
        self.digest = digest
        """Of the prefix, system prompt and tools included; empty where nothing is bound to it."""
        self.dropped: list[Dropped] = []
        self.turns: list[Turn] = []
        self.marks = 0
        self.kinds: set[bytes] = set()
        """The marks that the caller set."""
        self.is_compacted = False
        """It holds a summary that the provider made, which is taken back only where its strategy is named."""
        self.ends: list[int] = []
        """The turns of the user whose last block may carry a cache mark."""
        self._seen: list[weakref.ref[Message]] = []
        self._openings: list[bytes] = []
        self._pieces: list[bytes] = []
        self._is_open = False

    def __len__(self) -> int:
        """Return the number of messages seen, those that nothing was sent of included."""
        return len(self._seen)

    def begins(self, messages: Sequence[Message]) -> bool:
        """Tell whether the messages seen are the first of these."""
        seen = [ref() for ref in self._seen]
        return len(seen) <= len(messages) and all(map(is_, seen, messages))

    def add(self, message: Message, turn: Turn) -> None:
        """Append a message as it goes out."""
        self._seen.append(weakref.ref(message))
        self.dropped += turn.dropped
        if not turn.blocks and turn.verbatim is None:
            return
        if turn.verbatim is None and turn.joins and self._is_open and self.turns[-1].role == "user":
            opening, piece = b",", turn.whole
        else:
            between = b"]}," if self._is_open else b"," if self.turns else b""
            opening = between + b'{"role":"' + turn.role.encode() + b'","content":'
            self._is_open = turn.verbatim is None
            opening, piece = (opening + b"[", turn.whole) if turn.verbatim is None else (opening, turn.verbatim + b"}")
        if turn.role == "user" and turn.markable:
            self.ends.append(len(self.turns))
        self.turns.append(turn)
        self.marks += turn.marks
        self.is_compacted = self.is_compacted or turn.is_compacted
        self.kinds.update(block.mark for block in turn.blocks if block.mark is not None)
        self._openings.append(opening)
        self._pieces.append(opening + piece)
        if self.digest:
            self.digest = hashlib.sha256(self.digest + turn.digest).digest()

    def body(self, mark: bytes | None, marked: frozenset[int]) -> bytes:
        """Return the messages in JSON, with this mark at the end of some turns."""
        pieces = self._pieces
        if mark is not None and marked:
            pieces = pieces.copy()
            for index in marked:
                pieces[index] = self._openings[index] + self.turns[index].marked(mark)
        return b"".join(pieces) + (b"]}" if self._is_open else b"")

    def body_without_marks(self) -> bytes:
        """Return the messages in JSON, without the marks that they came with."""
        bare = [turn.verbatim + b"}" if turn.verbatim is not None else turn.bare for turn in self.turns]
        both = [piece for pair in zip(self._openings, bare, strict=True) for piece in pair]
        return b"".join(both) + (b"]}" if self._is_open else b"")


class Conversations:
    """The conversations under way, found again by their first message; each vanishes with it."""

    __slots__ = ("_by_first",)

    def __init__(self) -> None:
        self._by_first: dict[int, tuple[weakref.ref[Message], bytes, Conversation]] = {}

    def of(
        self, messages: Sequence[Message], first_digest: bytes, encode: Callable[[Message, bytes], Turn]
    ) -> Conversation:
        """Return the conversation of these messages, and no others.

        first_digest: of what stands before them. encode: makes the turn of a message, given the digest before it.
        """
        if not messages:
            return Conversation(first_digest)
        key = id(messages[0])
        found = self._by_first.get(key)
        if found is None or found[0]() is not messages[0] or found[1] != first_digest or not found[2].begins(messages):
            entries = self._by_first
            first = weakref.ref(messages[0], lambda _: entries.pop(key, None))
            found = self._by_first[key] = (first, first_digest, Conversation(first_digest))
        conversation = found[2]
        for message in messages[len(conversation) :]:
            conversation.add(message, encode(message, conversation.digest))
        return conversation
