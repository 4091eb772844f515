"""Files opened part by part below a folder: no link leads out of it, also if one is swapped in meanwhile."""

import os
from collections.abc import Sequence

FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
FILE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NOCTTY", 0)
"""For reading; does not wait for the other end of a pipe."""


def folder_below(at: int, parts: Sequence[str]) -> int:
    """Return a descriptor of the folder that these names lead to, from the folder that `at` describes; close it.

    Raises `OSError` if one of them is a link or no folder. Names must be single parts, and not `..`.
    """
    found = os.dup(at)
    for part in parts:
        try:
            below = os.open(part, FOLDER, dir_fd=found)
        finally:
            os.close(found)
        found = below
    return found


def file_below(at: int, parts: Sequence[str]) -> int:
    """Return a descriptor, for reading, of what the last of these names stands for; it may be no regular file."""
    *folders, name = parts
    folder = folder_below(at, folders)
    try:
        return os.open(name, FILE, dir_fd=folder)
    finally:
        os.close(folder)


def names_in(folder: int) -> list[str]:
    """Return the names in a folder, in no order."""
    return os.listdir(folder)
