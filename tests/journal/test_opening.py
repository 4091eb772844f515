"""Which journal is opened, and what is refused."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys

import pytest

from copilot_kit.errors import JournalError, UsageError
from copilot_kit.journal.memory import MemoryStore
from copilot_kit.journal.opening import default_store, open_store


async def test_memory_lasts_only_as_long_as_it_is_used():
    assert isinstance(open_store("memory"), MemoryStore)


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}"])
async def test_a_path_and_a_url_open_a_file(tmp_path, form, fact):
    path = tmp_path / "100% odd?name.db"
    store = open_store(form.format(path))
    await store.append("run_1", fact.drafts(fact.started()), after=-1)
    await store.close()
    assert path.is_file()
    again = open_store(str(path))
    assert len(await again.read("run_1")) == 1
    await again.close()


async def test_a_new_file_is_its_owners_only_with_its_log(tmp_path, fact):
    store = open_store(str(tmp_path / "j.db"))
    await store.append("run_1", fact.drafts(fact.started()), after=-1)
    for name in ("j.db", "j.db-wal", "j.db-shm"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    await store.close()


async def test_nothing_named_means_the_variable_then_the_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COPILOT_KIT_JOURNAL", raising=False)
    await open_store().close()
    assert (tmp_path / ".copilot-kit" / "journal.db").is_file()
    assert (tmp_path / ".copilot-kit" / ".gitignore").read_text() == "*\n"
    assert stat.S_IMODE((tmp_path / ".copilot-kit").stat().st_mode) == 0o700
    monkeypatch.setenv("COPILOT_KIT_JOURNAL", "elsewhere.db")
    await open_store().close()
    assert (tmp_path / "elsewhere.db").is_file()


async def test_the_default_is_opened_once_for_the_process_and_again_after_it_was_closed(tmp_path, monkeypatch, fact):
    monkeypatch.setenv("COPILOT_KIT_JOURNAL", str(tmp_path / "j.db"))
    store = default_store()
    assert default_store() is store
    await store.close()
    again = default_store()
    await again.append("run_1", fact.drafts(fact.started()), after=-1)
    await again.close()


@pytest.mark.parametrize("url", ["mysql://ann:secret@host/db", "sqlite://", "sqlite://memory", "sqlite:///"])
def test_other_urls_are_refused_with_what_would_be_right_and_without_the_password(url):
    with pytest.raises(UsageError, match="write a path, sqlite:///PATH") as raised:
        open_store(url)
    assert "secret" not in str(raised.value)


def test_a_missing_folder_is_one_clear_error(tmp_path):
    with pytest.raises(JournalError, match="Make its folder first"):
        open_store(str(tmp_path / "none" / "j.db"))


def test_another_kind_of_file_is_refused_and_left_as_it_was(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("These are my notes. " * 100)
    with pytest.raises(JournalError, match="is no journal: it is a file of another kind"):
        open_store(str(path))
    assert path.read_text() == "These are my notes. " * 100


async def test_a_newer_journal_is_refused_and_not_changed(tmp_path):
    path = tmp_path / "j.db"
    await open_store(str(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE copilot_meta SET value = '99'")
    connection.commit()
    connection.close()
    with pytest.raises(JournalError, match=r"has version 99, newer than 2\. Update copilot-kit; nothing was changed"):
        open_store(str(path))


async def test_a_journal_may_share_a_database_with_an_application(tmp_path, fact):
    path = tmp_path / "app.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE runs (id)")
    connection.close()
    store = open_store(str(path))
    await store.append("run_1", fact.drafts(fact.started()), after=-1)
    await store.close()


async def test_tenants_do_not_see_each_other(tmp_path, fact):
    one, two = (open_store(str(tmp_path / "j.db"), tenant=name) for name in ("one", "two"))
    await one.append("run_1", fact.drafts(fact.started("one's")), after=-1)
    assert await two.read("run_1") == []
    assert await two.runs() == []
    await two.append("run_1", fact.drafts(fact.started("two's")), after=-1)
    assert [row.title for row in await one.runs()] == ["one's"]
    await asyncio.gather(one.close(), two.close())


def test_importing_the_journal_imports_no_sql():
    opened = "import sys, copilot_kit.journal.opening as o; o.open_store('memory')"
    code = f"{opened}; print([name for name in sys.modules if name.split('.')[0] in ('sqlalchemy', 'sqlite3')])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert out.stdout == "[]\n"
