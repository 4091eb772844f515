"""The support desk: forty tickets, an agent for each, and a person who knows what a good clerk does."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from copilot_kit import Agent
from copilot_kit.demo import Desk, Ticket, build_agent, read_tickets
from copilot_kit.demo.gold import actions
from copilot_kit.demo.tickets import DEVELOPMENT, TICKETS
from copilot_kit.messages import Message, Text

WORK = Path("desk")
SETS = {"t": ("tickets", TICKETS), "d": ("development", DEVELOPMENT)}


@cache
def tickets() -> dict[str, Ticket]:
    """Return the tickets by their ids: t01 to t20 and d01 to d20."""
    return {
        f"{letter}{one.id}": replace(one, id=f"{letter}{one.id}")
        for letter, (_, folder) in SETS.items()
        for one in read_tickets(folder)
    }


def wanted_of(ticket: Ticket) -> tuple[str, dict[str, Any]]:
    """Return what a good clerk does with a ticket."""
    name, _ = SETS[ticket.id[0]]
    action = actions(name)[ticket.id[1:]]
    return action.tool, dict(action.arguments)


def ticket_of(messages: Sequence[Message]) -> Ticket:
    """Return the ticket that a conversation is about."""
    words = next(part.text for one in messages if one.role == "user" for part in one.parts if isinstance(part, Text))
    return next(one for one in tickets().values() if words.startswith(one.words[:60]) and one.name in words)


def agent_for(run_id: str) -> Agent[str] | None:
    """Return the agent of a run: what each ticket narrows is what its tools take."""
    ticket = tickets().get(run_id.removeprefix("ticket_"))
    WORK.mkdir(exist_ok=True)
    return None if ticket is None else build_agent(ticket, Desk(WORK), model="default", name="support")
