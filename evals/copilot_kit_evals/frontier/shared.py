"""Slots that a journal keeps, so that all who share it follow: every move is a record that exactly one can append."""

from pathlib import Path

from pydantic import ValidationError

from copilot_kit.journal.index import Journal
from copilot_kit.journal.slots import STREAM, SlotMoves
from copilot_kit.journal.store import Store
from copilot_kit.journal.verify import verify_run
from copilot_kit.records import Principal, SlotMoved
from copilot_kit_evals.frontier.editing import placement_in
from copilot_kit_evals.frontier.promotions import Change, Fault, Placement, Promotion


class StoreLedger:
    """The slots of a frontier.toml as the stream `@frontier` of a journal has moved them."""

    def __init__(self, frontier: Path, store: Store) -> None:
        self.frontier = frontier
        self.store = store

    @property
    def home(self) -> Path:
        """The folder that runs are named from."""
        return self.frontier.parent

    async def promotions(self) -> list[Promotion]:
        """Return all promotions, oldest first."""
        found = []
        for entry in await self.store.read(STREAM):
            if isinstance(entry.body, SlotMoved) and entry.body.entry is not None:
                try:
                    found.append(Promotion.model_validate(entry.body.entry))
                except ValidationError:
                    continue  # moved by somebody who keeps other records
        return found

    async def placement(self, slot: str, models: tuple[str, ...] = ()) -> Placement:
        """Return what the slot gives now, with the overlays of these models."""
        moves = SlotMoves()
        await moves.catch_up(self.store)
        return self._placement(moves, slot, models)

    def check(self, slot: str, after: Placement) -> None:
        """Do nothing: what a journal keeps of a slot is not written by anybody's hand."""

    async def write(self, change: Change) -> Promotion:
        """Append the change; raises `Conflict`, with nothing changed, if the slot is not as it says."""
        while True:
            moves = SlotMoves()
            await moves.catch_up(self.store)
            found = self._placement(moves, change.slot, tuple(change.before.overlays))
            promotions = await self.promotions()
            change.check(promotions, found)
            promotion = change.behind(promotions[-1] if promotions else None)
            last = moves.of(change.slot)
            move = SlotMoved(
                slot=change.slot, model=change.after.model, base_url=change.after.base_url, stage=change.after.stage,
                overlays={**({} if last is None else last.overlays), **change.after.overlays},
                entry=promotion.model_dump(mode="json"), by=Principal(id=change.by, authenticated="local"),
            )  # fmt: skip
            if await moves.append(self.store, move):
                return promotion

    async def faults(self, *, repair: bool = False) -> list[Fault]:
        """Return where the stream is not what was written, or its moves are not what its records say of them.

        repair: nothing is ever half done here; a move and its record are one.
        """
        del repair
        faults: list[Fault] = []
        if isinstance(self.store, Journal):
            flaw = (await verify_run(self.store, STREAM)).first_bad
            text = "" if flaw is None else f"record {flaw.seq} of {STREAM} in the journal: {flaw.cause}"
            faults += [] if flaw is None else [Fault(n=None, text=text)]
        for entry in await self.store.read(STREAM):
            found = _unlike(entry.body) if isinstance(entry.body, SlotMoved) else None
            faults += [] if found is None else [found]
        return faults

    def _placement(self, moves: SlotMoves, slot: str, models: tuple[str, ...]) -> Placement:
        own = placement_in(self.frontier.read_text(encoding="utf-8"), slot, models)
        move = moves.of(slot)
        if move is None:
            return own
        overlays = {**own.overlays, **{name: one for name, one in move.overlays.items() if name in models}}
        return Placement(model=move.model, base_url=move.base_url, stage=move.stage, overlays=overlays)


def _unlike(move: SlotMoved) -> Fault | None:
    """Return what a move does otherwise than its record says."""
    try:
        one = Promotion.model_validate(move.entry)
    except ValidationError:
        text = f"slot {move.slot!r} was given {move.model or 'no model'} by {move.by.id}, without a promotion"
        return Fault(n=None, slot=move.slot, text=text, fails=False)
    after, said = one.after, {name: move.overlays.get(name) for name in one.after.overlays}
    if (one.slot, after) == (move.slot, Placement(model=move.model, base_url=move.base_url, stage=move.stage,
                                                  overlays=said)):  # fmt: skip
        return None
    return Fault(n=one.n, slot=one.slot, text=f"slot {move.slot!r} was moved otherwise than this record says")
