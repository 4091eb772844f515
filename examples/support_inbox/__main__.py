"""A support copilot whose proposals wait in the web inbox; see the README beside this file."""

import argparse
import asyncio
from pathlib import Path
from typing import Any

from copilot_kit import Agent, Gate, open_store
from copilot_kit.demo import Desk, Ticket, build_agent, read_tickets, task_for
from copilot_kit.errors import CopilotError, UsageError
from copilot_kit.journal import Journal
from copilot_kit.model import Model
from copilot_kit.request import Request
from copilot_kit.testing import FunctionModel, call
from copilot_kit.testing.script import Step

HERE = Path(__file__).parent
LOOK_S = 0.5
SCRIPT = {
    "01": call("refund", {"order": "HP-1042", "amount": 84.40, "reason": "damaged"}),
    "02": call("send_reply", {"template": "tracking", "name": "Luca"}),
    "03": call("send_reply", {"template": "password_reset", "name": "Priya"}),
    "04": call("refund", {"order": "HP-1048", "amount": 16.60, "reason": "never_arrived"}),
    "05": call("close_ticket", {"reason": "spam"}),
}


def scripted(ticket: Ticket) -> Model:
    """Return a model that proposes what is written above, once, and takes a no for an answer."""

    def answer(request: Request) -> Step:
        begun = any(message.role == "tool" for message in request.messages)
        return "That is all that I would do here." if begun else SCRIPT.get(ticket.id, "A person should read this one.")

    return FunctionModel(answer, id="scripted:support")


def agent_for(ticket: Ticket, store: Journal, chosen: argparse.Namespace) -> Agent[Any]:
    """Return the agent of a ticket."""
    return build_agent(ticket, Desk(chosen.work), model=chosen.model or scripted(ticket), store=store,
                       name=f"support {ticket.id}", gate=chosen.gate)  # fmt: skip


async def begin(agents: dict[str, Agent[Any]], store: Journal, chosen: argparse.Namespace) -> None:
    """Start a run for each ticket that has none yet, and for those that come later; the inbox takes on the others."""
    seen: set[str] = set()
    told: set[str] = set()

    def tell(error: UsageError) -> None:  # perhaps it is just being written
        if str(error) not in told:
            told.add(str(error))
            print(error, flush=True)

    while True:
        try:
            tickets = read_tickets(chosen.tickets, wrong=tell)
        except UsageError as error:
            tickets = []
            tell(error)
        for ticket in [one for one in tickets if one.id not in seen]:
            seen.add(ticket.id)
            agent = agent_for(ticket, store, chosen)
            await start(agents.setdefault(agent.name, agent), ticket, store)
        await asyncio.sleep(LOOK_S)


async def start(agent: Agent[Any], ticket: Ticket, store: Journal) -> None:
    """Start the run of a ticket, unless there is one."""
    run_id = f"ticket_{ticket.id}"
    if await store.read(run_id):
        return
    try:
        await agent.run(task_for(ticket), run_id=run_id, subject=ticket.address)
    except CopilotError as error:
        print(f"Ticket {ticket.id}: {error}", flush=True)


def main() -> None:
    from copilot_kit.inbox import serve  # here, so that a missing extra is said in one line

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", help="provider:model, or a slot of frontier.toml; without it, a script")
    options.add_argument("--tickets", type=Path, default=HERE / "tickets")
    options.add_argument("--gate", type=Gate.from_file, help="a file of rules; without one, a person is always asked")
    options.add_argument("--work", type=Path, default=Path("work"), help="where mails and refunds go")
    options.add_argument("--journal", help="a file or a postgresql:// URL; without it, a file in --work")
    options.add_argument("--port", type=int, default=8484)
    chosen = options.parse_args()

    chosen.work.mkdir(parents=True, exist_ok=True)
    store = open_store(chosen.journal or str(chosen.work / "journal.db"))
    known = [agent_for(ticket, store, chosen) for ticket in read_tickets(chosen.tickets)]
    agents = {agent.name: agent for agent in known}
    # The tickets are read beside the inbox, so that the first proposal can be decided while the model reads the next.
    serve(store, agents=agents, port=chosen.port, beside=lambda: begin(agents, store, chosen))


if __name__ == "__main__":
    try:
        main()
    except CopilotError as error:
        raise SystemExit(str(error)) from error
