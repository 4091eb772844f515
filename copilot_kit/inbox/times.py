"""Moments and spans in the words of a page; times of day are UTC, and the page's script writes them in local time."""

from datetime import datetime

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def stamp(at: datetime) -> str:
    """Return a moment to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def clock(at: datetime) -> str:
    """Return the time of day."""
    return f"{at:%H:%M:%S}"


def iso(at: datetime) -> str:
    """Return a moment as a script reads it."""
    return at.isoformat(timespec="milliseconds")


def ago(at: datetime, now: datetime) -> str:
    """Return how long ago a moment was, or how soon it will be."""
    seconds = (now - at).total_seconds()
    words = _span(abs(seconds))
    return f"{words} ago" if seconds >= 0 else f"in {words}"


def _span(seconds: float) -> str:
    for size, name in _UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{int(seconds)} seconds" if int(seconds) != 1 else "1 second"
