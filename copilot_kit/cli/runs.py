"""`copilot-kit runs`: what the journal says of past and present runs."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import typer

from copilot_kit.cli.journals import JsonOption, StoreOption, at_journal, found_run
from copilot_kit.cli.record_lines import Telling, duration
from copilot_kit.cli.screen import as_json, bold, columns, json_text, money, shown, told
from copilot_kit.display import visible
from copilot_kit.journal import Entry, RunState, Store

_LOOK_S: Final = 0.25
_ENDED: Final = frozenset({"done", "failed", "stopped"})

app = typer.Typer(help="Runs, from the journal.\n\nExample: copilot-kit runs list", no_args_is_help=True)


@app.command("list")
def list_runs(
    *,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 20,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that wait for a person.")] = False,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """List the runs that something happened in last.

    Example: copilot-kit runs list --waiting
    """

    async def listed(journal: Store) -> None:
        rows = await journal.runs(limit=limit, waiting=waiting)
        if json:
            as_json([_row(row) for row in rows])
        elif rows:
            cells = [(row.run_id, row.status, str(row.pending or ""), _ago(row.updated_at), row.agent, row.title)
                     for row in rows]  # fmt: skip
            columns(cells, header=("run", "status", "asks", "last", "agent", "task"))
        else:
            told("No runs here yet. Start one with: copilot-kit demo")

    at_journal(store, listed)


@app.command("show")
def show_run(
    run_id: Annotated[str, typer.Argument(help="As `runs list` shows it; its beginning or end is enough.")],
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Show each model call, tool call, decision and wait of a run, with tokens and cost.

    With --follow and --json, each record is one line.

    Example: copilot-kit runs show 4zx9 --follow
    """

    async def show(journal: Store) -> None:
        name = await found_run(journal, run_id)
        entries = await journal.read(name)
        if json and not follow:
            as_json({"run": _summary(RunState.of(entries)), "records": [_record(entry) for entry in entries]})
            return
        await _follow(journal, entries, follow=follow, json=json)

    at_journal(store, show)


async def _follow(store: Store, entries: Sequence[Entry], *, follow: bool, json: bool) -> None:
    state, telling = RunState.of(entries), Telling()
    if not json:
        title = "" if state.started is None else visible(state.started.title)
        shown(f"{bold(state.run_id)}  {title}")
    fresh = list(entries)
    while True:
        for entry in fresh:
            _print(entry, telling, json=json)
        if not follow or state.status in _ENDED:
            break
        await asyncio.sleep(_LOOK_S)
        fresh = await store.read(state.run_id, after=state.seq)
        for entry in fresh:
            state.apply(entry)
    if not json:
        shown(_conclusion(state))


def _print(entry: Entry, telling: Telling, *, json: bool) -> None:
    if json:
        shown(json_text(_record(entry)))
        return
    for line in telling.lines(entry):
        shown(line)


def _conclusion(state: RunState) -> str:
    unpriced = f" and {state.unpriced} answers of unknown price" if state.unpriced else ""
    waits = f", {len(state.pending)} calls wait for a person" if state.pending else ""
    unknown = f", {len(state.unknown)} of unknown outcome" if state.unknown else ""
    tokens = f"{state.tokens:,} tokens" if state.tokens or not state.turns else "tokens not known"
    spent = f"{state.turns} answers · {tokens} · {_cost(state)}{unpriced}"
    return f"{bold(state.status)}{waits}{unknown} · {spent}"


def _cost(state: RunState) -> str:
    return money(None if state.turns and state.unpriced == state.turns else state.cost_usd)


def _summary(state: RunState) -> dict[str, Any]:
    return {
        "run_id": state.run_id,
        "status": state.status,
        "agent": None if state.started is None else state.started.agent,
        "title": None if state.started is None else state.started.title,
        "model": state.model,
        "answers": state.turns,
        "tokens": state.tokens,
        "cost_usd": str(state.cost_usd),
        "answers_of_unknown_price": state.unpriced,
        "pending": [proposal.id for proposal in state.pending],
        "unknown": [call.call.call_id for call in state.unknown],
    }


def _record(entry: Entry) -> dict[str, Any]:
    head = entry.head
    body = None if entry.body is None else entry.body.model_dump(mode="json")
    return {"seq": head.seq, "at": head.at.isoformat(), "kind": head.kind, "path": list(head.path), "body": body}


def _row(row: Any) -> dict[str, Any]:
    return {
        "run_id": row.run_id,
        "status": row.status,
        "pending": row.pending,
        "agent": row.agent,
        "title": row.title,
        "started_at": row.started_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
    }


def _ago(moment: datetime) -> str:
    return f"{duration((datetime.now(moment.tzinfo) - moment).total_seconds())} ago"
