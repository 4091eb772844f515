"""How many first proposals are right, and how many after a rejection with a reason.

python -m copilot_kit.demo.measure --model local:smollm2

Right means the whole proposal: the tool and every argument. The prompts and examples were tried on the other set,
`--tickets development`.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from copilot_kit.agent import Run
from copilot_kit.demo.desk import Desk
from copilot_kit.demo.gold import Action, Correction, actions, corrections
from copilot_kit.demo.support import build_agent, task_for
from copilot_kit.demo.tickets import DEVELOPMENT, TICKETS, Ticket, read_tickets
from copilot_kit.errors import CopilotError
from copilot_kit.events import Event
from copilot_kit.model import Model
from copilot_kit.records import Principal
from copilot_kit.request import Request
from copilot_kit.slots import open_model
from copilot_kit.testing import ScriptedModel, call

ENOUGH = 17
_JUDGE = Principal(id="measure", name="the measurement")


class Set(StrEnum):
    """Which tickets are measured."""

    TICKETS = "tickets"
    DEVELOPMENT = "development"


_FOLDERS = {Set.TICKETS: TICKETS, Set.DEVELOPMENT: DEVELOPMENT}


@dataclass(frozen=True, slots=True)
class Row:
    """One proposal beside the right one."""

    ticket: str
    subject: str
    proposed: Action | None
    wanted: Action
    took_s: float

    @property
    def is_right(self) -> bool:
        """Tell whether tool and arguments are the right ones."""
        return self.proposed == self.wanted


async def first_proposals(model: Model, name: Set = Set.TICKETS) -> list[Row]:
    """Return what the copilot proposes first for each ticket of the set. Nothing is carried out."""
    wanted = actions(name)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        for ticket in read_tickets(_FOLDERS[name]):
            begun = time.monotonic()
            run = await build_agent(ticket, desk, model=model).run(task_for(ticket))
            took_s = time.monotonic() - begun
            rows.append(Row(ticket.id, ticket.subject, _proposed(run), wanted[ticket.id], took_s))
    return rows


async def after_rejection(model: Model, name: Set = Set.TICKETS) -> list[Row]:
    """Return what is proposed after a person rejected a wrong proposal with a reason."""
    tickets = {ticket.id: ticket for ticket in read_tickets(_FOLDERS[name])}
    return [await _corrected(model, tickets[one.ticket], one) for one in corrections(name)]


async def _corrected(model: Model, ticket: Ticket, correction: Correction) -> Row:
    wrong = ScriptedModel(call(correction.rejected.tool, correction.rejected.arguments))
    with tempfile.TemporaryDirectory() as folder:
        agent = build_agent(ticket, Desk(Path(folder)), model=_Second(wrong, model))
        run = await agent.run(task_for(ticket))
        begun = time.monotonic()
        run = await run.reject(run.proposals[0].id, correction.reason, by=_JUDGE)
        took_s = time.monotonic() - begun
        return Row(ticket.id, correction.reason, _proposed(run), correction.wanted, took_s)


class _Second:
    """The model under measurement, after another one has made the first proposal."""

    def __init__(self, first: Model, second: Model) -> None:
        self.id, self.profile = second.id, second.profile
        self._first, self._second = first, second

    def stream(self, request: Request) -> AsyncIterator[Event]:
        is_first = not any(message.role == "tool" for message in request.messages)
        return (self._first if is_first else self._second).stream(request)


def _proposed(run: Run[str]) -> Action | None:
    if not run.proposals:
        return None
    first = run.proposals[0]
    return Action(tool=first.tool, arguments=json.loads(first.arguments))


def _table(title: str, rows: list[Row]) -> str:
    lines = [title]
    for row in rows:
        mark = "right" if row.is_right else "WRONG"
        lines.append(f"  {row.ticket}  {mark}  {row.took_s:5.1f} s  {_short(row.proposed)}   [{row.subject}]")
        if not row.is_right:
            lines.append(f"      wanted          {_short(row.wanted)}")
    right = sum(row.is_right for row in rows)
    mean_s = sum(row.took_s for row in rows) / max(1, len(rows))
    return "\n".join([*lines, f"{right} of {len(rows)} right, {mean_s:.1f} s each on average"])


def _short(action: Action | None) -> str:
    if action is None:
        return "no proposal"
    return f"{action.tool}({', '.join(str(value) for value in action.arguments.values())})"


def _as_json(rows: list[Row]) -> list[dict[str, Any]]:
    return [
        {"ticket": row.ticket, "right": row.is_right, "took_s": round(row.took_s, 2),
         "proposed": None if row.proposed is None else row.proposed.model_dump(), "wanted": row.wanted.model_dump()}
        for row in rows
    ]  # fmt: skip


def main(
    model: Annotated[str, typer.Option(help="The model, as provider:name.")] = "local:smollm2",
    tickets: Annotated[Set, typer.Option(help="Which tickets.")] = Set.TICKETS,
    *,
    rejections: Annotated[bool, typer.Option(help="Also measure what follows a rejection.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Measure the support copilot; exit code 1 where fewer than 17 of its 20 tickets are right."""
    try:
        opened = open_model(model).model
        rows, later = asyncio.run(_measured(opened, tickets, rejections=rejections))
    except CopilotError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.exit_code) from error
    if as_json:
        held = {"model": opened.id, "tickets": tickets.value, "right": sum(row.is_right for row in rows),
                "of": len(rows), "first": _as_json(rows), "after_rejection": _as_json(later)}  # fmt: skip
        typer.echo(json.dumps(held, ensure_ascii=False, indent=1))
    else:
        typer.echo(_table(f"First proposals of {opened.id} on the {tickets.value} set", rows))
        if rejections:
            typer.echo(_table("After a rejection with a reason", later))
    if tickets is Set.TICKETS and sum(row.is_right for row in rows) < ENOUGH:
        raise typer.Exit(1)


async def _measured(model: Model, tickets: Set, *, rejections: bool) -> tuple[list[Row], list[Row]]:
    rows = await first_proposals(model, tickets)
    return rows, await after_rejection(model, tickets) if rejections else []


if __name__ == "__main__":
    typer.run(main)
