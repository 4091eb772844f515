"""What the processes do that are killed: one kind works on runs, the other decides what waits."""

import asyncio
import json
import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import copilot_kit.journal.session as session_module
from copilot_kit.agent import Agent
from copilot_kit.approval import READS_RUN, Gate, decide, rule, settle
from copilot_kit.errors import JournalError, NotDecidable, NotOwner, UsageError
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.state import RunState
from copilot_kit.messages import ToolResult
from copilot_kit.records import Principal, Proposal, Verdict
from copilot_kit.request import Request
from copilot_kit.testing import FunctionModel, call
from copilot_kit.tools import ToolContext, tool

LEASE_S = 0.15
"""A killed owner's run is taken over so soon, so that a thousand kills take minutes."""
TURNS = 4
_OVER = ("done", "failed")
AT_ONCE = 5
PERSON = Principal(id="anna", authenticated="token")


class Scene:
    """The folder of one loop: what happened outside of any process, a line for each, appended in one system call."""

    def __init__(self, folder: Path, url: str, tenant: str) -> None:
        self.folder = folder
        self.url = url
        self.tenant = tenant

    def note(self, file: str, **fields: Any) -> None:
        """Append a line that stays, whoever dies."""
        descriptor = os.open(self.folder / file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{json.dumps(fields)}\n".encode())
        os.close(descriptor)

    def noted(self, file: str) -> list[dict[str, Any]]:
        """Return all lines of a file."""
        path = self.folder / file
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def open(self) -> Any:
        """Return the journal."""
        return open_store(self.url, tenant=self.tenant)


async def _act(name: str, context: ToolContext) -> str:
    scene: Scene = context.deps
    await asyncio.sleep(random.random() * 0.01)
    scene.note("effects", run=context.run_id, call=context.call_id, tool=name, key=context.idempotency_key)
    await asyncio.sleep(random.random() * 0.01)
    return f"{name} is done"


@tool(effect="read")
async def look(q: str) -> str:
    """Look something up."""
    await asyncio.sleep(0.001)
    return q


@tool(effect="external")
async def send(to: str, context: ToolContext) -> str:
    """Send something; a person is asked."""
    return await _act(f"send {to}", context)


@tool(effect="write", own=True)
async def jot(text: str, context: ToolContext) -> str:
    """Write something down; nobody is asked."""
    return await _act(f"jot {text}", context)


VERSIONS = [one.version for one in (look, send, jot)]
"""Read once, before any fork: a tool's version is its source as it is on disk when it is first asked for. Where this
file is edited while the loop runs, later processes would find the tools changed and ask about their calls anew."""


def turn(request: Request) -> object:
    """Return the next turn, a function of the conversation alone: every process sees the same model."""
    task = next(message.text for message in request.messages if message.role == "user")
    answers = sum(message.role == "assistant" for message in request.messages)
    results = sum(isinstance(part, ToolResult) for message in request.messages for part in message.parts)
    chance = random.Random(f"{task} {results}")
    if answers >= TURNS:
        return "Done."
    calls = [call("look", {"q": "a"}), call("send", {"to": "eve"}), call("send", {"to": "bob"}),
             call("jot", {"text": "b"}), call("aide", {"task": f"{task}, part {results}"})]  # fmt: skip
    return chance.sample(calls, chance.randint(1, 3))


def aides_turn(request: Request) -> object:
    """Return the nested agent's turn: it sends and jots, then answers."""
    told = any(isinstance(part, ToolResult) for message in request.messages for part in message.parts)
    return "Helped." if told else [call("jot", {"text": "c"}), call("send", {"to": "cleo"})]


def agent_on(scene: Scene, store: Any) -> Agent[str]:
    """Return the agent that all these processes are made of."""
    gate = Gate([READS_RUN, rule("allow", tool="jot")])
    aide = Agent(FunctionModel(aides_turn), name="aide", tools=[send, jot], gate=gate, store=store, deps=scene)
    return Agent(FunctionModel(turn), tools=[look, send, jot, aide.as_tool(description="Helps.")], gate=gate,
                 store=store, deps=scene)  # fmt: skip


async def work(scene: Scene, last: int) -> None:
    """Work on the runs up to this number that are not over, several at once, until all of them are."""
    session_module.LEASE_S = LEASE_S
    store = scene.open()
    agent = agent_on(scene, store)
    over = {line["run"] for line in scene.noted("over")}
    left = [f"run_{n}" for n in range(last) if f"run_{n}" not in over]
    places = asyncio.Semaphore(AT_ONCE)

    async def bring_to_its_end(run_id: str) -> None:
        async with places:
            while (status := await _one_go(agent, run_id)) not in _OVER:  # noqa: ASYNC110  others decide
                await asyncio.sleep(0.02 if status == "waiting" else 0.0)
            scene.note("over", run=run_id, status=status)

    await asyncio.gather(*map(bring_to_its_end, left))
    await store.close()


async def _one_go(agent: Agent[str], run_id: str) -> str:
    try:
        try:
            return (await agent.resume(run_id)).status
        except UsageError:  # there is none yet
            return (await agent.run(f"Task of {run_id}", run_id=run_id)).status
    except (UsageError, NotOwner):  # another process was faster, or this one so slow that it lost the run
        return "running"


async def decide_all(scene: Scene, last: int) -> None:
    """Decide what waits and settle what is in doubt, until every run up to this number is over."""
    store = scene.open()
    while len({line["run"] for line in scene.noted("over")}) < last:
        for row in await store.runs(limit=50, waiting=True):
            state = RunState.of(await store.read(row.run_id))
            for proposal in state.pending:
                await _told(_decide(scene, store, row.run_id, proposal))
            for unknown in state.unknown:
                await _told(_settle(scene, store, row.run_id, unknown.call.call_id))
        await asyncio.sleep(0.01)
    await store.close()


async def _told(work: Awaitable[None]) -> None:
    try:
        await work
    except NotDecidable:  # it changed meanwhile
        return


async def _decide(scene: Scene, store: Any, run_id: str, proposal: Proposal) -> None:
    verdict: Verdict = random.choice(("approve", "approve", "approve", "edit", "reject", "answer"))
    arguments = '{"to":"dora"}' if verdict == "edit" else None
    text = "Because." if verdict in {"reject", "answer"} else None
    await decide(store, run_id, proposal.id, verdict, by=PERSON, shown=proposal.call_digest, arguments=arguments,
                 text=text)  # fmt: skip
    scene.note("decisions", run=run_id, proposal=proposal.id, verdict=verdict)


async def _settle(scene: Scene, store: Any, run_id: str, call_id: str) -> None:
    done = any((line["run"], line["call"]) == (run_id, call_id) for line in scene.noted("effects"))
    await settle(store, run_id, call_id, done=done, by=PERSON)
    scene.note("settled", run=run_id, call=call_id, done=done)


Life = Callable[[Scene, int], Awaitable[None]]


def live(life: Life, scene: Scene, last: int) -> int:
    """Live one life to its end, and return the exit code of its process."""
    try:
        asyncio.run(life(scene, last))  # type: ignore[arg-type]
    except JournalError as error:
        scene.note("errors", error=f"{type(error).__name__}: {error}")
        return 1
    return 0
