"""A process to be killed: works on one run with three effects, and goes on where the last one died.

python crash_victim.py FOLDER        prints "end STATUS" when nothing is left to do
"""

import asyncio
import os
import sys
import time
from pathlib import Path

import copilot_kit.journal.session as session_module
from copilot_kit import Agent, Principal, Request, ToolContext, tool
from copilot_kit.errors import UsageError
from copilot_kit.journal.opening import open_store
from copilot_kit.messages import ToolResult
from copilot_kit.testing import FunctionModel, call

session_module.LEASE_S = 0.3  # a killed owner's run is taken over at once, so that a hundred kills fit a test
STEPS = 3
ANNA = Principal(id="anna")


@tool(effect="external")
def act(step: int, context: ToolContext) -> str:
    """Do something that must not be done twice."""
    with (context.deps / "effects").open("a") as file:
        file.write(f"{step} {context.idempotency_key}\n")
        file.flush()
        os.fsync(file.fileno())
    time.sleep(0.01)
    return f"did {step}"


def next_step(request: Request) -> object:
    done = sum(isinstance(part, ToolResult) for message in request.messages for part in message.parts)
    return call("act", {"step": done}) if done < STEPS else "All done."


async def main(folder: Path) -> None:
    """Take the run to its end, approving what it proposes."""
    store = open_store(str(folder / "journal.db"))
    agent = Agent(FunctionModel(next_step), tools=[act], store=store, deps=folder)
    try:
        run = await agent.resume("run_1")
    except UsageError:
        run = await agent.run("Do three things", run_id="run_1")
    while run.proposals:
        run = await run.approve(run.proposals[0].id, by=ANNA)
    for state in run.unknown:  # here a person looks, and says what was done
        effects = (folder / "effects").read_text().splitlines() if (folder / "effects").exists() else []
        step = state.call.args_json
        with (folder / "unknown").open("a") as file:
            file.write(f"{state.call.call_id} {step}\n")
        done = any(line.split()[0] in step for line in effects)
        run = await run.settle(state.call.call_id, done=done, by=ANNA)
    while run.proposals:
        run = await run.approve(run.proposals[0].id, by=ANNA)
    await store.close()
    print("end", run.status, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
