"""Typed previews of what a call would do, for tools to make: a diff, a table, a payment, a mail.

    @tool(effect="write", preview=lambda path, text: diff_of(path, text, within=FOLDER))
    def write_note(path: str, text: str) -> str: ...

A preview is shown beside the arguments, never in their place.
"""

import difflib
import json
import os
import stat
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, TypeAlias

from copilot_kit.descriptors import FOLDER, file_below
from copilot_kit.errors import UsageError
from copilot_kit.records import Preview

MOST_BYTES: Final = 1_000_000
"""Files larger than this are not compared."""
MOST_LINES: Final = 20_000
_SNIFFED: Final = 8192

Amount: TypeAlias = Decimal | int | float | str
Row: TypeAlias = Mapping[str, Any] | Sequence[Any]


def diff_of(path: str | os.PathLike[str], new_text: str, *, within: str | os.PathLike[str] | None = None) -> Preview:
    """Return what writing this text to the file would change, against what is on disk now.

    within: a folder; nothing outside of it is read, and the preview says so. Names are quoted where they hold anything
    that could pose as a line of the diff. What cannot be compared (binary, large, no regular file) is said in words.
    """
    place = Path(os.fspath(path))
    name = _quoted(os.fspath(path))
    try:
        old = _read(place, None if within is None else Path(os.fspath(within)))
    except _Incomparable as why:
        return Preview(kind="text", title=f"write {name}", body=f"{name}: {why}{_size_of(new_text)}")
    if old == new_text:
        return Preview(kind="diff", title=f"write {name}", body=f"{name}: nothing changes")
    lines = [*_headings(name, is_new=old is None), *_hunks(old or "", new_text)]
    plus, minus = (sum(line.startswith(mark) for line in lines[2:]) for mark in "+-")
    what = "new file, " if old is None else ""
    return Preview(kind="diff", title=f"write {name}: {what}{_counted(plus)} added, {_counted(minus)} removed",
                   body="\n".join(lines))  # fmt: skip


def table_of(rows: Sequence[Row], *, columns: Sequence[str] = (), title: str = "") -> Preview:
    """Return rows as a table: mappings by their keys, sequences under `columns`.

    Every value is shown: text as it is, anything else as JSON. A row with more cells than there are columns is refused.
    """
    mappings = [row for row in rows if isinstance(row, Mapping)]
    if mappings and len(mappings) != len(rows):
        raise UsageError("A table has rows of one kind: either all mappings or all sequences. Make them alike.")
    if mappings:
        names = list(columns) or list(dict.fromkeys(str(name) for row in mappings for name in row))
        left_out = {str(name) for row in mappings for name in row} - set(names)
        if left_out:
            raise UsageError(f"A table shows every value; these have no column: {sorted(left_out)}. Name them too.")
        cells = [tuple(_cell(row.get(name, "")) for name in names) for row in mappings]
    else:
        names = list(columns)
        cells = [tuple(map(_cell, row)) for row in rows]
        longest = max(map(len, cells), default=0)
        if len(names) < longest:
            raise UsageError(f"A table of rows with {longest} values needs as many columns, not {names}. Name them.")
    counted = f"{len(cells)} row{'' if len(cells) == 1 else 's'}"
    return Preview(kind="table", title=title or counted, rows=(tuple(names), *cells))


def payment(amount: Amount, currency: str, to: str, *, text: str = "") -> Preview:
    """Return what a payment costs and whom it reaches; it cannot be taken back.

    Raises `UsageError` for an amount that is no number: nobody can approve it.
    """
    try:
        exact = Decimal(str(amount)) if not isinstance(amount, bool) else Decimal("nan")
    except InvalidOperation:
        exact = Decimal("nan")
    if not exact.is_finite():
        raise UsageError(f"A payment needs an amount that is a number, not {amount!r}. Give a decimal, as '12.50'.")
    cost = f"{exact:,f} {currency}".strip()
    return Preview(kind="text", title=f"pay {cost}", body=text, cost=cost, recipients=(to,), reversible=False)


def mail(to: str | Sequence[str], subject: str, body: str, *, cc: Sequence[str] = ()) -> Preview:
    """Return a mail as it would be read: whom it reaches, its subject and its words; it cannot be taken back."""
    receivers = (to,) if isinstance(to, str) else tuple(to)
    return Preview(kind="text", title=f"mail: {subject}", body=body, recipients=(*receivers, *cc), reversible=False)


class _Incomparable(Exception):
    """There is something at this place that no text can be compared with; says what."""


def _read(place: Path, within: Path | None) -> str | None:
    """Return the text of a file, None if there is none; never waits for a pipe, never reads outside `within`."""
    if within is not None and not _is_inside(place, within):
        raise _Incomparable(f"not inside {_quoted(str(within))}; nothing there was read")
    try:
        found = _opened(place, within)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # a name with a zero byte is a ValueError
        raise _Incomparable(f"cannot be read ({getattr(error, 'strerror', None) or error})") from error
    try:
        status = os.fstat(found)  # of what was opened, and not of what has this name by now
        if not stat.S_ISREG(status.st_mode):
            raise _Incomparable("there is something that is no regular file")
        if within is not None and status.st_nlink > 1:
            raise _Incomparable("has another name too, which may stand outside; nothing there was read")
        if status.st_size > MOST_BYTES:
            raise _Incomparable(f"has {status.st_size:,} bytes, too many to compare")
        raw = os.read(found, MOST_BYTES + 1)
    finally:
        os.close(found)
    return _text_of(raw)


def _opened(place: Path, within: Path | None) -> int:
    """Open a file for reading; inside a folder part by part, so that no link swapped in meanwhile leads out of it."""
    if within is None:
        return os.open(place, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    root = within.resolve()
    at = os.open(root, FOLDER)
    try:
        return file_below(at, place.resolve().relative_to(root).parts or (".",))
    finally:
        os.close(at)


def _is_inside(place: Path, within: Path) -> bool:
    try:
        return place.resolve().is_relative_to(within.resolve())
    except (OSError, ValueError, RuntimeError):  # a loop of links, a name that is none
        return False


def _text_of(raw: bytes) -> str:
    if b"\0" in raw[:_SNIFFED]:
        raise _Incomparable(f"is a binary file of {len(raw):,} bytes, which this text would replace")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _Incomparable(f"is no UTF-8 text, {len(raw):,} bytes, which this text would replace") from None
    if text.count("\n") > MOST_LINES:
        raise _Incomparable(f"has {text.count(chr(10)):,} lines, too many to compare")
    return text


def _hunks(old: str, new: str) -> list[str]:
    """Return the changed places in unified form; only line feeds end a line, so that nothing else passes for an end."""
    if new.count("\n") > MOST_LINES or len(new) > MOST_BYTES:
        return [f"@@ {_counted(new.count(chr(10)) + 1)}, {len(new):,} characters: too many to compare; see the text @@"]
    lines: list[str] = []
    for line in list(difflib.unified_diff(_lines(old), _lines(new), n=3))[2:]:
        lines.append(line.removesuffix("\n"))
        if not line.endswith("\n"):
            lines.append("\\ no line end here")  # content begins with +, - or a space: nothing can pose as this
    return lines


def _lines(text: str) -> list[str]:
    """Return the lines with their ends; no sign but a line feed ends one."""
    *whole, last = text.split("\n")
    return [f"{line}\n" for line in whole] + ([last] if last else [])


def _headings(name: str, *, is_new: bool) -> list[str]:
    return [f"--- {'(no such file)' if is_new else name}", f"+++ {name}"]


def _quoted(name: str) -> str:
    """Return a file's name on one line: as it is, or as JSON where it holds anything but plain signs."""
    plain = name and name.isprintable() and '"' not in name and "\\" not in name and name == name.strip()
    return name if plain else json.dumps(name)


def _size_of(text: str) -> str:
    lines = text.count("\n") + 1
    return f". The new text has {len(text):,} characters in {_counted(lines)}; it stands among the arguments."


def _counted(lines: int) -> str:
    return f"{lines:,} line{'' if lines == 1 else 's'}"


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
