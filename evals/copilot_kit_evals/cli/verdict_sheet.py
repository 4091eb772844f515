"""How a verdict stands in the terminal."""

import json
from typing import Final

from copilot_kit.cli.screen import shown
from copilot_kit.display import visible
from copilot_kit_evals.cli.sheets import as_json, number, sheet, span
from copilot_kit_evals.verdict.judging import headline
from copilot_kit_evals.verdict.verdicts import ALL, Verdict

_SLICES: Final = 12
_MARKS: Final = {"pass": "shown", "fail": "no", "open": "open", "note": "not asked for"}


def show(verdict: Verdict, *, as_json_text: bool = False) -> None:
    """Print a verdict: as JSON, or in words with a small table."""
    if as_json_text:
        as_json(json.loads(verdict.model_dump_json()))
        return
    shown(visible(headline(verdict)))
    for reason in verdict.reasons:
        shown(f"  - {visible(reason)}")
    for one in verdict.findings:
        if one.state == "note" and one.name != "non_inferiority":
            shown(f"  · {visible(one.text)}")
    rows = _rows(verdict) if verdict.n_items else []
    if rows:
        shown()
        sheet(("", "value"), rows)


def _rows(verdict: Verdict) -> list[tuple[str, str]]:
    rows = []
    if verdict.difference is not None:
        p = "" if verdict.p is None or verdict.p == verdict.p_exact else f"; over whole clusters {number(verdict.p)}"
        kind = ", at every moment" if verdict.sequential else ""
        rows += [
            ("means, incumbent and candidate", f"{number(verdict.mean_incumbent)}, {number(verdict.mean_candidate)}"),
            (f"difference (95 %{kind})", f"{number(verdict.difference)} ({span(verdict.interval)})"),
            ("exact p", f"{number(verdict.p_exact)}{p}"),
            ("ahead, behind", f"{verdict.wins}, {verdict.losses}"),
        ]
    rows += [(f"cost per success, {name}", number(cost)) for name, cost in verdict.cost_per_success.items()
             if cost is not None]  # fmt: skip
    slices = [one for one in verdict.found("non_inferiority") if one.slice != ALL]
    told_of = [one for one in slices if one.state in ("pass", "fail") or len(slices) <= _SLICES]
    rows += [(f"no worse on {one.slice}", _MARKS[one.state]) for one in told_of]
    if len(told_of) < len(slices):
        rows.append((f"{len(slices) - len(told_of)} more slices", "not shown"))
    return rows
