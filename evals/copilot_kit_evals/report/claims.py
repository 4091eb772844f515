"""Charts of what can be claimed: the reliability ladder, time horizons and their trend."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import altair as alt

from copilot_kit_evals.report.charting import (
    TELLS,
    Figure,
    by_candidate,
    by_task,
    data_of,
    finished,
    rows_of,
)
from copilot_kit_evals.report.colours import named
from copilot_kit_evals.report.facts import Facts
from copilot_kit_evals.report.horizons import Reach, Trended, reaches, trended
from copilot_kit_evals.report.ladders import RUNGS, Ladder, ladders
from copilot_kit_evals.report.wording import minutes

_TOP: Final = 3.3
"""Nines up to which the ladder goes."""
_STEPS: Final = 60
_MINUTES: Final = (0.25, 1, 4, 15, 60, 240, 960, 2400, 9600)


def ladder_figures(facts: Facts) -> list[Figure]:
    """Return what is shown of each candidate at least, on a scale of nines, with the rungs."""
    found = ladders(facts)
    rows = [_ladder_row(one) for one in found]
    data = by_task(rows)
    places = {name: place for place, name in enumerate(facts.candidates)}
    colour = by_candidate([one.candidate for one in found], places, legend=False)
    axis = alt.Axis(
        values=[_nines(rung) for rung in (0.0, *RUNGS)],
        grid=False,
        labelOverlap=False,
        labelExpr="datum.value < 0.01 ? '0 %' : format(100 * (1 - pow(10, -datum.value)), '.3~g') + ' %'",
    )
    scale = alt.Scale(domain=[0, _TOP])
    title = "share of items with every attempt right"
    x = alt.X("shown:Q", title=title, scale=scale, axis=axis)
    base = alt.Chart(data_of(data)).encode(y=rows_of(data), color=colour)
    rungs = (
        alt.Chart(data_of([{"rung": _nines(rung)} for rung in RUNGS]))
        .mark_rule(color=named("edge"), strokeDash=[4, 4])
        .encode(x=alt.X("rung:Q", title=title, scale=scale, axis=axis))
    )
    seen = base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(x=x, x2="rate:Q")
    rate = base.mark_tick(thickness=2, size=12, opacity=0.7).encode(x=alt.X("rate:Q", title=title), tooltip=TELLS)
    shown = base.mark_point(filled=True, opacity=1, size=90, shape="triangle-right").encode(x=x, tooltip=TELLS)
    text = f"Reliability that is shown at least. {'; '.join(row['tell'] for row in rows)}."
    return [Figure("ladder", "Reliability", text, finished(alt.layer(rungs, seen, rate, shown), rows=len(data)),
                   "Triangle: what is shown at least. Tick: the share that was seen. Dashed: the rungs.")]  # fmt: skip


def _nines(rate: float) -> float:
    return min(_TOP, -math.log10(max(1 - rate, 10**-_TOP)))


def _ladder_row(one: Ladder) -> dict[str, Any]:
    told = f"at least {one.shown:.1%} is shown, {one.clean} of {one.cases} items clean"
    return {"task": one.task, "candidate": one.candidate, "shown": _nines(one.shown), "rate": _nines(one.rate),
            "tell": f"{one.task}, {one.candidate}: {told}"}  # fmt: skip


def horizons(facts: Facts) -> list[Figure]:
    """Return success over the time that a person takes; nothing where the items do not say how long that is."""
    found = reaches(facts)
    if not found:
        return []
    places = {name: place for place, name in enumerate(facts.candidates)}
    colour = by_candidate([one.candidate for one in found], places, legend=True)
    low, high = min(one.shortest for one in found) * 0.8, max(one.longest for one in found) * 1.25
    axis = alt.Axis(values=[one for one in _MINUTES if low <= one <= high], labelExpr=_TIME, grid=False)
    x = alt.X("minutes:Q", title="time that a person takes", axis=axis,
              scale=alt.Scale(type="log", domain=[low, high], nice=False, clamp=True))  # fmt: skip
    y = alt.Y("share:Q", title="share of attempts that succeed", scale=alt.Scale(domain=[0, 1]),
              axis=alt.Axis(format="%", values=[0, 0.2, 0.5, 0.8, 1]))  # fmt: skip
    curve = alt.Chart(data_of(_curve(found, low, high))).mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour)
    bins = alt.Chart(data_of([
        {"candidate": one.candidate, "minutes": middle, "share": share,
         "tell": f"{one.candidate}: {share:.0%} of {items} items of about {minutes(middle)}"}
        for one in found for middle, share, items in one.bins
    ])).mark_point(filled=True, size=45, opacity=0.45).encode(x=x, y=y, color=colour, tooltip=TELLS)  # fmt: skip
    spans = [_span(one, low, high) for one in found if low <= one.found.p50 <= high]
    bars = alt.Chart(data_of(spans)).mark_rule(strokeWidth=5, strokeCap="round", opacity=0.5).encode(
        x=x, x2="most:Q", y=y, color=colour, tooltip=TELLS)  # fmt: skip
    half = alt.Chart(data_of([{"share": 0.5}])).mark_rule(color=named("edge"), strokeDash=[4, 4]).encode(y=y)
    text = "Success over the time that a person takes. " + "; ".join(
        f"{one.candidate}: half succeed at {minutes(one.found.p50, one.longest)}" for one in found)  # fmt: skip
    return [
        Figure(
            "horizon",
            "Time horizon",
            f"{text}.",
            finished(alt.layer(half, bars, bins, curve), height=340),
            "Points: items of about that length. Bar: the interval of the length at which half succeed.",
        )
    ]


_TIME: Final = "datum.value < 1 ? format(datum.value * 60, '.0f') + ' s' : datum.value < 60 ? format(datum.value, '~g') + ' min' : format(datum.value / 60, '~g') + ' h'"  # noqa: E501  an expression of Vega


def _curve(found: Sequence[Reach], low: float, high: float) -> list[dict[str, Any]]:
    told = []
    for one in found:
        curve = one.found.curve
        for step in range(_STEPS + 1):
            time = low * (high / low) ** (step / _STEPS)
            level = curve.intercept + curve.coefficient * math.log2(time)
            told.append({"candidate": one.candidate, "minutes": time, "share": _logistic(level)})
    return told


def _logistic(level: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, level))))


def _span(one: Reach, low: float, high: float) -> dict[str, Any]:
    ends = one.found.p50_interval
    first = low if ends.lower is None else max(low, ends.lower)
    last = high if ends.upper is None else min(high, ends.upper)
    return {"candidate": one.candidate, "minutes": first, "most": last, "share": 0.5,
            "tell": f"{one.candidate}: half succeed at {minutes(one.found.p50, one.longest)} "
                    f"({minutes(ends.lower, one.longest)} to {minutes(ends.upper, one.longest)})"}  # fmt: skip


def trends(facts: Facts, released: Mapping[str, date]) -> list[Figure]:
    """Return horizons over release dates; nothing with fewer than two candidates that have both."""
    found = trended(reaches(facts), released) if released else None
    return [] if found is None else [_trend(found, facts.candidates)]


def _trend(found: Trended, candidates: Sequence[str]) -> Figure:
    places = {name: place for place, name in enumerate(candidates)}
    data: list[dict[str, Any]] = [
        {
            "candidate": name,
            "day": day.isoformat(),
            "minutes": value,
            "tell": f"{name}, {day:%Y-%m-%d}: {minutes(value)}",
        }
        for name, day, value in found.points
    ]
    x = alt.X("day:T", title="released", axis=alt.Axis(grid=False, tickCount=5))
    low, high = (edge(value for *_, value in found.points) for edge in (min, max))
    values = [one for one in _MINUTES if low / 4 <= one <= high * 4]
    y = alt.Y("minutes:Q", title="time at which half succeed", axis=alt.Axis(labelExpr=_TIME, values=values),
              scale=alt.Scale(type="log", nice=False, domain=[low / 4, high * 4]))  # fmt: skip
    days = sorted(day for _, day, _ in found.points)
    ends = [days[0] - timedelta(days=14), days[-1] + timedelta(days=14)]
    line = [{"day": day.isoformat(), "minutes": 2 ** (found.line.intercept + found.line.slope * day.toordinal())}
            for day in ends]  # fmt: skip
    drawn = alt.Chart(data_of(line)).mark_line(strokeDash=[5, 4], color=named("edge")).encode(x=x, y=y)
    dots = (
        alt.Chart(data_of(data))
        .mark_point(filled=True, size=110, opacity=1)
        .encode(x=x, y=y, color=by_candidate([row["candidate"] for row in data], places, legend=True), tooltip=TELLS)
    )
    text = f"Time horizons over release dates. {'; '.join(row['tell'] for row in data)}."
    return Figure("trend", "Trend", text, finished(alt.layer(drawn, dots)))
