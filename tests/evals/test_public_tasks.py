"""Public sets by name: rows of their shapes become tasks that a right answer solves."""

import json
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.request import Settings
from copilot_kit.testing import FunctionModel
from copilot_kit_evals.candidates import Candidate
from copilot_kit_evals.public_sets import SETS
from copilot_kit_evals.suites import load
from copilot_kit_evals.tasks import Setup

BFCL = {
    "id": "simple_0",
    "question": [[{"role": "user", "content": "Add 1 and 2."}]],
    "function": [{"name": "add", "description": "", "parameters": {
        "type": "dict", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}}],
    "ground_truth": [{"add": {"a": [1], "b": [2]}}],
}  # fmt: skip
MMLU = {"question": "2 + 2?", "choices": ["3", "4", "5", "6"], "answer": 1, "subject": "sums"}
GPQA = {"Question": "What is red?", "Correct Answer": "blood", "Incorrect Answer 1": "grass",
        "Incorrect Answer 2": "sky", "Incorrect Answer 3": "snow", "High-level domain": "Biology"}  # fmt: skip
CASES: list[tuple[str, str, Any, Any, Any]] = [
    ("bfcl", "jsonl", BFCL, ("add", {"a": 1, "b": 2}), ("add", {"a": 1, "b": 3})),
    ("ifeval", "jsonl", {"key": 1, "prompt": "No commas.", "instruction_id_list": ["punctuation:no_comma"],
                         "kwargs": [{}]}, "one two", "one, two"),
    ("gsm8k", "jsonl", {"question": "18 + 2?", "answer": "18+2=20\n#### 20"}, "#### 20", "#### 21"),
    ("humaneval", "jsonl", {"task_id": "H/0", "prompt": "def one():\n", "entry_point": "one",
                            "test": "def check(candidate):\n    assert candidate() == 1\n"}, None, None),
    ("truthfulqa", "csv", "Category,Question,Best Answer,Incorrect Answers\nfacts,Is ice hot?,No,Yes; Maybe\n",
     "No", "Yes"),
    ("mmlu", "jsonl", MMLU, "4", "5"),
    ("mmlu", "csv", "2 + 2?,3,4,5,6,B\n", "4", "5"),
    ("mmlu", "csv", "question,A,B,C,D,answer\n2 + 2?,3,4,5,6,B\n", "4", "5"),
    ("gpqa", "jsonl", GPQA, "blood", "snow"),
    ("bbh", "jsonl", {"input": "True and False is", "target": "False"}, "So the answer is False.",
     "the answer is True"),
]  # fmt: skip


def answers(said: Any) -> FunctionModel:
    from copilot_kit.testing import call

    def answer(request: Any) -> Any:
        if isinstance(said, tuple):
            return call(*said)
        lines = [line for line in request.messages[-1].text.splitlines() if line.endswith(f". {said}")]
        return lines[0][0] if lines else said

    return FunctionModel(answer)


@pytest.mark.parametrize(("kind", "ending", "row", "right", "wrong"), CASES)
async def test_a_set_is_asked_and_scored_as_its_authors_do(
    tmp_path: Path, kind: str, ending: str, row: Any, right: Any, wrong: Any
):
    file = tmp_path / f"rows.{ending}"
    file.write_text(row if isinstance(row, str) else json.dumps(row))
    (task,) = load(f"set:{kind}={file}").tasks
    assert (task.name, len(task.dataset)) == (kind, 1)
    if right is None:
        assert task.scorers[0].name == "code"
        return
    item = task.dataset[0]
    for said, value in ((right, 1.0), (wrong, 0.0)):
        model = answers(said)
        solved = await task.solver(Setup(item, "", 0, Candidate(name="c", model=model.id), model, Settings(), 0))
        assert (await task.scorers[0](item, solved.output)).value == value, said


def test_every_public_set_has_a_case():
    assert {kind for kind, *_ in CASES} | {"mgsm"} == set(SETS)


async def test_mgsm_reads_numbers_as_the_file_s_language_writes_them(tmp_path: Path):
    file = tmp_path / "mgsm_de.tsv"
    file.write_text("Wie viel ist 80.000 minus 10.000?\t70000\n")
    (task,) = load(f"set:mgsm={file}").tasks
    model = answers("#### 70.000")
    item = task.dataset[0]
    solved = await task.solver(Setup(item, "", 0, Candidate(name="c", model=model.id), model, Settings(), 0))
    assert (await task.scorers[0](item, solved.output)).value == 1


def test_prompt_and_scorer_may_be_one_s_own(tmp_path: Path):
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(MMLU))
    (task,) = load(f"set:mmlu={file}", scorer="exact", prompt="Say the letter.").tasks
    assert task.scorers[0].name == "exact"
