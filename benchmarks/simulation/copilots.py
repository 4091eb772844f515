"""The programs of a play: models that ask for anything, tools that keep what they did, lives that end at any moment."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from benchmarks.simulation.invariants import check_conversation
from benchmarks.simulation.store import Wire
from benchmarks.simulation.tools import tools_of
from benchmarks.simulation.world import Killed, Process, World
from copilot_kit.agent import Agent, Limits, Run
from copilot_kit.agent.nested import NestedAgent
from copilot_kit.approval import READS_RUN, Gate, GateCall, Rule, Ruling, rule
from copilot_kit.errors import CopilotError, Overloaded, RateLimited, TransportFailed
from copilot_kit.journal.state import RunState
from copilot_kit.records import Principal, Reason
from copilot_kit.request import Request
from copilot_kit.testing import FunctionModel, call

MOST_TURNS = 6
BAD_CALLS = (
    ("fly", "{}"), ("send", "{"), ("send", '{"to":"eve","amount":NaN}'), ("send", '{"to":"eve","to":"mallory"}'),
    ("send", '{"amount":1}'), ("jot", '{"text":7}'), ("send", '{"to":"eve","extra":1}'), ("send", "[]"),
)  # fmt: skip


def gate_of(world: World) -> Gate:
    """Return the gate as it stands now."""
    return Gate([READS_RUN, rule("deny", tool="wipe"), never_to_mallory, quiet_notes, *_stricter(world)])


def _stricter(world: World) -> list[Rule]:
    return [rule("deny", tool="send", why="not any more")] if world.strict else []


def never_to_mallory(one: GateCall) -> Ruling | None:
    """Deny what goes to Mallory, whoever wrote the name."""
    return Ruling("deny", (Reason(code="mallory", text="never"),)) if one.arguments.get("to") == "mallory" else None


def quiet_notes(one: GateCall) -> Ruling | None:
    """Allow notes that do not shout."""
    quiet = one.tool == "jot" and "!" not in str(one.arguments["text"])
    return Ruling("allow", (Reason(code="quiet", text="a quiet note"),)) if quiet else None


def turn_of(world: World) -> Callable[[Request], Awaitable[Any]]:
    """Return a model as a function of the request and of chance."""

    async def turn(request: Request) -> Any:
        check_conversation(world, request.messages)
        await world.seam("the model")
        answers = sum(message.role == "assistant" for message in request.messages)
        if world.calm or answers >= MOST_TURNS or world.chance.random() < 0.15:
            return "Done."
        pieces: list[Any] = [_call(world) for _ in range(world.chance.choice((1, 1, 2, 3)))]
        if world.happens(world.rates.model):
            failure = world.chance.choice((RateLimited, Overloaded, TransportFailed))("The model failed (injected).")
            pieces = [*pieces[: world.chance.randint(0, len(pieces))], failure]
        return pieces

    return turn


def _call(world: World) -> Any:
    chance = world.chance
    repeated = f"again_{chance.randint(1, 3)}" if chance.random() < 0.1 else None
    if world.happens(world.rates.bad_call):
        name, arguments = chance.choice(BAD_CALLS)
        return call(name, arguments, call_id=repeated)
    match chance.choice(("look", "look", "send", "send", "send", "jot", "jot", "order", "order", "wipe", "aide")):
        case "aide":
            return call("aide", {"task": "Help"}, call_id=repeated)
        case "look":
            return call("look", {"q": chance.choice("abc")}, call_id=repeated)
        case "send":
            to = chance.choice(("eve", "eve", "bob", "mallory"))
            return call("send", {"to": to, "amount": chance.randint(1, 9)}, call_id=repeated)
        case "jot":
            return call("jot", {"text": chance.choice(("quiet", "loud!"))}, call_id=repeated)
        case "order":
            return call("order", {"item": chance.choice(("tea", "ink"))}, call_id=repeated)
        case _:
            return call("wipe", "{}", call_id=repeated)


def agent_of(world: World, wire: Wire) -> Agent[str]:
    """Return an agent as a program would make it that starts now, with another one nested in it."""
    aide = Agent(
        FunctionModel(turn_of(world), id="sim:aide", new_id=world.new_id),
        name="aide", tools=tools_of(world.tool_version), instructions=world.prompt, gate=gate_of(world), store=wire,
        may_decide=world.may_decide, new_id=world.new_id, clock=world.loop.wall, deps=world,
    )  # fmt: skip
    return Agent(
        FunctionModel(turn_of(world), id=world.model, new_id=world.new_id),
        tools=[*tools_of(world.tool_version), _as_tool(aide)],
        instructions=world.prompt,
        gate=gate_of(world),
        store=wire,
        limits=Limits(turns=3 if world.happens(0.1) else 50),
        answer_within_s=world.answer_within_s,
        may_decide=world.may_decide,
        new_id=world.new_id,
        clock=world.loop.wall,
        deps=world,
    )


def _as_tool(aide: Agent[str]) -> NestedAgent:
    """Return the agent as a tool; what a tool looks like to models is made once, since that takes a while."""
    if not _AIDES:
        _AIDES.append(aide.as_tool(description="Helps."))
    return replace(_AIDES[0], agent=aide)


_AIDES: list[NestedAgent] = []


async def live(world: World, wire: Wire, run_id: str) -> None:
    """Live through one process that takes a run as far as it goes."""
    agent = agent_of(world, wire)
    try:
        run, undoing = await _step(world, wire, agent, run_id)
    except Killed:
        return
    except asyncio.CancelledError:
        world.tell("was cancelled")
        raise
    except CopilotError as error:
        world.tell(f"{type(error).__name__}: {str(error)[:100]}")
        return
    world.tell(f"left {run_id} {run.status}")
    if run.status == "running" and not undoing:
        raise world.broken(f"an agent returned {run_id} as 'running'")


async def _step(world: World, wire: Wire, agent: Agent[str], run_id: str) -> tuple[Run[str], bool]:
    entries = await wire.read(run_id)
    if not entries:
        return await agent.run("Do what you can", run_id=run_id), False
    state = RunState.of(entries)
    if state.effects and world.happens(0.15):
        return await agent.undo(run_id, world.chance.choice(list(state.effects)), by=Principal(id="anna")), True
    if state.ended is not None and world.happens(0.5):
        return await agent.say(run_id, "Go on"), False
    swapped = FunctionModel(turn_of(world), id="sim:other", new_id=world.new_id) if world.happens(0.05) else None
    return await agent.resume(run_id, model=swapped), False


def start(world: World, wire: Wire, run_id: str) -> "asyncio.Task[None]":
    """Start a process that works on a run."""
    process = Process(world.new_id("proc"))
    with world.living(process):
        return asyncio.ensure_future(live(world, wire, run_id))


async def keep_alive(world: World, wire: Wire, run_id: str) -> None:
    """Start processes for a run, now and then two at once, and cancel some."""
    for _ in range(world.chance.randint(3, 8)):
        lives = [start(world, wire, run_id) for _ in range(world.chance.choice((1, 1, 2)))]
        for one in lives:
            if world.happens(world.rates.cancel):
                await asyncio.sleep(world.chance.expovariate(2.0))
                one.cancel()
        await asyncio.wait(lives, timeout=world.chance.choice((None, 30.0)))
        await asyncio.sleep(world.chance.expovariate(0.3))
