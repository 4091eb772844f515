"""`copilot-kit trust`: which actions have earned to run without a question, and how people decide."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from copilot_kit.approval.acceptance import Acceptance, acceptance
from copilot_kit.approval.approvers import Habits, habits
from copilot_kit.approval.bounds import cases_watched
from copilot_kit.approval.gate import Gate, Rule
from copilot_kit.approval.trust import Standing, earn, strictest
from copilot_kit.cli.journals import JsonOption, StoreOption, at_journal
from copilot_kit.cli.screen import as_json, bold, columns, dim, folded, shown, told
from copilot_kit.display import visible
from copilot_kit.effects import Effect
from copilot_kit.journal import Journal
from copilot_kit.journal.index import CallRow, Evidence

_GATE_FILE: Final = "gate.toml"
_UNNAMED: Final = 0.5
"""The target that stands in where no rule names one; only the bound is shown of it."""
_COUNTS: Final = (
    "clean",
    "edited",
    "wording_edited",
    "rejected",
    "failed",
    "undone",
    "allowed_clean",
    "allowed_failed",
)
_SHORT: Final = 8


@dataclass(frozen=True, slots=True)
class _Action:
    standing: Standing
    effect: Effect | None
    """None: its calls are too far back to be among those that were looked at."""
    wanted: Literal["", "rule", "option"]
    """Who names the target: a rule of the gate, the person who asks, or nobody."""


@dataclass(frozen=True, slots=True)
class _Report:
    actions: list[_Action]
    suggestions: list[Acceptance]
    people: list[Habits]


def trust(
    *,
    gate: Annotated[
        Path | None, typer.Option(help=f"The gate file whose targets count; else {_GATE_FILE} here, if there is one.")
    ] = None,
    target: Annotated[
        float | None, typer.Option(help="A target for actions that no rule gives one, as in 0.98.")
    ] = None,
    last: Annotated[int, typer.Option(help="Calls and runs to look at for approvers and suggestions.", min=1)] = 1000,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Show where each action of each model stands: what is shown of it, and how many clean cases are missing.

    Then how suggestions were taken, which permits nothing, and how each person decides.

    Example: copilot-kit trust --target 0.98
    """
    path = gate or (Path(_GATE_FILE) if Path(_GATE_FILE).exists() else None)
    rules = () if path is None else Gate.from_file(path).rules
    fallback = () if target is None else (earn(target),)

    async def look(journal: Journal) -> _Report:
        calls = await journal.calls(limit=last)
        actions = [_action(one, calls, rules, fallback) for one in await journal.evidence()]
        return _Report(actions, await acceptance(journal, last=last), habits(calls))

    report = at_journal(store, look)
    if json:
        as_json(_as_json(report))
    else:
        _show(report)


def _action(evidence: Evidence, calls: Sequence[CallRow], rules: Sequence[Rule], fallback: Sequence[Rule]) -> _Action:
    effect = next((call.effect for call in calls if call.tool == evidence.tool), None)
    known = effect or "external"  # as a tool is that does not say
    ruled = strictest(rules, evidence, known)
    asked = strictest(fallback, evidence, known)
    wanted: Literal["", "rule", "option"] = "rule" if ruled is not None else "option" if asked is not None else ""
    return _Action(ruled or asked or Standing(evidence, _UNNAMED), effect, wanted)


def _show(report: _Report) -> None:
    if report.actions:
        _show_actions(report.actions)
    else:
        told("No call was decided or allowed here yet, so nothing has earned any trust.")
    if report.suggestions:
        shown(f"\n{bold('Suggestions')}  {dim('how they were taken; this permits nothing')}")
        columns(
            [(one.agent, str(one.accepted), str(one.edited), str(one.ignored), str(one.untold),
              _percent(one.accepted_share), one.model) for one in report.suggestions],
            header=("agent", "accepted", "edited", "ignored", "not told", "unchanged", "model"),
        )  # fmt: skip
    if report.people:
        _show_people(report.people)


def _show_actions(actions: Sequence[_Action]) -> None:
    shown(f"{bold('Actions')}  {dim('shown: the rate of clean cases, with 95 % confidence however often one looks')}")
    columns(
        [_action_row(one) for one in actions],
        header=("tool", "clean", "not clean", "wording", "allowed", "shown", "target", "missing", "version", "prompt",
                "model"),
    )  # fmt: skip
    if not all(one.wanted for one in actions):
        needed = ", ".join(f"{cases_watched(rate):,} clean cases for {rate:g}" for rate in (0.7, 0.98, 0.999))
        told(folded(f"Where no target stands, no rule lets the action earn anything: add earn(target) to the gate, or "
                    f"name one with --target. It takes {needed}."))  # fmt: skip


def _action_row(action: _Action) -> tuple[str, ...]:
    standing, one = action.standing, action.standing.evidence
    allowed = f"{one.allowed_clean + one.allowed_failed:,}"
    return (
        one.tool,
        f"{one.clean:,}",
        f"{one.edited + one.rejected + one.failed + one.undone:,}",
        f"{one.wording_edited:,}",
        f"{allowed} ({one.allowed_failed:,} failed)" if one.allowed_failed else allowed,
        _percent(standing.lower),
        f"{100 * standing.target:g} %" if action.wanted else "-",
        _missing(action),
        _short(one.tool_version),
        _short(one.prompt_version),
        one.model,
    )


def _missing(action: _Action) -> str:
    if not action.wanted:
        return "-"
    if action.standing.earned and action.wanted == "rule":
        return "trusted"
    return f"{action.standing.missing:,}{' turned' if action.standing.turned else ''}"


def _show_people(people: Sequence[Habits]) -> None:
    shown(f"\n{bold('Approvers')}")
    columns(
        [(str(one.decided), _percent(one.approved_share), str(one.edited), str(one.rejected), str(one.answered),
          "-" if one.median_looked_s is None else f"{one.median_looked_s:.1f} s", _percent(one.quick_share), one.person)
         for one in people],
        header=("decided", "approved", "edited", "rejected", "answered", "median look", "under 2 s", "person"),
    )  # fmt: skip
    for one in people:
        if one.stamps:
            told(f"{visible(one.person)} approved all {one.decided}, most in under 2 s: such a yes shows little.")


def _as_json(report: _Report) -> dict[str, Any]:
    return {
        "actions": [_action_json(one) for one in report.actions],
        "suggestions": {
            "permits": "nothing",
            "taken": [asdict(one) | {"accepted_share": one.accepted_share} for one in report.suggestions],
        },
        "approvers": [_person_json(one) for one in report.people],
    }


def _action_json(action: _Action) -> dict[str, Any]:
    standing, one = action.standing, action.standing.evidence
    return {
        "tool": one.tool,
        "tool_version": one.tool_version,
        "model": one.model,
        "prompt_version": one.prompt_version,
        "effect": action.effect,
        "counts": {name: getattr(one, name) for name in _COUNTS},
        "shown": standing.lower,
        "confidence": standing.confidence,
        "wording_counts": standing.wording_counts,
        "target": standing.target if action.wanted else None,
        "target_by": action.wanted or None,
        "missing": standing.missing if action.wanted else None,
        "earned": standing.earned and action.wanted == "rule",
        "turned": standing.turned and action.wanted == "rule",
    }


def _person_json(one: Habits) -> dict[str, Any]:
    return {
        "person": one.person,
        "decided": one.decided,
        "approved": one.approved,
        "edited": one.edited,
        "rejected": one.rejected,
        "answered": one.answered,
        "approved_share": one.approved_share,
        "median_looked_s": one.median_looked_s,
        "under_2_s_share": one.quick_share,
        "looks_like_a_stamp": one.stamps,
    }


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _short(version: str) -> str:
    return version.removeprefix("sha256:")[:_SHORT]
