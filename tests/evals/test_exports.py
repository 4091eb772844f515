"""A run as a table and as JUnit: what others read of it."""

import csv
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from copilot_kit.cli.program import run as command
from copilot_kit.errors import UsageError
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.exports import export
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.runner import Options, run
from copilot_kit_evals.tasks import Task
from tests.evals.arithmetic import adder, opening, sums


async def compared(path: Path) -> RunFolder:
    options = Options(opening=opening(adder(), adder("fake:bad", wrong=(1, 2))))
    return (await run([sums(10)], candidates_of(["fake:good", "fake:bad"]), path, options)).folder


async def test_the_table_is_one_that_the_statistics_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert export(await compared(tmp_path / "run"), tmp_path / "out.csv") == 20
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert {(row["item"], row["score"]) for row in rows if row["model"] == "fake:bad" and row["score"] == "0.0"} == {
        ("i1", "0.0"), ("i2", "0.0")}  # fmt: skip
    assert {row["cost"] for row in rows} == {"0.01"}
    assert command(["stats", "compare", str(tmp_path / "out.csv"), "--a", "fake:good", "--b", "fake:bad"]) == 0
    assert "0.2" in capsys.readouterr().out


async def test_what_is_missing_has_a_row_without_a_score(tmp_path: Path):
    folder = await compared(tmp_path / "run")
    log = tmp_path / "run" / "attempts.jsonl"
    log.write_text("".join(line + "\n" for line in log.read_text().splitlines()[:-3]))
    assert export(folder, tmp_path / "out.csv") == 20
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [row["score"] for row in rows if row["outcome"] == "not_run"] == ["", "", ""]
    export(folder, tmp_path / "out.xml")
    suites = ET.parse(tmp_path / "out.xml").getroot()  # noqa: S314  our own file
    assert sum(int(one.attrib["errors"]) for one in suites) == 3


async def test_junit_shows_each_item_as_a_case(tmp_path: Path):
    assert export(await compared(tmp_path / "run"), tmp_path / "out.xml") == 20
    suites = ET.parse(tmp_path / "out.xml").getroot()  # noqa: S314  our own file
    told = [(one.attrib["name"], one.attrib["tests"], one.attrib["failures"], one.attrib["errors"]) for one in suites]
    assert told == [("sums on fake:good", "10", "0", "0"), ("sums on fake:bad", "10", "2", "0")]
    assert {case.attrib["name"] for case in suites[1] if case.find("failure") is not None} == {"i1", "i2"}


async def test_items_of_several_tasks_and_clusters_are_told_apart(tmp_path: Path):
    first, second = sums(2), sums(2)
    clustered = Dataset.of(Item(id=one.id, input=one.input, target=one.target, cluster="c" if one.id == "i0" else None)
                           for one in second.dataset)  # fmt: skip
    tasks = [first, Task("more", clustered, second.solver, second.scorers)]
    ended = await run(tasks, candidates_of(["fake:good"]), tmp_path / "run", Options(opening=opening(adder())))
    export(ended.folder, tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert {(row["item"], row["cluster"]) for row in rows} == {
        ("sums/i0", "item i0"), ("sums/i1", "item i1"), ("more/i0", "c"), ("more/i1", "item i1")}  # fmt: skip


async def test_other_forms_are_refused(tmp_path: Path):
    with pytest.raises(UsageError, match=r"A run is not written as '\.pdf'"):
        export(await compared(tmp_path / "run"), tmp_path / "out.pdf")
