"""Logs of Inspect, written by its own package: what is missing stays missing, what cannot be read is one line."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.errors import UsageError
from copilot_kit_evals.foreign.imports import read
from copilot_kit_evals.foreign.inspect_logs import table_of
from copilot_kit_evals.items import BadDataset, Turn
from copilot_kit_evals.tables import BadTable

Copilot = Callable[..., Any]
LONG = "Tell me about " + "many " * 60 + "things."
CREATED = "2026-11-20T10:00:00+00:00"


def sample(name: str, epoch: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": name, "epoch": epoch, "input": f"What is {name}?", "target": name, **more}


def usage(cost: float, tokens: int = 10) -> dict[str, Any]:
    return {"input_tokens": tokens, "input_tokens_cache_read": 5, "output_tokens": 2, "total_tokens": tokens + 7,
            "total_cost": cost}  # fmt: skip


def write(path: Path, samples: list[dict[str, Any]], **said: Any) -> Path:
    """Write a log as Inspect does; said: model, task, task_id, created, epochs, ids."""
    from inspect_ai.log import EvalLog, write_eval_log

    ids = said.get("ids", list(dict.fromkeys(one["id"] for one in samples)))
    log = EvalLog.model_validate({
        "status": said.get("status", "success"),
        "invalidated": any("invalidation" in one for one in samples),
        "eval": {"created": said.get("created", CREATED), "task": said.get("task", "sums"), "task_id":
                 said.get("task_id", "t1"), "model": said.get("model", "mockllm/one"), "config":
                 {"epochs": said.get("epochs", 1)}, "dataset": {"name": "d", "samples": len(ids), "sample_ids": ids}},
        "samples": samples,
    })  # fmt: skip
    write_eval_log(log, str(path))
    return path


def scored(**values: Any) -> dict[str, Any]:
    return {name: {"value": value} for name, value in values.items()}


def test_a_log_is_a_table_of_attempts_with_epochs_as_repeats(tmp_path: Path):
    samples = [
        sample("a", scores=scored(match="C", f1=0.25), model_usage={"mockllm/one": usage(0.5)}, working_time=1.5),
        sample("a", 2, scores=scored(match="I", f1=0), model_usage={"mockllm/one": usage(0.25)}),
        sample("b", scores=scored(match="P", f1=1)),
        sample("b", 2, scores=scored(match="N", f1=1)),
    ]
    table = table_of(write(tmp_path / "x.eval", samples, epochs=2))
    names = ("item", "repeat", "score", "match", "f1", "cost", "tokens_in", "tokens_out", "latency_s")
    assert sorted(zip(*(table.columns[name] for name in names), strict=True)) == [
        ("a", "1", "1", "1", "0.25", "0.5", "15", "2", "1.5"),
        ("a", "2", "0", "0", "0", "0.25", "15", "2", ""),
        ("b", "1", "0.5", "0.5", "1", "", "", "", ""),
        ("b", "2", "0", "0", "1", "", "", "", ""),
    ]
    assert set(table.columns["model"]) == {"mockllm/one"}


def test_what_has_no_score_is_missing_and_never_wrong(tmp_path: Path):
    samples = [
        sample("fine", scores=scored(match="C")),
        sample("broken", error={"message": "no\nnetwork", "traceback": "", "traceback_ansi": ""}),
        sample("unscored", scores=scored(match=float("nan"))),
        sample("invalid", scores=scored(match="I"), invalidation={"author": "me", "reason": "leaked"}),
        sample("cut", scores=scored(match="I"), limit={"type": "token", "limit": 10}),
    ]
    ids = [*(one["id"] for one in samples), "never"]
    table = table_of(write(tmp_path / "x.eval", samples, ids=ids, status="cancelled"))
    assert dict(zip(table.columns["item"], table.columns["score"], strict=True)) == {
        "fine": "1", "broken": "", "unscored": "", "invalid": "", "cut": "0", "never": ""}  # fmt: skip
    assert dict(zip(table.columns["item"], table.columns["outcome"], strict=True)) == {
        "fine": "ok", "broken": "infra_error", "unscored": "ok", "invalid": "invalid", "cut": "limit",
        "never": "not_run"}  # fmt: skip
    assert sorted(table.columns["error"]) == ["", "", "", "", "", "no network"]


def test_what_a_grader_cost_is_not_the_candidates(tmp_path: Path):
    both = {"mockllm/one": usage(0.5, 10), "mockllm/judge": usage(0.3, 100)}
    one = sample("a", scores=scored(match="C"), model_usage=both, role_usage={"grader": usage(0.3, 100)})
    table = table_of(write(tmp_path / "x.eval", [one]))
    assert (table.columns["cost"], table.columns["tokens_in"]) == (["0.5"], ["15"])


def test_a_scorer_of_several_values_has_a_column_for_each(tmp_path: Path):
    one = sample("a", scores=scored(both={"right": True, "clear": 0.5}, score=1))
    table = table_of(write(tmp_path / "x.eval", [one]))
    assert (table.columns["both.right"], table.columns["both.clear"]) == (["1"], ["0.5"])
    assert (table.columns["scorer score"], table.columns["score"]) == (["1"], ["1"])


def test_a_folder_of_logs_compares_models_and_a_task_tried_again_counts_once(copilot: Copilot, tmp_path: Path):
    logs = tmp_path / "logs"
    logs.mkdir()
    names = [f"i{n}" for n in range(8)]
    right = [sample(name, scores=scored(match="C")) for name in names]
    wrong = [sample(name, scores=scored(match="I" if name in names[:3] else "C")) for name in names]
    write(logs / "first.eval", wrong[:1], ids=names, model="m/a", task_id="t", created="2026-11-20T09:00:00+00:00")
    write(logs / "again.eval", right, model="m/a", task_id="t", created="2026-11-20T10:00:00+00:00")
    write(logs / "other.eval", wrong, model="m/b", task_id="u")
    found = copilot("stats", "compare", logs, "--a", "m/a", "--b", "m/b", "--json")
    assert found.code == 0, found.err
    assert (found.json["n_items"], found.json["wins"], found.json["losses"]) == (8, 3, 0)
    verdict = copilot("snap", "--from-logs", logs, "--incumbent", "m/b", "--candidate", "m/a", "--json")
    assert (verdict.json["wins"], verdict.json["losses"], verdict.json["n_items"]) == (3, 0, 8)
    alone = copilot("stats", "means", logs / "other.eval", "--json")
    assert alone.json["models"]["m/b"]["mean"] == 0.625


def test_two_logs_of_one_task_and_model_are_refused(tmp_path: Path):
    for name in ("t1", "t2"):
        write(tmp_path / f"{name}.eval", [sample("a", scores=scored(match="C"))], task_id=name)
    with pytest.raises(BadTable, match=r"t1\.eval and t2\.eval are both of the task 'sums' on 'mockllm/one'"):
        table_of(tmp_path)


def test_items_of_several_tasks_are_told_apart(tmp_path: Path):
    for task in ("sums", "words"):
        write(tmp_path / f"{task}.eval", [sample("a", scores=scored(match="C"))], task=task, task_id=task)
    assert table_of(tmp_path).columns["item"] == ["sums/a", "words/a"]


def test_samples_become_items(tmp_path: Path):
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    tools = [{"role": "user", "content": "Hi"}, {"role": "tool", "content": "x", "tool_call_id": "1"}]
    samples = [
        sample("a", metadata={"level": 1}, choices=["Paris", "Rome"], target="A"),
        sample("a", 2),
        sample("b", input=chat, target=["x", "y"]),
        sample("c", input=LONG, target=""),
        sample("d", input=tools),
    ]
    found = read(write(tmp_path / "x.eval", samples, epochs=2, ids=["a", "b", "c", "d", "e"]))
    first, second, third = found.items
    assert (first.id, first.input, first.target, first.choices, first.meta) == (
        "a", "What is a?", "A", ("Paris", "Rome"), {"level": 1})  # fmt: skip
    assert second.input == (Turn(role="system", text="Be brief."), Turn(role="user", text="Hi"))
    assert second.target == ["x", "y"]
    assert (third.input, third.target) == (LONG, None)
    assert found.notes == [
        "x.eval, sample d holds calls of tools; such conversations were left out.",
        "1 samples of the dataset are not in the log: it is of a part, or was interrupted.",
    ]


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06" + b"\0" * 18, b"PK\x03\x04" + b"\0" * 40])
def test_what_is_no_log_is_one_line(copilot: Copilot, tmp_path: Path, content: bytes):
    (tmp_path / "x.eval").write_bytes(content)
    for words in (("stats", "means", tmp_path / "x.eval"), ("eval", "import", tmp_path / "x.eval", tmp_path / "o")):
        ended = copilot(*words)
        assert (ended.code, ended.err.count("\n")) == (3, 1)
        assert "is no log that Inspect reads" in ended.err


@pytest.mark.parametrize(("part", "reader"), [("summaries.json", table_of), ("samples/", read)])
def test_a_log_that_is_damaged_inside_is_one_line(tmp_path: Path, part: str, reader: Callable[[Path], object]):
    whole = write(tmp_path / "x.eval", [sample("a", scores=scored(match="C"))])
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(tmp_path / "y.eval", "w") as new:
        for name in old.namelist():
            new.writestr(name, json.dumps([{"id": []}]) if name.startswith(part) else old.read(name))
    with pytest.raises((BadTable, BadDataset), match="is no log that Inspect reads"):
        reader(tmp_path / "y.eval")


def test_a_log_in_inspects_json_form_is_imported_when_it_is_said_to_be_one(tmp_path: Path):
    from inspect_ai.log import read_eval_log, write_eval_log

    whole = write(tmp_path / "x.eval", [sample("a")])
    write_eval_log(read_eval_log(str(whole)), str(tmp_path / "y.json"))
    assert read(tmp_path / "y.json", kind="inspect").items == read(whole).items


def test_a_folder_without_logs_and_a_file_that_is_not_there_are_named(tmp_path: Path):
    with pytest.raises(UsageError, match=r"holds no file that ends in \.eval"):
        table_of(tmp_path)
    with pytest.raises(UsageError, match="There is no file"):
        table_of(tmp_path / "nothing.eval")


RUN = """
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match
from inspect_ai.solver import generate, solver

@solver
def flaky():
    async def solve(state, generate):
        if (state.sample_id, state.epoch) == ("c", 2):
            raise RuntimeError("broken world")
        return await generate(state)
    return solve

def answer():
    made = ModelOutput.from_content("mockllm/model", "2")
    made.usage = ModelUsage(input_tokens=10, output_tokens=2, total_tokens=12, total_cost=0.01)
    return made

samples = [Sample(id=name, input="1+1?", target=target) for name, target in (("a", "2"), ("b", "3"), ("c", "2"))]
model = get_model("mockllm/model", custom_outputs=[answer() for _ in range(6)])
eval(Task(MemoryDataset(samples), solver=flaky(), scorer=match(), name="tiny"), model=model, epochs=2, log_dir="logs",
     display="none", fail_on_error=False)
"""


@pytest.mark.slow
def test_a_log_of_a_real_evaluation_is_read(tmp_path: Path):
    import subprocess
    import sys

    (tmp_path / "run.py").write_text(RUN)
    subprocess.run([sys.executable, "run.py"], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    table = table_of(tmp_path / "logs")
    found = sorted(zip(table.columns["item"], table.columns["repeat"], table.columns["score"], table.columns["cost"],
                       strict=True))  # fmt: skip
    assert found == [("a", "1", "1", "0.01"), ("a", "2", "1", "0.01"), ("b", "1", "0", "0.01"), ("b", "2", "0", "0.01"),
                     ("c", "1", "1", "0.01"), ("c", "2", "", "")]  # fmt: skip
    assert [item.input for item in read(next((tmp_path / "logs").iterdir())).items] == ["1+1?"] * 3
