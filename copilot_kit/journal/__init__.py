"""Append-only records of runs: what happened, in order, chained by hash; the state of a run is their fold."""

from copilot_kit.journal.index import Journal
from copilot_kit.journal.memory import MemoryStore
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Draft, Entry, Head, RunRow, Store

__all__ = ["Draft", "Entry", "Head", "Journal", "MemoryStore", "RunRow", "RunState", "Store"]
