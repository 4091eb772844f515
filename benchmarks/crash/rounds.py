"""Run with: python -m benchmarks.crash.rounds [--rounds 50] [--store URL] [--seed N].

Two processes and one run. In turn: both go on with it at the same moment; its owner is killed and the other takes over;
its owner is stopped until the other has taken over, and then wakes. After each: each effect once. Before each, yes and
no by a hundred threads in each of two processes: one wins, and all others are told who.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import copilot_kit.journal.session as session_module
from benchmarks.crash.killing import warm_up
from benchmarks.crash.lives import LEASE_S, Scene, agent_on, jot, send
from copilot_kit.agent import Agent
from copilot_kit.approval import READS_RUN, Gate, decide, rule
from copilot_kit.errors import JournalError, NotDecidable, NotOwner
from copilot_kit.journal.state import RunState
from copilot_kit.messages import ToolResult
from copilot_kit.records import Principal, Verdict
from copilot_kit.request import Request
from copilot_kit.testing import FunctionModel, call

THREADS = 100
KINDS = ("together", "killed", "stopped")
_SHUT_OUT = "Another process keeps writing to"


@dataclass(slots=True)
class Score:
    """What was counted; all but the first three must be nought."""

    rounds: int = 0
    in_doubt: int = 0
    lost_the_run: int = 0
    """Owners that were told that another one has it."""
    shut_out: int = 0
    """Owners that were told that another process keeps writing: one that was stopped in the middle holds the lock of
    SQLite's file, or of the run in PostgreSQL, until it wakes or the server ends it."""
    double_effects: list[str] = field(default_factory=list)
    winners: list[str] = field(default_factory=list)
    """Races that had another number of winners than one."""
    not_told: list[str] = field(default_factory=list)
    """What losers heard that does not name the winner."""
    unfinished: list[str] = field(default_factory=list)


def turn(request: Request) -> object:
    """Return five effects, three of which a person must approve, and then words."""
    told = any(isinstance(part, ToolResult) for message in request.messages for part in message.parts)
    asked = [call("send", {"to": name}) for name in ("eve", "bob", "cleo")]
    return "Done." if told else [*asked, call("jot", {"text": "a"}), call("jot", {"text": "b"})]


def agent_in(scene: Scene, store: Any) -> Agent[str]:
    """Return the agent of these rounds."""
    gate = Gate([READS_RUN, rule("allow", tool="jot")])
    return Agent(FunctionModel(turn), tools=[send, jot], gate=gate, store=store, deps=scene)


def forked(work: Callable[[], Awaitable[None]], scene: Scene) -> int:
    """Start a process that does this work, and return its id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        asyncio.run(work())  # type: ignore[arg-type]
        code = 0
    except BaseException:  # noqa: BLE001  the child ends here
        scene.note("errors", error=traceback.format_exc())
    finally:
        os._exit(code)


def begin(scene: Scene, run_id: str) -> None:
    """Take a run to where it waits."""

    async def work() -> None:
        store = scene.open()
        await agent_in(scene, store).run("Write to them", run_id=run_id)
        await store.close()

    os.waitpid(forked(work, scene), 0)


def race(scene: Scene, run_id: str) -> None:
    """Let two hundred persons in two processes say yes and no to each of the run's questions, all at once."""
    reading, writing = os.pipe()

    async def work() -> None:
        store = scene.open()
        state = RunState.of(await store.read(run_id))
        await asyncio.to_thread(os.read, reading, 1)
        threads = [threading.Thread(target=say, args=(store, state, n)) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        await asyncio.to_thread(lambda: [thread.join() for thread in threads])
        await store.close()

    def say(store: Any, state: RunState, number: int) -> None:
        who = Principal(id=f"{os.getpid()}-{number}")
        verdict: Verdict = "approve" if number % 4 else "reject"
        for proposal in state.pending:
            try:
                asyncio.run(decide(store, run_id, proposal.id, verdict, by=who, shown=proposal.call_digest))
                heard = "won"
            except NotDecidable as error:
                heard = str(error)
            except Exception:  # noqa: BLE001  it is shown below
                heard = traceback.format_exc()
            scene.note("races", run=run_id, proposal=proposal.id, who=who.id, heard=heard)

    children = [forked(work, scene) for _ in range(2)]
    time.sleep(0.1)
    os.write(writing, b"gg")
    for child in children:
        os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)


def owner(scene: Scene, run_id: str, go: int | None = None) -> int:
    """Start a process that takes the run as far as it goes."""

    async def work() -> None:
        session_module.LEASE_S = LEASE_S
        try:
            store = scene.open()
            if go is not None:
                await asyncio.to_thread(os.read, go, 1)
            run = await agent_in(scene, store).resume(run_id)
            heard = run.status
            await store.close()
        except JournalError as error:
            heard = f"{type(error).__name__}: {error}"
            if not isinstance(error, NotOwner) and _SHUT_OUT not in heard:
                raise
        scene.note("owners", run=run_id, heard=heard)

    return forked(work, scene)


def fight(scene: Scene, run_id: str, kind: str, chance: random.Random) -> None:
    """Let two processes have the run at once, or one after the other's fall."""
    if kind == "together":
        reading, writing = os.pipe()
        both = [owner(scene, run_id, reading) for _ in range(2)]
        time.sleep(0.05)
        os.write(writing, b"gg")
        for child in both:
            os.waitpid(child, 0)
        os.close(reading)
        os.close(writing)
        return
    first = owner(scene, run_id)
    time.sleep(chance.uniform(0.03, 0.13))
    os.kill(first, signal.SIGKILL if kind == "killed" else signal.SIGSTOP)
    second = owner(scene, run_id)
    os.waitpid(second, 0)
    if kind == "stopped":
        os.kill(first, signal.SIGCONT)
    os.waitpid(first, 0)


async def judge(scene: Scene, score: Score, run_id: str) -> None:
    """Hold the run against what happened outside of it."""
    store = scene.open()
    run = await agent_on(scene, store).load(run_id)
    effects = Counter(line["call"] for line in scene.noted("effects") if line["run"] == run_id)
    score.double_effects += [f"{run_id} {one}" for one, times in effects.items() if times > 1]
    score.in_doubt += len(run.unknown)
    if not (run.status == "done" or run.unknown):
        score.unfinished.append(f"{run_id} is {run.status}")
    state = RunState.of(await store.read(run_id))
    races = [line for line in scene.noted("races") if line["run"] == run_id]
    for proposal_id, asked in state.proposals.items():
        heard = {line["who"]: line["heard"] for line in races if line["proposal"] == proposal_id}
        won = [who for who, what in heard.items() if what == "won"]
        winner = "" if asked.decision is None else asked.decision.by.id
        if won != [winner]:
            score.winners.append(f"{run_id} {proposal_id}: {won}, on record {winner!r}")
        score.not_told += [what for what in heard.values() if what != "won" and f"by {winner} at" not in what]
    owners = [line["heard"] for line in scene.noted("owners") if line["run"] == run_id]
    score.lost_the_run += sum(heard.startswith("NotOwner") for heard in owners)
    score.shut_out += sum(_SHUT_OUT in heard for heard in owners)
    score.rounds += 1
    await store.close()


def play(folder: Path, *, rounds: int, url: str | None = None, seed: int = 1) -> tuple[Score, list[str]]:
    """Return what was counted in so many rounds, and errors that processes ended with."""
    scene = Scene(folder, url or str(folder / "journal.db"), f"rounds-{uuid.uuid4().hex[:12]}")
    warm_up(scene)
    chance, score = random.Random(seed), Score()
    for number in range(rounds):
        run_id = f"round_{number}"
        begin(scene, run_id)
        race(scene, run_id)
        fight(scene, run_id, KINDS[number % len(KINDS)], chance)
    for number in range(rounds):
        asyncio.run(judge(scene, score, f"round_{number}"))
    return score, [line["error"] for line in scene.noted("errors")]


def main() -> int:
    """Return 0 if each race had one winner and each effect happened once."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[2])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--store", help="URL of a journal; by default SQLite in a folder that is removed afterwards")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        score, errors = play(Path(folder), rounds=given.rounds, url=given.store, seed=given.seed)
    print(
        f"{score.rounds} rounds in {time.monotonic() - begun:.0f} s; {score.in_doubt} calls in doubt and shown, ",
        end="",
    )
    print(f"{score.lost_the_run} owners told that the run is taken, {score.shut_out} that another one keeps writing")
    bad = {"double effects": score.double_effects, "races without one winner": score.winners,
           "losers not told who won": score.not_told, "unfinished runs": score.unfinished,
           "own errors": errors}  # fmt: skip
    for what, found in bad.items():
        print(f"{what:25} {len(found):4} (target 0)  {'; '.join(found[:2])}")
    return 1 if any(bad.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
