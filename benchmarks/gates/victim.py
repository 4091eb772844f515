"""A durable agent run for fault injectors: it is killed, torn and starved at each of its system calls, then resumed.

    python benchmarks/gates/victim.py run   STATE EFFECTS    begin the run, or go on: 0 done, 3 a person is needed
    python benchmarks/gates/victim.py human STATE EFFECTS    approve what waits; what is in doubt is not run again

STATE is a folder, the journal in it is SQLite. Each effect is a line appended to EFFECTS in one system call: `many` for
a read, `once` for what must not happen twice, `asked` for a question that the person answers, `doubt` for a call of
unknown outcome that they were shown.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import copilot_kit.journal.session as session_module
from copilot_kit.agent import Agent
from copilot_kit.approval import READS_RUN, Gate, decide, rule, settle
from copilot_kit.errors import UsageError
from copilot_kit.journal.opening import Journal, open_store
from copilot_kit.journal.state import RunState
from copilot_kit.messages import ToolResult
from copilot_kit.records import Principal
from copilot_kit.testing import FunctionModel, call
from copilot_kit.tools import ToolContext, tool

session_module.LEASE_S = 0.3  # a killed owner's run is taken over soon: hundreds of processes follow one another
RUN = "run_1"
PERSON = Principal(id="anna", authenticated="local")
PLAN = (
    (("look", "read0"), ("send", "send0"), ("note", "note0"), ("send", "send1")),
    (("look", "read1"), ("send", "send2"), ("note", "note1")),
)
"""Turns of the model; a turn's calls are asked for at once."""


def emit(effects: str, line: str) -> None:
    descriptor = os.open(effects, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.pwritev(descriptor, [f"{line}\n".encode()], 0)
    os.close(descriptor)


@tool(effect="read")
async def look(name: str, context: ToolContext) -> str:
    """Read something; may be repeated."""
    emit(context.deps, f"many {name}")
    return "text"


@tool(effect="external")
async def send(name: str, context: ToolContext) -> str:
    """Send something; a person is asked."""
    emit(context.deps, f"once {name}")
    return "sent"


@tool(effect="write", own=True)
async def note(name: str, context: ToolContext) -> str:
    """Write something of one's own; nobody is asked."""
    emit(context.deps, f"once {name}")
    return "noted"


def next_turn(request: object) -> object:
    """Return the next turn of the plan: a function of the conversation alone, as every process sees it."""
    results = [p for m in request.messages for p in m.parts if isinstance(p, ToolResult)]  # type: ignore[attr-defined]
    done = 0
    for turn in PLAN:
        if done == len(results):
            return [call(name, {"name": what}) for name, what in turn]
        done += len(turn)
    return "All done."


async def work(store: Journal, effects: str) -> int:
    gate = Gate([READS_RUN, rule("allow", tool="note")])
    agent = Agent(FunctionModel(next_turn), tools=[look, send, note], gate=gate, store=store, deps=effects)
    try:
        run = await agent.resume(RUN)
    except UsageError:  # there is none yet
        run = await agent.run("Work through the plan", run_id=RUN)
    if run.status == "waiting":
        return 3
    return 0 if run.status == "done" else 1


async def answer(store: Journal, effects: str) -> int:
    state = RunState.of(await store.read(RUN))
    for proposal in state.pending:
        emit(effects, f"asked {json.loads(proposal.arguments)['name']}")
        await decide(store, RUN, proposal.id, "approve", by=PERSON, shown=proposal.call_digest)
    for unknown in state.unknown:
        emit(effects, f"doubt {json.loads(unknown.call.args_json)['name']}")
        await settle(store, RUN, unknown.call.call_id, done=False, by=PERSON, text="Do not run it again.")
    return 0


async def main(verb: str, state: str, effects: str) -> int:
    store = open_store(str(Path(state, "journal.db")))
    try:
        return await (work if verb == "run" else answer)(store, effects)
    finally:
        await store.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:4])))
