"""What the journal in a file promises beyond the contract: many writers, full disks, locks, migrations."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading

import pytest
from sqlalchemy import Connection, literal
from sqlalchemy.dialects import sqlite

from copilot_kit.errors import Conflict, JournalError
from copilot_kit.journal import lists
from copilot_kit.journal.calls import JUDGED
from copilot_kit.journal.migrations import MIGRATIONS, prepare, version_of
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.sql import SqlStore
from copilot_kit.journal.sqlite import SqliteFile
from copilot_kit.journal.verify import verify_run


async def test_two_stores_on_one_file_see_each_others_appends_and_leases(tmp_path, fact):
    one, two = open_store(str(tmp_path / "j.db")), open_store(str(tmp_path / "j.db"))
    await one.append("run_1", fact.drafts(fact.started()), after=-1)
    await two.append("run_1", fact.drafts(fact.said()), after=0)
    with pytest.raises(Conflict, match="is at record 1, not 0"):
        await one.append("run_1", fact.drafts(fact.said()), after=0)
    assert len(await one.read("run_1")) == 2
    assert (await one.acquire("run_1", owner="one", ttl_s=-1), await two.acquire("run_1", owner="two", ttl_s=9)) == (
        1,
        2,
    )
    assert (await verify_run(one, "run_1")).ok
    await asyncio.gather(one.close(), two.close())


CONTENDER = """
import asyncio, sys
from copilot_kit.errors import Conflict
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.store import Draft
from copilot_kit.messages import user
from copilot_kit.records import MessageAdded

async def main(path, name):
    store, won = open_store(path), 0
    seq = -1
    while seq < 119:
        try:
            drafts = [Draft(MessageAdded(message=user(name)))]
            added = await store.append("run_1", drafts, after=seq, durable=seq % 9 == 0)
            seq, won = added[-1].head.seq, won + 1
        except Conflict:
            seq += len(await store.read("run_1", after=seq))
    print(won, flush=True)
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""


def _contender(path, name):
    return subprocess.Popen([sys.executable, "-c", CONTENDER, str(path), name], stdout=subprocess.PIPE, text=True)


async def test_two_processes_that_open_a_new_file_and_append_to_one_run_lose_and_double_nothing(tmp_path):
    path = tmp_path / "j.db"
    contenders = [_contender(path, name) for name in ("one", "two")]
    won = [int((await asyncio.to_thread(process.communicate))[0]) for process in contenders]
    store = open_store(str(path))
    authors = [entry.body.message.text for entry in await store.read("run_1")]
    assert [authors.count("one"), authors.count("two")] == won
    assert (await verify_run(store, "run_1")).ok
    await store.close()


async def test_several_loops_in_threads_may_use_one_store(tmp_path, fact):
    store = open_store(str(tmp_path / "j.db"))
    runs = [f"run_{n}" for n in range(4)]

    async def fill(run):
        await store.append(run, fact.drafts(fact.started()), after=-1)
        for seq in range(20):
            await store.append(run, fact.drafts(fact.said()), after=seq, durable=False)

    threads = [threading.Thread(target=asyncio.run, args=(fill(run),)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert [row.seq for row in await store.runs()] == [20, 20, 20, 20]
    await store.close()


async def test_what_is_no_text_is_refused_and_the_append_beside_it_kept(journal, fact):
    bad = journal.append("run_1", fact.drafts(fact.started(), fact.said("\ud800")), after=-1)
    outcomes = await asyncio.gather(
        bad, journal.append("run_2", fact.drafts(fact.started()), after=-1), return_exceptions=True
    )
    assert isinstance(outcomes[0], JournalError)
    assert "message_added" in str(outcomes[0])
    assert [row.run_id for row in await journal.runs()] == ["run_2"]


async def test_a_caller_who_is_cancelled_leaves_a_whole_journal(journal, fact):
    task = asyncio.create_task(journal.append("run_1", fact.drafts(fact.started(), fact.said()), after=-1))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await journal.append("run_2", fact.drafts(fact.started()), after=-1)
    assert len(await journal.read("run_1")) in {0, 2}


async def test_closing_finishes_what_was_begun_and_refuses_what_comes_later(tmp_path, fact):
    store = open_store(str(tmp_path / "j.db"))
    begun = asyncio.create_task(store.append("run_1", fact.drafts(fact.started()), after=-1))
    await asyncio.sleep(0)
    await store.close()
    await store.close()
    assert (await begun)[0].head.seq == 0
    for late in (store.append("run_1", fact.drafts(fact.said()), after=0), store.read("run_1"), store.runs()):
        with pytest.raises(JournalError, match="was closed"):
            await late


async def test_a_lock_that_another_process_does_not_give_back_is_one_clear_error(tmp_path, fact):
    store = SqlStore(SqliteFile(tmp_path / "j.db", busy_s=0.05))
    other = sqlite3.connect(tmp_path / "j.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalError, match="locked"):
        await store.append("run_1", fact.drafts(fact.started()), after=-1)
    assert await store.read("run_1") == []  # readers do not wait for writers
    other.close()
    await store.append("run_1", fact.drafts(fact.started()), after=-1)
    await store.close()


FULL = """
import asyncio, resource, signal, sys
from copilot_kit.errors import JournalError
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.store import Draft
from copilot_kit.journal.verify import verify_run
from copilot_kit.messages import user
from copilot_kit.records import MessageAdded

async def main(path):
    store = open_store(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    seq, errors = -1, []
    while len(errors) < 3:
        try:
            drafts = [Draft(MessageAdded(message=user("x" * 5000)))]
            await store.append("run_1", drafts, after=seq, durable=seq % 2 == 0)
            seq += 1
        except JournalError as error:
            errors.append(str(error))
    assert len(await store.read("run_1")) == seq + 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.append("run_1", [Draft(MessageAdded(message=user("there is room again")))], after=seq)
    print((await verify_run(store, "run_1")).records == seq + 2, "\\n".join(errors), sep="\\n")
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="file size limits")
async def test_where_the_disk_takes_no_more_nothing_acknowledged_is_lost_and_it_goes_on_when_there_is_room(tmp_path):
    out = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", FULL, str(tmp_path / "j.db")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.stderr == ""
    first, *errors = out.stdout.splitlines()
    assert first == "True"
    assert len(errors) == 3
    assert all("all that was acknowledged before is kept" in error for error in errors)


async def test_a_read_only_file_is_one_clear_error(tmp_path, fact):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    path = tmp_path / "j.db"
    await open_store(str(path)).close()
    path.chmod(0o400)
    with pytest.raises(JournalError, match="writable"):
        await open_store(str(path)).append("run_1", fact.drafts(fact.started()), after=-1)


def test_an_older_journal_is_brought_up_to_date_step_by_step(tmp_path):
    def first(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE step_two (a)")

    def second(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE step_two ADD COLUMN b")

    file = SqliteFile(tmp_path / "j.db")
    with file.read() as connection:
        for further in ([first], [first, second], [first, second]):
            prepare(connection, place="j.db", migrations=[*MIGRATIONS, *further])
        assert version_of(connection) == 4
        connection.exec_driver_sql("INSERT INTO step_two (a, b) VALUES (1, 2)")
    file.close()


def _plan(connection, question):
    """Return how SQLite goes about a question, values and all."""
    sql = str(question.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]


def _page(order):
    chosen = {"order": order, "search": "", "tool": None, "assigned_to": None, "limit": 50, "offset": 0}
    return lists.waiting_page("local", **chosen, now_us=literal(0))


@pytest.mark.parametrize(
    ("question", "index"),
    [
        (lists.runs_page("local", limit=50, waiting=False), "copilot_runs_by_time"),
        (lists.runs_page("local", limit=50, waiting=True), "copilot_runs_waiting"),
        (lists.ready_runs("local", literal(0)).limit(50), "copilot_runs_ready"),
        (lists.calls_page("local", tool=None).limit(50), "copilot_calls_by_time"),
        (lists.calls_page("local", tool="send").limit(50), "copilot_calls_by_tool"),
        (lists.last_calls("local", ("send", "1", "one > one", "p1"), JUDGED), "copilot_calls_by_fate"),
        (_page("queued"), "copilot_waiting_queued"),
        (_page("due"), "copilot_waiting_due"),
    ],
)
async def test_a_page_reads_an_index_in_its_order_and_sorts_no_more_than_ties(journal, tmp_path, question, index):
    await journal.runs()
    connection = sqlite3.connect(tmp_path / "journal.db")
    plan = _plan(connection, question)
    connection.close()
    assert any(f"INDEX {index}" in step for step in plan)
    page = plan[: plan.index("SCAN page")] if "SCAN page" in plan else plan
    assert not any("TEMP B-TREE FOR ORDER BY" in step for step in page)
