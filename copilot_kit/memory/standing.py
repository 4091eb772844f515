"""What stands in a memory's folder: its notes, and what is no part of it, with why."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from copilot_kit.descriptors import FOLDER
from copilot_kit.memory.paths import MOST_PATH_BYTES, PREFIX, is_name, key_of

TEMPORARY: Final = ".copilot-kit-"
"""Begins the names of files that are not yet in their place."""
LEFTOVER: Final = "was left behind by a change that did not end"


@dataclass(frozen=True, slots=True)
class Standing:
    """Something below the root, as a walk comes by."""

    path: str
    is_folder: bool
    size: int
    fault: str | None = None
    """Why it is no part of the memory; None: it is."""


def below(at: int, path: str, *, depth: int, leftovers: bool) -> Iterator[Standing]:
    """Yield what stands in the folder that `at` describes, and below it; path: where that folder is."""
    with os.scandir(at) as found:
        names = sorted(entry.name for entry in found)
    for name in names:
        if name[0] == "." and not (leftovers and name.startswith(TEMPORARY)):
            continue
        where = f"{path}/{name}" if path else name
        try:
            status = os.stat(name, dir_fd=at, follow_symlinks=False)
        except FileNotFoundError:  # it went meanwhile
            continue
        fault = _fault(where, name, status)
        if not stat.S_ISDIR(status.st_mode) or fault:
            yield Standing(where, stat.S_ISDIR(status.st_mode), status.st_size, fault)
            continue
        yield Standing(where, is_folder=True, size=0)
        if depth > 1:
            try:
                folder = os.open(name, FOLDER, dir_fd=at)
            except OSError:  # it went meanwhile, or may not be read
                continue
            try:
                yield from below(folder, where, depth=depth - 1, leftovers=leftovers)
            finally:
                os.close(folder)


def _fault(path: str, name: str, status: os.stat_result) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return "is a link"
    if not stat.S_ISDIR(status.st_mode) and not stat.S_ISREG(status.st_mode):
        return "is neither a file nor a folder"
    if name.startswith(TEMPORARY):
        return LEFTOVER
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        return "has another name too, which may stand outside"
    if not is_name(name) or (path == name and key_of(name) == PREFIX) or len(path) > MOST_PATH_BYTES:
        return "has a name that no path can reach"
    return None
