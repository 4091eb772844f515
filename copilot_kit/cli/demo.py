"""`copilot-kit demo`: a support copilot proposes, you decide, and what you approve is carried out."""

import asyncio
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
from copilot_kit.cli.screen import bold, dim, shown, told, width
from copilot_kit.cli.weights import pull_weights, pullable
from copilot_kit.display import block, visible
from copilot_kit.errors import UsageError
from copilot_kit.messages import Text

if TYPE_CHECKING:
    from copilot_kit.agent import Run
    from copilot_kit.demo import Desk as Shop
    from copilot_kit.demo import Ticket
    from copilot_kit.journal import Store

FOLDER: Final = "copilot-demo"
_GREETING = """\
A support copilot reads the mails of a shop's customers and proposes one action for each. Nothing happens before you
press a key: y carries out exactly what you see, r sends your reason back to the model, which then tries again.
"""


def demo(
    *,
    model: Annotated[str | None, typer.Option(help="A slot, or provider:model.")] = None,
    ticket: Annotated[list[str] | None, typer.Option(help="Only this ticket, as 03; may be given again.")] = None,
    folder: Annotated[Path, typer.Option(help="Where mails, refunds and closed tickets are put.")] = Path(FOLDER),
    journal: Annotated[str | None, typer.Option(metavar="PLACE", help="Where the runs are kept.")] = None,
    script: Annotated[Path | None, typer.Option(help="Take the keys and lines from this file, one a line.")] = None,
) -> None:
    """Decide what a support copilot may do: a mail in an outbox, a refund in a ledger, a ticket closed.

    Without a key it runs on a small model in this process; its weights are fetched through the Python package index.

    Example: copilot-kit demo --ticket 01 --ticket 05
    """
    from copilot_kit.demo import read_tickets

    keyboard = open_keyboard(None if script is None else script.read_text(encoding="utf-8").splitlines())
    tickets = [one for one in read_tickets() if not ticket or one.id in ticket]
    if not tickets:
        raise UsageError(f"There is no ticket {', '.join(ticket or ())}. They are 01 to {len(read_tickets()):02}.")
    name, why = (model, "you named it") if model is not None else default_model()
    about = _prepared(name)
    told(_GREETING)
    told(f"Model: {visible(name)} ({why}). {about}")
    asyncio.run(_serve(_Service(name, folder, keyboard), tickets, journal))


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


async def _serve(service: _Service, tickets: Sequence["Ticket"], journal: str | None) -> None:
    from copilot_kit.demo import Desk as Shop
    from copilot_kit.journal.opening import open_store

    shop = Shop(service.folder)
    store = open_store(journal)
    try:
        for number, ticket in enumerate(tickets, start=1):
            shown()
            shown(bold(f"Ticket {ticket.id} ({number} of {len(tickets)})") + dim(f"  {visible(ticket.sender)}"))
            shown(f"  {visible(ticket.subject)}")
            for line in block(ticket.words, width=width()):
                shown(line)
            run = await _handled(service, ticket, shop, store)
            if run.status == "stopped":
                break
            if run.failure is not None:
                told(f"  {visible(run.failure.message)}")
        _report(service.folder)
    finally:
        await store.close()


async def _handled(service: _Service, ticket: "Ticket", shop: "Shop", store: "Store") -> "Run[Any]":
    from copilot_kit.cli.desk import attend
    from copilot_kit.demo import build_agent, task_for
    from copilot_kit.demo.support import support_tools

    agent = build_agent(ticket, shop, model=service.model, store=store)
    waiting = await _left_waiting(store, ticket)
    if waiting is None:
        told(dim("  the copilot reads it …"))
        run = await agent.run(task_for(ticket))
    else:
        told(dim(f"  run {waiting} was left waiting"))
        run = await agent.load(waiting)
    if not run.proposals:
        shown("  It proposes nothing, and says:")
        for line in block(run.text, width=width()):
            shown(line)
    tools = {one.name: one for one in support_tools(ticket, shop)}
    return await attend(agent, run, Desk(service.keyboard, tools=tools))


async def _left_waiting(store: "Store", ticket: "Ticket") -> str | None:
    """Return the run about this ticket that an earlier demo left waiting for a person."""
    from copilot_kit.journal import RunState

    for row in await store.runs(limit=100, waiting=True):
        state = RunState.of(await store.read(row.run_id))
        sources = [part.source for message in state.messages for part in message.parts if isinstance(part, Text)]
        if any(source is not None and source.ref == f"ticket {ticket.id}" for source in sources):
            return row.run_id
    return None


def _report(folder: Path) -> None:
    mails = len(list((folder / "outbox").glob("*.eml")))
    counts = {name: _count(folder / "desk.sqlite", name) for name in ("refunds", "closed")}
    shown()
    shown(f"In {folder}: {mails} mails in outbox/, {counts['refunds']} refunds and {counts['closed']} closed tickets "
          "in desk.sqlite.")  # fmt: skip
    shown("Everything that happened is in the journal: copilot-kit runs list")


def _count(database: Path, table: str) -> int:
    if not database.exists():
        return 0
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])  # noqa: S608  one of two names
