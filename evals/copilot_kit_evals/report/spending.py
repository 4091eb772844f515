"""Charts of what a candidate takes: cost against quality with the front that nothing beats, and time."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import altair as alt

from copilot_kit_evals.report.charting import (
    NICE,
    TELLS,
    Figure,
    by_candidate,
    by_task,
    data_of,
    drawn_ends,
    finished,
    rows_of,
)
from copilot_kit_evals.report.colours import named
from copilot_kit_evals.report.costs import Priced, priced
from copilot_kit_evals.report.facts import Facts
from copilot_kit_evals.report.wording import dollars, is_share, score, seconds, span

_WIDE: Final = 8.0
"""From this ratio of the largest to the smallest on, an axis is logarithmic."""


def costs(facts: Facts) -> list[Figure]:
    """Return cost against quality, a chart a task."""
    found = priced(facts)
    places = {name: place for place, name in enumerate(facts.candidates)}
    tasks = list(dict.fromkeys(one.task for one in found))
    return [_cost([one for one in found if one.task == task], places) for task in tasks]


def _cost(found: Sequence[Priced], places: dict[str, int]) -> Figure:
    shares = is_share(found[0].bounds)
    data = [_cost_row(one, scale=100 if shares else 1) for one in found]
    colour = by_candidate([one.candidate for one in found], places, legend=True)
    cost, quality = "cost of an attempt, $", "mean score, %" if shares else "mean score"
    x = alt.X("cost:Q", title=cost, scale=_scale([row["cost"] for row in data]),
              axis=alt.Axis(format="~g", grid=False, tickCount=4))  # fmt: skip
    y = alt.Y("mean:Q", title=quality, scale=NICE)
    base = alt.Chart(data_of(data)).encode(color=colour)
    front = (
        alt.Chart(data_of(sorted((row for row in data if row["front"]), key=lambda row: row["cost"])))
        .mark_line(interpolate="step-after", strokeDash=[5, 4], strokeWidth=1.5, color=named("edge"))
        .encode(x=x, y=y)
    )
    up = base.mark_rule(strokeWidth=2, opacity=0.6).encode(
        x=x, y=alt.Y("low:Q", title=quality, scale=NICE), y2="high:Q"
    )
    along = base.mark_rule(strokeWidth=2, opacity=0.6).encode(x=alt.X("least:Q", title=cost), x2="most:Q", y=y)
    dot = base.mark_point(filled=True, opacity=1, size=110).encode(x=x, y=y, tooltip=TELLS)
    best = [one.candidate for one in found if one.front]
    text = f"Cost against quality in {found[0].task}. {'; '.join(row['tell'] for row in data)}."
    dashed = "Dashed: the front. " if len(best) > 1 else ""
    note = f"{dashed}Nothing here is both cheaper and better than {' or '.join(best)}."
    return Figure("cost", found[0].task, text, finished(alt.layer(front, up, along, dot)), note)


def _cost_row(one: Priced, *, scale: float) -> dict[str, Any]:
    low, high = drawn_ends(one.interval, one.mean)
    least, most = drawn_ends(one.cost_interval, one.cost)
    share = "" if one.share is None else f", on the front in {one.share:.0%} of resampled suites"
    return {"candidate": one.candidate, "cost": one.cost, "least": least, "most": most, "mean": one.mean * scale,
            "low": None if low is None else low * scale, "high": None if high is None else high * scale,
            "front": one.front,
            "tell": f"{one.candidate}: {dollars(one.cost)} an attempt, {score(one.mean, one.bounds)} "
                    f"({span(one.interval, one.bounds)}){share}"}  # fmt: skip


def _scale(values: Sequence[float]) -> alt.Scale:
    above = [value for value in values if value > 0]
    wide = len(above) == len(values) and max(above) > _WIDE * min(above)
    return alt.Scale(type="log", nice=False, padding=40) if wide else alt.Scale(zero=False, nice=False, padding=40)


def latencies(facts: Facts) -> list[Figure]:
    """Return the median and the 95th percentile of each candidate's time, task by task, in one chart."""
    rows = list(_latency_rows(facts))
    data = by_task(rows)
    if not data:
        return []
    places = {name: place for place, name in enumerate(facts.candidates)}
    colour = by_candidate([row["candidate"] for row in rows], places, legend=False)
    y = rows_of(data)
    title = "seconds"
    x = alt.X("p50:Q", title=title,
              scale=_scale([row[name] for row in rows for name in ("p50", "p95")]))  # fmt: skip
    base = alt.Chart(data_of(data)).encode(y=y, color=colour)
    between = base.mark_rule(strokeWidth=1, strokeDash=[2, 3], opacity=0.8).encode(x=x, x2="p95:Q")
    low = base.mark_rule(strokeWidth=4, strokeCap="round").encode(x=alt.X("p50_low:Q", title=title), x2="p50_high:Q")
    high = base.mark_rule(strokeWidth=4, strokeCap="round", opacity=0.45).encode(
        x=alt.X("p95_low:Q", title=title), x2="p95_high:Q")  # fmt: skip
    median = base.mark_point(filled=True, opacity=1, size=80).encode(x=x, tooltip=TELLS)
    tail = base.mark_point(filled=False, opacity=1, size=80, strokeWidth=2).encode(
        x=alt.X("p95:Q", title=title), tooltip=TELLS)  # fmt: skip
    text = f"Time of an attempt. {'; '.join(row['tell'] for row in rows)}."
    note = "Model and tools, without waiting. Filled: the median. Open: the 95th percentile. Bars: their intervals."
    spec = finished(alt.layer(between, low, high, median, tail), rows=len(data))
    return [Figure("latency", "Latency", text, spec, note)]


def _latency_rows(facts: Facts) -> Iterator[dict[str, Any]]:
    for task, entry in facts.summary["tasks"].items():
        for name, one in entry["candidates"].items():
            found = one["latency_s"]
            if "p50" not in found:
                continue
            middle, tail = found["p50"], found["p95"]
            low, high = drawn_ends(tail["interval"], tail["value"])
            first, last = drawn_ends(middle["interval"], middle["value"])
            yield {"task": task, "candidate": name,
                   "p50": middle["value"], "p50_low": first, "p50_high": last,
                   "p95": tail["value"], "p95_low": low, "p95_high": high,
                   "tell": f"{task}, {name}: median {seconds(middle['value'])}, "
                           f"95th percentile {seconds(tail['value'])}"}  # fmt: skip
