"""Taking one change of a memory back, where nothing came after it."""

from dataclasses import dataclass

from copilot_kit.memory.entries import Author, Entry
from copilot_kit.memory.history import ERASED, Line
from copilot_kit.memory.paths import Place, place_of
from copilot_kit.memory.problems import AlreadyThere, MemoryProblem, NotUndoable, quoted
from copilot_kit.memory.transaction import Change, Transaction


@dataclass(frozen=True, slots=True)
class Plan:
    """What takes a change back."""

    changes: list[Change]
    """The last one is of the path at which the content stands afterwards."""
    data: bytes | None = None
    """Content that comes back."""
    move: tuple[Place, Place] | None = None


def undoing(transaction: Transaction, entry_id: str, *, by: Author) -> Plan:
    """Return what takes a change back; raises `NotUndoable` if the file is not as the change left it."""
    index = transaction.index
    number = index.of_id.get(entry_id)
    if number is None:
        raise NotUndoable(f"There is no change {quoted(entry_id)} in this memory. See its history for what there is.")
    line = index.lines[number]
    pair = _pair(transaction, number)
    if pair:
        return _move_back(transaction, *pair, undoes=entry_id, by=by)
    entry = transaction.entries([line])[0]
    if ERASED in (entry.before, entry.after):
        raise NotUndoable(f"The change {entry.id} cannot be taken back: its content was erased. Write the file anew.")
    place = place_of(entry.path)
    found = transaction.current(place)
    if (found.digest if found else None) != entry.after:
        raise NotUndoable(_what_came_after(transaction, entry, number))
    if entry.confirms or entry.before == entry.after:
        taken_back = transaction.entry(place.path, by=by, before=entry.after, after=entry.after, undoes=entry.id)
        return Plan([Change(taken_back, place, seen=found)])
    data = None if entry.before is None else transaction.content(entry.before)
    taken_back = transaction.entry(place.path, by=by, before=entry.after, after=entry.before, undoes=entry.id)
    return Plan([Change(taken_back, place, seen=found, data=data)], data=data)


def _pair(transaction: Transaction, number: int) -> tuple[Line, Line] | None:
    """Return the two entries of a rename, of the old path and of the new one, if this is one of them."""
    lines = transaction.index.lines
    line = lines[number]
    if line.moved_from and number and lines[number - 1].path == line.moved_from:
        return lines[number - 1], line
    if line.after is None and number + 1 < len(lines) and lines[number + 1].moved_from == line.path:
        return line, lines[number + 1]
    return None


def _move_back(transaction: Transaction, left: Line, came: Line, *, undoes: str, by: Author) -> Plan:
    old, new = place_of(left.path), place_of(came.path)
    found = transaction.current(new)
    if found is None or found.digest != came.after:
        entry = transaction.entries([came])[0]
        raise NotUndoable(_what_came_after(transaction, entry, transaction.index.of_id[came.id]))
    try:
        there = transaction.folder.kind(old)
    except MemoryProblem:
        there = "other"
    if there:
        raise AlreadyThere(f"{new.shown} cannot go back to {old.shown}: there is something by now. Move that first.")
    transaction.current(old)
    coming = transaction.entry(old.path, by=by, after=found.digest, moved_from=new.path, undoes=undoes)
    leaving = transaction.entry(new.path, by=by, before=found.digest, undoes=undoes)
    transaction.folder.make_way(new, old)
    return Plan([Change(leaving, new, seen=found), Change(coming, old, looked=False)], move=(new, old))


def _what_came_after(transaction: Transaction, entry: Entry, number: int) -> str:
    lines = transaction.index.lines
    later = transaction.entries([lines[n] for n in transaction.index.of_path.get(entry.path, []) if n > number])
    said = "; ".join(f"{one.id} by {_who(one.by)}" for one in later[:3])
    more = f" and {len(later) - 3} more" if len(later) > 3 else ""  # noqa: PLR2004
    return (
        f"The change {entry.id} of {quoted(entry.path)} cannot be taken back: after it came {said or 'others'}{more}. "
        "Take those back first, or write the file anew."
    )


def _who(by: Author) -> str:
    if by.kind == "outside":
        return "somebody past the memory"
    return f"{by.kind} {by.id or by.run_id or by.model or ''}".strip()
