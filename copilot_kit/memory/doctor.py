"""What is wrong with a memory's folder: looked for in all of it, mended where that loses nothing."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from copilot_kit.memory import objects
from copilot_kit.memory.folder import Found
from copilot_kit.memory.history import ERASED, NAME
from copilot_kit.memory.paths import Place, key_of, place_of
from copilot_kit.memory.problems import MemoryProblem, NotText, TooBig
from copilot_kit.memory.standing import LEFTOVER, Standing
from copilot_kit.memory.transaction import Transaction

Kind: TypeAlias = Literal[
    "unfinished",  # a change that somebody was killed in; ended
    "damaged",  # lines of the history that cannot be read
    "missing",  # the content of an earlier version is gone or is not what it was
    "unused",  # content that no change refers to
    "leftover",  # a file that an unfinished change left behind
    "outside",  # a file was changed past the memory
    "foreign",  # a link, a device, a file with two names, a name that no path can reach
    "alike",  # two names that cannot be told from each other
    "large",  # a file larger than one may be
    "not text",
]
ROOT: Final = Place("", ())


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    kind: Kind
    path: str
    """From the root on; empty where it is about the history."""
    text: str
    """What it is and what can be done, in one or two sentences."""
    repaired: bool = False


def findings(transaction: Transaction, *, repair: bool) -> list[Finding]:
    """Return what is wrong, and mend what can be mended without loss if `repair` says so."""
    found = []
    if transaction.recovered:
        found.append(Finding("unfinished", "", "A change had not ended when its process did. It is ended now.", True))
    standing = list(transaction.folder.walk(ROOT, leftovers=True))
    found += _foreign(transaction, standing, repair=repair)
    found += _alike(standing)
    found += _changed(transaction, standing, repair=repair)
    found += _history(transaction)
    found += _contents(transaction, repair=repair)
    return found


def _foreign(transaction: Transaction, standing: list[Standing], *, repair: bool) -> Iterator[Finding]:
    for one in standing:
        if one.fault == LEFTOVER:
            if repair:
                transaction.folder.remove(Place(one.path, tuple(one.path.split("/"))))
            yield Finding("leftover", one.path, f"It {LEFTOVER}; nothing refers to it.", repair)
        elif one.fault:
            yield Finding("foreign", one.path, f"It {one.fault}. It is no part of the memory; move or rename it.")


def _alike(standing: list[Standing]) -> Iterator[Finding]:
    keys = Counter("/".join(map(key_of, one.path.split("/"))) for one in standing)
    for one in standing:
        if keys["/".join(map(key_of, one.path.split("/")))] > 1:
            yield Finding("alike", one.path, "Another name beside it cannot be told from it. Rename one of them.")


def _changed(transaction: Transaction, standing: list[Standing], *, repair: bool) -> Iterator[Finding]:
    there = [one.path for one in standing if not one.is_folder and not one.fault]
    index = transaction.index
    gone = [path for path, numbers in index.of_path.items() if index.lines[numbers[-1]].after is not None]
    for path in [*there, *sorted(set(gone) - set(there))]:
        try:
            place = place_of(path)
            found = _read(transaction, place)
        except (TooBig, NotText) as problem:
            yield Finding("large" if isinstance(problem, TooBig) else "not text", path, str(problem))
            continue
        except MemoryProblem:  # a link where a file was: it was named before
            continue
        last = transaction.last(path)
        if (found.digest if found else None) != (last.after if last else None):
            if repair:
                transaction.current(place)
            yield Finding("outside", path, _words(found, new=last is None), repair)


def _read(transaction: Transaction, place: Place) -> Found | None:
    if transaction.folder.kind(place) is None:
        return None
    found = transaction.folder.read(place)
    try:
        text = found.data.decode()
    except UnicodeDecodeError:
        raise NotText("It is no UTF-8 text, so nobody can read it by the memory. Save it as UTF-8.") from None
    if "\0" in text:
        raise NotText("It is no text: it has a zero byte. Move it elsewhere.")
    return found


def _words(found: Found | None, *, new: bool) -> str:
    what = "was deleted" if found is None else "was put there" if new else "was changed"
    return f"It {what} past the memory, nobody knows by whom; it counts as not confirmed."


def _history(transaction: Transaction) -> Iterator[Finding]:
    if damaged := transaction.index.damaged:
        many = f"{len(damaged)} lines" if len(damaged) > 1 else "A line"
        yield Finding("damaged", "", f"{many} of {NAME} cannot be read, the first at byte {damaged[0]}; left as it is.")


def _contents(transaction: Transaction, *, repair: bool) -> Iterator[Finding]:
    """Look at every content that is kept, and at every one that should be."""
    state = transaction.state
    wanted: dict[str, str] = {}
    for line in transaction.index.lines:
        wanted.update({digest: line.path for digest in (line.before, line.after) if digest and digest != ERASED})
    for digest, is_leftover in list(objects.kept(state)):
        if is_leftover or digest not in wanted:
            if repair:
                objects.drop(state, digest)
            yield Finding("unused", "", f"Content {digest[:12]} is kept, and no change refers to it.", repair)
    for digest, path in wanted.items():
        if objects.content(state, digest) is None:
            mended = repair and _kept_again(transaction, digest, path)
            yield Finding("missing", path, f"Content {digest[:12]} of one of its versions is lost or damaged.", mended)


def _kept_again(transaction: Transaction, digest: str, path: str) -> bool:
    """Keep a content anew if the file itself still has it."""
    try:
        found = transaction.folder.read(place_of(path))
    except MemoryProblem:
        return False
    if found.digest != digest:
        return False
    objects.drop(transaction.state, digest)
    objects.keep(transaction.state, digest, found.data, lasting=True)
    return True
