"""Past and present runs, from the journal."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.agent import Agent
from copilot_kit.journal.opening import open_store
from copilot_kit.records import Principal
from copilot_kit.response import Usage
from copilot_kit.sync import wait
from copilot_kit.testing import ScriptedModel, call, say
from copilot_kit.tools import tool

ADA = Principal(id="ada", name="Ada", authenticated="local")


@tool(effect="write")
def note(text: str) -> str:
    """Write a note."""
    return f"noted {text}"


async def a_run(*, decide: bool = True) -> str:
    """Make a run with one call, approved or left waiting, in the journal of this folder."""
    store = open_store(None)
    model = ScriptedModel(
        [call("note", {"text": "buy milk \u202e"}), Usage(input=100, output=20)], [say("Done."), Usage(input=9)]
    )
    try:
        run = await Agent(model, tools=[note], name="helper", store=store).run("Note that I need milk")
        if decide:
            run = await run.approve(run.proposals[0].id, by=ADA)
        return run.id
    finally:
        await store.close()


def test_a_folder_without_runs_says_how_to_start_one_and_gets_no_journal(copilot: Callable[..., Any], own_folder: Path):
    ended = copilot("runs", "list")
    assert (ended.code, ended.out) == (0, "")
    assert "copilot-kit demo" in ended.err
    assert list(own_folder.iterdir()) == []


def test_runs_are_listed_with_what_waits(copilot: Callable[..., Any]):
    run_id = wait(a_run(decide=False))
    done = wait(a_run())
    rows = copilot("runs", "list", "--json").json
    assert [(row["run_id"], row["status"], row["pending"]) for row in rows] == [(done, "done", 0),
                                                                               (run_id, "waiting", 1)]  # fmt: skip
    assert [row["run_id"] for row in copilot("runs", "list", "--waiting", "--json").json] == [run_id]
    assert "Note that I need milk" in copilot("runs", "list").out


def test_a_run_is_shown_call_by_call_with_decision_tokens_and_waiting(copilot: Callable[..., Any]):
    run_id = wait(a_run())
    lines = copilot("runs", "show", run_id).out.splitlines()
    told = "\n".join(line[14:] for line in lines)
    assert "run started: agent helper" in told
    assert "user: Note that I need milk" in told
    assert "100 in · 20 out · price unknown" in told
    assert 'a person is asked: note {"text":"buy milk ⟦U+202E⟧"}' in told
    assert "approve: note, by Ada after " in told
    assert "note done in " in told
    assert lines[-1].startswith("done · 2 answers · 129 tokens")


def test_a_run_is_found_by_a_part_of_its_name(copilot: Callable[..., Any]):
    run_id = wait(a_run())
    assert copilot("runs", "show", run_id[-6:], "--json").json["run"]["run_id"] == run_id


def test_the_json_of_a_run_has_every_record_in_order(copilot: Callable[..., Any]):
    found = copilot("runs", "show", wait(a_run()), "--json").json
    assert found["run"]["status"] == "done"
    assert [record["kind"] for record in found["records"]] == [
        "run_started", "message_added", "requested", "responded", "proposed", "decided", "intended", "received",
        "requested", "responded", "run_ended",
    ]  # fmt: skip
    assert [record["seq"] for record in found["records"]] == list(range(11))


def test_following_shows_what_is_decided_elsewhere_until_the_run_ends(copilot: Callable[..., Any]):
    run_id = wait(a_run(decide=False))

    async def finish() -> None:
        store = open_store(None)
        run = await Agent(ScriptedModel(say("Done.")), tools=[note], name="helper", store=store).load(run_id)
        await run.approve(run.proposals[0].id, by=ADA)
        await store.close()

    elsewhere = threading.Timer(0.4, lambda: wait(finish()))
    elsewhere.start()
    ended = copilot("runs", "show", run_id, "--follow", "--json")
    elsewhere.join()
    kinds = [json.loads(line)["kind"] for line in ended.out.splitlines()]
    assert kinds[4:] == ["proposed", "decided", "intended", "received", "requested", "responded", "run_ended"]


def test_an_unknown_run_is_told_how_to_find_one(copilot: Callable[..., Any]):
    ended = copilot("runs", "show", "run_x")
    assert ended.code == 64
    assert ended.err == (
        "Cannot show run 'run_x': there is none in this journal. List them with: copilot-kit runs list\n"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0012, "1 ms"), (1.25, "1.2 s"), (99.9, "99.9 s"), (150, "2 min 30 s"), (7300, "2 h 1 min")],
)
def test_durations_are_told_in_the_unit_that_suits_them(seconds: float, words: str):
    from copilot_kit.cli.record_lines import duration

    assert duration(seconds) == words
