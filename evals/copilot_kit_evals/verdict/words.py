"""How numbers and names stand in the lines of a verdict."""

from collections.abc import Sequence

_SHOWN = 3


def points(value: float, *, signed: bool = True, bounded: bool = True) -> str:
    """Return a difference of scores: between 0 and 1 in points of a hundred, of others as it is."""
    sign = "+" if signed else ""
    return f"{100 * value:{sign}.1f} points" if bounded else f"{value:{sign}.4g}"


def share(value: float) -> str:
    """Return a share in per cent, with the digits that it has."""
    return f"{100 * value:.4g} %"


def listed(names: Sequence[str]) -> str:
    """Return the first names as they are, and how many more there are; whoever shows them escapes them."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def counted(count: int, what: str) -> str:
    """Return `1 item`, `2 items`, `1,500 items`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def times(ratio: float) -> str:
    """Return a ratio."""
    return f"{ratio:.2g}x"


def usd(value: float | None) -> str:
    """Return dollars; `-` where nobody knows."""
    return "-" if value is None else f"${value:.4g}"
