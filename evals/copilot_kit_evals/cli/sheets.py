"""What the statistics print: JSON without infinities, or a sheet of numbers in which no file can draw."""

import dataclasses
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from copilot_kit.cli import screen
from copilot_kit.display import visible

_PIPE_WIDTH: Final = 1000
"""Nothing is folded where a program reads."""


def as_json(value: Any) -> None:
    """Print the value as JSON alone on standard output."""
    screen.as_json(plain(value))


def plain(value: Any) -> Any:
    """Return the value in JSON's own types: what is not a finite number is null, and an interval is a list."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if hasattr(value, "tolist"):  # an array, or a number of one
        return plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def sheet(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a header; the first column is text on the left, the others stand on the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place, name in enumerate(header):
        table.add_column(name, justify="right" if place else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    Console(file=sys.stdout, width=screen.width() if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False).print(table)


def number(value: float | str | None, *, digits: int = 4) -> str:
    """Return a number for people; `-` where there is none, and words as they are."""
    if value is None or isinstance(value, str):
        return value or "-"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def span(ends: Sequence[float | str | None] | None, *, digits: int = 4) -> str:
    """Return an interval for people."""
    return "-" if ends is None else " to ".join(number(end, digits=digits) for end in ends)
