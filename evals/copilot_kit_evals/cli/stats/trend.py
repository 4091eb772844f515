"""What `copilot-kit stats trend` does: which columns a file of horizons may have, and what is printed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from copilot_kit.cli.screen import counted, shown, told
from copilot_kit_evals.cli.sheets import as_json, number, sheet, span
from copilot_kit_evals.cli.stats.horizon import AGENT
from copilot_kit_evals.tables import BadTable, Table

_P50: Final = ("p50_min", "p50", "p50_minutes", "horizon_minutes", "horizon")
_RELEASED: Final = ("release_date", "released", "date")
_TURN: Final = date(2023, 1, 1)
"""From here on METR publishes a second doubling time."""
_FEWEST: Final = 3
_LAST: Final = date.max.toordinal()


@dataclass(frozen=True, slots=True)
class Window:
    """Which models count: those that were the best when they came out, or all; released from one day to another."""

    every: bool
    since: date | None
    until: date | None
    confidence: float
    level: float | None
    """Minutes whose day is asked for."""


def show_trend(table: Table, *, window: Window, json: bool) -> None:
    """Print the doubling time of the horizons in the table."""
    rows = _released(table, window)
    found = _line_json(rows, window.confidence) | {"models": [name for _, _, name in rows]}
    recent = [row for row in rows if row[0] >= _TURN.toordinal()]
    if window.since is None and window.until is None and _FEWEST <= len(recent) < len(rows):
        found["from_2023_on"] = _line_json(recent, window.confidence)
    if window.level is not None:
        found["reaches"] = _reach_json(table, rows, window)
    if json:
        as_json(found)
        return
    lines = [("all", found)] + ([("from 2023 on", found["from_2023_on"])] if "from_2023_on" in found else [])
    sheet(
        ("models", "doubling time in days", f"{window.confidence:.0%} interval", "r²", "number"),
        [
            (name, number(one["doubling_days"]), span(one["interval"]), number(one["r_squared"]), str(one["n"]))
            for name, one in lines
        ],
    )
    if window.level is not None:
        when = found["reaches"]
        ends = " and ".join(map(str, when["interval"])).replace("None", "no day that can be told")
        shown(f"\n{number(window.level)} minutes: {when['date'] or 'never'}, between {ends}")
    if found["interval"] is not None and math.isinf(found["interval"][1]):
        shown("Nothing here shows that the horizon grows at all.")


def _line_json(rows: Sequence[tuple[float, float, str]], confidence: float) -> dict[str, Any]:
    from copilot_kit_evals.stats.trend import trend

    line = trend([day for day, *_ in rows], [horizon for _, horizon, _ in rows], confidence=confidence)
    interval = None if line.lower is None or line.upper is None else (line.lower, line.upper)
    return {"doubling_days": line.doubling_days, "interval": interval, "r_squared": line.r_squared, "n": line.n}


def _reach_json(table: Table, rows: Sequence[tuple[float, float, str]], window: Window) -> dict[str, Any]:
    from copilot_kit_evals.stats.trend import reach, trend

    line = trend([day for day, *_ in rows], [horizon for _, horizon, _ in rows], confidence=window.confidence)
    found = reach(line, window.level or 0.0, confidence=window.confidence)
    shape = _date if table.has(*_RELEASED) else lambda day: day
    interval = [shape(found.lower), shape(found.upper)]
    return {"minutes": window.level, "date": shape(found.day), "interval": interval}


def _date(day: float | None) -> str | None:
    """Return the date of a day; None where there is none that a calendar holds."""
    return date.fromordinal(round(day)).isoformat() if day is not None and 1 <= day <= _LAST else None


def _released(table: Table, window: Window) -> list[tuple[float, float, str]]:
    """Return day, horizon and name of the models that count."""
    from copilot_kit_evals.stats.trend import leading

    horizons = table.numbers_or_none(*_P50)
    names = table.columns[table.called(*AGENT)] if table.has(*AGENT) else [f"line {line}" for line in table.lines]
    days = _days(table)
    rows = [
        (day, horizon, name.strip(), place)
        for place, (day, horizon, name) in enumerate(zip(days, horizons, names, strict=True))
        if day is not None and horizon is not None and horizon > 0
    ]
    if len(rows) < len(table):
        told(f"Left out: {counted(len(table) - len(rows), 'row')} without a day or with no horizon above 0.")
    if window.every:
        counts = [True] * len(rows)
    elif table.has("is_sota", "sota"):
        said = table.numbers("is_sota", "sota")
        counts = [said[place] == 1 for *_, place in rows]
    else:
        counts = leading([day for day, *_ in rows], [horizon for _, horizon, *_ in rows])
    low = -math.inf if window.since is None else window.since.toordinal()
    high = math.inf if window.until is None else window.until.toordinal()
    kept = [row[:3] for row, one in zip(rows, counts, strict=True) if one and low <= row[0] <= high]
    if len(kept) < len(rows):
        best = "" if window.every else ", the best of their day (--all takes each)"
        dates = "" if window.since is None and window.until is None else ", within the dates"
        told(f"Counted: {len(kept)} of {counted(len(rows), 'model')}{best}{dates}.")
    return kept


def _days(table: Table) -> list[float | None]:
    """Return the day of release as a number of days."""
    if not table.has(*_RELEASED) and table.has("days", "day"):
        return table.numbers_or_none("days", "day")
    name = table.called(*_RELEASED)
    found: list[float | None] = []
    for cell, line in zip(table.columns[name], table.lines, strict=True):
        bare = cell.strip()
        try:
            found.append(float(date.fromisoformat(bare[:10]).toordinal()) if bare else None)
        except ValueError as error:
            raise BadTable(
                f"{table.name}, line {line}: {name!r} is {bare[:40]!r}, which is no date. Write it as 2025-08-07."
            ) from error
    return found
