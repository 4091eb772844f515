"""The benchmark of search measures what it says, on files that are the same each time."""

from pathlib import Path

from benchmarks.memory_search.__main__ import FIGURES, measure, missed, table
from benchmarks.memory_search.contenders import CONTENDERS
from benchmarks.memory_search.corpus import Size, build


def test_the_files_are_the_same_each_time_and_of_the_size_that_was_asked_for(tmp_path: Path):
    sizes = []
    for name in ("one", "other"):
        build(tmp_path / name, Size(40, 200_000))
        files = {file.relative_to(tmp_path / name): file.read_bytes() for file in (tmp_path / name).rglob("*.md")}
        sizes.append((len(files), sum(map(len, files.values())), files))
    assert sizes[0] == sizes[1]
    assert sizes[0][0] == 40
    assert 100_000 < sizes[0][1] < 400_000


def test_ours_and_the_plain_script_find_the_file_with_the_word(tmp_path: Path):
    root = tmp_path / "files"
    words = build(root, Size(40, 200_000))
    (root / "x.md").write_text("needle\n", encoding="utf-8")
    for name in ("copilot_kit", "plain FTS5"):
        contender = CONTENDERS[name](root, tmp_path / f"{name}.db")
        assert contender.find("needle") == ["x.md"]
        assert len(contender.find(words.all[5])) == 10


def test_every_figure_is_measured_and_printed(tmp_path: Path):
    results = measure(tmp_path, Size(30, 60_000), count=20, names=["copilot_kit"])
    assert set(results["copilot_kit"]) == set(FIGURES)
    assert len(table(results).splitlines()) == 1 + len(FIGURES)


def test_a_target_that_is_missed_is_named_with_its_figure():
    figures = dict.fromkeys(FIGURES, 1.0) | {"by_hand_ms": 51.0, "three words: median_ms": 10.5}
    assert missed(figures) == [
        "three words, median ms: 10.50, target 10",
        "one file changed by hand, found after ms: 51.00, target 50",
    ]
