"""The record of promotions: whoever dies, whoever comes second, whoever edits it, it says so and nothing is lost."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from copilot_kit.errors import Conflict, UsageError
from copilot_kit.journal.opening import default_store
from copilot_kit.slots import open_model
from copilot_kit_evals.frontier.editing import edited, placement_in
from copilot_kit_evals.frontier.ledger import Ledger, advance, open_ledger, placed, promote, take_back
from copilot_kit_evals.frontier.lock import BadLock, FileLedger, read_lock
from copilot_kit_evals.frontier.promotions import Placement, Stage, chain_faults

Text = Callable[[], str]
PROMOTE = """
import asyncio, os, signal, sys
from copilot_kit.errors import Conflict
from copilot_kit_evals.frontier import lock
from copilot_kit_evals.frontier.ledger import open_ledger, placed, promote

if sys.argv[2] == "die":
    lock.flip = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "die early":
    lock._append = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
ledger, to = open_ledger(), sys.argv[1]


async def main():
    before = await ledger.placement("default", (to,))
    if sys.argv[2] == "wait":
        print("ready", flush=True)
        sys.stdin.readline()
    await promote(ledger, "default", placed(before, to, {}, None), before=before, by=str(os.getpid()))


try:
    asyncio.run(main())
    print("won")
except Conflict as error:
    print("lost:", error)
"""


def started(project: Path, to: str, how: str) -> "subprocess.Popen[str]":
    env = {**os.environ, "PYTHONPATH": str(project.parent / "site")}
    command = [sys.executable, "-c", PROMOTE, to, how]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=project, env=env)


async def flip(ledger: Ledger, to: str, share: float | None = None) -> None:
    before = await ledger.placement("default", (to,))
    await promote(ledger, "default", placed(before, to, {}, share), before=before, by="anna")


async def test_killed_between_the_record_and_the_flip_the_next_command_finishes_it(project: Path, text: Text):
    process = started(project, "stub:new", "die")
    process.communicate()
    assert process.returncode == -9
    assert 'model = "stub:old"   # since' in text()
    (fault,) = await FileLedger(project / "frontier.toml").faults()
    assert fault.text == (
        "slot 'default': promoted, and frontier.toml does not follow yet: a process died in between; "
        "copilot-kit frontier verify --repair finishes it"
    )
    assert await FileLedger(project / "frontier.toml").faults(repair=True) == []
    assert 'model = "stub:new"   # since' in text()


async def test_killed_before_the_record_nothing_was_promoted_and_nothing_is_left(project: Path, text: Text):
    before = text()
    started(project, "stub:new", "die early").communicate()
    assert await open_ledger().faults() == []
    assert await open_ledger().promotions() == []
    assert text() == before
    await flip(open_ledger(), "stub:twin")
    assert sorted(os.listdir(project)) == ["frontier.lock.jsonl", "frontier.toml", "suite.py"]  # noqa: PTH208


async def test_a_person_who_puts_the_old_model_back_by_hand_is_not_overruled(project: Path, text: Text):
    before = text()
    await flip(open_ledger(), "stub:new")
    (project / "frontier.toml").write_text(before)
    (fault,) = await open_ledger().faults(repair=True)
    assert fault.text.endswith("edited by hand")
    assert text() == before
    assert (await open_ledger().placement("default")).model == "stub:old"


async def test_an_overlay_that_was_edited_by_hand_is_named_with_what_differs(project: Path, text: Text):
    ledger, to = open_ledger(), "stub:new"
    before = await ledger.placement("default", (to,))
    words = {to: {"prompt": "Be brief.", "settings": {"effort": "low"}}}
    await promote(ledger, "default", placed(before, to, words, None), before=before, by="anna")
    (project / "frontier.toml").write_text(text().replace("Be brief.", "Be long."))
    (fault,) = await ledger.faults()
    assert fault.text == "slot 'default': the overlay of stub:new has another prompt: edited by hand"


def test_a_frontier_file_that_its_mode_locks_is_not_replaced(project: Path, text: Text):
    before = text()
    (project / "frontier.toml").chmod(0o444)
    bound = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"] if os.geteuid() == 0 else []
    env = {**os.environ, "PYTHONPATH": str(project.parent / "site")}
    told = subprocess.run(
        [*bound, sys.executable, "-c", PROMOTE, "stub:new", "now"], capture_output=True, text=True, check=False, env=env
    )
    assert "cannot be written by this user" in told.stderr
    assert text() == before
    assert not (project / "frontier.lock.jsonl").exists()


async def test_what_a_dead_process_began_is_finished_before_anything_else_is_promoted(project: Path, text: Text):
    started(project, "stub:new", "die").communicate()
    await flip(open_ledger(), "stub:twin")
    lines = read_lock(project / "frontier.lock.jsonl")
    assert [(one.before.model, one.after.model) for one in lines] == [
        ("stub:old", "stub:new"),
        ("stub:new", "stub:twin"),
    ]
    await take_back(open_ledger(), "default", by="anna")
    assert 'model = "stub:new"   # since' in text()


def test_of_two_promoters_at_once_one_wins_and_the_other_is_told(project: Path, text: Text):
    both = [started(project, to, "wait") for to in ("stub:new", "stub:twin")]
    for one in both:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    said = sorted(process.communicate("\n")[0] for process in both)
    assert said[0].startswith("lost: Slot 'default' has changed meanwhile: it has stub:")
    assert said[1] == "won\n"
    (line,) = read_lock(project / "frontier.lock.jsonl")
    assert f'model = "{line.after.model}"   # since' in text()


async def test_a_line_that_was_being_written_when_the_machine_died_does_not_count(project: Path, text: Text):
    await flip(open_ledger(), "stub:new")
    path = project / "frontier.lock.jsonl"
    path.write_bytes(path.read_bytes() + b'{"format": "copilot-kit-prom')
    ledger = FileLedger(project / "frontier.toml")
    (fault,) = await ledger.faults()
    assert (fault.text, fault.fails) == ("the last line was never finished; it does not count", False)
    await flip(ledger, "stub:twin")
    assert [one.n for one in read_lock(path)] == [0, 1]
    assert chain_faults(read_lock(path)) == []


async def test_a_record_that_was_changed_or_removed_is_found(project: Path):
    for to in ("stub:new", "stub:twin", "stub:poor"):
        await flip(open_ledger(), to)
    path = project / "frontier.lock.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0] + lines[1].replace('"by":"anna"', '"by":"eve"') + lines[2])
    (fault,) = chain_faults(read_lock(path))
    assert (fault.n, fault.text) == (1, "it was changed after it was written")
    path.write_text(lines[0] + lines[2])
    assert [one.text for one in chain_faults(read_lock(path)) if one.fails] == [
        "it does not follow the one before: lines were removed"
    ]
    path.write_text(lines[0] + "nonsense\n")
    with pytest.raises(BadLock, match=r"Line 2 of frontier\.lock\.jsonl cannot be read"):
        read_lock(path)


async def test_a_file_that_was_edited_by_hand_is_told(project: Path, text: Text):
    await flip(open_ledger(), "stub:new")
    (project / "frontier.toml").write_text(text().replace('"stub:new"', '"stub:twin"'))
    (fault,) = await open_ledger().faults()
    assert fault.text == (
        "slot 'default': frontier.toml gives it stub:twin, and the last promotion gave it stub:new: edited by hand"
    )
    await flip(open_ledger(), "stub:poor")
    assert await open_ledger().faults() == []


async def test_a_promotion_by_shares_is_one_that_back_takes_back_whole(project: Path, text: Text):
    before, ledger = text(), open_ledger()
    await flip(ledger, "stub:new", 0.1)
    assert 'stage = {to = "stub:new", share = 0.1}' in text()
    with pytest.raises(UsageError, match=r"is at a share of 0\.1\. Give a larger one"):
        await advance(ledger, "default", share=0.05, by="anna")
    await advance(ledger, "default", share=0.5, by="anna")
    await advance(ledger, "default", share=1.0, by="anna")
    assert 'model = "stub:new"   # since' in text()
    assert "stage" not in text()
    assert [one.kind for one in await ledger.promotions()] == ["stage", "advance", "promote"]
    await take_back(ledger, "default", by="anna")
    assert text() == before


async def test_a_stage_that_is_rolled_back_leaves_what_was_promoted_before_it(project: Path, text: Text):
    ledger = open_ledger()
    await flip(ledger, "stub:twin")
    twin = text()
    await flip(ledger, "stub:new", 0.2)
    await take_back(ledger, "default", by="frontier", fell=True)
    assert text() == twin
    await take_back(ledger, "default", by="anna")
    assert 'model = "stub:old"   # since' in text()


async def test_a_first_model_cannot_be_staged(project: Path):
    with pytest.raises(UsageError, match="--share is for another model beside an incumbent"):
        placed(Placement(model=None), "stub:new", {}, 0.1)


async def test_slots_in_a_journal_move_for_all_and_of_two_promoters_one_wins(project: Path, text: Text):
    url = f"sqlite:///{project}/slots.db"
    (project / "frontier.toml").write_text(f'[frontier]\nstore = "{url}"\n{text()}')
    before, ledgers = text(), [open_ledger(), open_ledger()]
    found = [await ledger.placement("default", ("stub:new",)) for ledger in ledgers]
    to = [placed(one, "stub:new", {"stub:new": {"prompt": "Hi."}}, None) for one in found]
    moves = [promote(ledgers[n], "default", to[n], before=found[n], by="anna") for n in (0, 1)]
    ended = await asyncio.gather(*moves, return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["Conflict", "Promotion"]
    assert text() == before  # the file stays as it is; the journal counts
    opened = open_model("default")
    assert (opened.model.id, opened.overlay is not None) == ("stub:new", True)
    await take_back(ledgers[0], "default", by="anna")
    assert (open_model("default").model.id, open_model("default").overlay) == ("stub:old", None)
    assert [one.kind for one in await ledgers[1].promotions()] == ["promote", "back"]
    assert chain_faults(await ledgers[1].promotions()) == []
    await default_store(url).close()


@pytest.mark.slow
async def test_slots_in_postgresql_move_for_all_and_of_many_promoters_one_wins(
    project: Path, text: Text, postgres_url: str
):
    (project / "frontier.toml").write_text(f'[frontier]\nstore = "{postgres_url}"\n{text()}')
    ledger = open_ledger()
    before = await ledger.placement("default", ("stub:new",))
    to = placed(before, "stub:new", {}, None)
    moves = [promote(open_ledger(), "default", to, before=before, by=str(n)) for n in range(8)]
    ended = await asyncio.gather(*moves, return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["Conflict"] * 7 + ["Promotion"]
    assert open_model("default").model.id == "stub:new"
    await default_store(postgres_url).close()


@pytest.mark.parametrize(
    "written",
    [
        '[slots.default]\nmodel = "a:b" # mine\n\n# next\n[slots.default.settings]\neffort = "low"\n\n[slots.z]\n',
        '[slots.default]\nmodel = "a:b"\noverlays = { "c:d" = { prompt = "x" } }\n',
        '[slots.default]\r\nmodel = "a:b"\r\n',
    ],
)
def test_a_file_in_whatever_style_is_edited_as_meant(written: str):
    to = Placement(
        model="c:d", stage=Stage(to="e:f", share=0.5), overlays={"c:d": {"prompt": "Two.", "tools": {"x": "y"}}}
    )
    made = edited(written, "default", to)
    assert placement_in(made, "default", ("c:d",)) == to
    back = edited(made, "default", placement_in(written, "default", ("c:d",)))
    assert placement_in(back, "default", ("c:d",)) == placement_in(written, "default", ("c:d",))


def test_records_are_one_line_each_that_any_reader_can_check(project: Path):
    asyncio.run(flip(open_ledger(), "stub:new"))
    line = json.loads((project / "frontier.lock.jsonl").read_text())
    assert {"n", "at", "kind", "slot", "before", "after", "by", "evidence", "prev", "hash"} <= line.keys()


@pytest.mark.parametrize(
    "written",
    ['slots = { default = { model = "a:b" } }\n', '[slots]\ndefault.model = "a:b"\n[slots.z]\nmodel = "q:r"\n'],
)
def test_a_file_that_cannot_be_edited_is_left_alone_and_says_how_to_write_it(written: str):
    to = Placement(model="c:d", overlays={"c:d": {"prompt": "Two.", "tools": {"x": "y"}}})
    with pytest.raises(UsageError, match=r"cannot be edited here\. Write it as a table: \[slots\.default\]"):
        edited(written, "default", to)


async def test_evidence_against_another_model_promotes_nothing(project: Path):
    before = Placement(model="stub:twin", overlays={"stub:x": None})
    with pytest.raises(Conflict):
        await promote(open_ledger(), "default", placed(before, "stub:x", {}, None), before=before, by="x")
