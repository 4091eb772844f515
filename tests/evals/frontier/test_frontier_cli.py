"""The frontier from the command line: who has which slot and why, whether that is so, and models that take over."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from copilot_kit.errors import UsageError
from copilot_kit.journal.opening import default_store
from copilot_kit_evals.frontier.ledger import open_ledger, placed, promote
from copilot_kit_evals.frontier.trial import trial_of
from copilot_kit_evals.frontier.wanted import Snap


@pytest.fixture
def promoted(project: Path, copilot) -> Path:
    ended = copilot("snap", "default", "--to", "stub:new", "--out", "runs/a", "--by", "anna")
    assert ended.code == 0, ended.err
    return project


def test_the_slots_are_shown_with_since_when_and_by_what_evidence(promoted: Path, copilot):
    ended = copilot("frontier", "--json")
    default, fast = ended.json["slots"]
    assert (default["model"], default["by"], default["kind"], default["evidence"]["run"]) == (
        "stub:new", "anna", "promote", "runs/a")  # fmt: skip
    assert (fast["evidence_words"], fast["since"]) == ("written by hand", None)
    shown = copilot("frontier").out.splitlines()
    assert shown[0].split() == ["slot", "model", "since", "by", "what", "parked", "retires"]
    assert "promote, runs/a, by anna" in shown[1]


def test_what_is_as_it_was_written_verifies(promoted: Path, copilot):
    ended = copilot("frontier", "verify")
    assert (ended.code, ended.out) == (0, "1 promotion, as it was written.\n")


def test_a_log_that_was_changed_after_the_promotion_fails(promoted: Path, copilot):
    log = promoted / "runs/a/attempts.jsonl"
    log.write_text(log.read_text().replace('"value":0.0', '"value":1.0', 1))
    ended = copilot("frontier", "verify", "--json")
    assert (ended.code, ended.json["ok"]) == (1, False)
    assert ended.json["faults"][0]["text"] == "its evidence was changed or removed: attempts.jsonl in runs/a"


def test_a_run_that_is_not_here_is_told_and_proves_nothing(promoted: Path, copilot):
    shutil.rmtree(promoted / "runs")
    ended = copilot("frontier", "verify")
    assert (ended.code, ended.out.splitlines()[0]) == (0, "note   promotion 0: its run runs/a is not here")


def test_a_promotion_that_names_another_run_fails(promoted: Path, copilot):
    assert copilot("snap", "default", "--to", "stub:twin", "--dry-run", "--out", "runs/b").code in (1, 2, 3)
    lock = promoted / "frontier.lock.jsonl"
    lock.write_text(lock.read_text().replace('"run":"runs/a"', '"run":"runs/b"'))
    ended = copilot("frontier", "verify", "--json")
    assert ended.code == 1
    assert {one["text"] for one in ended.json["faults"]} >= {"it was changed after it was written"}


def test_a_stage_is_begun_shown_raised_and_ended(project: Path, copilot):
    journal = f"sqlite:///{project}/journal.db"
    assert copilot("snap", "default", "--to", "stub:new", "--share", "0.1").code == 0
    assert copilot("frontier").out.splitlines()[1].split("  ")[1].strip() == "stub:old, 10% stub:new"
    status = copilot("frontier", "status", "default", "--store", journal)
    assert status.out.splitlines() == [
        "stub:new has 10% of new runs of default, stub:old the rest.",
        "accepted unchanged and worked: new unknown of 0 runs, old unknown of 0 runs; evidence of a fall 1:1",
    ]
    assert copilot("frontier", "advance", "default", "--share", "0.5", "--store", journal).code == 0
    ended = copilot("frontier", "advance", "default", "--share", "1", "--store", journal)
    assert ended.err == "stub:new has all new runs of slot default from now on.\n"
    assert copilot("frontier", "--json").json["slots"][0]["evidence"]["verdict"] == "promote"  # of where it began
    assert copilot("snap", "default", "--back").code == 0
    assert copilot("frontier", "--json").json["slots"][0]["model"] == "stub:old"


async def test_nothing_can_be_snapped_while_a_model_takes_over(project: Path):
    ledger = open_ledger()
    before = await ledger.placement("default", ("stub:new",))
    await promote(ledger, "default", placed(before, "stub:new", {}, 0.5), before=before, by="anna")
    with pytest.raises(UsageError, match=r"In slot 'default' stub:new is taking over\. End that first"):
        await trial_of(ledger, Snap(slot="default", to="stub:twin"))


def test_settings_that_were_edited_after_the_promotion_are_told(promoted: Path, copilot):
    frontier = promoted / "frontier.toml"
    frontier.write_text(
        frontier.read_text().replace("[slots.default]", '[slots.default]\nsettings = { effort = "low" }')
    )
    ended = copilot("frontier", "verify")
    assert ended.code == 0
    assert "note   promotion 0: What slot default has go with stub:new was changed since it was evaluated" in (
        ended.out.replace("'", "")
    )


def test_a_budget_that_is_spent_says_how_to_go_on(project: Path, copilot):
    ended = copilot("snap", "default", "--to", "stub:new", "--budget-tokens", "1", "--out", "run")
    assert ended.code in (2, 3)
    assert "Its budget is spent. What has ended is kept; with a larger one it goes on" in ended.err
    assert "copilot-kit snap default --resume run" in ended.err


def test_a_record_that_cannot_be_read_fails_and_is_told_as_json(promoted: Path, copilot):
    path = promoted / "frontier.lock.jsonl"
    path.write_text(path.read_text() + "nonsense\n")
    ended = copilot("frontier", "verify", "--json")
    assert (ended.code, ended.json["ok"]) == (1, False)
    assert ended.json["faults"][0]["text"].startswith("Line 2 of frontier.lock.jsonl cannot be read")
    assert path.read_text().endswith("nonsense\n")


def test_a_slot_whose_parked_items_are_gone_hides_no_other(project: Path, copilot):
    frontier = project / "frontier.toml"
    frontier.write_text(frontier.read_text().replace("[slots.fast]", '[slots.fast]\nparked = "gone.jsonl"'))
    ended = copilot("frontier", "--json")
    assert [one["slot"] for one in ended.json["slots"]] == ["default", "fast"]
    assert ended.json["slots"][1]["parked_file"] == "gone.jsonl"
    assert "Slot fast: Parked items: There is no file" in ended.err
    assert copilot("frontier").out.splitlines()[2].split()[-1] == "?"


@pytest.mark.parametrize("share", ["0", "1"])
def test_a_share_of_nothing_or_of_all_is_wrong_use(project: Path, copilot, share: str):
    ended = copilot("snap", "default", "--to", "stub:new", "--share", share)
    assert (ended.code, ended.out) == (64, "")
    assert f"--share is {share}. Give a part of new runs, such as 0.1" in ended.err


def test_a_slot_whose_model_is_gone_says_how_to_go_on_and_its_next_one_is_judged_alone(project: Path, copilot):
    frontier = project / "frontier.toml"
    text = frontier.read_text().replace('model = "stub:old"   # since', 'model = "stub:gone"   # since')
    frontier.write_text(text.replace("[slots.fast]", "required_reliability = 0.9\n[slots.fast]"))
    ended = copilot("snap", "default", "--to", "stub:new")
    assert ended.code == 3
    assert "judge the candidate alone: copilot-kit snap default --to stub:new --launch" in ended.err
    ended = copilot("snap", "default", "--to", "stub:new", "--launch", "--json", "--out", "run")
    assert (ended.code, ended.json["kind"], ended.json["incumbent"]) == (0, "launch", None)
    assert (ended.json["promotion"]["before"]["model"], ended.json["promotion"]["after"]["model"]) == (
        "stub:gone", "stub:new")  # fmt: skip
    assert copilot("frontier", "verify").code == 0


def test_without_a_file_it_says_what_to_write(project: Path, copilot):
    (project / "frontier.toml").unlink()
    ended = copilot("frontier")
    assert (ended.code, ended.err.strip().endswith("Write one with [slots.default] and a model.")) == (64, True)


AGENT = """
import asyncio, json, sys
from copilot_kit import Agent, tool
from copilot_kit.journal.opening import open_store

@tool(effect="external", version="1")
def send(to: str) -> str:
    open("sent", "a").write(to)
    return "sent"

async def main():
    store = open_store("sqlite:///.copilot-kit/journal.db")
    agent = Agent("default", tools=[send], store=store)
    for line in sys.stdin:
        what, _, run_id = line.strip().partition(" ")
        run = await (agent.resume(run_id) if what == "resume" else agent.run(what if what == "Hello" else "send it"))
        print(json.dumps([run.id, run.status, run.text, [one.reasons[0].code for one in run.proposals]]), flush=True)
    await store.close()

asyncio.run(main())
"""


@pytest.mark.slow
def test_the_whole_story_over_processes(project: Path):
    """An agent that lives on, the command line beside it: promote, asked anew, at ask, verify, and back again."""
    (project / ".copilot-kit").mkdir()
    env = {**os.environ, "PYTHONPATH": str(project.parent / "site")}
    command = [sys.executable, "-c", AGENT]
    agent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=project, env=env)

    def say(words: str) -> list[object]:
        assert agent.stdin is not None
        assert agent.stdout is not None
        agent.stdin.write(f"{words}\n")
        agent.stdin.flush()
        found: list[object] = json.loads(agent.stdout.readline())
        return found

    def cli(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([sys.executable, "-m", "copilot_kit", *words], cwd=project, env=env, text=True,
                              capture_output=True, check=False)  # fmt: skip

    assert say("Hello")[2] == "old says hello"
    run_id, status, _, reasons = say("send")
    assert (status, reasons) == ("waiting", ["effect-external"])
    promoted = cli("snap", "default", "--to", "stub:new")
    assert promoted.returncode == 0, promoted.stderr
    assert "1 proposal of the old model must be decided anew" in promoted.stderr
    assert say("Hello")[2] == "new says hello"
    assert say(f"resume {run_id}")[1:] == ["waiting", "", ["model-changed"]]
    assert cli("frontier", "verify").returncode == 0
    assert cli("snap", "default", "--back").returncode == 0
    assert say("Hello")[2] == "old says hello"
    agent.communicate()
    assert not (project / "sent").exists()


def test_killed_in_the_middle_of_a_snap_it_goes_on_and_then_promotes(project: Path, copilot):
    env = {**os.environ, "PYTHONPATH": str(project.parent / "site"), "STUB_SLEEP": "0.02"}
    command = [sys.executable, "-m", "copilot_kit", "snap", "default", "--to", "stub:new", "--out", "runs/a"]
    process = subprocess.Popen(command, cwd=project, env=env, stderr=subprocess.DEVNULL)
    log = project / "runs/a/attempts.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (not log.exists() or log.read_bytes().count(b"\n") < 10):
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = log.read_bytes().count(b"\n")
    ended = copilot("snap", "default", "--resume", "runs/a")
    assert ended.code == 0, ended.err
    assert before >= 10
    assert copilot("frontier", "verify").code == 0


def test_a_journal_that_the_file_names_keeps_the_slots_for_all(project: Path, copilot):
    url = f"sqlite:///{project}/slots.db"
    toml = project / "frontier.toml"
    toml.write_text(f'[frontier]\nstore = "{url}"\n{toml.read_text()}')
    before = toml.read_text()
    assert copilot("snap", "default", "--to", "stub:new", "--out", "runs/a").code == 0
    assert toml.read_text() == before
    assert copilot("frontier", "--json").json["slots"][0]["model"] == "stub:new"
    assert copilot("frontier", "verify").code == 0
    assert copilot("audit", "verify", "--store", url).code == 0
    assert copilot("snap", "default", "--back").code == 0
    assert copilot("frontier", "--json").json["slots"][0]["model"] == "stub:old"
    asyncio.run(default_store(url).close())


def test_a_snap_that_breaks_is_no_hold(project: Path, copilot):
    (project / "suite.py").write_text(BROKEN_KEY)
    ended = copilot("snap", "default", "--to", "stub:new", "--out", "runs/key")
    assert ended.code == 3
    assert "the key is wrong" in ended.err
    ended = copilot("snap", "--from-logs", project / "suite.py", "--incumbent", "a", "--candidate", "b")
    assert ended.code == 3


BROKEN_KEY = """
from copilot_kit.errors import AuthFailed
from copilot_kit.testing import FunctionModel
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.tasks import Ask, Task


def refuse(request):
    raise AuthFailed("the key is wrong", model="stub:new")


tasks = [Task("t", Dataset.of([Item(id=str(n), input=str(n), target="1") for n in range(4)]), Ask("Say."), [Exact()])]
models = {"stub:new": FunctionModel(refuse, id="stub:new")}
"""


def test_a_full_disk_in_a_snap_names_the_command_that_goes_on_with_it(project: Path):
    env = {**os.environ, "PYTHONPATH": str(project.parent / "site")}
    small = ["sh", "-c", 'ulimit -f 24 && exec "$@"', "sh"]
    command = [*small, sys.executable, "-m", "copilot_kit", "snap", "default", "--to", "stub:new", "--out", "runs/a"]
    ended = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)
    assert "Make room, then go on with: copilot-kit snap default --resume runs/a" in ended.stderr
    assert "Traceback" not in ended.stderr
