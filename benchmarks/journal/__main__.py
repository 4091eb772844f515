"""Run with: python -m benchmarks.journal [--folder DIR] [--rounds N] [--postgres URL].

Appends of one record with a body of about 900 bytes, interleaved in rounds with a loop that does nothing but commit
as much to SQLite with fsync; medians over the rounds. Then 10,000 proposals that wait, and the evidence of as many
calls. With a URL of an empty database, the same appends there.
"""

import argparse
import asyncio
import os
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Coroutine, Iterator, Sized
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from copilot_kit.journal.opening import Journal, open_store
from copilot_kit.journal.store import Draft
from copilot_kit.journal.verify import verify_all
from copilot_kit.messages import Text, ToolResult
from copilot_kit.records import (
    Decided,
    Decision,
    Principal,
    Proposal,
    Proposed,
    Reason,
    Received,
    RunStarted,
    Step,
)

BARE = "bare SQLite, a commit each"
SINGLE, TOGETHER, WAITING = 400, 100, 10_000
SHAPES = ((True, 1, SINGLE), (False, 1, SINGLE), (True, TOGETHER, 20), (False, TOGETHER, 20))


def started() -> Draft:
    return Draft(RunStarted(agent="support", prompt_version="1", model="test:one", title="Answer a ticket"))


def receipt(n: int) -> Draft:
    result = ToolResult(call_id=f"call_{n}", content=(Text(text="x" * 700),))
    return Draft(Received(call_id=f"call_{n}", tool="look", state="done", result=result))


def proposed(n: int) -> Draft:
    proposal = Proposal(
        id=f"p{n}", call_id=f"call_{n}", path=(Step(agent="support"),), tool="send", tool_version="1",
        effect="external", arguments=f'{{"to":"ticket {n}"}}', model="one > one", prompt_version="1",
        reasons=(Reason(code="effect", text="It leaves the house."),), call_digest="c", shown_digest="s",
    )  # fmt: skip
    return Draft(Proposed(proposal=proposal))


def decided(n: int) -> Draft:
    by, at = Principal(id="ann"), datetime.now(UTC)
    return Draft(Decided(decision=Decision(proposal_id=f"p{n}", call_digest="c", verdict="approve", by=by, at=at)))


class Figures:
    """Wall and CPU time of each thing, per unit, round by round."""

    def __init__(self) -> None:
        self.wall: dict[str, list[float]] = {}
        self.cpu: dict[str, list[float]] = {}

    @contextmanager
    def timed(self, name: str, units: int) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall.setdefault(name, []).append((time.perf_counter() - wall) / units)
        self.cpu.setdefault(name, []).append((time.process_time() - cpu) / units)

    def show(self, reference: str) -> None:
        bare = statistics.median(self.wall[reference])
        print(f"{'':34}{'per s':>8}{'us':>8}{'CPU us':>8}{'rate / bare fsync loop':>24}")
        for name, walls in self.wall.items():
            wall, cpu = statistics.median(walls), statistics.median(self.cpu[name])
            print(f"{name:34}{1 / wall:8.0f}{wall * 1e6:8.0f}{cpu * 1e6:8.0f}{bare / wall:24.2f}")


def bare_loop(path: Path, count: int) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, body BLOB)")
    body = os.urandom(900)
    for _ in range(count):
        connection.execute("INSERT INTO log (body) VALUES (?)", (body,))
    connection.close()


async def appends(store: Journal, run: str, drafts: list[Draft], *, durable: bool) -> None:
    await store.append(run, [started()], after=-1, durable=durable)
    for seq, draft in enumerate(drafts):
        await store.append(run, [draft], after=seq, durable=durable)


async def one_round(figures: Figures, store: Journal, number: int, *, where: str = "") -> None:
    for durable, tasks, count in SHAPES:
        drafts = [receipt(n) for n in range(count)]
        runs = [f"run_{number}_{durable}_{tasks}_{n}" for n in range(tasks)]
        name = f"{where}{'durable' if durable else 'not synced'}, {tasks} task{'s' * (tasks > 1)}"
        with figures.timed(name, tasks * (count + 1)):
            await asyncio.gather(*[appends(store, run, drafts, durable=durable) for run in runs])


async def rounds(figures: Figures, folder: Path, *, count: int, postgres: str | None) -> None:
    server = open_store(postgres) if postgres else None
    for number in range(count):
        with figures.timed(BARE, SINGLE):
            bare_loop(folder / "bare.db", SINGLE)
        store = open_store(str(folder / f"journal{number}.db"))
        await one_round(figures, store, number)
        await store.close()
        if server is not None:
            await one_round(figures, server, number, where="PostgreSQL: ")
    if server is not None:
        await server.close()


async def fill(store: Journal) -> None:
    for first in range(0, WAITING, 250):
        numbers = range(first, first + 250)
        await asyncio.gather(*[store.append(f"run_{n}", [started(), proposed(n)], after=-1) for n in numbers])


async def waiting(path: str) -> None:
    store = open_store(path)
    await fill(store)
    await store.close()
    begun = time.perf_counter()
    store = open_store(path)
    opened = time.perf_counter()
    pages: dict[str, float] = {}

    async def page(name: str, listed: Coroutine[object, object, Sized | int]) -> None:
        clock = time.perf_counter()
        found = await listed
        pages[f"{name} ({found if isinstance(found, int) else len(found)})"] = time.perf_counter() - clock

    await page("first page", store.waiting())
    await page("again", store.waiting())
    await page("last page", store.waiting(offset=WAITING - 50))
    await page("due first", store.waiting(order="due"))
    await page("newest first", store.waiting(order="newest"))
    await page("search", store.waiting(search="send ticket 99"))
    await page("count", store.waiting_count())
    await page("runs waiting", store.runs(waiting=True))
    await page("ready", store.ready())
    await page("moved", store.moved())
    print(f"\n{WAITING} waiting: open {opened - begun:.3f} s; in ms:")
    print(", ".join(f"{name} {took * 1e3:.1f}" for name, took in pages.items() if not name.startswith("moved")))
    await decide_some(store)
    await store.close()


async def decide_some(store: Journal) -> None:
    """Decide as a person does, one after the other; then let all others be approved and run, for evidence of them."""
    took: list[float] = []
    for n in range(300):
        clock = time.perf_counter()
        await store.read(f"run_{n}")
        await store.append(f"run_{n}", [decided(n)], after=1)
        took.append(time.perf_counter() - clock)
    took.sort()
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"read and decide p50 {took[150] * 1e3:.1f} ms, p99 {took[296] * 1e3:.1f} ms; peak {peak_mib} MiB")
    for first in range(300, WAITING, 100):
        numbers = range(first, first + 100)
        await asyncio.gather(*[store.append(f"run_{n}", [decided(n), receipt(n)], after=1) for n in numbers])
    clock = time.perf_counter()
    (evidence,) = await store.evidence(tool="send")
    print(f"evidence of {evidence.clean} calls of one tool {(time.perf_counter() - clock) * 1e3:.1f} ms")
    clock = time.perf_counter()
    report = await verify_all(store)
    took_s = time.perf_counter() - clock
    print(f"verified {report.records} records of {report.runs} runs in {took_s:.1f} s: {report.ok}")


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.journal", description=__doc__)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; default: the current folder")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--postgres", help="URL of an empty database on a server that syncs")
    chosen = parser.parse_args()
    figures = Figures()
    with tempfile.TemporaryDirectory(dir=chosen.folder or Path.cwd()) as name:
        await rounds(figures, Path(name), count=chosen.rounds, postgres=chosen.postgres)
        figures.show(BARE)
        await waiting(str(Path(name, "waiting.db")))
        if chosen.postgres:
            await waiting(chosen.postgres)


if __name__ == "__main__":
    asyncio.run(main())
