"""Remembers how a message was encoded for a target, so that a request is a join and not a dump of the history.

Entries are keyed by the identity of the message, which is immutable, and vanish with it.
"""

import weakref
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from copilot_kit.messages import Message

T = TypeVar("T")


class EncodedMessages(Generic[T]):
    """A cache of one adapter: what `encode` made of a message for a key (target profile and the like)."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[tuple[int, Hashable], tuple[weakref.ref[Message], T]] = {}

    def lookup(self, message: Message, key: Hashable, encode: Callable[[Message], T]) -> T:
        """Return what `encode(message)` returned for this very message and key, calling it once."""
        slot = (id(message), key)
        entry = self._entries.get(slot)
        if entry is not None and entry[0]() is message:
            return entry[1]
        value = encode(message)
        entries = self._entries
        self._entries[slot] = (weakref.ref(message, lambda _: entries.pop(slot, None)), value)
        return value

    def __len__(self) -> int:
        """Return the number of entries that are alive."""
        return len(self._entries)
