"""The messages of a request as bytes, kept from one request to the next: only new messages cost anything."""

import weakref
from collections.abc import Callable, Sequence

from copilot_kit.messages import Message
from copilot_kit.response import Dropped
from copilot_kit_openai.chat_messages import Encoded


class Conversation:
    """The messages seen so far as they go out. It keeps none of them alive."""

    __slots__ = ("_pieces", "_seen", "_waiting", "dropped")

    def __init__(self) -> None:
        self.dropped: list[Dropped] = []
        self._seen: list[weakref.ref[Message]] = []
        self._pieces: list[bytes] = []
        self._waiting: list[bytes] = []

    def begins(self, messages: Sequence[Message]) -> bool:
        """Tell whether the messages seen are the first of these."""
        if len(self._seen) > len(messages):
            return False
        return all([ref() is message for ref, message in zip(self._seen, messages, strict=False)])  # noqa: C419  faster

    def go_on(self, messages: Sequence[Message], encode: Callable[[Message], Encoded]) -> None:
        """Append those of these messages that were not seen yet."""
        for message in messages[len(self._seen) :]:
            self._seen.append(weakref.ref(message))
            encoded = encode(message)
            if self._waiting and message.role != "tool":
                self._pieces += self._waiting
                self._waiting = []
            if encoded.place:
                self._pieces.append(encoded.place)
            if encoded.after:  # nothing may stand between the results of one turn
                self._waiting.append(encoded.after)
            self.dropped += encoded.dropped

    def body(self, *more: bytes) -> bytes:
        """Return the messages joined, and `more` after them."""
        return b",".join([*self._pieces, *self._waiting, *more])


class Conversations:
    """The conversations under way. Each is found by its second message, and vanishes with it.

    The first message is often the same instructions for all of them.
    """

    __slots__ = ("_by_second",)

    def __init__(self) -> None:
        self._by_second: dict[int, tuple[weakref.ref[Message], Conversation]] = {}

    def of(self, messages: Sequence[Message], encode: Callable[[Message], Encoded]) -> Conversation:
        """Return the conversation that these messages are, and nothing beyond them."""
        conversation = self._found(messages)
        conversation.go_on(messages, encode)
        return conversation

    def _found(self, messages: Sequence[Message]) -> Conversation:
        if len(messages) < 2:  # noqa: PLR2004
            return Conversation()
        second = messages[1]
        key, entries = id(second), self._by_second
        found = entries.get(key)
        if found is not None and found[0]() is second and found[1].begins(messages):
            return found[1]
        conversation = Conversation()
        entries[key] = (weakref.ref(second, lambda _: entries.pop(key, None)), conversation)
        return conversation
