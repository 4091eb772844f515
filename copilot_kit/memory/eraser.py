"""Called when runs are erased from the journal: takes what they brought out of the memories that they worked with."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from copilot_kit.journal.store import Store
from copilot_kit.memory.corrections import forget
from copilot_kit.memory.entries import Author
from copilot_kit.memory.memory import Memory
from copilot_kit.records import RunStarted

_BY: Final = Author(kind="application")
_ROOM: Final = 1 << 40
"""Bytes: nobody knows what limits the application gave its memory, and erasing needs none."""


async def erase_runs(run_ids: Sequence[str], _subject: str | None, store: Store) -> None:
    """Erase what these runs brought into memories: lines of files, earlier versions, what corrections keep of them.

    The folders are found in the runs' own records. One that is not there any more holds nothing to erase. A run whose
    record was erased already names none: its memories were asked before that was done.
    """
    for root in sorted(await _roots(run_ids, store)):
        await asyncio.to_thread(_erase_in, Path(root), run_ids)


async def _roots(run_ids: Sequence[str], store: Store) -> set[str]:
    roots: set[str] = set()
    for run_id in run_ids:
        bodies = [entry.body for entry in await store.read(run_id)]
        roots.update(body.memory for body in bodies if isinstance(body, RunStarted) and body.memory)
    return roots


def _erase_in(root: Path, run_ids: Sequence[str]) -> None:
    if not root.is_dir():
        return
    memory = Memory(root, max_file_bytes=_ROOM, max_files=_ROOM, max_bytes=_ROOM)
    forget(memory, run_ids, by=_BY)
    memory.erase(run_ids)
