"""One play: a seed, its players, and whether what was promised held."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.simulation.copilots import keep_alive, start
from benchmarks.simulation.invariants import check_lists, check_run
from benchmarks.simulation.loop import Deadlock, SeededLoop, clocks_of
from benchmarks.simulation.persons import Person
from benchmarks.simulation.store import Aside, Wire
from benchmarks.simulation.tools import TICKS
from benchmarks.simulation.world import Broken, Killed, Rates, World
from copilot_kit.errors import CopilotError, NotDecidable
from copilot_kit.journal.memory import MemoryStore
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Entry

MOST_ROUNDS = 40
"""In calm weather a run comes to its end within so many decisions and resumes."""


@dataclass(frozen=True, slots=True)
class Played:
    """How a play went."""

    seed: int
    broken: str | None
    story: tuple[str, ...]
    effects: int
    decisions: int
    seams: int


def play(seed: int, *, made: Callable[[Any], Any] | None = None) -> Played:
    """Play one seed; made: makes another journal than one in memory, from a clock."""
    chance = Random(seed)
    loop = SeededLoop(Random(chance.random()))
    world = World(seed=seed, loop=loop, chance=chance, rates=Rates.drawn(chance))
    aside = None if made is None else Aside(lambda: made(loop.wall))
    world.inner = MemoryStore(clock=loop.wall) if aside is None else aside
    loop.set_exception_handler(lambda _, context: _overheard(world, context))
    TICKS.count = 0
    world.tell(f"{world.rates}")
    try:
        with clocks_of(loop, "copilot_kit"):
            loop.run_until_complete(_whole(world))
    except (Broken, Deadlock) as error:
        if not world.failures:
            world.broken(f"{type(error).__name__} {error}")
    except Exception as error:  # noqa: BLE001  whatever it is, it has a seed
        world.broken(f"{type(error).__name__}: {error}")
    finally:
        _put_away(loop)
        if aside is not None:
            aside.end()
    broken = world.failures[0] if world.failures else None
    decisions = sum(map(len, world.decided.values()))
    return Played(seed, broken, tuple(world.story), len(world.effects), decisions, world.seams)


def _overheard(world: World, context: dict[str, Any]) -> None:
    """Take in an error that nobody waited for."""
    error = context.get("exception")
    if error is not None and not isinstance(error, Killed | asyncio.CancelledError | CopilotError):
        world.broken(f"{context['message']}: {type(error).__name__}: {error}")


def _put_away(loop: SeededLoop) -> None:
    """End what is left of a play, without a word."""
    loop.set_exception_handler(lambda *_: None)
    for task in asyncio.all_tasks(loop):
        task.cancel()
        with suppress(BaseException):
            loop.run_until_complete(task)
    loop.close()


async def _whole(world: World) -> None:
    wire = Wire(world.inner, world)
    world.answer_within_s = world.chance.choice((None, None, 5.0, 60.0))
    world.may_decide = world.chance.choice(((), (), ("anna",), ("group:ops", "ben")))
    runs = [f"run_{n}" for n in range(world.chance.choice((1, 1, 2)))]
    persons = [Person(world, wire, name) for name in ("anna", "ben", "cleo")[: world.chance.randint(1, 3)]]
    players = [keep_alive(world, wire, run_id) for run_id in runs]
    players += [person.work(runs) for person in persons]
    players.append(_weather(world))
    await asyncio.gather(*players)
    world.tell("from here on it is calm")
    world.calm = True
    await _bring_to_an_end(world, wire, persons[0], runs)
    for run_id in runs:
        await check_run(world, run_id)


async def _weather(world: World) -> None:
    """Change the world under the players: clocks, versions, rules, models, prompts."""
    for _ in range(world.chance.randint(0, 5)):
        await asyncio.sleep(world.chance.expovariate(0.2))
        match world.chance.choice(("clock", "clock", "tool", "gate", "model", "prompt")):
            case "clock":
                seconds = world.chance.choice((3600.0, -3600.0, 11.0, -1.0))
                world.loop.jump(seconds)
                world.tell(f"the clock jumps by {seconds:g} s")
            case "tool":
                world.tool_version = min(world.tool_version + 1, 3)
                world.tell(f"tools are version {world.tool_version}")
            case "gate":
                world.strict = not world.strict
                world.tell(f"the gate is {'strict' if world.strict else 'as it was'}")
            case "model":
                world.model = world.chance.choice(("sim:one", "sim:two"))
                world.tell(f"the model is {world.model}")
            case _:
                world.prompt = world.chance.choice(("Be quick.", "Be careful."))
                world.tell(f"the prompt is {world.prompt!r}")


async def _bring_to_an_end(world: World, wire: Wire, person: Person, runs: list[str]) -> None:
    """Let an honest person decide what waits, and let processes take on what is ready, until nothing is left."""
    for _ in range(MOST_ROUNDS):
        await check_lists(world, runs)
        for state in [RunState.of(entries) for run_id in runs if (entries := await world.inner.read(run_id))]:
            for unknown in state.unknown:
                await person.settle(state.run_id, unknown.call.call_id)
            for proposal in state.pending:
                with suppress(NotDecidable):  # its time is over
                    await person.decide(state.run_id, proposal, world.chance.choice(("approve", "reject")))
        await asyncio.sleep(4000.0)
        going = await _take_on(world, wire, runs)
        if not going:
            return
    raise world.broken(f"after {MOST_ROUNDS} rounds these still go on: {going}")


async def _take_on(world: World, wire: Wire, runs: list[str]) -> list[str]:
    """Start a process for each run that can go on; returns the runs that are not over."""
    ready = await wire.ready() if hasattr(world.inner, "ready") else runs
    for run_id in runs:
        entries = await world.inner.read(run_id)
        state = RunState.of(entries) if entries else None
        if state is None or run_id in ready or state.status == "failed":  # whoever asked, asks again
            await start(world, wire, run_id)
    return [run_id for run_id in runs if not _over(await world.inner.read(run_id))]


def _over(entries: list[Entry]) -> bool:
    state = RunState.of(entries) if entries else None
    return state is not None and state.ended is not None and not state.unknown and not _lost(state)


def _lost(state: RunState) -> bool:
    return any(one.received is None for one in state.effects.values())
