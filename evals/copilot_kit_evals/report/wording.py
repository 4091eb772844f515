"""Numbers and small sentences as people read them."""

import math
from collections.abc import Sequence
from typing import Final, TypeAlias

Ends: TypeAlias = Sequence[float | None]
UNIT: Final = (0.0, 1.0)
"""Bounds of scores that are shown as per cent."""
MINUS: Final = "\N{MINUS SIGN}"
_MINUTE_S, _HOUR_MIN = 60, 60
_FAR: Final = 10
"""Times the longest item from which a curve says no more than that."""
_CENT: Final = 0.01


def is_share(bounds: Sequence[float]) -> bool:
    """Tell whether scores within these bounds are shown as per cent."""
    return tuple(bounds) == UNIT


def score(value: float | None, bounds: Sequence[float]) -> str:
    """Return a mean score: `84.2 %`, or the number where scores are no shares."""
    if value is None or not math.isfinite(value):
        return "–"  # noqa: RUF001  the sign for what is not there
    return f"{_signed(value * 100, '.1f')} %" if is_share(bounds) else _signed(value, ".4g")


def change(value: float | None, bounds: Sequence[float]) -> str:
    """Return a difference of mean scores, in points where scores are shares: `+4.2`."""
    if value is None:
        return "–"  # noqa: RUF001
    return _signed(value * 100, "+.1f") if is_share(bounds) else _signed(value, "+.4g")


def span(ends: Ends | None, bounds: Sequence[float], *, signed: bool = False) -> str:
    """Return an interval: `80.1 to 87.9`."""
    if ends is None:
        return "not known"
    scale, form = (100, ".1f") if is_share(bounds) else (1, ".4g")
    form = f"+{form}" if signed else form
    return " to ".join("…" if end is None else _signed(end * scale, form) for end in ends)


def points(value: float, bounds: Sequence[float]) -> str:
    """Return a size of a difference: `4.2 points`."""
    if not is_share(bounds):
        return f"{value:.4g}"
    number = f"{value * 100:.1f}".removesuffix(".0")
    return f"{number} point" if number == "1" else f"{number} points"


def dollars(value: float | None) -> str:
    """Return an amount with as many digits as it takes."""
    if value is None:
        return "–"  # noqa: RUF001
    if value == 0:
        return "$0"
    return f"${value:,.2f}" if value >= 1 else f"${value:.2g}" if value < _CENT else f"${value:.3f}"


def seconds(value: float | None) -> str:
    """Return a time: `340 ms`, `2.4 s`, `3.1 min`."""
    if value is None:
        return "–"  # noqa: RUF001
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f} s" if value < _MINUTE_S else f"{value / _MINUTE_S:.1f} min"


def minutes(value: float | None, longest: float = math.inf) -> str:
    """Return a time horizon: `12 min`, `2.4 h`; no number where it lies far beyond what was asked."""
    if value is None:
        return "not known"
    if math.isinf(value) or value > _FAR * longest:
        return "beyond the longest item"
    if value < 1:
        return f"{value * _MINUTE_S:.0f} s"
    return f"{value:.3g} min" if value < _HOUR_MIN else f"{value / _HOUR_MIN:.2g} h"


def p_value(value: float | None) -> str:
    """Return a p with two digits that count."""
    if value is None:
        return "–"  # noqa: RUF001
    return "< 0.001" if value < 0.001 else f"{value:.2g}"  # noqa: PLR2004


def count(number: int, noun: str) -> str:
    """Return `1 item`, `1,204 items`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(number: int) -> str:
    """Return bytes as `2.4 MB`."""
    return f"{number / 1e6:.1f} MB" if number >= 1e6 else f"{number / 1e3:.0f} kB"  # noqa: PLR2004


def listed(names: Sequence[str]) -> str:
    """Return `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def _signed(value: float, form: str) -> str:
    text = format(value, form)
    zero = text.lstrip("+-").strip("0.") == ""
    text = text.lstrip("+-") if zero else text
    return text.replace("-", MINUS)
