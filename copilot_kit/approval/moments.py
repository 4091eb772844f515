"""Dates, times and how long something lasts, as people write them, and the moments that follow from them."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

_ISO_DATE = re.compile(r"(?<![\d-])(\d{4})-(\d{2})-(\d{2})(?![\d-])")
_NAMED_DATE = re.compile(
    r"\b(?:(?P<m1>[a-z]{3,9})\s+(?P<d1>\d{1,2})(?:st|nd|rd|th)?|(?P<d2>\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m2>[a-z]{3,9}))"
    r",?\s+(?P<y>\d{4})\b"
)
_CLOCK = re.compile(r"(?<![\d:.])(\d{1,2}):(\d{2})(?::00)?(?![\d:])\s?([ap]m\b)?")
_HOUR = re.compile(r"(?<![\d:.])(\d{1,2})\s?([ap]m)\b")
_LASTS = re.compile(
    r"\b(\d{1,3}(?:\.\d)?|half an|half a|an|a|one|two|three|four|five|six|seven|eight|nine|ten|twelve)[\s-]*"
    r"(hours?|hrs?|h|minutes?|mins?)\b"
)
_VALUE = re.compile(r"(?:(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::00)?)?|(\d{2}:\d{2}))")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_COUNTS = {
    "half an": 0.5, "half a": 0.5, "an": 1, "a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12,
}  # fmt: skip
_NOON = 12


def is_moment(value: str) -> bool:
    """Tell whether a value is a date, a time of day, or both."""
    return _VALUE.fullmatch(value) is not None


class Moments:
    """The dates and times of a text; a date and a time belong together only where one sentence holds both."""

    def __init__(self, sentences: Iterable[str]) -> None:
        texts = [sentence.casefold() for sentence in sentences]
        self._said = [(set(_dates(text)), set(_times(text))) for text in texts]
        self._lasts = {minutes for text in texts for minutes in _lengths(text)}

    def holds(self, value: str) -> bool:
        """Tell whether the text says this moment; a date needs its year."""
        match = _VALUE.fullmatch(value)
        if match is None:
            return False
        day, time = match[1], match[2] or match[3]
        return any((day is None or day in days) and (time is None or time in times) for days, times in self._said)

    def later(self, value: str, moments: Iterable[str]) -> bool:
        """Tell whether a moment is one of these and as much later as the text says that something lasts."""
        end = _moment(value)
        starts = [start for start in map(_moment, moments) if start is not None]
        return end is not None and any(
            start + timedelta(minutes=each) == end for start in starts for each in self._lasts
        )


def _moment(value: str) -> datetime | None:
    match = _VALUE.fullmatch(value)
    if match is None or match[2] is None:
        return None
    try:
        return datetime.fromisoformat(f"{match[1]} {match[2]}")
    except ValueError:
        return None


def _dates(text: str) -> Iterator[str]:
    for match in _ISO_DATE.finditer(text):
        yield match[0]
    for match in _NAMED_DATE.finditer(text):
        month = (match["m1"] or match["m2"])[:3]
        if month in _MONTHS:
            yield f"{match['y']}-{_MONTHS.index(month) + 1:02}-{int(match['d1'] or match['d2']):02}"


def _times(text: str) -> Iterator[str]:
    for match in _CLOCK.finditer(text):
        yield _time(int(match[1]), match[2], match[3])
    for match in _HOUR.finditer(text):
        yield _time(int(match[1]), "00", match[2])


def _time(hour: int, minute: str, half: str | None) -> str:
    if half is not None:
        hour = hour % _NOON + (_NOON if half == "pm" else 0)
    return f"{hour:02}:{minute}"


def _lengths(text: str) -> Iterator[float]:
    for match in _LASTS.finditer(text):
        count = _COUNTS[match[1]] if match[1] in _COUNTS else float(match[1])
        yield count * (60 if match[2].startswith("h") else 1)
