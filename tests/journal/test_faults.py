"""A disk that fails under the journal: writes and syncs return errors, injected at the system call (Linux, strace)."""

import asyncio
import json
import shutil
import subprocess
import sys

import pytest

from copilot_kit.journal.opening import open_store
from copilot_kit.journal.verify import verify_run

# Goes on after each error, and says what was acknowledged and what was told of the rest.
VICTIM = """
import asyncio, json, sys
from copilot_kit.errors import JournalError
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.store import Draft
from copilot_kit.messages import user
from copilot_kit.records import MessageAdded

async def main(path):
    store, hashes, errors = open_store(path), [], []
    for n in range(80):
        drafts = [Draft(MessageAdded(message=user("x" * 3000)))]
        try:
            added = await store.append("run_1", drafts, after=len(hashes) - 1, durable=n % 2 == 0)
            hashes.append(added[0].head.hash)
        except JournalError as error:
            errors.append([type(error).__name__, str(error)])
    await store.close()
    print(json.dumps([hashes, errors]))

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize(
    ("call", "error", "first", "last"),
    [
        ("fdatasync", "EIO", 20, 20),
        ("fdatasync", "EIO", 25, 40),
        ("fdatasync", "ENOSPC", 21, 30),
        ("pwrite64", "ENOSPC", 303, 303),
        ("pwrite64", "ENOSPC", 400, 460),
        ("pwrite64", "EIO", 250, 300),
    ],
)
async def test_where_the_disk_fails_the_journal_holds_exactly_what_was_acknowledged(tmp_path, call, error, first, last):
    path = str(tmp_path / "j.db")
    inject = ["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}"]
    inject += ["-e", f"inject={call}:error={error}:when={first}..{last}", sys.executable, "-c", VICTIM, path]
    out = await asyncio.to_thread(subprocess.run, inject, capture_output=True, text=True, check=False)
    assert out.stderr == ""
    hashes, errors = json.loads(out.stdout)
    assert errors
    assert {kind for kind, _ in errors} == {"JournalError"}
    assert all("all that was acknowledged before is kept" in text for _, text in errors)
    store = open_store(path)
    assert [entry.head.hash for entry in await store.read("run_1")] == hashes
    assert (await verify_run(store, "run_1")).ok
    await store.close()
