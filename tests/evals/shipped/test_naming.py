"""Suites by name: shipped ones, public sets, several at once, only some of their items."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from copilot_kit.errors import UsageError
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.shipped import SUITES, tasks_of
from copilot_kit_evals.suites import Reference, load, load_all, read_names, written
from copilot_kit_evals.tasks import Task
from tests.evals.conftest import Ended

Copilot = Callable[..., Ended]
SUITE = """
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.tasks import Ask, Task
tasks = [Task("own", Dataset.of([Item(id="a", input="x", target="x", tags=("t",)), Item(id="b", input="y")]), Ask(),
              [Exact()])]
"""


def ids(tasks: tuple[Task, ...]) -> list[str]:
    return [name for task in tasks for name in task.dataset.ids]


@pytest.mark.parametrize("name", SUITES)
def test_every_shipped_name_is_a_suite_with_smoke_items(name: str):
    suite = load(f"suite:{name}")
    assert suite.tasks
    smoke = load(f"suite:{name}@smoke")
    assert 5 <= len(ids(smoke.tasks)) <= 20
    assert set(ids(smoke.tasks)) < set(ids(suite.tasks))


def test_items_of_suites_are_in_the_package():
    folder = files("copilot_kit_evals") / "shipped" / "items"
    assert {f"{name}.jsonl" for name in ("instructions", "tool_calling", "tool_steps", "extraction")} <= {
        one.name for one in folder.iterdir()
    }


def test_task_names_of_all_shipped_suites_are_different():
    everything = load_all([f"suite:{name}" for name in SUITES])
    assert len({task.name for task in everything.tasks}) == len(everything.tasks)


def test_several_suites_are_one_with_all_tasks(tmp_path: Path):
    (tmp_path / "own.py").write_text(SUITE)
    both = load_all([str(tmp_path / "own.py"), "suite:instructions@smoke"])
    assert [task.name for task in both.tasks] == ["own", "instructions"]
    with pytest.raises(UsageError, match="Both 'suite:instructions' and 'suite:instructions@hard' have a task"):
        load_all(["suite:instructions", "suite:instructions@hard"])


def test_one_of_several_tags_is_enough_and_tasks_without_any_are_left_out(tmp_path: Path):
    lengths = load("suite:long_context@1k,4k")
    assert {item.tags[0] for item in lengths.tasks[0].dataset} == {"1k", "4k"}
    assert [task.name for task in load("suite:tool_calling@chained").tasks] == ["tool_steps"]
    (tmp_path / "own.py").write_text(SUITE)
    assert ids(load(tmp_path / "own.py").tasks) == ["a", "b"]
    assert ids(load(f"{tmp_path / 'own.py'}@t").tasks) == ["a"]


def test_a_wrong_name_is_one_line_that_says_what_was_meant():
    with pytest.raises(UsageError, match="Did you mean 'instructions'"):
        load("suite:instruction")
    with pytest.raises(UsageError, match="They are instructions, tool_calling"):
        load("suite:xyz")
    with pytest.raises(UsageError, match="The shipped suite is named suite:extraction"):
        load("extraction")
    with pytest.raises(UsageError, match="Did you mean '16k'"):
        load("suite:long_context@16kk")
    with pytest.raises(UsageError, match="There is no public set 'gsm8' here"):
        load("set:gsm8=x.jsonl")
    with pytest.raises(UsageError, match="set:gsm8k=FILE"):
        load("set:gsm8k")
    with pytest.raises(UsageError, match="cannot be read"):
        load("set:gsm8k=nowhere.jsonl")


def test_a_file_may_hold_an_at_sign_and_blanks(tmp_path: Path):
    file = tmp_path / "my items@home.jsonl"
    Dataset.of([Item(id="a", input="x", target="x")]).write(file)
    assert ids(load(file).tasks) == ["a"]
    assert read_names(written([file])) == (str(file),)
    names = [str(file), "suite:notes", "set:gsm8k=a b.jsonl@x"]
    assert read_names(written(names)) == tuple(names)


@pytest.mark.parametrize(
    ("name", "stem"),
    [("suite:notes@smoke", "notes-smoke"), ("set:gsm8k=data/test.jsonl", "test"), ("dir/own.py", "own")],
)
def test_the_folder_of_a_run_is_called_after_the_suite(name: str, stem: str):
    assert Reference.parse(name).stem == stem


def test_suites_are_listed_with_items_and_what_they_tell(copilot: Copilot):
    listed = copilot("eval", "suites", "--json").json
    assert [one["suite"] for one in listed] == [f"suite:{name}" for name in SUITES]
    first = listed[0]
    assert (first["items"], first["tags"]["smoke"], first["tells"]) == (104, 13, SUITES["instructions"])
    assert "suite:instructions" in copilot("eval", "suites").out


def test_a_shipped_suite_is_planned_and_several_are_run_as_one(copilot: Copilot, tmp_path: Path):
    planned = copilot("eval", "plan", "suite:extraction", "suite:instructions", "--model", "fake:a", "--json").json
    assert [(one["task"], one["items"]) for one in planned["tasks"]] == [("extraction", 63), ("instructions", 104)]
    (tmp_path / "own.py").write_text(
        SUITE + "from copilot_kit.testing import FunctionModel\nmodels = {'stub:x': FunctionModel(lambda _: 'x')}\n"
    )
    run = tmp_path / "run"
    ended = copilot("eval", "run", tmp_path / "own.py", "suite:extraction@smoke", "--model", "stub:x", "--out", run,
                    "--json")  # fmt: skip
    assert ended.code == 0, ended.err
    assert list(ended.json["tasks"]) == ["own", "extraction"]
    assert ended.json["attempts"]["ended"] == 2 + 16
    assert copilot("eval", "run", "--resume", run, "--json").code == 0


def test_without_a_suite_the_list_is_pointed_to(copilot: Copilot):
    assert "copilot-kit eval suites" in copilot("eval", "run", "--model", "a:b").err
    assert "copilot-kit eval suites" in copilot("eval", "plan", "--model", "a:b").err


def test_a_name_that_is_no_suite_is_an_error_of_use():
    with pytest.raises(UsageError):
        tasks_of("..")


NO_FILES = ["a\0b", "a\0b.py", "x" * 5000, "x" * 5000 + ".py", "suite:a\0", "set:gsm8k=a\0b", "", "@"]


@pytest.mark.parametrize("name", NO_FILES, ids=range(len(NO_FILES)))
def test_a_name_that_no_file_can_have_is_an_error_of_use(name: str):
    with pytest.raises(UsageError):
        load(name)
