"""What a path that a model writes may name: a place below the root, under a name that is seen as it is.

`/memories/plans/tuesday.md` and `plans/tuesday.md` are the same file. Percent signs are not decoded: what would be a
way out if it were decoded is refused. Names are kept in NFC, and two names that differ only in case, width or accents'
form are one name.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from copilot_kit.display import escaped
from copilot_kit.memory.problems import AlreadyThere, BadName, Outside, quoted

PREFIX: Final = "memories"
"""What models call the root: `/memories`."""
MOST_PARTS: Final = 16
MOST_NAME_BYTES: Final = 255
MOST_PATH_BYTES: Final = 1_000

_PLAIN: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_ .,()+=@#-]*[A-Za-z0-9_)])?")
"""Names with nothing in them that needs a closer look."""
_SLASHES: Final = frozenset("\u2044\u2215\u2216\u29f5\u29f8\uff0f\uff3c\ufe68")
_PERCENT: Final = re.compile(r"%(?:[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})")
_NOT_IN_NAMES: Final = frozenset('<>:"|?*')
_FIRST: Final = frozenset(".-~ ")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\ufffc")
_SELECTORS: Final = (("\ufe00", "\ufe0f"), ("\U000e0100", "\U000e01ef"))
_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9])")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a memory."""

    given: str
    """The path as it was written, for words about it."""
    parts: tuple[str, ...]
    """The names that lead to it from the root; none: the root itself."""
    for_folder: bool = False
    """It was written with a slash at its end."""

    @property
    def path(self) -> str:
        """Its path from the root on: `plans/tuesday.md`."""
        return "/".join(self.parts)

    @property
    def shown(self) -> str:
        """The path as it was written, in quotes, with nothing hidden."""
        return quoted(self.given)


def place_of(given: str) -> Place:
    """Return the place that a path names; raises `Outside` or `BadName`."""
    shown = quoted(given)
    if _leads_out(given):
        raise Outside(
            f"The path {shown} is not inside the memory. Paths begin with /{PREFIX}/, have no .., no backslash and no "
            f"percent code. Write it as /{PREFIX}/name.md."
        )
    parts = [part for part in given.split("/") if part]
    if given.startswith("/") or parts[:1] == [PREFIX]:
        parts = parts[1:]
    if len(parts) > MOST_PARTS or len(given.encode("utf-8", "replace")) > MOST_PATH_BYTES:
        raise BadName(
            f"The path {shown} is too long: at most {MOST_PARTS} names and {MOST_PATH_BYTES} bytes. Use fewer folders."
        )
    if parts and key_of(parts[0]) == PREFIX:
        raise BadName(f"The path {shown} names a folder {PREFIX!r} in /{PREFIX} itself. Leave one of them out.")
    return Place(given, tuple(_checked(part, shown) for part in parts), given.endswith("/"))


def check_new(place: Place, name: str) -> None:
    """Refuse a name for something new if it looks like another: letters of scripts that resemble each other."""
    if escaped(name) != name:
        raise BadName(
            f"The path {place.shown} has a sign that can be mistaken for another, in {quoted(name)}. Use plain letters "
            "of one alphabet, digits, - and _."
        )


def check_alone(place: Place, name: str, others: Iterable[str]) -> None:
    """Refuse a name that cannot be told from one that is there; names the other one."""
    key = key_of(name)
    for other in others:
        if other != name and key_of(other) == key:
            raise AlreadyThere(
                f"The path {place.shown} differs from {quoted(other)}, which is there, only in upper and lower case or "
                f"in the form of its letters. Use {quoted(other)}, or a name of its own."
            )


def is_name(name: str) -> bool:
    """Whether a file or folder of this name, found on disk, can be reached by a path."""
    if _PLAIN.fullmatch(name) and len(name) <= MOST_NAME_BYTES:
        return not _is_device(name)
    return _fault(name) is None and not _leads_out(name) and unicodedata.is_normalized("NFC", name)


def key_of(name: str) -> str:
    """Return what is the same for names that cannot be told from each other."""
    return name.casefold() if name.isascii() else unicodedata.normalize("NFKC", name).casefold()


def _leads_out(given: str) -> bool:
    if given.startswith("//") or "\\" in given or _PERCENT.search(given) or not _SLASHES.isdisjoint(given):
        return True
    parts = [unicodedata.normalize("NFKC", part).strip() for part in given.split("/")]
    if any(part == ".." or "/" in part or "\\" in part for part in parts):
        return True
    return given.startswith("/") and parts[1:2] not in ([PREFIX], [""])


def _checked(name: str, shown: str) -> str:
    name = unicodedata.normalize("NFC", name)
    fault = _fault(name)
    if fault:
        raise BadName(f"The path {shown} has a name that cannot be used: {fault}. Choose a plain name, as notes.md.")
    return name


def _fault(name: str) -> str | None:
    """Return what is wrong with a name, in words; None: nothing."""
    if name[:1] in _FIRST or unicodedata.normalize("NFKC", name[:1])[:1] in _FIRST:
        return "no name begins with a dot, a dash, a tilde or a space"
    if name[-1:] in ". ":
        return "no name ends with a dot or a space"
    if not _NOT_IN_NAMES.isdisjoint(name):
        return 'no name holds any of < > : " | ? *'
    if any(_is_unseen(char) for char in name):
        return "it holds a sign that cannot be seen"
    if _is_device(name):
        return "some systems keep it for a device"
    if len(name.encode()) > MOST_NAME_BYTES:
        return f"it is longer than {MOST_NAME_BYTES} bytes"
    return None


def _is_device(name: str) -> bool:
    return _DEVICE.fullmatch(key_of(name.partition(".")[0]).strip()) is not None


def _is_unseen(char: str) -> bool:
    if " " <= char <= "~":
        return False
    category = unicodedata.category(char)
    return (
        category in _UNSEEN
        or category == "Zs"
        or char in _BLANK
        or any(first <= char <= last for first, last in _SELECTORS)
    )
