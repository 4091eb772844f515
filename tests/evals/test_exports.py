"""A run as a table and as JUnit: what others read of it."""

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import anyio
import pytest

from copilot_kit.cli.program import run as command
from copilot_kit.errors import UsageError
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.exports import export
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.parquet import to_parquet
from copilot_kit_evals.runner import Options, run
from copilot_kit_evals.tasks import Task
from tests.evals.arithmetic import adder, opening, sums

MOST_MB = 300
PEAK = """
import sys
from pathlib import Path
from copilot_kit_evals.exports import export
from copilot_kit_evals.folder import RunFolder

rows = export(RunFolder(sys.argv[1]), Path(sys.argv[2]))
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))  # rusage counts who forked it
print(rows, int(peak.split()[1]) // 1024)
"""


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
    assert all(float(case.attrib["time"]) >= 0 for one in suites for case in one)
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


async def test_parquet_has_the_columns_of_the_table_with_their_types(
    tmp_path: Path, copilot: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
    import pyarrow.parquet as pq

    folder = await compared(tmp_path / "run")
    log = tmp_path / "run" / "attempts.jsonl"
    log.write_text("".join(line + "\n" for line in log.read_text().splitlines()[:-3]))
    assert export(folder, tmp_path / "out.csv") == to_parquet(folder, tmp_path / "out.parquet", group=8) == 20
    table = pq.read_table(tmp_path / "out.parquet")
    assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups == 3
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds == {
        "model": "string", "task": "string", "item": "string", "variant": "string", "repeat": "int64",
        "score": "double", "outcome": "string", "cost": "double", "tokens_in": "int64", "tokens_out": "int64",
        "latency_s": "double", "served": "string", "error": "string", "tags": "list<element: string>"}  # fmt: skip
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert list(kinds) == list(rows[0])
    assert [None if row["score"] == "" else float(row["score"]) for row in rows] == table["score"].to_pylist()
    assert table["score"].to_pylist()[-3:] == [None, None, None]
    words = ("stats", "compare", "--a", "fake:good", "--b", "fake:bad", "--json")
    assert copilot(*words, tmp_path / "out.parquet").json == copilot(*words, tmp_path / "out.csv").json


async def test_the_folder_of_a_run_is_a_table_too(tmp_path: Path, copilot: Callable[..., Any]):
    folder = await compared(tmp_path / "run")
    export(folder, tmp_path / "out.csv")
    assert copilot("stats", "means", tmp_path / "run", "--json").json == (
        copilot("stats", "means", tmp_path / "out.csv", "--json").json)  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"PAR1", b"a,b\n1,2\n", b"PAR1" + b"\0" * 50 + b"PAR1"])
def test_what_is_no_parquet_is_one_line(tmp_path: Path, copilot: Callable[..., Any], content: bytes):
    (tmp_path / "x.parquet").write_bytes(content)
    ended = copilot("stats", "means", tmp_path / "x.parquet")
    assert (ended.code, ended.err.count("\n")) == (3, 1)
    assert "is no Parquet that can be read" in ended.err


async def test_a_file_that_cannot_be_written_is_one_line_and_leaves_nothing(
    tmp_path: Path, copilot: Callable[..., Any]
):
    await compared(tmp_path / "run")
    for name in ("out.csv", "out.parquet", "out.xml"):
        ended = copilot("eval", "export", tmp_path / "run", tmp_path / "nowhere" / name)
        assert (ended.code, ended.err.count("\n")) == (64, 1)
        assert "cannot be written" in ended.err


@pytest.mark.slow
async def test_a_hundred_thousand_attempts_are_exported_in_bounded_memory(tmp_path: Path):
    options = Options(opening=opening(adder()))
    await run([sums(1000)], candidates_of(["fake:good"]), tmp_path / "run", options)
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    manifest["tasks"][0]["repeats"] = 100
    (tmp_path / "run" / "run.json").write_text(json.dumps(manifest))
    lines = (tmp_path / "run" / "attempts.jsonl").read_text().splitlines()
    with (tmp_path / "run" / "attempts.jsonl").open("a") as log:
        for repeat in range(1, 100):
            log.writelines(json.dumps({**json.loads(line), "repeat": repeat}) + "\n" for line in lines)
    ended = await anyio.run_process([sys.executable, "-c", PEAK, tmp_path / "run", tmp_path / "out.parquet"])
    rows, peak_mb = map(int, ended.stdout.split())
    assert rows == 100_000
    assert peak_mb < MOST_MB, "the packages alone take 150"


async def test_other_forms_are_refused(tmp_path: Path):
    with pytest.raises(UsageError, match=r"A run is not written as '\.pdf'"):
        export(await compared(tmp_path / "run"), tmp_path / "out.pdf")


async def test_junit_is_xml_whatever_items_are_called(tmp_path: Path):
    names = ["\x1b[31m", "nul\x00", "é\u202e", "a<b&c>", "\U0001f600"]
    options = Options(opening=opening(adder()))
    task = Task("odd", Dataset.of([Item(id=name, input="1 + 1", target="2") for name in names]), sums(1).solver,
                sums(1).scorers)  # fmt: skip
    folder = (await run([task], candidates_of(["fake:good"]), tmp_path / "run", options)).folder
    assert export(folder, tmp_path / "out.xml") == 5
    cases = ET.parse(tmp_path / "out.xml").getroot().iter("testcase")  # noqa: S314  our own file
    assert {case.attrib["name"] for case in cases} == {"\\x1b[31m", "nul\\x00", "é\u202e", "a<b&c>", "\U0001f600"}
