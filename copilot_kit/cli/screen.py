"""What the commands print: results on standard output, everything else on standard error."""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from decimal import Decimal
from textwrap import fill
from typing import Any

from copilot_kit.display import visible
from copilot_kit.response import Usage

_NARROWEST = 20


def told(text: str) -> None:
    """Tell the person something that is not the result."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def explained(text: str) -> None:
    """Tell the person a paragraph."""
    told(folded(text))


def folded(text: str, *, indent: str = "") -> str:
    """Return our own words in lines of the terminal's width; what others wrote goes through `display.block`."""
    room = max(_NARROWEST, width() - 1)
    words = " ".join(text.split())
    return fill(words, width=room, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def shown(text: str = "") -> None:
    """Print a line of the result."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def as_json(value: Any) -> None:
    """Print the result as JSON, for machines."""
    shown(json_text(value, indent=1))


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return JSON; on a terminal in ASCII, since some characters beyond it would act on the terminal."""
    return json.dumps(value, ensure_ascii=sys.stdout.isatty(), indent=indent, default=str)


def columns(rows: Sequence[Sequence[str]], *, header: Sequence[str]) -> None:
    """Print rows under a header; cells are escaped, and the last column is cut to the width of a terminal."""
    cells = [[visible(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [header, *cells]) for column in range(len(header))]
    widths[-1] = 0
    shown(dim(_joined(header, widths)))
    room = max(_NARROWEST, width() - sum(widths) - 2 * len(header)) if sys.stdout.isatty() else None
    for row in cells:
        last = row[-1] if room is None or len(row[-1]) <= room else row[-1][: room - 1] + "…"
        shown(_joined([*row[:-1], last], widths))


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(room) for cell, room in zip(cells, widths, strict=True)).rstrip()


def width() -> int:
    """Return how many characters fit in a line."""
    return shutil.get_terminal_size((100, 40)).columns


def height() -> int:
    """Return how many lines fit on the screen."""
    return shutil.get_terminal_size((100, 40)).lines


def dim(text: str) -> str:
    """Return the text in a pale colour, where colours are wanted."""
    return _coloured("2", text)


def bold(text: str) -> str:
    """Return the text in heavy letters, where colours are wanted."""
    return _coloured("1", text)


def added(text: str) -> str:
    """Return the text in green, where colours are wanted."""
    return _coloured("32", text)


def removed(text: str) -> str:
    """Return the text in red, where colours are wanted."""
    return _coloured("31", text)


def warned(text: str) -> str:
    """Return the text in heavy yellow letters, where colours are wanted."""
    return _coloured("1;33", text)


def new_page() -> None:
    """Begin at the top of the screen; what stood there can be scrolled back to."""
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        sys.stdout.write("\n" * (height() - 1) + "\x1b[H\x1b[J")


def _coloured(code: str, text: str) -> str:
    wanted = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"\x1b[{code}m{text}\x1b[0m" if wanted else text


def spent(usage: Usage) -> str:
    """Return tokens and money in words; what is not known is said so."""
    read = "? in" if usage.input is None else f"{usage.input:,} in"
    if usage.cache_read:
        read += f" ({usage.cache_read:,} cached)"
    written = "? out" if usage.output is None else f"{usage.output:,} out"
    return f"{read} · {written} · {money(usage.cost_usd)}"


def money(cost_usd: Decimal | None) -> str:
    """Return an amount of dollars, with as many digits as it takes to see it."""
    if cost_usd is None:
        return "price unknown"
    return f"${cost_usd:.2f}" if cost_usd >= 1 or not cost_usd else f"${cost_usd:.6f}".rstrip("0")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, as in `1,200 records`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
