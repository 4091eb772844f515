"""A release day: new models come out, and one command says whether this application takes them.

    python examples/frontier_day

No key, no network, about a minute. The models are stand-ins; agent, gate, journal, items, statistics, slot and report
are the real ones. What is printed after a $ is what you would type.
"""

import argparse
import asyncio
import os
import shlex
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FRONTIER = """\
[slots.default]
model = "python:releases:spring"
suites = ["decisions/suite.py"]
margin = 0.05
may_send_to = ["python"]
"""
STORE = "journal.db"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--work", type=Path, default=Path("frontier_day"), help="a folder for all that is made")
    chosen = options.parse_args()
    if chosen.work.exists() and any(chosen.work.iterdir()):
        print(f"{chosen.work} holds something already. Name an empty folder with --work, or take it away.")
        return 64
    chosen.work.mkdir(parents=True, exist_ok=True)
    os.chdir(chosen.work)
    os.environ["COPILOT_KIT_JOURNAL"] = STORE
    Path("frontier.toml").write_text(FRONTIER, encoding="utf-8")

    part("Spring", "The support copilot runs on spring. People decide what it proposes.")
    asyncio.run(season())
    part("Their decisions become test cases", "What they rejected must not come again.")
    command("eval from-journal decisions --agent desk:agent_for --tuning 0.1")
    part("Summer is released", "Better on average, and cheaper. But it does again what people rejected: hold.")
    command("snap default --to python:releases:summer --out runs/summer", 1)
    part("Autumn is released, and somebody wires it up in a hurry", "That is no worse model: it is a fault.")
    command("snap default --to python:releases:miswired --out runs/miswired", 3)
    part("Autumn, wired rightly", "Promoted: new runs take it at once.")
    command("snap default --to python:releases:autumn --out runs/autumn", 0)
    asyncio.run(next_ticket())
    command("trust")
    command("frontier")
    part("Somebody has second thoughts", "One command takes it back.")
    command("snap default --back", 0)
    command("frontier verify", 0)
    print(f"\nThe report of the promotion: {Path('runs/autumn/report.html').resolve()}")
    print("What was kept: frontier.lock.jsonl (each promotion and its evidence), runs/, journal.db")
    return 0


async def season() -> None:
    """Let the copilot work on forty tickets, and decide each of its proposals as a good clerk would."""
    from desk import agent_for, tickets, wanted_of

    from copilot_kit import Principal
    from copilot_kit.arguments import compact
    from copilot_kit.demo import task_for
    from copilot_kit.journal.opening import open_store
    from copilot_kit.tools import arguments_of

    anna, store, ways = Principal(id="anna"), open_store(STORE), {"approved": 0, "edited": 0, "rejected": 0}
    for ticket in list(tickets().values())[:-1]:  # one is left for later
        agent = agent_for(f"ticket_{ticket.id}")
        agent.store = store
        run = await agent.run(task_for(ticket), run_id=f"ticket_{ticket.id}", subject=ticket.address)
        proposal, (tool, gold) = run.proposals[0], wanted_of(ticket)
        if proposal.tool == tool and arguments_of(proposal.arguments) == gold:
            await run.approve(proposal.id, by=anna)
            ways["approved"] += 1
        elif proposal.tool == tool:
            await run.edit(proposal.id, compact(gold), by=anna)
            ways["edited"] += 1
        else:
            await run.reject(proposal.id, f"this wants {tool}", by=anna)
            ways["rejected"] += 1
    await store.close()
    print("".join(f"  {count} {way}" for way, count in ways.items()))


async def next_ticket() -> None:
    """Show which model a new run gets, with nothing restarted."""
    from desk import agent_for, tickets

    from copilot_kit.demo import task_for
    from copilot_kit.journal.opening import open_store

    store, ticket = open_store(STORE), list(tickets().values())[-1]
    agent = agent_for(f"ticket_{ticket.id}")
    agent.store = store
    run = await agent.run(task_for(ticket), run_id=f"ticket_{ticket.id}", subject=ticket.address)
    proposal = run.proposals[0]
    model = proposal.model.partition(" > ")[0]
    print(f"  The next ticket: {model} proposes {proposal.tool}, and a person is asked.")
    await store.close()


def part(title: str, words: str) -> None:
    print(f"\n{title}\n{'─' * len(title)}\n{words}")


def command(line: str, expected: int | None = None) -> None:
    """Run a command of copilot-kit as the shell would; says so where it ends in another way than this story tells."""
    from copilot_kit.cli.program import run

    print(f"\n$ copilot-kit {line}")
    code = run(shlex.split(line))
    if expected is not None and code != expected:
        raise SystemExit(f"`copilot-kit {line}` ended with {code}, not with {expected}.")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")]))
    raise SystemExit(main())
