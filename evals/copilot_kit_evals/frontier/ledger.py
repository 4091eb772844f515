"""Where slots are and who moved them: promoting a candidate, by steps or at once, and taking it back."""

import getpass
import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeAlias

from pydantic import JsonValue

from copilot_kit.approval.renewal import ask_anew
from copilot_kit.errors import CopilotError, UsageError
from copilot_kit.journal.index import Journal
from copilot_kit.journal.opening import FOLDER, VARIABLE, default_store
from copilot_kit.records import Principal, Stage
from copilot_kit.slots import FILE_NAME, find_frontier, open_model, place, slot_of, store_of
from copilot_kit_evals.frontier.lock import FileLedger, lock_of, read_lock
from copilot_kit_evals.frontier.promotions import (
    Change,
    Fault,
    Kind,
    Placement,
    Promotion,
    Proof,
    last_change,
    of_slot,
    undone,
)
from copilot_kit_evals.frontier.shared import StoreLedger
from copilot_kit_evals.frontier.witness import attest

Overlays: TypeAlias = dict[str, JsonValue]


class Ledger(Protocol):
    """Where slots are and who moved them.

    Contract: `write` makes the change and its record durable together, or raises `Conflict` with nothing changed.
    """

    frontier: Path

    @property
    def home(self) -> Path:
        """The folder that runs are named from."""
        ...

    async def promotions(self) -> list[Promotion]:
        """Return all promotions, oldest first."""
        ...

    async def placement(self, slot: str, models: tuple[str, ...] = ()) -> Placement:
        """Return what the slot gives now, with the overlays of these models."""
        ...

    def check(self, slot: str, after: Placement) -> None:
        """Raise `UsageError` if the slot could not be given this, before anything is spent on finding out whether."""
        ...

    async def write(self, change: Change) -> Promotion:
        """Append the change and make it so."""
        ...

    async def faults(self, *, repair: bool = False) -> list[Fault]:
        """Return where the slots are not what the last promotions say."""
        ...


def open_ledger(frontier: Path | None = None) -> Ledger:
    """Return the slots of this project: in the journal that frontier.toml names, or else in the file itself."""
    path = frontier or find_frontier()
    if path is None:
        raise UsageError(f"There is no {FILE_NAME} here or above. Write one with [slots.default] and a model.")
    store = store_of(path)
    return FileLedger(path) if store is None else StoreLedger(path, default_store(store))


async def promote(
    ledger: Ledger, slot: str, to: Placement, *, before: Placement, by: str, evidence: Proof | None = None,
    reason: str = "",
) -> Promotion:  # fmt: skip
    """Give the slot what `to` says: a model for all new runs, or with a stage for a share of them.

    before: what the evidence was found against; a slot that has another model by now is left alone.
    """
    kind: Kind = "promote" if to.stage is None else "advance" if before.stage is not None else "stage"
    change = Change(kind=kind, slot=slot, before=before, after=to, by=by, evidence=evidence, reason=reason)
    return await ledger.write(change)


def placed(before: Placement, model: str, overlays: Overlays, share: float | None) -> Placement:
    """Return the placement of a candidate: in the slot at once, or for a share of new runs beside the incumbent."""
    if share is not None and not 0 < share < 1:
        raise UsageError(f"--share is {share:g}. Give a part of new runs, such as 0.1; for all of them leave it out.")
    if share is not None:
        if before.model is None or model == before.model:
            raise UsageError(
                "--share is for another model beside an incumbent. A first model, and other words or settings for the "
                "same one, are promoted for all new runs at once: leave --share out."
            )
        stage = Stage(to=model, share=share)
        return Placement(model=before.model, base_url=before.base_url, stage=stage, overlays=overlays)
    same = before.model is None or before.model.partition(":")[0] == model.partition(":")[0]
    return Placement(model=model, base_url=before.base_url if same else None, overlays=overlays)


async def advance(ledger: Ledger, slot: str, *, share: float, by: str, reason: str = "") -> Promotion:
    """Raise the share of a model that takes over; with 1 it has taken over.

    Raises `NotAllowed` for one that the slot's data may not go to any more.
    """
    now = await ledger.placement(slot)
    if now.stage is None:
        raise UsageError(
            f"Slot {slot!r} has no model that takes over. Begin with: copilot-kit snap "
            f"{slot} --to provider:name --share 0.1"
        )
    if not now.stage.share < share <= 1:
        raise UsageError(f"Slot {slot!r} is at a share of {now.stage.share:g}. Give a larger one, up to 1.")
    place(slot, slot_of(slot, ledger.frontier), model=now.stage.to, folder=ledger.frontier)
    stage = Stage(to=now.stage.to, share=share) if share < 1 else None
    after = placed(now, now.stage.to, {}, share if stage is not None else None)
    change = Change(kind="advance" if stage else "promote", slot=slot, before=now, after=after, by=by, reason=reason)
    return await ledger.write(change)


async def take_back(
    ledger: Ledger, slot: str, *, by: str, reason: str = "", fell: bool = False, follows: str | None = None
) -> Promotion:  # fmt: skip
    """Restore what the slot had before its last promotion; of several who do so at once, one does.

    fell: since people accept less of it, not by their word. follows: hash of the change that is to be taken back, if it
    is still the last one; else `Conflict`.
    """
    promotions = await ledger.promotions()
    steps = last_change(promotions, slot)
    now = await ledger.placement(slot)
    target = undone(steps, now)
    now = await ledger.placement(slot, tuple(target.overlays))
    change = Change(kind="rollback" if fell else "back", slot=slot, before=now, after=target, by=by, reason=reason,
                    follows=follows or of_slot(promotions, slot)[-1].hash)  # fmt: skip
    return await ledger.write(change)


def id_of(model: str) -> str:
    """Return how runs of a model name it, which may not be how a slot does; the name itself where nobody can tell."""
    with suppress(CopilotError):
        return open_model(model).model.id
    return model


async def ask_people_anew(ledger: Ledger, promotion: Promotion, store: Journal | None) -> list[str]:
    """Put what waits from runs of the slot's old model before people once more; returns the ids of the proposals.

    The journal keeps a copy of what a file records of promotions, so that it is found when lines of that are removed.
    Where this is left out, or dies, the gate does the same when the run goes on: a yes to the old model runs nothing.
    """
    journal = store or (ledger.store if isinstance(ledger, StoreLedger) and isinstance(ledger.store, Journal) else None)
    witness = ledger.store if isinstance(ledger, StoreLedger) else journal
    if witness is not None:
        await attest(witness, read_lock(lock_of(ledger.frontier)), ledger.frontier)
    if journal is None or promotion.after.model is None:
        return []
    stage = promotion.after.stage
    models = [id_of(one) for one in (promotion.after.model, None if stage is None else stage.to) if one is not None]
    by = Principal(id=promotion.by, authenticated="local")
    return await ask_anew(journal, slot=promotion.slot, models=models, by=by)


def who(by: str | None) -> str:
    """Return who promotes: as named, or else the user of this machine."""
    return by or getpass.getuser()


def journal_of(ledger: Ledger, url: str | None) -> Journal | None:
    """Return the journal whose proposals wait: as named, by the environment, or the one beside frontier.toml."""
    beside = ledger.home / FOLDER / "journal.db"
    where = url or os.environ.get(VARIABLE) or (str(beside) if beside.exists() else None)
    return None if where is None or where == "memory" else default_store(where)
