"""Times as they are kept in columns: microseconds since 1970, in UTC."""

from datetime import UTC, datetime, timedelta

_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
NEVER_US = 1 << 62
"""Later than any time there is."""


def micros(at: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (at - _ZERO) // _US


def moment(us: int) -> datetime:
    """Return the time so many microseconds after 1970."""
    return _ZERO + us * _US
