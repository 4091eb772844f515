"""How much a memory may hold: counted once, then kept up; counted anew before anything is refused."""

from dataclasses import dataclass
from typing import Final

from copilot_kit.memory.folder import Folder, Found
from copilot_kit.memory.paths import Place
from copilot_kit.memory.problems import TooBig

_OFTEN: Final = 500
"""After so many writes all is counted anew: what others write past the memory is not seen otherwise."""


@dataclass(slots=True)
class _Count:
    files: int
    size: int
    lines: int
    """Entries of the history, when it was counted: more mean that somebody else wrote."""
    writes: int = 0


class Room:
    """What a memory holds, against what it may."""

    def __init__(self, *, max_files: int, max_bytes: int) -> None:
        self._max_files = max_files
        self._max_bytes = max_bytes
        self._count: _Count | None = None

    def check(self, place: Place, size: int, found: Found | None, *, files: Folder, lines: int) -> None:
        """Raise `TooBig` if this file, so large, is one too many or too large for all together."""
        count = self._count
        fresh = count is None or count.lines != lines or count.writes >= _OFTEN
        if fresh or self._fault(count, size, found):
            self._count = count = _counted(files, lines)
        if fault := self._fault(count, size, found):
            raise TooBig(f"{place.shown} cannot be written: {fault}. Delete what is not needed any more.")

    def take(self, size: int, found: Found | None, *, lines: int) -> None:
        """Count a file that was written."""
        if self._count:
            self._count.files += found is None
            self._count.size += size - (len(found.data) if found else 0)
            self._count.lines = lines
            self._count.writes += 1

    def _fault(self, count: _Count | None, size: int, found: Found | None) -> str | None:
        if count is None:
            return None
        if found is None and count.files >= self._max_files:
            return f"the memory has {count.files:,} files, and may have {self._max_files:,}"
        growth = size - (len(found.data) if found else 0)
        if growth > 0 and count.size + growth > self._max_bytes:
            return f"the memory has {count.size:,} bytes, and may have {self._max_bytes:,}"
        return None


def _counted(files: Folder, lines: int) -> _Count:
    count = _Count(0, 0, lines)
    for one in files.walk(Place("", ())):
        if not one.is_folder:
            count.files += 1
            count.size += one.size
    return count
