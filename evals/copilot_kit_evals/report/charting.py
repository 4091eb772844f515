"""What the charts of a report are made of, as Vega-Lite through Altair.

Colours are names that the page fills in by CSS, so that one chart serves light, dark and paper; `drawing` fills them in
for files. Texts are data: whatever a task or a candidate is called is drawn as text, and made visible before.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt

from copilot_kit.display import clipped, visible
from copilot_kit_evals.report.colours import named, of_candidate

ROW: Final = 26
"""Pixels of a row."""
_LABEL: Final = 34
_FONT: Final = '-apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", system-ui, sans-serif'
ROW_LABEL: Final = "row"
"""The field of labels, which are made visible already."""
MINOR: Final = "minor"
"""Whether a row belongs to the one above it."""
_NUMBER: Final = 4
"""Digits before a label that make it like no other of its chart; they are not drawn."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with the words that stand for it."""

    kind: str
    title: str
    text: str
    """For who does not see it."""
    spec: dict[str, Any]
    note: str = ""
    """Below it: how it is read."""


NICE: Final = alt.Scale(zero=False, nice=True)
TELLS: Final = [alt.Tooltip("tell:N", title=" ")]


def data_of(rows: Sequence[Mapping[str, Any]]) -> alt.Data:
    """Return rows as the data of a chart, their texts made visible."""
    values = [{name: _seen(name, value) for name, value in row.items()} for row in rows]
    return alt.Data(values=values)  # type: ignore[no-untyped-call]


def _seen(name: str, value: Any) -> Any:
    return visible(value) if isinstance(value, str) and name != ROW_LABEL else value


def drawn_ends(ends: Sequence[float | None] | None, value: float | None) -> tuple[float | None, float | None]:
    """Return the ends of an interval as they are drawn: one that is not known ends at the value itself."""
    low, high = (None, None) if ends is None else ends
    return value if low is None else low, value if high is None else high


def label_of(number: int, text: str) -> str:
    """Return a label with its row's number before it."""
    return f"{number:0{_NUMBER}d}{clipped(text, _LABEL)}"


def by_task(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows labelled by candidate, those of a task below a row with its name where there are several tasks."""
    several = len({row["task"] for row in rows}) > 1
    made: list[dict[str, Any]] = []
    task = None
    for row in rows:
        if several and row["task"] != task:
            made.append({ROW_LABEL: label_of(len(made), row["task"]), MINOR: False})
        task = row["task"]
        made.append({**row, ROW_LABEL: label_of(len(made), row["candidate"]), MINOR: several})
    return made


def rows_of(data: Sequence[Mapping[str, Any]]) -> alt.Y:
    """Return the axis of a chart that has a row a thing; labels of minor ones are quiet."""
    minor = [row[ROW_LABEL] for row in data if row.get(MINOR)]
    quiet = f"indexof({json.dumps(minor)}, datum.value) >= 0"
    return alt.Y(
        "row:N",
        title=None,
        sort=[row["row"] for row in data],
        axis=alt.Axis(
            labelExpr=f"slice(datum.label, {_NUMBER})",
            grid=False,
            ticks=False,
            domain=False,
            labelLimit=230,
            labelPadding=10,
            labelColor={"condition": {"test": quiet, "value": named("quiet")}, "value": named("ink")},
            labelFontWeight={"condition": {"test": quiet, "value": 400}, "value": 600 if minor else 400},
        ),
    )


def by_candidate(names: Sequence[str], places: Mapping[str, int], *, legend: bool) -> alt.Color:
    """Return the colour of each candidate, the same in all charts."""
    places = {visible(name): place for name, place in places.items()}
    unique = list(dict.fromkeys(map(visible, names)))
    scale = alt.Scale(domain=unique, range=[of_candidate(places[name]) for name in unique])
    return alt.Color("candidate:N", title=None, scale=scale, legend=alt.Legend() if legend else None)


def finished(chart: alt.LayerChart | alt.FacetChart, *, rows: int | None = None, height: int = 300) -> dict[str, Any]:
    """Return the chart as Vega-Lite: as wide as its place, in the letters and colours of the page."""
    tall = max(rows, 2) * ROW if rows is not None else height
    told: dict[str, Any] = chart.properties(width="container", height=tall).to_dict(validate=False)
    told["config"] = CONFIG
    return told


CONFIG: Final[dict[str, Any]] = {
    "background": "transparent",
    "font": _FONT,
    "padding": {"left": 2, "right": 14, "top": 6, "bottom": 4},
    "view": {"stroke": None},
    "axis": {
        "labelColor": named("ink"), "titleColor": named("quiet"), "titleFontWeight": 400, "labelFontSize": 12,
        "titleFontSize": 12, "gridColor": named("line"), "domain": False, "ticks": False, "labelPadding": 8,
        "titlePadding": 10,
    },
    "axisY": {"tickCount": 6},
    "axisX": {"tickCount": 6, "labelColor": named("quiet"), "labelOverlap": True},
    "legend": {
        "orient": "top", "labelColor": named("ink"), "labelFontSize": 12, "symbolType": "circle", "symbolSize": 70,
        "labelLimit": 300, "symbolStrokeWidth": 0, "symbolOpacity": 1, "columnPadding": 18, "offset": 10, "columns": 3,
    },
    "text": {"color": named("ink"), "fontSize": 12, "font": _FONT},
}  # fmt: skip
