"""`copilot-kit inbox`: everything that waits for a person, over all runs, card by card."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from copilot_kit.agent import Agent
from copilot_kit.cli.agents import load_agent
from copilot_kit.cli.approvals import this_person
from copilot_kit.cli.journals import StoreOption, at_journal
from copilot_kit.cli.keys import Keyboard, open_keyboard, read_script
from copilot_kit.cli.queue import as_row, list_lines
from copilot_kit.cli.screen import as_json, shown, told, width
from copilot_kit.cli.sitting import Sitting
from copilot_kit.errors import MissingExtra
from copilot_kit.journal import Journal
from copilot_kit.journal.index import Order

_Agents = Annotated[
    list[str] | None,
    typer.Option("--agent", metavar="MODULE:ATTR", help="Let runs of this agent go on here; may be given again."),
]


def inbox(  # noqa: PLR0913  each an option
    *,
    store: StoreOption = None,
    agent: _Agents = None,
    order: Annotated[Order, typer.Option(help="Longest waiting first, next to expire, or newest.")] = "queued",
    search: Annotated[str, typer.Option(help="Only what has these words in its task, tool or arguments.")] = "",
    tool: Annotated[str | None, typer.Option(help="Only calls of this tool.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay when nothing waits any more.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what waits as JSON, and ask nothing.")] = False,
    script: Annotated[Path | None, typer.Option(help="Take the keys and lines from this file, one a line.")] = None,
    web: Annotated[bool, typer.Option("--web", help="Serve the inbox to a browser on this machine.")] = False,
    port: Annotated[int, typer.Option(help="With --web: where; 0 takes a free one.", min=0, max=65535)] = 8321,
) -> None:
    """Decide what waits: y approves exactly what is shown, n rejects it, ? says why it is asked.

    Enter, pasted text and a closed terminal never approve anything. Without a terminal, what waits is only listed.
    Decided runs go on where their agent runs: here with --agent, or in your application.

    Example: copilot-kit inbox --agent shop.copilot:agent
    """
    agents = [load_agent(name) for name in agent or ()]
    if web:
        _serve(store, agents, port)
        return
    if json:
        at_journal(store, lambda journal: _as_json(journal, order, search, tool))
        return
    keyboard = _keyboard(script)
    if keyboard is None:
        at_journal(store, lambda journal: _listed(journal, order, search, tool))
        return
    keys = keyboard
    at_journal(
        store, lambda journal: Sitting(journal, keys, agents, order=order, search=search, tool=tool).hold(follow=follow)
    )


def _keyboard(script: Path | None) -> Keyboard | None:
    if script is not None:
        return open_keyboard(read_script(script))
    return open_keyboard() if sys.stdin.isatty() and sys.stdout.isatty() else None


async def _as_json(journal: Journal, order: Order, search: str, tool: str | None) -> None:
    count = await journal.waiting_count()
    rows = await journal.waiting(order=order, search=search, tool=tool, limit=max(1, count))
    as_json({"count": count, "waiting": [as_row(row) for row in rows]})


async def _listed(journal: Journal, order: Order, search: str, tool: str | None) -> None:
    count = await journal.waiting_count()
    rows = await journal.waiting(order=order, search=search, tool=tool, limit=max(1, count))
    now = datetime.now(UTC)
    for line in list_lines(rows, here=-1, marked=frozenset(), now=now, width=width(), most=max(1, len(rows))):
        shown(line.rstrip())
    told("Decide in a terminal with: copilot-kit inbox" if rows else "Nothing waits.")


def _serve(store: str | None, agents: list[Agent[Any]], port: int) -> None:
    try:
        from copilot_kit.inbox.serving import serve
    except ModuleNotFoundError as error:
        raise MissingExtra("The inbox in the browser", "inbox") from error
    from copilot_kit.journal.opening import open_store
    from copilot_kit.sync import wait

    journal = open_store(store)
    for agent in agents:
        agent.store = journal
    try:
        serve(journal, port=port, agents=agents, principal=this_person(), tell=told)
    finally:
        wait(journal.close())
