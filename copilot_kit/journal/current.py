"""The state of a run as it is now: folded once in a thread, then kept up with what was appended since."""

import threading
from collections import OrderedDict
from weakref import WeakKeyDictionary

from copilot_kit.errors import BrokenRecord
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Store

MOST = 32
"""Runs that are kept; deciding goes on in few runs at a time."""


class _Kept(threading.local):
    def __init__(self) -> None:
        self.of: WeakKeyDictionary[Store, OrderedDict[str, RunState]] = WeakKeyDictionary()


_KEPT = _Kept()


async def current(store: Store, run_id: str) -> RunState:
    """Return the state of a run after its last record, to be looked at and not changed.

    It is the same object each time, and moves on at the next call: look, and append after its `seq`, without awaiting
    anything in between. Raises `BrokenRecord` for a run without records.
    """
    runs = _KEPT.of.setdefault(store, OrderedDict())
    known = runs.get(run_id)
    if known is None or known.erased is not None:
        runs.pop(run_id, None)
        state = RunState.of(await store.read(run_id))
        known = runs.setdefault(run_id, state)
    for entry in await store.read(run_id, after=known.seq):
        if entry.head.seq == known.seq + 1:  # another task of this thread may have taken it in meanwhile
            try:
                known.apply(entry)
            except BrokenRecord:
                runs.pop(run_id, None)  # half taken in, it would be passed over the next time
                raise
    runs[run_id] = known  # which others may have let go of meanwhile
    runs.move_to_end(run_id)
    while len(runs) > MOST:
        runs.popitem(last=False)
    return known
