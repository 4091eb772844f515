"""What the journal in PostgreSQL promises beyond the contract: many processes, a server that goes, clear errors."""

import asyncio
import os
import signal
import subprocess
import sys

import psycopg
import pytest

from copilot_kit.errors import Conflict, JournalError, UsageError
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.postgres import PostgresDatabase
from copilot_kit.journal.sql import SqlStore
from copilot_kit.journal.verify import verify_all, verify_run


@pytest.fixture
async def journal(postgres_url):
    store = open_store(postgres_url)
    yield store
    await store.close()


CONTENDER = """
import asyncio, sys
from copilot_kit.errors import Conflict
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.store import Draft
from copilot_kit.messages import user
from copilot_kit.records import MessageAdded, RunStarted

RUNS = [f"run_{n}" for n in range(6)]

async def fill(store, run, name):
    won, seq = 0, -1
    while seq < 39:
        body = MessageAdded(message=user(name)) if seq >= 0 else RunStarted(
            agent="support", prompt_version="1", model="test:one", title=name)
        try:
            added = await store.append(run, [Draft(body)], after=seq, durable=seq % 9 == 0)
            seq, won = added[-1].head.seq, won + 1
        except Conflict:
            seq += len(await store.read(run, after=seq))
    return won

async def main(url, name):
    store = open_store(url)
    order = RUNS if name == "one" else RUNS[::-1]
    print(sum(await asyncio.gather(*[fill(store, run, name) for run in order])), flush=True)
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""


def _process(code, *arguments):  # noqa: ANN002
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)


async def test_processes_that_open_a_new_database_and_append_to_the_same_runs_lose_and_double_nothing(postgres_url):
    contenders = [_process(CONTENDER, postgres_url, name) for name in ("one", "two", "three")]
    won = [int((await asyncio.to_thread(process.communicate))[0]) for process in contenders]
    store = open_store(postgres_url)
    lengths = [len(await store.read(f"run_{n}")) for n in range(6)]
    assert lengths == [40] * 6
    assert sum(won) == 240
    assert (await verify_all(store)).ok
    await store.close()


async def test_a_server_that_was_restarted_is_found_again_by_writers_and_readers(postgres_server, journal, fact):
    await journal.append("run_1", fact.drafts(fact.started()), after=-1)
    await journal.read("run_1")
    postgres_server.stop()
    try:
        with pytest.raises(JournalError, match="all that was acknowledged before is kept"):
            await journal.append("run_1", fact.drafts(fact.said()), after=0)
        with pytest.raises(JournalError, match="all that was acknowledged before is kept"):
            await journal.read("run_1")
    finally:
        postgres_server.start()
    await journal.append("run_1", fact.drafts(fact.said()), after=0)
    assert len(await journal.read("run_1")) == 2


async def test_what_was_durable_is_there_after_the_server_crashed(postgres_server, journal, fact):
    await journal.append("run_1", fact.drafts(fact.started(), fact.proposed("p1")), after=-1, durable=True)
    epoch = await journal.acquire("run_1", owner="one", ttl_s=3600)
    postgres_server.stop()
    postgres_server.start()
    assert (await verify_run(journal, "run_1")).records == 2
    added = await journal.append("run_1", fact.drafts(fact.said()), after=1, epoch=epoch)
    assert added[0].head.epoch == epoch


async def test_a_connection_that_is_lost_between_appends_is_opened_anew_without_anybody_hearing_of_it(
    postgres_server, journal, fact
):
    await journal.append("run_1", fact.drafts(fact.started()), after=-1)
    postgres_server.say("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'copilot-kit'")
    await journal.append("run_1", fact.drafts(fact.said()), after=0)
    assert len(await journal.read("run_1")) == 2


def test_a_server_that_is_not_there_is_one_clear_line():
    with pytest.raises(JournalError) as raised:
        open_store("postgresql://ann:secret@127.0.0.1:1/journal?connect_timeout=2")
    said = str(raised.value)
    assert said.startswith("Journal 'postgresql://ann:***@127.0.0.1:1/journal': ")
    assert "refused" in said
    assert said.endswith("See that the server runs and can be reached; all that was acknowledged before is kept.")
    assert "secret" not in said
    assert "\n" not in said


def test_a_database_that_is_not_there_says_how_to_make_it(postgres_server):
    url = f"postgresql://postgres@127.0.0.1:{postgres_server.port}/nowhere"
    with pytest.raises(JournalError, match=r'database "nowhere" does not exist.* createdb'):
        open_store(url)


def test_a_wrong_password_says_what_to_check_and_not_what_it_was(postgres_server):
    postgres_server.say("CREATE ROLE guarded LOGIN PASSWORD 'right'")
    try:
        with pytest.raises(
            JournalError, match=r"password authentication failed.* Check the user, the password"
        ) as told:
            open_store(f"postgresql://guarded:wrong@127.0.0.1:{postgres_server.port}/postgres")
        assert "wrong" not in str(told.value)
    finally:
        postgres_server.say("DROP ROLE guarded")


def test_a_user_who_may_not_make_tables_is_told_which_right_is_missing(postgres_server, postgres_url):
    postgres_server.say("CREATE ROLE guest LOGIN")
    with pytest.raises(JournalError, match=r"permission denied.* Give this user the right to create"):
        open_store(postgres_url.replace("postgres@", "guest@"))


def test_an_address_that_cannot_be_read_is_refused_with_what_would_be_right_and_without_the_password():
    with pytest.raises(UsageError, match="Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE") as told:
        open_store("postgresql://ann:secret@host:port/journal")
    assert "secret" not in str(told.value)


def test_every_way_in_which_a_server_is_full_or_busy_has_its_advice(postgres_url):
    database = PostgresDatabase(postgres_url)
    told = {kind: str(database.failure(kind("it says"))) for kind in (
        psycopg.errors.DiskFull, psycopg.errors.TooManyConnections, psycopg.errors.LockNotAvailable,
        psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.CannotConnectNow,
    )}  # fmt: skip
    database.close()
    assert "Free space on the server's disk" in told[psycopg.errors.DiskFull]
    assert "max_connections" in told[psycopg.errors.TooManyConnections]
    assert "Another process keeps writing" in told[psycopg.errors.LockNotAvailable]
    assert "Name the primary server" in told[psycopg.errors.ReadOnlySqlTransaction]
    assert "Wait until the server is up again" in told[psycopg.errors.CannotConnectNow]


HOLDER = """
import sys, time
from copilot_kit.journal.postgres import PostgresDatabase
transactions = PostgresDatabase(sys.argv[1]).transactions()
transactions.begin(durable=True, runs=["run_1"])
print("holds", flush=True)
time.sleep(60)
"""


async def test_a_process_stopped_in_the_middle_of_writing_holds_up_its_run_only(journal, postgres_url, fact):
    await journal.append("run_1", fact.drafts(fact.started()), after=-1)
    with _process(HOLDER, postgres_url) as holder:
        assert holder.stdout.readline() == "holds\n"
        os.kill(holder.pid, signal.SIGSTOP)
        await journal.append("run_2", fact.drafts(fact.started()), after=-1)
        waiting = asyncio.create_task(journal.append("run_1", fact.drafts(fact.said()), after=0))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        holder.kill()
        assert (await waiting)[0].head.seq == 1


async def test_a_writer_that_does_not_let_go_is_one_clear_error_and_then_forgotten(postgres_url, fact):
    other = PostgresDatabase(postgres_url)
    holder = other.transactions()
    holder.begin(durable=True, runs=["run_1"])
    store = SqlStore(PostgresDatabase(postgres_url, busy_s=0.05))
    with pytest.raises(JournalError, match="Another process keeps writing to the same run"):
        await store.append("run_1", fact.drafts(fact.started()), after=-1)
    await store.append("run_2", fact.drafts(fact.started()), after=-1)
    holder.close()
    await store.append("run_1", fact.drafts(fact.started()), after=-1)
    await store.close()
    other.close()


async def test_a_commit_of_which_the_end_is_not_known_is_told_and_not_tried_again(postgres_url, fact):
    database = PostgresDatabase(postgres_url)
    transactions = database.transactions()
    cursor = transactions.begin(durable=True, runs=["run_1"])
    cursor.connection.pgconn.finish()  # as if the network had gone
    with pytest.raises(psycopg.OperationalError) as raised:
        transactions.commit()
    assert transactions.rollback() is False
    assert "is not known: read the run again" in str(transactions.failure(raised.value))
    cursor = transactions.begin(durable=True, runs=["run_1"])
    cursor.execute("SELECT 1")
    transactions.commit()
    transactions.close()
    database.close()


async def test_a_lost_connection_before_the_commit_is_known_to_have_written_nothing(postgres_url):
    database = PostgresDatabase(postgres_url)
    transactions = database.transactions()
    transactions.begin(durable=True, runs=["run_1"]).connection.pgconn.finish()
    assert transactions.rollback() is True
    transactions.close()
    database.close()


async def test_texts_that_postgres_cannot_keep_as_text_are_kept_exactly(journal, fact):
    await journal.append("run_1", fact.drafts(fact.started("a\x00b"), fact.said("a\x00b")), after=-1)
    entries = await journal.read("run_1")
    assert (entries[0].body.title, entries[1].body.message.text) == ("a\x00b", "a\x00b")
    assert [row.title for row in await journal.runs()] == ["a\N{SYMBOL FOR NULL}b"]


async def test_an_id_that_postgres_cannot_keep_is_refused_and_the_append_beside_it_kept(journal, fact):
    tries = [journal.append(run, fact.drafts(fact.started()), after=-1) for run in ("run\x00", "run_1")]
    refused, kept = await asyncio.gather(*tries, return_exceptions=True)
    assert isinstance(refused, JournalError)
    assert "Leave out the NUL character" in str(refused)
    assert kept[0].head.run_id == "run_1"


async def test_two_stores_see_each_others_appends_leases_and_moves(postgres_url, fact):
    one, two = open_store(postgres_url), open_store(postgres_url)
    before = await two.moved()
    await one.append("run_1", fact.drafts(fact.started()), after=-1)
    assert await two.moved() != before
    await two.append("run_1", fact.drafts(fact.said()), after=0)
    with pytest.raises(Conflict, match="is at record 1, not 0"):
        await one.append("run_1", fact.drafts(fact.said()), after=0)
    assert await one.acquire("run_1", owner="one", ttl_s=-1) == 1
    assert await two.acquire("run_1", owner="two", ttl_s=9) == 2
    await asyncio.gather(one.close(), two.close())


async def test_tenants_in_one_database_do_not_see_each_other(postgres_url, fact):
    one, two = (open_store(postgres_url, tenant=name) for name in ("one", "two"))
    await one.append("run_1", fact.drafts(fact.started("one's")), after=-1)
    assert (await two.read("run_1"), await two.runs(), await two.links()) == ([], [], [])
    await two.append("run_1", fact.drafts(fact.started("two's")), after=-1)
    assert [row.title for row in await one.runs()] == ["one's"]
    assert (await verify_all(two)).ok
    await asyncio.gather(one.close(), two.close())
