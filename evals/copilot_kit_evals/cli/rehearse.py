"""`copilot-kit rehearse`: recorded runs gone through by another model, up to the first divergence."""

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from copilot_kit.cli.journals import JsonOption, StoreOption, at_journal, found_run
from copilot_kit.cli.screen import as_json, counted, shown, told
from copilot_kit.display import visible
from copilot_kit.errors import BrokenRecord, UsageError
from copilot_kit_evals.cli.sheets import plain, sheet

if TYPE_CHECKING:
    from copilot_kit.journal.opening import Journal
    from copilot_kit_evals.recorded.answers import Answered
    from copilot_kit_evals.recorded.rehearsing import Rehearsal, Stage

_SHOWN: Final = 160


def rehearse(
    slot: Annotated[str, typer.Argument(metavar="SLOT", help="The slot that the candidate is meant for.")],
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="Else the last ones of the slot.")
    ] = None,
    *,
    candidate: Annotated[str, typer.Option(help="The model that goes through them: provider:name.")],
    agent: Annotated[str, typer.Option(help="Whose tools are offered: module:attribute, as shop.copilot:agent.")],
    last: Annotated[int, typer.Option(min=1, help="How many runs, where none is named.")] = 10,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Go through recorded runs with another model, with the recorded results; nothing is done.

    Tells how far it goes along, where it leaves and how, what its adapter does not send, cost and time.

    Example: copilot-kit rehearse default --candidate openai:gpt-next --agent shop.copilot:agent --last 20
    """
    from copilot_kit_evals.recorded.offers import load_offers
    from copilot_kit_evals.recorded.opening import opened_for
    from copilot_kit_evals.recorded.rehearsing import Stage

    model, settings = opened_for(slot, candidate)
    stage = Stage(model, load_offers(agent), settings, time.monotonic)
    found = at_journal(
        store, lambda journal: _work(journal, stage, slot=slot, names=tuple(runs or ()), last=last), must_exist=True
    )
    if not found:
        raise UsageError(f"No run of slot {slot!r} has an answer to go through. Name one, or another slot.")
    if json:
        as_json({"candidate": candidate, "runs": [_told(one) for one in found], **_sums(found)})
        return
    _show(found)


async def _work(
    journal: "Journal", stage: "Stage", *, slot: str, names: tuple[str, ...], last: int
) -> "list[Rehearsal]":
    from copilot_kit_evals.recorded.rehearsing import rehearse as go_through

    ids = [await found_run(journal, name, to="rehearse") for name in names]
    rows = [] if names else await journal.runs(limit=_MOST)
    found: list[Rehearsal] = []
    for run_id in ids or [row.run_id for row in rows]:  # newest first, until there are enough
        answers = await _answers(journal, run_id)
        others = {one.slot for one in answers} - {slot, None}
        if names and others:
            raise UsageError(
                f"Run {run_id!r} is of slot {', '.join(sorted(map(repr, others)))}, not of {slot!r}: where its data "
                "may go, that slot says. Rehearse it with the slot that it is of."
            )
        mine = bool(answers) and answers[0].slot == slot and not others and stage.offers.takes(answers[0])
        if not answers or (not names and not mine):
            continue
        found.append(await go_through(answers, stage))
        one = found[-1]
        told(f"{one.run_id}: {one.same} of {counted(one.steps, 'step')} the same, {one.ending.replace('_', ' ')}")
        if not names and len(found) >= last:
            break
    return found


_MOST: Final = 1_000_000


async def _answers(journal: "Journal", run_id: str) -> "list[Answered]":
    from copilot_kit_evals.recorded.answers import answers_of

    try:
        return [one for one in answers_of(await journal.read(run_id)) if not one.path]
    except BrokenRecord:
        told(f"Run {run_id} cannot be read and was left out. Look at it with: copilot-kit audit verify")
        return []


def _told(one: "Rehearsal") -> dict[str, Any]:
    return {"run": one.run_id, "steps": one.steps, "same": one.same, "ending": one.ending, "why": one.why,
            "recorded": list(one.recorded), "instead": list(one.instead), "other_words": one.other_words,
            "windows": one.windows, "dropped": one.dropped, "incumbent": plain(one.incumbent),
            "candidate": plain(one.candidate)}  # fmt: skip


def _sums(found: "list[Rehearsal]") -> dict[str, Any]:
    whole = sum(one.ending == "whole" for one in found)
    dropped: dict[str, int] = {}
    for one in found:
        for name, count in one.dropped.items():
            dropped[name] = dropped.get(name, 0) + count
    return {
        "whole": whole, "diverged": sum(one.diverged for one in found), "steps": sum(one.steps for one in found),
        "same": sum(one.same for one in found), "dropped": dropped, "cost_ratio": _cost_ratio(found),
        "time_ratio": _ratio(sum(one.candidate.took_s for one in found), sum(one.incumbent.took_s for one in found)),
    }  # fmt: skip


def _cost_ratio(found: "list[Rehearsal]") -> float | None:
    """Return cost of the candidate by cost of the incumbent on the steps that both were asked; None if unknown."""
    if any(one.candidate.unpriced or one.incumbent.unpriced for one in found):
        return None
    zero = Decimal(0)
    return _ratio(float(sum((one.candidate.cost_usd for one in found), zero)),
                  float(sum((one.incumbent.cost_usd for one in found), zero)))  # fmt: skip


def _ratio(one: float, other: float) -> float | None:
    return one / other if other else None


def _show(found: "list[Rehearsal]") -> None:
    sums = _sums(found)
    sheet(
        ("run", "same steps", "ends", "recorded", "instead"),
        [[one.run_id, f"{one.same}/{one.steps}", one.ending.replace("_", " "), _clipped(one.recorded),
          _clipped(one.instead) or visible(one.why)[:_SHOWN]] for one in found],
    )  # fmt: skip
    shown()
    shown(f"{sums['whole']} of {counted(len(found), 'run')} gone through whole, {sums['same']} of "
          f"{counted(sums['steps'], 'step')} the same.")  # fmt: skip
    for name, ratio in (("cost", sums["cost_ratio"]), ("time", sums["time_ratio"])):
        told(f"{name.capitalize()} on the steps that both were asked: "
             f"{'not known' if ratio is None else f'{ratio:.2f} x the incumbent'}.")  # fmt: skip
    for name, count in sorted(sums["dropped"].items()):
        told(f"Not sent {counted(count, 'time')}: {visible(name)}")


def _clipped(texts: tuple[str, ...]) -> str:
    return visible("; ".join(texts))[:_SHOWN]
