"""Weights of local models, by the entry points of whoever runs such models."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, Protocol

from copilot_kit.errors import CopilotError, UsageError

GROUP: Final = "copilot_kit.weights"
"""Entry points: a provider that runs models in the process, and where its weights come from."""


class Progress(Protocol):
    """Told how far a download is."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take in that `done` of `total` bytes of `what` are here."""
        ...


class Entry(Protocol):
    """One model whose weights can be pulled."""

    name: str
    title: str
    size_bytes: int
    about: str
    license: str


class WeightStore(Protocol):
    """What an entry point of the group names: weights that can be pulled, and where they are once they are here.

    Contract: `find` never uses the network; `pull` returns at once where the weights are here already.
    """

    CATALOGUE: tuple[Any, ...]

    def find(self, entry: Any) -> Path | None:
        """Return the file, None if it is not here."""
        ...

    def pull(self, entry: Any, *, accept_terms: bool = ..., progress: Progress = ...) -> Path:
        """Return the file, downloaded if it is not here yet."""
        ...


def pullable() -> list[dict[str, Any]]:
    """Return all weights that can be pulled."""
    found = []
    for store in _stores():
        for entry in store.CATALOGUE:
            path = store.find(entry)
            found.append({
                "name": entry.name, "title": entry.title, "size_bytes": entry.size_bytes, "license": entry.license,
                "about": entry.about, "path": None if path is None else str(path),
            })  # fmt: skip
    return found


def pull_weights(name: str, *, accept_terms: bool) -> Path:
    """Return the file of these weights, downloaded with a progress bar if it is not here yet."""
    for store in _stores():
        for entry in store.CATALOGUE:
            if entry.name == name:
                try:
                    with _bar() as progress:
                        return store.pull(entry, accept_terms=accept_terms, progress=progress)
                except OSError as error:
                    raise _unwritten(entry, error) from error
    names = ", ".join(one["name"] for one in pullable()) or "none"
    raise UsageError(f"Cannot pull weights {name!r}: write one of those that can be pulled ({names}).")


def _unwritten(entry: Entry, error: OSError) -> CopilotError:
    place = "" if error.filename is None else f" to {str(error.filename)!r}"
    return CopilotError(
        f"Cannot write {entry.title}{place}: {error.strerror or error}. It needs {entry.size_bytes / 1e6:.0f} MB "
        "there, twice while it is unpacked; another folder is named in COPILOT_KIT_CACHE."
    )


@contextmanager
def _bar() -> Iterator[Progress]:
    """Give a progress bar on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    looks = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bars(*looks, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        yield told


def _stores() -> list[WeightStore]:
    return [point.load() for point in entry_points(group=GROUP)]
