"""What a run that goes on remembers: time, repeats, and what it must not begin with."""

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from copilot_kit.errors import UnknownModel
from copilot_kit.request import Request
from copilot_kit.testing import FunctionModel
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.folder import RunFolder, Session
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.remembering import worked_s
from copilot_kit_evals.runner import Options, resume, run
from copilot_kit_evals.spending import Spending
from copilot_kit_evals.tasks import Ask, Task
from tests.evals.arithmetic import USAGE, adder, opening, sums

CANDIDATES = candidates_of(["fake:good"])


async def test_a_model_that_cannot_be_opened_leaves_no_folder(tmp_path: Path):
    with pytest.raises(UnknownModel, match="Cannot open model 'fake:bad'"):
        await run([sums(3)], candidates_of(["fake:good", "fake:bad"]), tmp_path / "run",
                  Options(opening=opening(adder())))  # fmt: skip
    assert not (tmp_path / "run").exists()


async def test_the_time_of_a_run_is_that_of_all_its_sessions_and_not_of_the_nights_between(tmp_path: Path):
    ended = await run([sums(4)], CANDIDATES, tmp_path / "run", Options(opening=opening(adder())))
    attempts = list(ended.folder.attempts())
    begins = (100.0, 1000.0)
    (tmp_path / "run" / "sessions.jsonl").write_text("".join(Session(at=at).model_dump_json() + "\n" for at in begins))
    times = (103.0, 110.0, 1002.5, 1001.0)
    lines = [one.model_copy(update={"at": at}).model_dump_json(exclude_none=True) + "\n"
             for one, at in zip(attempts, times, strict=True)]  # fmt: skip
    (tmp_path / "run" / "attempts.jsonl").write_text("".join(lines))
    assert worked_s(RunFolder(tmp_path / "run")) == 10.0 + 2.5


async def test_a_budget_of_time_counts_what_earlier_sessions_took(tmp_path: Path):
    path = tmp_path / "run"
    slow = Options(opening=opening(adder(delay_s=0.05)), at_once=1, spending=Spending(seconds=0.2))
    first = await run([sums(40)], CANDIDATES, path, slow)
    assert first.why == "budget"
    made = first.tally.ended
    assert 0 < made <= 5
    same = Options(opening=opening(adder()), at_once=1, spending=Spending(seconds=0.1))
    second = await resume(path, [sums(40)], same)
    assert (second.why, second.tally.ended) == ("budget", made), "no time was left"
    assert "seconds" in second.reason
    more = Options(opening=opening(adder()), at_once=1, spending=Spending(seconds=60))
    assert (await resume(path, [sums(40)], more)).why == "done"


async def test_an_answer_that_is_kept_stands_for_its_own_repeat_and_for_no_other(tmp_path: Path):
    heard, waiting = Counter[str](), asyncio.Event()

    async def answer(request: Request) -> list[object]:
        text = request.messages[-1].text
        heard[text] += 1
        if heard[text] > 2:
            waiting.set()
            await asyncio.sleep(60 if len(heard) and not resumed else 0)
        return ["2", USAGE]

    resumed = False
    model = FunctionModel(answer, id="fake:good")  # type: ignore[arg-type]
    task = Task("t", Dataset.of([Item(id="a", input="1+1", target="2")]), Ask(), sums(1).scorers, repeats=5)
    going = asyncio.create_task(run([task], CANDIDATES, tmp_path / "run", Options(opening=opening(model), at_once=1)))
    await asyncio.wait_for(waiting.wait(), 10)
    going.cancel()
    await asyncio.wait([going])
    log = tmp_path / "run" / "attempts.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:1]))  # as a kill leaves it: one has ended
    resumed = True
    ended = await resume(tmp_path / "run", [task], Options(opening=opening(model)))
    found = {one.repeat: (one.cached, one.calls) for one in ended.folder.settled()}
    assert found == {0: (0, 1), 1: (1, 1), 2: (0, 1), 3: (0, 1), 4: (0, 1)}
    assert heard["1+1"] == 3 + 3, "the same request, and yet each repeat is asked"
    assert len({(call.attempt, call.n) for call in ended.folder.calls()}) == 5


WINDOWS = """
import sys
for name in ("fcntl", "resource", "termios", "pwd", "grp"):
    sys.modules[name] = None
from copilot_kit.cli.program import run
sys.exit(run(sys.argv[1:]))
"""


def as_on_windows(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command where the modules of POSIX are not there."""
    command = [sys.executable, "-c", WINDOWS, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_without_locks_of_posix_a_run_is_refused_in_one_line(tmp_path: Path):
    suite = Path(__file__).with_name("sums_suite.py")
    done = as_on_windows("eval", "run", suite, "--model", "fake:a", "--out", tmp_path / "r")
    assert done.returncode == 64, done.stderr
    assert "Run it in WSL" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_locks_of_posix_a_run_is_planned_and_a_log_is_judged(tmp_path: Path):
    suite = Path(__file__).with_name("sums_suite.py")
    planned = as_on_windows("eval", "plan", suite, "--model", "fake:a", "--json")
    assert planned.returncode == 0, planned.stderr
    log = tmp_path / "log.csv"
    log.write_text("model,item,passed\na,1,1\nb,1,1\n")
    judged = as_on_windows("snap", "--from-logs", log, "--incumbent", "a", "--candidate", "b", "--json")
    assert judged.returncode == 2, judged.stderr


@pytest.mark.parametrize("module", ["cli.frontier", "frontier.ledger", "web.app", "pytest_plugin"])
def test_modules_load_without_those_of_posix(module: str):
    code = WINDOWS.split("from", maxsplit=1)[0] + f"import copilot_kit_evals.{module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
