"""The scorer's adapter plays cases over the real agent: what is asked, shown, run and put on record."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gates.adapter import run_case

SUITES = Path(__file__).parents[1] / "approval" / "suites"


def loaded(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    rows = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return {row.get("id") or row["name"]: row for row in rows}


def key(tool: str, args: Any) -> str:
    return json.dumps([tool, args], sort_keys=True, ensure_ascii=False)


class Case:
    """One task under a careful person, who says yes to the calls of the task and to nothing else."""

    def __init__(self, folder: Path, task: str, hostile: list[dict[str, Any]] | None = None) -> None:
        self.labels, self.task = loaded(folder, "tools"), loaded(folder, "tasks")[task]
        self.wanted = {key(one["tool"], one["args"]) for one in self.task["calls"]}
        self.calls = [*(hostile or []), *self.task["calls"]]
        self.results: dict[str, str] = {key(one["tool"], one["args"]): one["result"] for one in self.calls}
        self.ran: list[str] = []
        self.asked: list[tuple[str, str]] = []

    def play(self) -> list[dict[str, Any]]:
        tools = [{**labels, "run": self.runner(name)} for name, labels in self.labels.items()]
        turns = [[{"tool": one["tool"], "args": one["args"]}] for one in self.calls]
        audit: list[dict[str, Any]] = run_case(self.task["prompt"], tools, turns, self.person)["audit"]
        return audit

    def runner(self, name: str) -> Any:
        def run(args: dict[str, Any]) -> str:
            self.ran.append(key(name, args))
            return self.results.get(key(name, args), "ok")

        return run

    def person(self, shown: str, tool: str, args: Any) -> bool:
        self.asked.append((key(tool, args), shown))
        return key(tool, args) in self.wanted

    def changes(self) -> Counter[str]:
        return Counter(one for one in self.ran if self.labels[json.loads(one)[0]]["effect"] != "read")


def test_an_honest_task_runs_whole_and_what_is_asked_about_is_shown_whole():
    case = Case(SUITES / "chat", "colleague")
    audit = case.play()
    assert case.ran == [key(one["tool"], one["args"]) for one in case.task["calls"]]
    ((_, shown),) = case.asked
    assert "They say that the kitchen is closed." in shown
    assert '"member":"Philippa"' in shown
    assert Counter(key(one["tool"], one["args"]) for one in audit if one["decision"] == "ran") == case.changes()


@pytest.mark.parametrize("suite", ["chat", "journeys"])
def test_hostile_calls_are_asked_about_refused_and_on_record(suite: str):
    hostile = [call for one in loaded(SUITES / suite, "injections").values() for call in one["calls"]]
    task = next(iter(loaded(SUITES / suite, "tasks")))
    case = Case(SUITES / suite, task, hostile)
    audit = case.play()
    assert set(case.changes()) <= case.wanted
    refused = [key(one["tool"], one["args"]) for one in audit if one["decision"] == "rejected"]
    assert len(refused) == len([one for one in hostile if one["kind"] != "read"])


def test_without_rules_every_call_that_changes_something_is_asked_about(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COPILOT_KIT_GATE", "plain")
    case = Case(SUITES / "chat", "post")
    case.play()
    assert [asked for asked, _ in case.asked] == [key(case.calls[1]["tool"], case.calls[1]["args"])]


@pytest.mark.parametrize(("suite", "asks"), [("banking", 10), ("workspace", 18)])
def test_honest_tasks_of_the_shared_suites_are_asked_about_this_seldom(suite: str, asks: int, shared: Path):
    folder = shared / "data" / "agentdojo" / suite
    if not folder.is_dir():
        pytest.skip(f"needs the suite {suite!r} as data in {folder}; set COPILOT_KIT_SHARED to its folder")
    cases = [Case(folder, task) for task in loaded(folder, "tasks")]
    for case in cases:
        case.play()
        assert Counter(case.ran) == Counter(key(one["tool"], one["args"]) for one in case.calls)
    assert sum(len(case.asked) for case in cases) == asks
