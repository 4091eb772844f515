"""Which journal a command looks into, named in one way by all of them."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from copilot_kit.errors import UsageError
from copilot_kit.journal import Store

if TYPE_CHECKING:
    from copilot_kit.journal.opening import Journal

T = TypeVar("T")

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store", "--journal", metavar="URL",
        help="The journal: a path, sqlite:///PATH, postgresql://…; else COPILOT_KIT_JOURNAL, or .copilot-kit.",
    ),
]  # fmt: skip
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def at_journal(url: str | None, work: Callable[["Journal"], Awaitable[T]], *, must_exist: bool = False) -> T:
    """Open the journal, do the work and close it; looking makes no journal where there is none.

    must_exist: a folder without a journal is wrong use, and not an empty journal.
    """
    from copilot_kit.journal.opening import FOLDER, VARIABLE, open_store

    if url is None and not os.environ.get(VARIABLE) and not Path(FOLDER, "journal.db").exists():
        if must_exist:
            raise UsageError("There is no journal in this folder. Go to the one that has it, or name it with --store.")
        url = "memory"
    elif url is not None and not _is_there(url):
        raise UsageError(f"There is no journal at {url!r}. Name one that is there, or leave --store out.")

    async def done() -> T:
        store = open_store(url)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(done())


def _is_there(url: str) -> bool:
    """Return whether a file is there, where the journal is one."""
    path = url.removeprefix("sqlite:///")
    return url == "memory" or "://" in path or Path(path).expanduser().exists()


async def found_run(journal: Store, name: str, *, to: str = "show") -> str:
    """Return the one run of this name; a part that only one run has will do. to: what is done with it, for errors."""
    if await journal.read(name):
        return name
    ids = [row.run_id for row in await journal.runs(limit=1000)]
    alike = [run_id for run_id in ids if run_id.removeprefix("run_").startswith(name) or run_id.endswith(name)]
    if len(alike) == 1:
        return alike[0]
    told_of = f"{len(alike)} runs are called so" if alike else "there is none in this journal"
    raise UsageError(f"Cannot {to} run {name!r}: {told_of}. List them with: copilot-kit runs list")
