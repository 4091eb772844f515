"""The parts of the measurement, each in a process of its own; started by `python -m benchmarks.approvals`."""

# ruff: noqa: E402, I001  the clock starts before the imports, which are measured too
import time

BEGUN = time.perf_counter()

import asyncio
import itertools
import os
import resource
import sqlite3
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from copilot_kit.journal.opening import open_store

from copilot_kit.agent import Agent, Limits
from copilot_kit.approval import READS_RUN, Gate, decide, rule
from copilot_kit.approval.digests import call_digest, shown_digest
from copilot_kit.journal.store import Draft
from copilot_kit.messages import ToolCall, assistant, user
from copilot_kit.records import (
    Body,
    MessageAdded,
    Principal,
    Proposal,
    Proposed,
    Reason,
    Requested,
    Responded,
    RunStarted,
    Step,
)
from copilot_kit.request import Request
from copilot_kit.response import Response, Served, Stop
from copilot_kit.testing import FunctionModel, call
from copilot_kit.tools import tool

PERSON = Principal(id="anna", authenticated="token")
DECISIONS = 400


class Lines:
    """A line for each figure, with its target; knows whether all were met."""

    def __init__(self) -> None:
        self.missed = 0

    def tell(self, what: str, figure: float, target: float | None, unit: str, *, digits: int = 1) -> None:
        """Print a figure."""
        met = target is None or figure < target
        self.missed += not met
        words = "" if target is None else f"target under {target:g} {unit}: {'met' if met else 'MISSED'}"
        print(f"{what:62}{figure:10.{digits}f} {unit:4} {words}", flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def waiting_run(number: int) -> list[Draft]:
    """Return the records of a run that waits, as an agent would have written them."""
    path, call_id, run_id = (Step(agent="support"),), f"call_{number}", f"run_{number}"
    arguments = f'{{"body":"{"Dear customer, " * 20}","order":{number},"to":"customer{number}@example.org"}}'
    asked = ToolCall(call_id=call_id, name="send_reply", args_json=arguments)
    answer = assistant("I shall answer.", asked)
    digest = call_digest(run_id=run_id, path=path, call_id=call_id, tool="send_reply", version="1", arguments=arguments)
    proposal = Proposal(
        id=f"prop_{number}", call_id=call_id, path=path, tool="send_reply", tool_version="1", effect="external",
        arguments=arguments, model="test:one > one", prompt_version="1", call_digest=digest, shown_digest="",
        reasons=(Reason(code="effect-external", text="it leaves the house and may not be undone"),),
        turn=answer.id,
    )  # fmt: skip
    proposal = proposal.model_copy(update={"shown_digest": shown_digest(proposal)})
    served = Served(asked="one", provider="test", served="one")
    response = Response(message=answer, model=served, stop=Stop(kind="tool"))
    words = user(f"Ticket {number}: where is my order?")
    bodies: list[Body] = [
        RunStarted(agent="support", prompt_version="1", model="test:one", title=f"Ticket {number}: where is my order?"),
        MessageAdded(message=words),
        Requested(model="test:one", first=words.id, last=words.id, tools_digest="0"),
        Responded(response=response, took_s=0.5),
        Proposed(proposal=proposal),
    ]
    return [Draft(body) for body in bodies]


async def fill(store: Any, size: int, _folder: Path, _lines: Lines) -> None:
    """Let so many runs wait."""
    for first in range(0, size, 250):
        numbers = range(first, min(first + 250, size))
        await asyncio.gather(*[store.append(f"run_{n}", waiting_run(n), after=-1) for n in numbers])


async def queue(store: Any, size: int, folder: Path, lines: Lines) -> None:
    """Look at the queue and decide, as an inbox does that was just started."""
    lines.tell(f"{size} pending: start (imports and opening)", time.perf_counter() - BEGUN, None, "s", digits=2)
    lines.tell(f"{size} pending: CPU time of that start", time.process_time(), 1.0, "s", digits=2)
    for what, wanted in (
        ("first page", {}), ("first page, by due time", {"order": "due"}), ("page 100", {"offset": 4950}),
        ("search in arguments", {"search": f"customer{size - 7}@"}),
    ):  # fmt: skip
        target = 50.0 if what.startswith("first") else None
        first, *again = [await _timed(store.waiting(limit=50, **wanted)) for _ in range(8)]
        lines.tell(f"{size} pending: {what}", first * 1e3, target, "ms")
        lines.tell(f"{size} pending: {what}, again", statistics.median(again) * 1e3, None, "ms")
    lines.tell("asking whether anything moved", await _timed(store.moved()) * 1e3, None, "ms", digits=2)
    bare, took = _bare(folder), []
    syncs = []
    for number in range(DECISIONS):
        syncs.append(next(bare))
        run_id, proposal_id = f"run_{number * 7 % size}", f"prop_{number * 7 % size}"
        took.append(await _timed(decide(store, run_id, proposal_id, "approve", by=PERSON)))
    sync_p99 = percentile(syncs, 0.99) * 1e3
    lines.tell("decide p50", percentile(took, 0.5) * 1e3, None, "ms")
    lines.tell("a bare commit with fsync beside it, p50", percentile(syncs, 0.5) * 1e3, None, "ms")
    lines.tell("decide p99", percentile(took, 0.99) * 1e3, 25.0 + sync_p99, "ms")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines.tell("peak memory of that process", peak, 100.0, "MiB")


def _bare(folder: Path) -> Any:
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, body BLOB)")
    body = os.urandom(900)
    while True:
        begun = time.perf_counter()
        connection.execute("INSERT INTO log (body) VALUES (?)", (body,))
        yield time.perf_counter() - begun


async def _timed(work: Any) -> float:
    begun = time.perf_counter()
    await work
    return time.perf_counter() - begun


@tool(effect="write", own=True)
async def note(text: str) -> str:
    """Write something down."""
    return "noted " + text


@tool(effect="external")
async def publish(text: str) -> str:
    """Publish it."""
    return "published " + text


def agent_on(store: Any, steps: int, asked: list[float], *, ask_at: int = 0) -> Agent[str]:
    """Return an agent that takes so many steps, and keeps when its model was asked."""

    def turn(request: Request) -> object:
        asked.append(time.perf_counter())
        done = sum(message.role == "tool" for message in request.messages)
        if done >= steps:
            return call("publish", {"text": "all"}) if done == steps == ask_at else "Done."
        return call("note", {"text": f"step {done} " + "x" * 200})

    class Forgetful(FunctionModel):
        async def stream(self, request: Request) -> Any:
            self.requests.clear()  # a real model does not keep them either
            async for event in super().stream(request):
                yield event

    gate = Gate([READS_RUN, rule("allow", tool="note")])
    return Agent(Forgetful(turn), tools=[note, publish], gate=gate, store=store, limits=Limits(turns=None))


async def steps(store: Any, size: int, folder: Path, lines: Lines) -> None:
    """Take a run through so many steps: a turn of the model and an effect each, two syncs a step."""
    asked: list[float] = []
    bare, syncs = _bare(folder), []
    run = await agent_on(store, size, asked, ask_at=size).run("Take steps", run_id="long")
    syncs = [next(bare) for _ in range(50)]
    took = [later - earlier for earlier, later in itertools.pairwise(asked)]
    early, late = statistics.median(took[5:25]), statistics.median(took[-20:])
    lines.tell(f"a step around the 10th (of {size}; model, intent, effect, receipt)", early * 1e3, None, "ms")
    lines.tell(f"a step around the {size}th", late * 1e3, None, "ms")
    lines.tell("ratio", late / early, 1.5, "x", digits=2)
    lines.tell("two bare commits with fsync", 2 * statistics.median(syncs) * 1e3, None, "ms")
    begun = time.perf_counter()
    await decide(store, "long", run.proposals[0].id, "approve", by=PERSON)
    lines.tell(f"deciding in a run of {size} steps", (time.perf_counter() - begun) * 1e3, 25.0, "ms")


async def resume(store: Any, size: int, _folder: Path, lines: Lines) -> None:
    """Go on with the long run in a process that has just started."""
    asked: list[float] = []
    agent = agent_on(store, size, asked)
    begun = time.perf_counter()
    run = await agent.resume("long")
    lines.tell(f"resume at step {size}, to the model's next question", asked[0] - begun, 1.0, "s", digits=2)
    lines.tell("resume with the start of its process", asked[0] - BEGUN, None, "s", digits=2)
    if run.status != "done":
        raise SystemExit(f"the run is {run.status}")


async def measure(part: str, url: str, tenant: str, size: int, folder: Path) -> int:
    """Return 1 if a target was missed."""
    lines, store = Lines(), open_store(url, tenant=tenant)
    works = {"fill": fill, "queue": queue, "steps": steps, "resume": resume}
    await works[part](store, size, folder, lines)
    await store.close()
    return 1 if lines.missed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(measure(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), Path(sys.argv[5]))))
