"""Erasing what runs brought into a memory: their lines, every version that held them, and what the history says of it.

What stays: that a run of this id changed something, and when. Lines that others wrote stay with who wrote them. What
others copied or retold in their own words cannot be found by this.
"""

import hashlib
import os
from collections.abc import Collection, Iterator
from typing import Any, Final

from copilot_kit.descriptors import names_in
from copilot_kit.memory import objects
from copilot_kit.memory.blocks import Blame, Version, runs_of
from copilot_kit.memory.entries import Author, Entry
from copilot_kit.memory.folder import Found
from copilot_kit.memory.history import ERASED
from copilot_kit.memory.paths import Place, place_of
from copilot_kit.memory.transaction import Change, Transaction
from copilot_kit.messages import Source

SEARCH: Final = "search."
"""Begins the names of the files of the index for searching."""
ERASING: Final = Author(kind="application")


def erased(transaction: Transaction, blame: Blame, run_ids: Collection[str]) -> int:
    """Erase what these runs brought, and return how many changes of theirs lost their content.

    Of files that cite them (a note made of their decisions) earlier versions go; what these files hold now stays.
    """
    index = transaction.index
    wanted = frozenset(run_ids)
    theirs = {line.id for line in index.lines if line.run_id in wanted}
    citing = {entry.id for entry in transaction.entries(index.lines) if _cites(entry.sources, wanted)} - theirs
    if theirs or citing:
        paths = _touched(transaction, theirs | citing)
        for path in paths:
            transaction.current(place_of(path))  # what was changed past the memory is another's
        tainted, versions = _tainted(transaction, blame, paths, theirs, citing)
        changes = list(_changes(transaction, versions, theirs))
        if changes:
            transaction.commit(changes)
        tainted -= {entry.after for entry, _ in versions.values()}  # what a file holds now, others have brought
        if theirs or tainted:
            _rewrite(transaction, theirs, tainted, {change.entry.id for change in changes}, versions)
        blame.forget()
    _drop_unused(transaction)  # also where nothing was left to erase: an earlier one may not have come so far
    return len(theirs)


def _cites(sources: Collection[Source], run_ids: Collection[str]) -> bool:
    """Whether one of these sources is a run, or something of it: `run_1` or `run_1/prop_2`."""
    return any(
        (one.ref is not None and one.ref.partition("/")[0] in run_ids) or _cites(one.of, run_ids) for one in sources
    )


def _touched(transaction: Transaction, changes: Collection[str]) -> set[str]:
    """Return the paths that these changes are about, and all that renames join to them."""
    lines = transaction.index.lines
    paths = {line.path for line in lines if line.id in changes}
    moves = {(line.path, line.moved_from) for line in lines if line.moved_from}
    before = -1
    while before != len(paths):
        before = len(paths)
        for pair in moves:
            if not paths.isdisjoint(pair):
                paths.update(one for one in pair if one)
    return paths


def _tainted(
    transaction: Transaction,
    blame: Blame,
    paths: Collection[str],
    theirs: Collection[str],
    citing: Collection[str],
) -> tuple[set[str], dict[str, tuple[Entry, Version]]]:
    """Return the digests of all versions that are to go, and the last version of each path."""
    index = transaction.index
    numbers = sorted(number for path in paths for number in index.of_path.get(path, ()))
    entries = transaction.entries([index.lines[number] for number in numbers])
    tainted: set[str] = set()
    cited: set[str] = set()
    last: dict[str, tuple[Entry, Version]] = {}
    for entry, version in blame.versions(transaction, entries, {}):
        last[entry.path] = (entry, version)
        lost = not version.known and entry.id in theirs
        if entry.after and (lost or any(owner.entry in theirs for owner in version.owners)):
            tainted.add(entry.after)
        elif entry.after and any(owner.entry in citing for owner in version.owners):
            cited.add(entry.after)
    now = {entry.after for entry, _ in last.values()}
    clean = {line.after for line in index.lines if line.path not in paths}
    return (tainted | (cited - now)) - clean, last


def _changes(
    transaction: Transaction, versions: dict[str, tuple[Entry, Version]], theirs: Collection[str]
) -> Iterator[Change]:
    """Yield what takes their lines out of the files as they are now; leaves in `versions` what is left of each.

    A file that they wrote last gets a change of ours also if it has none of their lines: theirs goes from the history.
    """
    for path, (entry, version) in list(versions.items()):
        kept = [n for n, owner in enumerate(version.owners) if owner.entry not in theirs]
        if len(kept) == len(version.owners) and not (entry.id in theirs and entry.after):
            continue
        place = place_of(path)
        found = transaction.current(place)
        if found is None or found.digest != entry.after:
            continue
        left = Version(tuple(version.lines[n] for n in kept), tuple(version.owners[n] for n in kept))
        shared = _is_shared(transaction, path, theirs)
        change = _change(transaction, place, found, "".join(left.lines).encode(), shared=shared)
        versions[path] = (change.entry, left)
        yield change


def _is_shared(transaction: Transaction, path: str, theirs: Collection[str]) -> bool:
    """Tell whether anybody else ever changed this file, here or under a name that it had before."""
    index, names = transaction.index, [path]
    for name in names:
        lines = [index.lines[number] for number in index.of_path.get(name, ())]
        if any(line.id not in theirs for line in lines):
            return True
        names += {line.moved_from for line in lines if line.moved_from and line.moved_from not in names}
    return False


def _change(transaction: Transaction, place: Place, found: Found, data: bytes, *, shared: bool) -> Change:
    """Return what becomes of a file: of one that they alone wrote nothing is left if it is empty now."""
    digest = hashlib.sha256(data).hexdigest()
    after = digest if data.strip() or (shared and digest == found.digest) else None
    entry = transaction.entry(place.path, by=ERASING, before=found.digest, after=after)
    return Change(entry, place, seen=found, data=data if after not in (None, found.digest) else None)


def _rewrite(
    transaction: Transaction,
    theirs: Collection[str],
    tainted: Collection[str],
    ours: Collection[str],
    versions: dict[str, tuple[Entry, Version]],
) -> None:
    """Write the history anew: their content, and digests that it could be guessed from, are not in it any more."""
    index = transaction.index
    gone = {*theirs, *ours}
    whole = {  # files that nobody else ever touched, and that are gone: their names go too
        path
        for path, numbers in index.of_path.items()
        if index.lines[numbers[-1]].after is None and all(index.lines[number].id in gone for number in numbers)
    }

    def changed(line: dict[str, Any]) -> dict[str, Any]:
        id_, path = line.get("id"), line.get("path")
        brought = line.get("after") and not line.get("moved_from") and not line.get("confirms")
        if id_ in gone and (path in whole or (brought and id_ in theirs)):
            return {"erased": {"id": id_, "at": line.get("at"), "run_id": line.get("by", {}).get("run_id")}}
        digests = {name: ERASED for name in ("before", "after") if line.get(name) in tainted}
        return {**line, **digests}

    blames = [
        {"blame": {"entry": entry.id, "lines": runs_of(version)}}
        for path, (entry, version) in versions.items()
        if path not in whole and entry.after and entry.id not in theirs
    ]
    transaction.rewrite(changed, blames)


def _drop_unused(transaction: Transaction) -> None:
    """Remove contents that no change refers to, and the index for searching: it is built anew from the files."""
    used = {digest for line in transaction.index.lines for digest in (line.before, line.after)}
    for digest, _ in list(objects.kept(transaction.state)):
        if digest not in used:
            objects.drop(transaction.state, digest)
    for name in names_in(transaction.state):
        if name.startswith(SEARCH):
            os.unlink(name, dir_fd=transaction.state)
    os.fsync(transaction.state)
