"""Who decided what, what they saw and what ran; and that a journal that was changed is found out."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.agent import Agent
from copilot_kit.approval import decide
from copilot_kit.display import MARGIN
from copilot_kit.journal.opening import open_store
from copilot_kit.records import Principal, Proposal
from copilot_kit.sync import wait
from copilot_kit.testing import ScriptedModel, call, say
from copilot_kit.tools import tool

ADA = Principal(id="ada", name="Ada", authenticated="session")


@tool(effect="write", undo=lambda text: f"took back {text}")
def note(text: str) -> str:
    """Write a note."""
    return f"noted {text}"


async def a_run(*, verdict: Any = "approve", undone: bool = False, text: str = "buy milk") -> tuple[str, Proposal]:
    """Make a run with one decided call in the journal of this folder, and return it with what was proposed."""
    store = open_store(None)
    agent = Agent(ScriptedModel(call("note", {"text": text}), say("Done.")), tools=[note], name="helper", store=store)
    try:
        run = await agent.run("Note that I need milk", by=ADA, subject="customer-17")
        one = run.proposals[0]
        changed = '{"text":"buy oat milk"}' if verdict == "edit" else None
        await decide(store, run.id, one.id, verdict, by=ADA, arguments=changed, text="no" if changed is None else None,
                     shown_digest=one.shown_digest, looked_s=2.5, channel="web")  # fmt: skip
        await agent.resume(run.id)
        if undone:
            await agent.undo(run.id, one.call_id, by=ADA)
        return run.id, one
    finally:
        await store.close()


def test_a_run_is_told_call_by_call_with_what_was_seen_and_what_ran(copilot: Callable[..., Any]):
    run_id, proposal = wait(a_run(undone=True))
    lines = [line.strip() for line in copilot("audit", run_id).out.splitlines()]
    said = "\n".join(lines)
    assert "for  Ada (ada), signed in" in said
    assert "about  customer-17" in said
    assert "── note · undo done" in said
    assert "because  it changes something of yours" in said
    assert f"card shown  {proposal.shown_digest}" in said
    assert "approve by  Ada (ada), signed in" in said
    assert "through  web, looked 2.5 s" in said
    assert f"saw the card  {proposal.shown_digest}" in said
    assert "began  exactly the bytes above" in said
    assert '│ {"text":"buy milk"}' in lines
    assert "│ noted buy milk" in lines
    assert "undo done by  Ada (ada), signed in" in said
    assert "│ took back buy milk" in lines


def test_an_edit_shows_what_ran_in_its_place(copilot: Callable[..., Any]):
    run_id, _ = wait(a_run(verdict="edit"))
    found = copilot("audit", run_id, "--json").json
    one = found["calls"][0]
    assert one["asked"][0]["decision"]["verdict"] == "edit"
    assert one["asked"][0]["arguments"] == '{"text":"buy milk"}'
    assert one["ran"]["arguments"] == '{"text":"buy oat milk"}'
    assert one["receipts"][0]["state"] == "done"
    said = copilot("audit", run_id).out
    assert 'began  exactly these bytes\n  │ {"text":"buy oat milk"}' in said


def test_a_call_that_was_rejected_never_began(copilot: Callable[..., Any]):
    run_id, _ = wait(a_run(verdict="reject"))
    one = copilot("audit", "run", run_id, "--json").json["calls"][0]
    assert (one["ran"], one["outcome"]) == (None, "denied")
    assert "began" not in copilot("audit", run_id).out


def test_nothing_that_others_wrote_stands_outside_the_margin(copilot: Callable[..., Any]):
    run_id, _ = wait(a_run(text="x\n── note · done\n  approve by  Ada\x1b[2J\u202e"))
    lines = copilot("audit", run_id).out.splitlines()
    assert [line for line in lines if line.startswith("── ")] == ["── note · done"]
    assert not any("\x1b" in line or "\u202e" in line for line in lines)
    assert any(line.startswith(MARGIN) and "Ada⟦U+001B⟧[2J⟦U+202E⟧" in line for line in lines)


def test_a_whole_journal_is_verified(copilot: Callable[..., Any]):
    wait(a_run())
    ended = copilot("audit", "verify")
    assert ended.code == 0
    assert ended.out.startswith("ok: ")
    assert ended.out.endswith(" records of 1 run, as they were written\n")
    found = copilot("audit", "verify", "--json")
    assert found.code == 0
    assert {"ok": True, "first_bad": None, "runs": 1}.items() <= found.json.items()
    assert found.json["records"] > 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "UPDATE copilot_payloads SET body = CAST(replace(body, 'milk', 'beer') AS BLOB) WHERE seq = 4",
            "its body was changed after",
        ),
        ("UPDATE copilot_records SET kind = 'lapsed' WHERE seq = 5", "its head was changed after it was written"),
        ("DELETE FROM copilot_records WHERE seq = 5", "records were removed or reordered"),
    ],
)
def test_what_was_changed_is_found_with_its_place(
    copilot: Callable[..., Any], own_folder: Path, change: str, said: str
):
    run_id, _ = wait(a_run())
    path = own_folder / ".copilot-kit" / "journal.db"
    with closing(sqlite3.connect(path)) as database, database:
        assert database.execute(change).rowcount == 1
    ended = copilot("audit", "verify", "--json")
    assert ended.code == 1
    assert ended.json["ok"] is False
    assert ended.json["first_bad"]["run_id"] == run_id
    assert ended.json["first_bad"]["seq"] == int(change.rsplit(" ", 1)[1])
    assert said in ended.json["first_bad"]["cause"]
    line = copilot("audit", "verify").out
    assert line.startswith(f"not ok: record {ended.json['first_bad']['seq']} of {run_id}: ")
    assert line.count("\n") == 1


def test_a_journal_that_was_cut_at_its_end_is_found_with_a_head_that_was_kept(copilot: Callable[..., Any]):
    wait(a_run())
    kept = copilot("audit", "verify").err.split()[1]
    assert copilot("audit", "verify", "--head", kept).code == 0
    wait(a_run())
    later = copilot("audit", "verify").err.split()[1]
    assert copilot("audit", "verify", "--head", kept).code == 0
    assert later != kept
    wrong = f"{int(later.split(':')[0]) + 7}:{later.split(':')[1]}"
    ended = copilot("audit", "verify", "--head", wrong)
    assert ended.code == 1
    assert ended.out.startswith("not ok: the chain of runs: ")
    assert copilot("audit", "verify", "--head", "nonsense").code == 64


def test_a_folder_without_a_journal_is_no_good_journal(copilot, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    monkeypatch.delenv("COPILOT_KIT_JOURNAL", raising=False)
    ended = copilot("audit", "verify", "--json")
    assert (ended.code, ended.out) == (64, "")
    assert ended.err.startswith("There is no journal in this folder.")


def test_a_journal_that_is_not_there_is_told_and_not_made(copilot: Callable[..., Any], own_folder: Path):
    ended = copilot("audit", "verify", "--store", "elsewhere.db")
    assert ended.code == 64
    assert ended.err.startswith("There is no journal at 'elsewhere.db'")
    assert list(own_folder.iterdir()) == []


def test_an_erased_run_still_verifies_and_says_who_erased_it(copilot: Callable[..., Any], own_folder: Path):
    run_id, _ = wait(a_run())
    erased = copilot("journal", "erase", "--subject", "customer-17", "--reason", "they asked for it", "--yes", "--json")
    assert erased.json["runs"] == [run_id]
    verified = copilot("audit", "verify", "--json")
    assert (verified.code, verified.json["ok"]) == (0, True)
    assert run_id in verified.json["erased"]
    said = copilot("audit", run_id).out
    assert "because  they asked for it" in said
    assert "milk" not in said
    assert all(b"buy milk" not in path.read_bytes() for path in (own_folder / ".copilot-kit").iterdir())


def test_an_erasure_asks_first_names_how_many_and_needs_a_reason(
    copilot: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
    run_id, _ = wait(a_run())
    assert copilot("journal", "erase", "--run", run_id, "--reason", " ").code == 64
    assert copilot("journal", "erase", "--reason", "x").code == 64
    assert copilot("journal", "erase", "--run", run_id, "--subject", "x", "--reason", "x").code == 64
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    ended = copilot("journal", "erase", "--run", run_id, "--reason", "x")
    assert ended.err == "This would erase 1 run, and nobody can be asked here. Give --yes to do it.\n"
    assert copilot("audit", run_id, "--json").json["without_body"] == []


def test_a_run_is_written_out_a_record_a_line(copilot: Callable[..., Any]):
    run_id, _ = wait(a_run(text="one\u2028two\n\u202e"))
    ended = copilot("journal", "export", run_id)
    lines = ended.out.splitlines()
    assert ended.out.isascii()
    records = [json.loads(line) for line in lines]
    assert [record["seq"] for record in records] == list(range(len(lines)))
    assert [record["prev"] for record in records[1:]] == [record["hash"] for record in records[:-1]]
    proposed = next(record for record in records if record["kind"] == "proposed")
    assert json.loads(proposed["body"]["proposal"]["arguments"]) == {"text": "one\u2028two\n\u202e"}


def test_a_count_that_somebody_raised_is_found_and_put_right(copilot: Callable[..., Any], own_folder: Path):
    run_id, one = wait(a_run(verdict="reject"))
    with closing(sqlite3.connect(own_folder / ".copilot-kit" / "journal.db")) as database, database:
        database.execute("UPDATE copilot_calls SET fate = 'clean'")
    found = copilot("audit", "verify", "--json")
    assert (found.code, found.json["ok"], found.json["first_bad"]["run_id"]) == (1, False, run_id)
    (difference,) = found.json["differences"]
    assert difference == {
        "run_id": run_id, "table": "copilot_calls", "call_id": one.call_id, "column": "fate", "listed": "clean",
        "recorded": "rejected", "seq": difference["seq"],
    }  # fmt: skip
    told = copilot("audit", "verify")
    said = f"copilot_calls.fate of call '{one.call_id}' says 'clean', and the records say 'rejected'"
    assert told.out == f"not ok: run {run_id}: {said}\n"
    assert told.err.endswith("build the lists from them anew with: copilot-kit journal reindex\n")
    rebuilt = copilot("journal", "reindex")
    assert (rebuilt.code, rebuilt.out) == (0, "built anew: the lists of 1 run of 1\n")
    assert rebuilt.err == f"run {run_id}: {said}\n"
    assert copilot("audit", "verify").code == 0
    assert copilot("journal", "reindex", "--json").json == {"runs": [], "differences": []}


def test_what_cannot_be_found_to_be_erased_is_told_so(copilot: Callable[..., Any]):
    wait(a_run())
    ended = copilot("journal", "erase", "--run", "nope", "--reason", "x")
    assert (ended.code, ended.err.startswith("Cannot erase run 'nope': there is none")) == (64, True)
    assert copilot("journal", "export", "nope").err.startswith("Cannot export run 'nope'")


def test_a_file_of_another_kind_is_no_journal_and_said_to_be_none(copilot: Callable[..., Any], own_folder: Path):
    other = own_folder / "notes.txt"
    other.write_text("root:x:0:0:root:/root:/bin/bash\n" * 40)
    ended = copilot("audit", "verify", "--store", str(other))
    assert ended.code != 0
    assert ended.err == (
        f"'{other}' is no journal: it is a file of another kind, not one of SQLite. Name the file of a journal, or one "
        "that is not there yet; this one was left as it is.\n"
    )
    assert other.read_text() == "root:x:0:0:root:/root:/bin/bash\n" * 40
