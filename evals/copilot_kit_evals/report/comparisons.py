"""Charts of scores: the forest of differences with the margin, and the means."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt

from copilot_kit_evals.report.charting import (
    NICE,
    ROW,
    TELLS,
    Figure,
    by_candidate,
    by_task,
    data_of,
    drawn_ends,
    finished,
    label_of,
    rows_of,
)
from copilot_kit_evals.report.colours import named
from copilot_kit_evals.report.facts import Difference, Facts, Mean
from copilot_kit_evals.report.wording import change, count, is_share, listed, points, score, span
from copilot_kit_evals.summary import ALL

MOST_ROWS: Final = 48
"""Of one chart; the table holds the rest."""
_STANDINGS: Final = {
    "better": ("shown to be better", "good"),
    "within": ("shown to be no worse than the margin", "within"),
    "open": ("not decided", "open"),
    "worse": ("shown to be worse", "bad"),
}


def forests(facts: Facts) -> list[Figure]:
    """Return the differences of each later candidate with their intervals and the margin, slice by slice."""
    known = [one for one in facts.differences if one.primary and one.n_items]
    groups = [(name, [one for one in known if one.candidate == name]) for name in facts.candidates[1:]]
    return [_forest(facts, name, rows) for name, rows in groups if rows]


def _forest(facts: Facts, candidate: str, rows: Sequence[Difference]) -> Figure:
    shares = all(is_share(one.bounds) for one in rows)
    data = [_forest_row(number, one, alone=len(facts.manifest.tasks) == 1) for number, one in
            enumerate(rows[:MOST_ROWS])]  # fmt: skip
    used = [name for name in _STANDINGS if any(row["standing"] == _STANDINGS[name][0] for row in data)]
    colour = alt.Color(
        "standing:N",
        title=None,
        scale=alt.Scale(
            domain=[_STANDINGS[name][0] for name in used], range=[named(_STANDINGS[name][1]) for name in used]
        ),
    )
    y = rows_of(data)
    title = "difference, points" if shares else "difference"
    base = alt.Chart(data_of(data)).encode(y=y, color=colour)
    outer = base.mark_rule(strokeWidth=1.5, opacity=0.55).encode(
        x=alt.X("least:Q", title=title, scale=NICE), x2="most:Q"
    )
    inner = base.mark_rule(strokeWidth=4, strokeCap="round").encode(x="low:Q", x2="high:Q")
    dot = base.mark_point(filled=True, opacity=1, size=80).encode(x="difference:Q", tooltip=TELLS)
    margin = alt.Chart(data_of(data)).mark_tick(thickness=1.5, size=ROW, color=named("bad"), opacity=0.75).encode(
        y=y, x="margin:Q")  # fmt: skip
    zero = alt.Chart(data_of([{"zero": 0}])).mark_rule(color=named("ink"), opacity=0.6).encode(x="zero:Q")
    margins = sorted({points(one.margin, one.bounds) for one in rows})
    note = (
        f"Thick: the interval. Thin: whatever the missing scores would have been. Red: the margin, {listed(margins)}."
    )
    if len(rows) > MOST_ROWS:
        note += f" {len(rows) - MOST_ROWS} more slices are in the table."
    return Figure("forest", f"{candidate} against {facts.candidates[0]}", _in_words(rows),
                  finished(alt.layer(zero, margin, outer, inner, dot), rows=len(data)), note)  # fmt: skip


def _forest_row(number: int, one: Difference, *, alone: bool) -> dict[str, Any]:
    scale = 100 if is_share(one.bounds) else 1
    least, most = _ends(one.outer, one.difference, scale)
    low, high = _ends(one.interval, one.difference, scale)
    label = (one.task if not alone else "all items") if one.slice == ALL else one.slice
    told = f"{change(one.difference, one.bounds)} ({span(one.outer, one.bounds, signed=True)})"
    return {"row": label_of(number, label), "difference": _scaled(one.difference, scale), "low": low, "high": high,
            "least": least, "most": most, "margin": -one.margin * scale, "standing": _STANDINGS[one.standing][0],
            "minor": one.slice != ALL,
            "tell": f"{one.task}, {one.slice}: {told}, {count(one.n_items, 'item')}"}  # fmt: skip


def _in_words(rows: Sequence[Difference]) -> str:
    told = [f"{one.task}, {one.slice}: {change(one.difference, one.bounds)}, {_STANDINGS[one.standing][0]}"
            for one in rows if one.slice == ALL]  # fmt: skip
    return f"Differences with intervals, a row a slice. {'; '.join(told)}. The table below holds all numbers."


def means(facts: Facts) -> list[Figure]:
    """Return the means of all candidates, task by task."""
    shown = [one for one in facts.means if one.primary and one.slice == ALL and one.mean is not None]
    places = {name: place for place, name in enumerate(facts.candidates)}
    groups = [[one for one in shown if is_share(one.bounds) == shares] for shares in (True, False)]
    return [_means(group, places) for group in groups if group]


def _means(shown: Sequence[Mean], places: Mapping[str, int]) -> Figure:
    tasks = list(dict.fromkeys(one.task for one in shown))
    shares = is_share(shown[0].bounds)
    scale = 100 if shares else 1
    data = by_task([_mean_row(one, scale=scale) for task in tasks for one in shown if one.task == task])
    colour = by_candidate([one.candidate for one in shown], places, legend=False)
    y = rows_of(data)
    base = alt.Chart(data_of(data)).encode(y=y, color=colour)
    x = alt.X("least:Q", title="mean score, %" if shares else "mean score",
              scale=alt.Scale(domain=[0, 100]) if shares else NICE)  # fmt: skip
    outer = base.mark_rule(strokeWidth=1.5, opacity=0.55).encode(x=x, x2="most:Q")
    inner = base.mark_rule(strokeWidth=4, strokeCap="round").encode(x="low:Q", x2="high:Q")
    dot = base.mark_point(filled=True, opacity=1, size=80).encode(x="mean:Q", tooltip=TELLS)
    text = "; ".join(row["tell"] for row in data if "tell" in row)
    return Figure("means", "Means", f"Mean scores with intervals. {text}.",
                  finished(alt.layer(outer, inner, dot), rows=len(data)),
                  "Thin: whatever the missing scores would have been.")  # fmt: skip


def _mean_row(one: Mean, *, scale: float) -> dict[str, Any]:
    low, high = _ends(one.interval, one.mean, scale)
    least, most = _ends(one.outer, one.mean, scale)
    return {
        "task": one.task,
        "candidate": one.candidate,
        "mean": _scaled(one.mean, scale),
        "low": low,
        "high": high,
        "least": least,
        "most": most,
        "tell": f"{one.task}, {one.candidate}: {score(one.mean, one.bounds)} ({span(one.outer, one.bounds)})",
    }


def _ends(ends: Sequence[float | None] | None, value: float | None, scale: float) -> tuple[float | None, float | None]:
    low, high = drawn_ends(ends, value)
    return _scaled(low, scale), _scaled(high, scale)


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale
