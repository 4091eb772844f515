"""What can be wrong with a use of a memory: its words name the path as it was given, never a place of this machine.

MemoryProblem
├── fix the path:     Outside, BadName, NotFound, AlreadyThere, NotAFile
├── fix the content:  TooBig, NotText
├── look again:       Changed (somebody else wrote), NotUndoable (something came after)
└── ask a person:     Unusable (the disk, rights, a folder that was replaced, another process that does not end)
"""

from copilot_kit.display import clipped
from copilot_kit.errors import CopilotError

_SHOWN_COLUMNS = 120


class MemoryProblem(CopilotError):
    """A memory could not do what was asked; the text can be given to a model as it is."""


class Outside(MemoryProblem):
    """The path leads out of the memory, or was written so that it might."""


class BadName(MemoryProblem):
    """A name that no file of a memory may have."""


class NotFound(MemoryProblem):
    """There is nothing at this path."""


class AlreadyThere(MemoryProblem):
    """There is something at this path, or under a name that cannot be told from it."""


class NotAFile(MemoryProblem):
    """A folder where a file is needed or the other way round, or something that is neither."""


class TooBig(MemoryProblem):
    """A limit of the memory: bytes of one file, number of files, bytes of all."""


class NotText(MemoryProblem):
    """What is there, or what should be written, is no UTF-8 text."""


class Changed(MemoryProblem):
    """The file is not as it was when the caller looked at it."""


class NotUndoable(MemoryProblem):
    """A change cannot be taken back; the text says what came after it, or what is missing."""


class Unusable(MemoryProblem):
    """The memory cannot be used now: no rights, a full disk, a folder that was replaced, a lock that is not let go."""


def quoted(given: str) -> str:
    """Return a path as it was given, on one line, so that nothing in it is hidden."""
    return f"'{clipped(given, _SHOWN_COLUMNS)}'"
