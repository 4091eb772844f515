"""A support copilot whose proposals wait in the web inbox; see the README beside this file."""

import argparse
from pathlib import Path
from typing import Any

from copilot_kit import Agent, open_store
from copilot_kit.demo import Desk, Ticket, build_agent, read_tickets, task_for
from copilot_kit.errors import CopilotError, ModelError
from copilot_kit.journal import Journal
from copilot_kit.model import Model
from copilot_kit.request import Request
from copilot_kit.testing import FunctionModel, call
from copilot_kit.testing.script import Step

HERE = Path(__file__).parent
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
        return "That is all that I would do here." if begun else SCRIPT[ticket.id]

    return FunctionModel(answer, id="scripted:support")


async def begin(agents: dict[str, Agent[Any]], tickets: list[Ticket], store: Journal) -> None:
    """Start a run for each ticket that has none yet; the inbox takes on those that were begun before."""
    for ticket in tickets:
        run_id = f"ticket_{ticket.id}"
        if await store.read(run_id):
            continue
        try:
            await agents[ticket.id].run(task_for(ticket), run_id=run_id, subject=ticket.address)
        except ModelError as error:
            print(f"Ticket {ticket.id}: {error}")


def main() -> None:
    from copilot_kit.inbox import serve  # here, so that a missing extra is said in one line

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", help="provider:model; without it, a script")
    options.add_argument("--tickets", type=Path, default=HERE / "tickets")
    options.add_argument("--work", type=Path, default=Path("work"), help="where mails and refunds go")
    options.add_argument("--journal", help="a file or a postgresql:// URL; without it, a file in --work")
    options.add_argument("--port", type=int, default=8484)
    chosen = options.parse_args()

    chosen.work.mkdir(parents=True, exist_ok=True)
    store = open_store(chosen.journal or str(chosen.work / "journal.db"))
    tickets, desk = read_tickets(chosen.tickets), Desk(chosen.work)
    agents = {
        ticket.id: build_agent(ticket, desk, model=chosen.model or scripted(ticket), store=store,
                               name=f"support {ticket.id}")
        for ticket in tickets
    }  # fmt: skip
    # The tickets are read beside the inbox, so that the first proposal can be decided while the model reads the next.
    serve(store, agents=list(agents.values()), port=chosen.port, beside=lambda: begin(agents, tickets, store))


if __name__ == "__main__":
    try:
        main()
    except CopilotError as error:
        raise SystemExit(str(error)) from error
