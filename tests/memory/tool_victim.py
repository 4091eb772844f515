"""A process to be killed: an agent that writes one line after another into its memory, and goes on where it died.

python tool_victim.py FOLDER        prints "end STATUS", and every call whose outcome was unknown, as "unknown ID"
"""

import asyncio
import sys
from pathlib import Path

import copilot_kit.journal.session as session_module
from copilot_kit import Agent, Limits, Request
from copilot_kit.errors import UsageError
from copilot_kit.journal.opening import open_store
from copilot_kit.memory.memory import Memory
from copilot_kit.messages import ToolResult
from copilot_kit.testing import FunctionModel, call

session_module.LEASE_S = 0.3  # a killed owner's run is taken over at once
STEPS = 60


def next_step(request: Request) -> object:
    results = [part for message in request.messages for part in message.parts if isinstance(part, ToolResult)]
    done = sum(result.outcome == "ok" for result in results)
    if done > STEPS:
        return "All done."
    if done == 0:
        return call("memory", {"command": "create", "path": "/memories/log.md", "file_text": ""})
    line = {"command": "insert", "path": "/memories/log.md", "insert_line": done - 1, "insert_text": f"step {done}"}
    return call("memory", line)


async def main(folder: Path) -> None:
    """Take the run to its end; what the memory does is allowed, and settled by nobody."""
    store = open_store(str(folder / "journal.db"))
    agent = Agent(FunctionModel(next_step), memory=Memory(folder / "notes"), store=store, limits=Limits(turns=900))
    try:
        run = await agent.resume("run_1")
    except UsageError:
        run = await agent.run("Write it all down", run_id="run_1")
    for state in run.unknown:
        print("unknown", state.call.call_id)
    await store.close()
    print("end", run.status, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
