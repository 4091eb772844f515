"""The stream of slots: which model each has, where a journal says so and not a file, for all processes alike."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from copilot_kit.errors import Conflict
from copilot_kit.journal.opening import default_store
from copilot_kit.journal.store import Draft, Entry, Store
from copilot_kit.records import SlotMoved

STREAM: Final = "@frontier"


class SlotMoves:
    """The last word on each slot, as far as it was read; reading goes on where it ended, of another journal anew."""

    def __init__(self) -> None:
        self.seq = -1
        self._last: dict[str, SlotMoved] = {}
        self._store: Store | None = None

    async def catch_up(self, store: Store) -> list[Entry]:
        """Take in what was appended since, and return it."""
        if self._store is not store:
            self.seq, self._last, self._store = -1, {}, store
        entries = [one for one in await store.read(STREAM, after=self.seq) if one.head.seq > self.seq]
        self._take(entries)
        return entries

    async def append(self, store: Store, move: SlotMoved) -> bool:
        """Append the move if nobody else moved a slot since this one read; tells whether it was."""
        try:
            self._take(await store.append(STREAM, [Draft(move)], after=self.seq))
        except Conflict:
            return False
        return True

    def of(self, slot: str) -> SlotMoved | None:
        """Return the last word on a slot; None: the file counts."""
        return self._last.get(slot)

    def _take(self, entries: list[Entry]) -> None:
        for entry in entries:
            self.seq = entry.head.seq
            if isinstance(entry.body, SlotMoved):
                self._last[entry.body.slot] = entry.body


def move_in(url: str, slot: str) -> SlotMoved | None:
    """Return the last word of the journal at this URL on a slot, for callers that cannot await."""

    async def read() -> SlotMoved | None:
        moves = SlotMoves()
        await moves.catch_up(default_store(url))
        return moves.of(slot)

    with ThreadPoolExecutor(1) as alone:  # the caller's thread may have a loop that runs
        return alone.submit(lambda: asyncio.run(read())).result()
