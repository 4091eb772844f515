"""A run that waits in one process and is decided and finished in another, by its id alone.

Run it as it is, without a key: python examples/resume_elsewhere.py
"""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from copilot_kit import Agent, Principal, open_store, tool
from copilot_kit.request import Request
from copilot_kit.testing import FunctionModel, call


@tool(effect="external")
def send_reply(ticket: int, body: str) -> str:
    """Send a reply to the customer."""
    return f"sent to ticket {ticket}: {body}"


def answer(request: Request) -> object:
    """Stand in for a model: propose a reply, and say so once it went out. What it is asked holds all it knows."""
    return (
        call("send_reply", {"ticket": 17, "body": "On its way!"}) if len(request.messages) == 1 else "The reply is out."
    )


def agent(journal: str) -> Agent:
    return Agent(FunctionModel(answer), tools=[send_reply], store=open_store(journal))


async def propose(journal: str) -> None:
    one = agent(journal)
    run = await one.run("Answer ticket 17")
    await one.store.close()
    print(run.id)


async def decide(journal: str, run_id: str) -> None:
    one = agent(journal)
    run = await one.load(run_id)
    print("another process finds it", run.status, "with", run.proposals[0].arguments)
    run = await run.approve(run.proposals[0].id, by=Principal(id="anna"))
    print(run.status, run.output)
    await one.store.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = str(Path(folder) / "journal.db")
        first = subprocess.run([sys.executable, __file__, journal], stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
        print("a process proposed, and ended")
        subprocess.run([sys.executable, __file__, journal, first.stdout.strip()], check=True)  # noqa: S603


match sys.argv[1:]:
    case []:
        main()
    case [journal]:
        asyncio.run(propose(journal))
    case [journal, run_id]:
        asyncio.run(decide(journal, run_id))
