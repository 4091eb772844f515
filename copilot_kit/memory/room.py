"""How much a memory may hold: counted once, then kept up by the history; counted anew before anything is refused."""

from dataclasses import dataclass
from typing import Final

from copilot_kit.memory import objects
from copilot_kit.memory.folder import Folder, Found
from copilot_kit.memory.paths import Place
from copilot_kit.memory.problems import TooBig
from copilot_kit.memory.transaction import Transaction

_OFTEN: Final = 1_000
"""After so many changes all is counted anew: what others put there past the memory is not seen otherwise."""


@dataclass(slots=True)
class _Count:
    files: int
    size: int
    lines: int
    """How many entries of the history are in it."""
    until: int
    """With so many entries it is made anew."""


class Room:
    """What a memory holds, against what it may."""

    def __init__(self, *, max_files: int, max_bytes: int) -> None:
        self._max_files = max_files
        self._max_bytes = max_bytes
        self._count: _Count | None = None

    def check(self, transaction: Transaction, place: Place, size: int, found: Found | None) -> None:
        """Raise `TooBig` if this file, so large, is one too many or too large for all together."""
        growth = size - (len(found.data) if found else 0)
        count = self._kept_up(transaction)
        if count is None or self._fault(count, growth, is_new=found is None):
            self._count = count = _counted(transaction.folder, len(transaction.index.lines))
        if fault := self._fault(count, growth, is_new=found is None):
            raise TooBig(f"{place.shown} cannot be written: {fault}. Delete what is not needed any more.")

    def _kept_up(self, transaction: Transaction) -> _Count | None:
        """Return the count with what the history tells of changes since; None if it does not tell enough."""
        count, lines = self._count, transaction.index.lines
        if count is None or not count.lines <= len(lines) <= count.until:
            return None
        for line in lines[count.lines :]:
            sizes = [objects.size_of(transaction.state, one) if one else 0 for one in (line.before, line.after)]
            if line.outside or sizes[0] is None or sizes[1] is None:
                return None
            count.files += (line.after is not None) - (line.before is not None)
            count.size += sizes[1] - sizes[0]
        count.lines = len(lines)
        return count

    def _fault(self, count: _Count, growth: int, *, is_new: bool) -> str | None:
        if is_new and count.files >= self._max_files:
            return f"the memory has {count.files:,} files, and may have {self._max_files:,}"
        if growth > 0 and count.size + growth > self._max_bytes:
            return f"the memory has {count.size:,} bytes, and may have {self._max_bytes:,}"
        return None


def _counted(folder: Folder, lines: int) -> _Count:
    sizes = [one.size for one in folder.walk(Place("", ())) if not one.is_folder]
    return _Count(len(sizes), sum(sizes), lines, lines + _OFTEN)
