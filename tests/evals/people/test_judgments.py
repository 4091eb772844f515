"""A file of judgments: whole lines, one after the other, whoever writes and whatever was left half written."""

import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from copilot_kit_evals.folder import BadRun
from copilot_kit_evals.people.judgments import JudgmentLog, answered, last_said
from copilot_kit_evals.people.preferences import Preference, standing


def said(rater: str = "anna", showing: str = "one", winner: str = "left", **rest: object) -> Preference:
    fields: dict[str, object] = {
        "rater": rater, "task": "t", "item": "q", "cluster": "q", "left": "a", "right": "b", "winner": winner,
        "position": 1, "seed": 0, "showing": showing, "left_answer": "x", "right_answer": "y", **rest,
    }  # fmt: skip
    return Preference.model_validate(fields)


def log(path: Path) -> JudgmentLog[Preference]:
    return JudgmentLog(path / "preferences.jsonl", Preference)


def test_a_line_is_added_only_if_nothing_was_said_since(tmp_path: Path):
    one, two = log(tmp_path), log(tmp_path)
    assert one.append(said(), step=0)
    assert not two.append(said(winner="right"), step=0)
    assert two.append(said("ben"), step=0)
    assert one.append(said(showing="two"), step=1)
    assert [(line.rater, line.showing) for line in two.lines()] == [("anna", "one"), ("ben", "one"), ("anna", "two")]


def test_of_many_that_say_the_same_at_once_one_is_kept(tmp_path: Path):
    kept: list[bool] = []
    begin = threading.Barrier(16)

    def say(n: int) -> None:
        begin.wait()
        kept.append(log(tmp_path).append(said(showing=f"s{n}"), step=0))

    threads = [threading.Thread(target=say, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(kept) == [False] * 15 + [True]
    assert len(log(tmp_path).lines()) == 1


def _rate(path: Path, rater: str, count: int) -> None:
    own = log(path)
    for n in range(count):
        assert own.append(said(rater, f"s{n}"), step=n)


@pytest.mark.slow
def test_processes_that_write_at_once_lose_no_line(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_rate, args=(tmp_path, f"r{n}", 50)) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    lines = log(tmp_path).lines()
    assert len({(one.rater, one.showing) for one in lines}) == len(lines) == 200


def test_a_line_that_was_being_written_is_no_line_and_is_cut_before_the_next(tmp_path: Path):
    own = log(tmp_path)
    own.append(said(), step=0)
    with own.path.open("ab") as file:
        file.write(b'{"rater": "anna", "sho')
    assert len(log(tmp_path).lines()) == 1
    assert own.append(said(showing="two"), step=1)
    assert [one.showing for one in log(tmp_path).lines()] == ["one", "two"]


def test_a_line_that_is_no_judgment_is_named(tmp_path: Path):
    own = log(tmp_path)
    own.append(said(), step=0)
    with own.path.open("ab") as file:
        file.write(b'{"rater": "anna"}\n')
    with pytest.raises(BadRun, match=r"preferences\.jsonl', line 2"):
        own.lines()


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_nothing_but_a_file_of_the_folder_is_written(tmp_path: Path, kind: str):
    outside = tmp_path / "outside"
    outside.write_text("secret\n")
    run = tmp_path / "run"
    run.mkdir()
    place = run / "preferences.jsonl"
    match kind:
        case "link":
            place.symlink_to(outside)
        case "folder":
            place.mkdir()
        case _:
            os.mkfifo(place)
    with pytest.raises(BadRun, match="cannot be used for judgments"):
        log(run).append(said(), step=0)
    with pytest.raises(BadRun, match="cannot be used for judgments"):
        log(run).lines()
    assert outside.read_text() == "secret\n"


def test_what_is_taken_back_stands_no_more_and_what_is_said_again_does():
    lines = [said(), said(showing="two", winner="skip"), said(winner="undone"), said(winner="tie")]
    assert [(one.showing, one.winner) for one in standing(lines)] == [("one", "tie")]
    assert answered(lines) == {"one", "two"}
    assert last_said(lines) == lines[3]
    assert last_said([*lines, said(winner="undone")]) == lines[1]
    assert last_said([]) is None
