"""A run as one HTML file: opens without network, in light and in dark, on paper, and by keyboard alone.

Nothing in it is fetched, and its policy allows no script but its own two, by their hashes.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from zlib import compress

from copilot_kit.display import visible
from copilot_kit.errors import MissingExtra
from copilot_kit_evals.attempts import Outcome
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.report import colours, wording
from copilot_kit_evals.report.cases import Case, cases_of, flips
from copilot_kit_evals.report.costs import priced
from copilot_kit_evals.report.drawing import can_draw
from copilot_kit_evals.report.facts import Difference, Facts, facts_of
from copilot_kit_evals.report.headline import FINDINGS, headline
from copilot_kit_evals.report.horizons import reaches
from copilot_kit_evals.report.ladders import ladders
from copilot_kit_evals.report.transcripts import MOST_BYTES, Packs, packed, packs_of
from copilot_kit_evals.summary import ALL
from copilot_kit_evals.writing import replace

REPORT: Final = "report.html"
SHOWN_FLIPS: Final = 8
"""Of each kind, beside the table that has all; half of it a candidate where there are several."""
_PAIR: Final = 2
_FILES: Final = Path(__file__).parent / "templates"
_OUTCOMES: Final[tuple[Outcome, ...]] = (
    "ok", "refusal", "model_failure", "limit", "rejected_by_person", "infra_error", "cancelled",
)  # fmt: skip


def write_report(run: RunFolder, out: Path | None = None, *, released: Mapping[str, date] | None = None) -> Path:
    """Write the report of a run, into its folder unless told where, and return the file.

    Raises `MissingExtra` without the packages that draw it.
    """
    file = run.path / REPORT if out is None else out
    file.parent.mkdir(parents=True, exist_ok=True)
    replace(file, report_html(run, released=released).encode())
    return file


def report_html(run: RunFolder, *, released: Mapping[str, date] | None = None, most_bytes: int = MOST_BYTES) -> str:
    """Return the report of a run as one HTML document.

    released: when candidates came out, by name, for the trend. most_bytes: of transcripts, compressed.
    """
    if not can_draw():
        raise MissingExtra("A report", "report")
    facts = facts_of(run)
    cases = cases_of(facts)
    packs = packs_of(run, cases, most_bytes=most_bytes)
    drawn = _drawn(facts, released or {})
    script, style = _file("report.js"), colours.as_css() + _file("report.css")
    vega = _vega() if drawn else ""
    data = {"summary": facts.summary, **_table(facts, cases, packs), "charts": [one.spec for one in drawn["all"]]}
    return _page(
        script=script,
        style=style,
        policy=_policy(script, vega, style),
        vega=b64encode(compress(vega.encode(), 6)).decode(),
        data=packed(data),
        packs=packs,
        facts=facts,
        headline=headline(facts),
        figures=drawn,
        flips=_flips(facts, cases, packs),
        ladders=ladders(facts),
        reaches=reaches(facts),
        priced=priced(facts),
        cases=cases,
        outcomes=[one for one in _OUTCOMES if any(sheet.outcomes.get(one) for sheet in facts.sheets)],
    )


def _vega() -> str:
    from copilot_kit_evals.report.drawing import vega

    return vega()


def _drawn(facts: Facts, released: Mapping[str, date]) -> dict[str, Any]:
    """Return the figures by kind, each with its number in the data of the page."""
    from copilot_kit_evals.report.figures import KINDS, TREND, figures_of

    every: list[Any] = []
    told: dict[str, Any] = {}
    for kind in (*KINDS, TREND):
        found = figures_of(facts, kind, released=released)
        told[kind] = list(enumerate(found, len(every)))
        every += found
    return {**told, "all": every}


def _page(**told: Any) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup, escape

    def shown(value: object) -> object:
        return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = Environment(loader=FileSystemLoader(_FILES), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True, finalize=shown)  # fmt: skip
    environment.globals |= {
        name: getattr(wording, name)
        for name in (
            "score",
            "change",
            "span",
            "points",
            "dollars",
            "seconds",
            "minutes",
            "p_value",
            "count",
            "size",
            "listed",
        )
    }
    environment.globals |= {"ALL": ALL, "FINDINGS": FINDINGS, "raw": Markup}
    environment.filters["seen"] = escape
    environment.filters["share"] = lambda value: f"{value * 100:.1f} %"
    return environment.get_template("report.html").render(**told)


def _policy(*allowed: str) -> str:
    """Return what a browser may do with the page: run these scripts, take this style, and nothing else."""
    *scripts, style = (f"'sha256-{b64encode(sha256(one.encode()).digest()).decode()}'" for one in allowed)
    return (f"default-src 'none'; script-src {' '.join(scripts)}; style-src {style}; img-src data:; "
            "base-uri 'none'; form-action 'none'")  # fmt: skip


def _file(name: str) -> str:
    return (_FILES / name).read_text(encoding="utf-8")


def _table(facts: Facts, cases: Sequence[Case], packs: Packs) -> dict[str, Any]:
    """Return the rows of the table, each a list, with texts that come again held once."""
    tags = sorted({tag for case in cases for tag in case.item.tags})
    places = {tag: place for place, tag in enumerate(tags)}
    tasks = [task.name for task in facts.manifest.tasks]
    numbers = {name: number for number, name in enumerate(tasks)}
    rows = [
        [numbers[case.task], visible(case.item.id), case.excerpt, [places[tag] for tag in case.item.tags],
         visible(case.item.cluster or ""), int(case.item.must_pass), case.wanted, packs.places.get(place, -1),
         [_cell(cell, packs.answers.get((place, number), "")) for number, cell in enumerate(case.cells)]]
        for place, case in enumerate(cases)
    ]  # fmt: skip
    return {"tasks": [visible(one) for one in tasks], "tops": [list(one.bounds) for one in facts.manifest.tasks],
            "tags": [visible(one) for one in tags], "candidates": [visible(one) for one in facts.candidates],
            "rows": rows}  # fmt: skip


def _cell(cell: Any, answer: str) -> list[Any]:
    return [_short(cell.score), cell.seen, cell.outcomes, _short(cell.cost), _short(cell.seconds), answer]


def _short(value: float | None) -> float | None:
    """Return a number as short as the table shows it."""
    return None if value is None else float(f"{value:.5g}")


@dataclass(frozen=True, slots=True)
class Flip:
    """An item on which a candidate and the incumbent differ, as the page lists it."""

    place: int
    """Of the case, in the data of the page."""
    case: Case
    before: str
    after: str
    """The beginnings of both answers."""


@dataclass(frozen=True, slots=True)
class Flips:
    """What a candidate gains and loses against the incumbent."""

    number: int
    """Of the candidate."""
    candidate: str
    won: tuple[Flip, ...]
    lost: tuple[Flip, ...]
    n_won: int
    n_lost: int
    tasks: tuple[Difference, ...]


def _flips(facts: Facts, cases: Sequence[Case], packs: Packs) -> list[Flips]:
    places = {id(case): place for place, case in enumerate(cases)}
    most = SHOWN_FLIPS if len(facts.candidates) == _PAIR else SHOWN_FLIPS // 2

    def told(found: Sequence[Case], number: int) -> tuple[Flip, ...]:
        shown = [(case, places[id(case)]) for case in found[:most]]
        return tuple(Flip(place, case, *(packs.answers.get((place, side), "") for side in (0, number)))
                     for case, place in shown)  # fmt: skip

    made = []
    for number, name in enumerate(facts.candidates[1:], 1):
        won, lost = flips(cases, number)
        made.append(Flips(number, name, told(won, number), told(lost, number), len(won), len(lost),
                          facts.overall(name)))  # fmt: skip
    return made
