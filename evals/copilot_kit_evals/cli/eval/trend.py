"""`copilot-kit eval trend`: time horizons of models on one's own items, and when what is parked opens."""

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from copilot_kit.cli.journals import JsonOption
from copilot_kit.cli.screen import as_json, counted, shown, told
from copilot_kit.display import visible
from copilot_kit.errors import UsageError
from copilot_kit_evals.cli.sheets import number, plain, sheet
from copilot_kit_evals.cli.stats.horizon import BEYOND

if TYPE_CHECKING:
    from copilot_kit_evals.abilities import Abilities, Ability, Opening
    from copilot_kit_evals.stats.horizon import Span

_MODEL: Final = ("model", "agent", "name", "candidate")
_DATE: Final = ("released", "release_date", "run_date", "date")


def trend(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.", show_default=False)],
    *,
    released: Annotated[
        list[str] | None, typer.Option(metavar="MODEL=DATE", help="As openai:gpt-5.2=2025-12-11; may be repeated.")
    ] = None,
    dates: Annotated[Path | None, typer.Option(help="A CSV with the columns model and released.")] = None,
    parked: Annotated[Path | None, typer.Option(help="A dataset of items that are too hard or too dear today.")] = None,
    share: Annotated[float, typer.Option(min=0.05, max=0.99, help="Of attempts that must succeed.")] = 0.5,
    draws: Annotated[int, typer.Option(min=1, help="Of the bootstrap.")] = 1000,
    json: JsonOption = False,
) -> None:
    """Tell how long the work is that each model does, how fast that grows, and when what is parked opens.

    The items must say how many minutes a person takes. A trend needs three releases with their dates.

    Example: copilot-kit eval trend runs/2025-12 runs/2026-04 --dates releases.csv --parked parked.jsonl
    """
    from copilot_kit_evals.abilities import abilities, openings
    from copilot_kit_evals.folder import RunFolder
    from copilot_kit_evals.items import Dataset

    known = abilities([RunFolder(one) for one in runs], _released(released or (), dates), share=share, draws=draws)
    found = openings(Dataset.read(parked), known) if parked is not None else []
    if json:
        as_json(plain(_told(known, found)))
        return
    _show(known, found)


def _released(words: Sequence[str], file: Path | None) -> dict[str, date]:
    found: dict[str, date] = {}
    if file is not None:
        from copilot_kit_evals.tables import read_table

        table = read_table(file)
        found = {model: _day(text) for model, text in zip(table.text(*_MODEL), table.text(*_DATE), strict=True)}
    for word in words:
        model, mark, text = word.rpartition("=")
        if not mark:
            raise UsageError(f"{word!r} names no date. Write it as provider:model=2026-04-01.")
        found[model] = _day(text)
    return found


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise UsageError(f"{text!r} is no date. Write it as 2026-04-01.") from error


def _told(known: "Abilities", found: "list[Opening]") -> dict[str, Any]:
    line = known.trend
    return {
        "share": known.share,
        "models": {one.model: _ability(one, known.share) for one in known.models},
        "trend": None if line is None else {
            "doubling_days": line.doubling_days, "interval": [line.lower, line.upper], "r_squared": line.r_squared,
            "through": known.through},
        "parked": [{"item": one.item.id, "human_minutes": one.item.human_minutes, "now": one.now, "on": _text(one.on),
                    "between": None if one.between is None else [_text(end) for end in one.between],
                    "price_ratio": one.price_ratio} for one in found],
        "left_out": known.left_out,
    }  # fmt: skip


def _ability(one: "Ability", share: float) -> dict[str, Any]:
    from copilot_kit_evals.stats.horizon import Span

    rising, none = one.rises, Span(None, None)
    middle, most = (none, none) if rising else (one.horizon.p50_interval, one.horizon.p80_interval)
    minutes = one.horizon.curve.horizon(share)
    return {
        "released": _text(one.released), "minutes": None if rising else BEYOND if math.isinf(minutes) else minutes,
        "p50_minutes": None if rising else _beyond(one.horizon.p50), "p50_interval": _ends(middle),
        "p80_minutes": None if rising else _beyond(one.horizon.p80), "p80_interval": _ends(most),
        "score": one.horizon.average_score, "items": one.items, "runs": one.runs,
        "cost_per_success": one.cost_per_success,
    }  # fmt: skip


def _beyond(minutes: float | None) -> float | str | None:
    return BEYOND if minutes is not None and math.isinf(minutes) else minutes


def _ends(found: "Span") -> list[float | str | None]:
    return [_beyond(found.lower), _beyond(found.upper)]


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _show(known: "Abilities", found: "list[Opening]") -> None:
    rows = []
    for one in known.models:
        told_of = _ability(one, known.share)
        rows.append([visible(one.model), told_of["released"] or "", _minutes(told_of["p50_minutes"]),
                     " to ".join(_minutes(end) for end in told_of["p50_interval"]), _minutes(told_of["p80_minutes"]),
                     number(told_of["score"]), str(one.items)])  # fmt: skip
    sheet(("model", "released", "p50 min", "95 %", "p80 min", "score", "items"), rows)
    line = known.trend
    if line is None:
        told("No trend: it takes three releases with a date, each the best of its day (--released MODEL=DATE).")
    else:
        ends = "" if line.lower is None else f" ({_days(line.lower)} to {_days(line.upper)})"
        shown(f"Doubles in {_days(line.doubling_days)}{ends}, through {', '.join(map(visible, known.through))}.")
    if known.left_out:
        told(f"{counted(known.left_out, 'attempt')} left out: without a score, or at items without human_minutes.")
    if found:
        shown()
        sheet(("parked item", "minutes", "opens", "between", "price"), [_row(one) for one in found])


def _row(one: "Opening") -> list[str]:
    when = f"now: {visible(one.now)}" if one.now is not None else _text(one.on) or "not foreseen"
    between = "" if one.between is None else " to ".join(_text(end) or "…" for end in one.between)
    price = "" if one.price_ratio is None else "now" if one.price_ratio >= 1 else f"at {one.price_ratio:.0%} of today's"
    return [visible(one.item.id), number(one.item.human_minutes), when, between, price]


def _minutes(value: float | str | None) -> str:
    return value if isinstance(value, str) else number(value)


def _days(value: float | None) -> str:
    return "…" if value is None or not math.isfinite(value) else f"{value:,.0f} days"
