"""What is known of a change of a memory: who made it, of which file, and what it was built on."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal

from pydantic import Field

from copilot_kit.messages import Record, Source


class Author(Record):
    """Who changed a file."""

    kind: Literal["model", "person", "application", "outside"]
    """outside: somebody changed the file itself, past the memory; nobody knows who."""
    id: str | None = None
    """Of the person; None for others."""
    run_id: str | None = None
    call_id: str | None = None
    agent: str | None = None
    model: str | None = None
    """As `asked > served`."""


class Entry(Record):
    """One change of one file: a line of the history, never changed afterwards."""

    id: str
    at: datetime
    path: str
    """From the root on: `plans/tuesday.md`."""
    before: str | None = None
    """SHA-256 of its bytes before; None: there was no such file."""
    after: str | None = None
    """SHA-256 of its bytes after; None: it was deleted, or renamed away."""
    moved_from: str | None = None
    """For a rename, written down at the new path: the old one."""
    by: Author
    sources: tuple[Source, ...] = Field(default=())
    """Untrusted things that it was built on, as far as that was seen."""
    undoes: str | None = None
    """Id of the entry that this one takes back."""
    confirms: bool = False
    """Nothing changed: a person says that the file as it is may be relied on."""

    @property
    def trusted(self) -> bool:
        """A person wrote or confirmed it; what models write and what came from outside is not to be relied on."""
        return self.by.kind == "person" or (self.by.kind == "application" and not self.sources)


class Block(Record):
    """Lines of a file that one change brought."""

    first: int
    """Number of the first line, from 1."""
    last: int
    entry: Entry | None
    """None: that is not known any more, or they were there before the history began."""
    confirmed: Entry | None = None
    """The change by which a person said that they may be relied on."""

    @property
    def trusted(self) -> bool:
        """Whether a person wrote or confirmed these lines."""
        return self.confirmed is not None or (self.entry is not None and self.entry.trusted)


class Hit(Record):
    """A passage that answers a search."""

    path: str
    first: int
    """Number of its first line, from 1."""
    last: int
    text: str
    """The lines themselves, whole."""
    score: float
    """The higher the better; comparable within one search only."""


def origins(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Return the untrusted things at the root of these, each once, in the place of what was made from them.

    Notes are written from notes, again and again: were each change to hold the whole descent of what it was made from,
    the history would double with every change.
    """
    return tuple(dict.fromkeys(root for source in sources for root in _roots(source)))


def _roots(source: Source) -> Iterator[Source]:
    untrusted = [one for one in source.of if not one.trusted]
    if not untrusted:  # what was cut out of trusted words is not trusted as such: it stands for itself
        yield source.model_copy(update={"of": ()}) if source.of else source
    for one in untrusted:
        yield from _roots(one)
