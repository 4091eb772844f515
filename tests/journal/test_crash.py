"""Processes killed while they append: what was acknowledged is there, and the chain is whole."""

import asyncio
import random
import subprocess
import sys
import time

import pytest

from copilot_kit.journal.opening import open_store
from copilot_kit.journal.verify import verify_run

# Appends to several runs at once, each its own number, and says what was acknowledged.
VICTIM = """
import asyncio, os, sys
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.store import Draft
from copilot_kit.messages import user
from copilot_kit.records import MessageAdded

async def fill(store, run):
    records = await store.read(run)
    seq = records[-1].head.seq if records else -1
    while True:
        drafts = [Draft(MessageAdded(message=user("x" * 700))) for _ in range(1 + seq % 3)]
        added = await store.append(run, drafts, after=seq, durable=seq % 4 == 0)
        seq = added[-1].head.seq
        os.write(1, f"{run} {seq}\\n".encode())

async def main(path):
    store = open_store(path)
    await asyncio.gather(*[fill(store, f"run_{n}") for n in range(4)])

asyncio.run(main(sys.argv[1]))
"""


def _killed(path, after_s):
    """Start a victim, kill it so long after its first word, and return the last record acknowledged of each run."""
    with subprocess.Popen([sys.executable, "-c", VICTIM, str(path)], stdout=subprocess.PIPE, text=True) as victim:
        first = victim.stdout.readline()
        time.sleep(after_s)
        victim.kill()
        said = first + victim.stdout.read()
    whole = said[: said.rfind("\n")].splitlines()
    return {run: int(seq) for run, seq in (line.split() for line in whole)}


async def _check_kills(path, count):
    chance = random.Random(17)
    seen = {}
    for _ in range(count):
        seen |= await asyncio.to_thread(_killed, path, chance.uniform(0.0, 0.05))
        store = open_store(str(path))
        for run, seq in seen.items():
            found = await verify_run(store, run)
            assert found.ok
            assert found.records > seq
        rows = {row.run_id: row.seq for row in await store.runs()}
        assert all(rows[run] >= seq for run, seq in seen.items())
        await store.close()
    assert min(seen.values()) > count


async def test_what_was_acknowledged_before_a_kill_is_there_after_it(tmp_path):
    await _check_kills(tmp_path / "j.db", 4)


@pytest.mark.slow
async def test_what_was_acknowledged_before_any_of_60_kills_is_there_after_it(tmp_path):
    await _check_kills(tmp_path / "j.db", 60)
