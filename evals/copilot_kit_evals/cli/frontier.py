"""`copilot-kit frontier`: which model each slot has, since when and by what evidence, and what is to be done."""

import asyncio
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Final

import typer

from copilot_kit.cli.journals import JsonOption
from copilot_kit.cli.screen import as_json, counted, shown, told
from copilot_kit.display import visible
from copilot_kit.errors import UsageError
from copilot_kit.journal.index import Journal
from copilot_kit.slots import Slot, read_frontier, slot_of
from copilot_kit_evals.cli.frontier_sheets import show_news, show_slots
from copilot_kit_evals.frontier.ledger import Ledger, advance, ask_people_anew, journal_of, open_ledger, who
from copilot_kit_evals.frontier.lock import BadLock
from copilot_kit_evals.frontier.promotions import (
    Fault,
    Promotion,
    Proof,
    evidence_for,
    of_slot,
)
from copilot_kit_evals.frontier.shared import StoreLedger

app: Final = typer.Typer(name="frontier", help="Which model each slot has, by what evidence, and what to do next.")

SlotName = Annotated[str, typer.Argument(metavar="SLOT", help="A slot of frontier.toml.", show_default=False)]
StoreUrl = Annotated[str | None, typer.Option("--store", help="The journal of the slot's runs; else the usual one.")]
By = Annotated[str | None, typer.Option(help="Who does it; else the user of this machine.")]


@app.callback(invoke_without_command=True)
def show_command(context: typer.Context, *, json: JsonOption = False) -> None:
    """Show the slots: their models, since when, by what evidence, what is parked, what retires when.

    Example: copilot-kit frontier
    """
    if context.invoked_subcommand is not None:
        return
    ledger = open_ledger()
    promotions = asyncio.run(ledger.promotions())
    rows = [_row(name, slot, of_slot(promotions, name), ledger) for name, slot in _slots(ledger).items()]
    if json:
        as_json({"file": str(ledger.frontier), "slots": rows})
        return
    show_slots(rows)


@app.command("verify")
def verify_command(
    *,
    repair: Annotated[bool, typer.Option("--repair", help="Finish what a process that died has begun.")] = False,
    store: StoreUrl = None,
    json: JsonOption = False,
) -> None:
    """Check the record of promotions: its chain, the runs that it rests on, their verdicts, and the slots themselves.

    Where there is a journal of the slot's runs, it knows which promotions there were. Exits with 1 where something is
    not as it was written; a run that is not here is told and proves nothing.

    Example: copilot-kit frontier verify
    """
    from copilot_kit_evals.frontier.faults import faults_of

    ledger = open_ledger()
    try:
        journal = None if isinstance(ledger, StoreLedger) else journal_of(ledger, store)
        promotions, faults = asyncio.run(faults_of(ledger, journal, repair=repair))
    except BadLock as error:
        promotions, faults = [], [Fault(n=None, text=str(error))]
    bad = [one for one in faults if one.fails]
    if json:
        as_json({"ok": not bad, "promotions": len(promotions), "faults": [one.model_dump() for one in faults]})
    else:
        for one in faults:
            place = "" if one.n is None else f"promotion {one.n}: "
            shown(f"{'FAILS' if one.fails else 'note '}  {place}{visible(one.text)}")
        how = "not all right" if bad else "as they were written" if len(promotions) != 1 else "as it was written"
        shown(f"{counted(len(promotions), 'promotion')}, {how}." if promotions or bad else "No promotion yet.")
    raise typer.Exit(1 if bad else 0)


@app.command("watch")
def watch_command(
    *,
    days: Annotated[int, typer.Option(help="Retiring within so many days is urgent.", min=0)] = 30,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no provider, whatever keys there are.")] = False,
    json: JsonOption = False,
) -> None:
    """Tell which models of the slots retire, and which new ones to evaluate; exits with 1 where something is urgent.

    Read are the adapters' tables, the installed list of prices and, where there is a key, what the provider lists.

    Example: copilot-kit frontier watch --days 60
    """
    from copilot_kit_evals.frontier.catalogues import lifecycle_of
    from copilot_kit_evals.frontier.news import news

    slots = _slots(open_ledger())
    found = news(slots, _catalogues(offline=offline), lifecycle_of, today=date.today(), within_days=days)  # noqa: DTZ011  the user's own day
    if json:
        as_json({"news": [asdict(one) for one in found]})
    else:
        show_news(found, slots)
    raise typer.Exit(1 if any(one.urgent for one in found) else 0)


@app.command("status")
def status_command(slot: SlotName, *, store: StoreUrl = None, json: JsonOption = False) -> None:
    """Show how a model that takes over a slot is accepted, beside the old one.

    Example: copilot-kit frontier status default
    """
    from copilot_kit_evals.frontier.staging import standing

    ledger = open_ledger()
    staged = _slot(slot, ledger).stage is not None
    found = asyncio.run(standing(ledger, slot, _journal(ledger, store))) if staged else None
    if json:
        as_json(None if found is None else {**asdict(found), "fell": found.found.fell})
    elif found is None:
        shown(f"In slot {visible(slot)} no model takes over.")
    else:
        shown(
            f"{visible(found.new)} has {found.share:.0%} of new runs of {visible(slot)}, {visible(found.old)} the rest."
        )
        shown(str(found.found))


@app.command("advance")
def advance_command(
    slot: SlotName,
    *,
    share: Annotated[
        float | None, typer.Option(help="The new share of runs, up to 1; else only look.", min=0, max=1)
    ] = None,
    every: Annotated[float | None, typer.Option(metavar="SECONDS", help="Look again and again.", min=1)] = None,
    store: StoreUrl = None,
    by: By = None,
    json: JsonOption = False,
) -> None:
    """Take a new model back if people are shown to accept less of it, and else give it a larger share.

    Look as often as you like: the evidence holds at all times. Exits with 1 when the model was taken back.

    Example: copilot-kit frontier advance default --share 0.5
    """
    promotion = asyncio.run(_advanced(slot, share, every, store, by))
    if json:
        as_json(None if promotion is None else promotion.model_dump(mode="json"))
    elif promotion is None:
        told(f"Slot {visible(slot)} goes on as it is.")
    elif promotion.kind == "rollback":
        told(f"Slot {visible(slot)} has {visible(promotion.after.model or '')} again: {promotion.reason}")
    else:
        stage = promotion.after.stage
        has = f"{stage.share:.0%} of new runs" if stage is not None else "all new runs"
        model = promotion.after.model if stage is None else stage.to
        told(f"{visible(model or '')} has {has} of slot {visible(slot)} from now on.")
    raise typer.Exit(1 if promotion is not None and promotion.kind == "rollback" else 0)


async def _advanced(
    slot: str, share: float | None, every: float | None, store: str | None, by: str | None
) -> Promotion | None:  # fmt: skip
    from copilot_kit_evals.frontier.staging import look_after, looked_after

    ledger = open_ledger()
    _slot(slot, ledger)
    journal = _journal(ledger, store)
    taken_back = await looked_after(ledger, slot, journal)
    if taken_back is not None:
        return taken_back
    promotion = None
    if share is not None:
        promotion = await advance(ledger, slot, share=share, by=who(by))
        await ask_people_anew(ledger, promotion, journal)
    if every is not None and (await ledger.placement(slot)).stage is not None:
        return await look_after(ledger, slot, journal, every_s=every)
    return promotion


def _slots(ledger: Ledger) -> dict[str, Slot]:
    return {name: slot_of(name, ledger.frontier) for name in read_frontier(ledger.frontier).slots}


def _slot(name: str, ledger: Ledger) -> Slot:
    slots = read_frontier(ledger.frontier).slots
    if name not in slots:
        there = f"It has {', '.join(map(visible, slots))}" if slots else f"Write [slots.{visible(name)}] there"
        raise UsageError(f"There is no slot {name!r} in {ledger.frontier}. {there}.")
    return slot_of(name, ledger.frontier)


def _row(name: str, slot: Slot, promotions: list[Promotion], ledger: Ledger) -> dict[str, Any]:
    from copilot_kit_evals.frontier.catalogues import lifecycle_of

    last = promotions[-1] if promotions else None
    stage = slot.stage
    has = slot.model or "none yet"
    by_hand = last is not None and last.after.model != slot.model
    retires = None if slot.model is None else lifecycle_of(slot.model).retires
    evidence = None if by_hand else evidence_for(promotions)
    return {
        "slot": name,
        "model": slot.model,
        "has": has if stage is None else f"{has}, {stage.share:.0%} {stage.to}",
        "stage": None if stage is None else stage.model_dump(),
        "since": None if last is None or by_hand else last.at.isoformat(timespec="minutes"),
        "by": None if last is None or by_hand else last.by,
        "kind": None if last is None or by_hand else last.kind,
        "evidence": None if evidence is None else evidence.model_dump(),
        "evidence_words": None if slot.model is None else _words(last, evidence, otherwise=by_hand),
        "suites": list(slot.suites),
        "parked": _parked(name, slot, ledger),
        "parked_file": slot.parked,
        "retires": None if retires is None else retires.isoformat(),
    }


def _words(last: Promotion | None, evidence: Proof | None, *, otherwise: bool) -> str:
    """Return by what evidence a slot has what it has. otherwise: than the last promotion gave it."""
    if last is None:
        return "written by hand"
    if otherwise:
        return "not as it was promoted: copilot-kit frontier verify"
    what = last.kind if evidence is None else f"{evidence.verdict}, {evidence.run}"
    return f"{what}, by {last.by}"


def _parked(name: str, slot: Slot, ledger: Ledger) -> int | None:
    if slot.parked is None:
        return None
    from copilot_kit_evals.items import Dataset

    try:
        return len(Dataset.read(ledger.home / slot.parked))
    except UsageError as error:
        told(f"Slot {visible(name)}: Parked items: {error}")
        return None


def _journal(ledger: Ledger, url: str | None) -> Journal:
    found = journal_of(ledger, url)
    if found is None:
        raise UsageError("There is no journal here. Name that of the slot's runs: --store sqlite:///PATH")
    return found


def _catalogues(*, offline: bool) -> Any:
    from functools import cache

    from copilot_kit_evals.frontier.catalogues import asked, listed

    @cache
    def of(provider: str) -> list[Any]:
        live = None
        if not offline:
            import httpx2

            try:
                live = asked(provider)
            except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
                told(f"{visible(provider)} did not list its models: {visible(str(error))}")
        return [one for one in (live, listed(provider)) if one is not None]

    return of
