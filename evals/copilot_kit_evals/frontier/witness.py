"""What the journal of a slot's runs knows of promotions that a file records, so that a record that was cut is found.

Lines that are bound to each other show what was changed among them, and not that the last ones are gone. Who promotes
has a journal at hand where people decide: it keeps a copy of each line, in a stream of its own, which moves no slot.
"""

from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import JsonValue, TypeAdapter, ValidationError

from copilot_kit.errors import Conflict
from copilot_kit.journal.store import Draft, Store
from copilot_kit.records import Principal, SlotMoved
from copilot_kit_evals.frontier.promotions import Fault, Promotion

STREAM: Final = "@promotions"


class _Kept(NamedTuple):
    """A line of a record, and whose it is."""

    promotion: Promotion
    first: str
    """Hash of the first line of its record, wherever that lies."""
    file: str
    """The frontier.toml that it was written for."""


_KEPT: Final = TypeAdapter(_Kept)


async def attest(store: Store, promotions: list[Promotion], frontier: Path) -> None:
    """Have the journal keep those of a file's promotions that it does not have yet."""
    while promotions:
        entries = await store.read(STREAM)
        known = {one.promotion.hash for one in _kept([entry.body for entry in entries])}
        drafts = [Draft(_body(_Kept(one, promotions[0].hash, _place(frontier))))
                  for one in promotions if one.hash not in known]  # fmt: skip
        try:
            if drafts:
                await store.append(STREAM, drafts, after=entries[-1].head.seq if entries else -1)
        except Conflict:  # somebody else promotes
            continue
        return


async def missing(store: Store, promotions: list[Promotion], frontier: Path) -> list[Fault]:
    """Return what the journal knows to have been promoted, and the file's record does not have."""
    first = promotions[0].hash if promotions else None
    have = {one.hash for one in promotions}
    kept = _kept([entry.body for entry in await store.read(STREAM)])
    gone = [one.promotion for one in kept if one.promotion.hash not in have
            and (one.first == first or one.file == _place(frontier))]  # fmt: skip
    if not gone:
        return []
    one, more = gone[0], f", and {len(gone) - 1} more are not" if len(gone) > 1 else ""
    what = f"{one.kind} of slot {one.slot!r} by {one.by}, {one.at:%Y-%m-%d}"
    text = f"it is in the journal ({what}) and not in the record here{more}: lines were removed, or this copy is behind"
    return [Fault(n=one.n, slot=one.slot, text=text)]


def _place(frontier: Path) -> str:
    return str(frontier.resolve())


def _body(kept: _Kept) -> SlotMoved:
    one = kept.promotion
    entry: dict[str, JsonValue] = {"promotion": one.model_dump(mode="json"), "first": kept.first, "file": kept.file}
    return SlotMoved(
        slot=one.slot, model=one.after.model, base_url=one.after.base_url, stage=one.after.stage,
        overlays=one.after.overlays, entry=entry, by=Principal(id=one.by, authenticated="local"),
    )  # fmt: skip


def _kept(bodies: list[Any]) -> list[_Kept]:
    found = []
    for body in bodies:
        if isinstance(body, SlotMoved) and body.entry is not None:
            try:
                found.append(_KEPT.validate_python(body.entry))
            except ValidationError:
                continue  # of somebody who keeps other records
    return found
