"""Tables that others wrote: what is read, and one line for what cannot be."""

from pathlib import Path

import pytest

from copilot_kit.errors import UsageError
from copilot_kit_evals import tables
from copilot_kit_evals.tables import BadTable, read_table


def written(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_columns_are_found_by_any_of_their_usual_names_however_they_are_spelled(tmp_path: Path):
    table = read_table(written(tmp_path, "Model Name,Release-Date\nbig, 2025-01-01 \n"))
    assert table.text("agent", "model_name") == ["big"]
    assert table.text("release_date") == ["2025-01-01"]
    assert not table.has("score")


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_commas_semicolons_and_tabs_stand_between_cells(tmp_path: Path, mark: str):
    table = read_table(written(tmp_path, f'a{mark}b\n"x{mark}y"{mark}2\n'))
    assert (table.text("a"), table.numbers("b")) == ([f"x{mark}y"], [2.0])


def test_cells_over_several_lines_and_blank_lines_keep_the_count_of_lines(tmp_path: Path):
    table = read_table(written(tmp_path, '\ufeffa,b\r\n"one\ntwo",1\r\n\r\nthree,4\r\n'))
    assert table.lines == [2, 5]
    assert table.text("a") == ["one\ntwo", "three"]


def test_json_lines_and_a_json_list_are_tables_and_records_within_records_are_columns(tmp_path: Path):
    lines = '{"id": 1, "big": {"correct": true}}\n\n{"id": 2, "note": "x", "big": {"correct": null}}\n'
    table = read_table(written(tmp_path, lines, "t.jsonl"))
    assert table.numbers_or_none("big.correct") == [1.0, None]
    assert table.columns["note"] == ["", "x"]
    assert table.lines == [1, 3]
    assert read_table(written(tmp_path, '[{"a": 1}, {"a": 2}]', "t.json")).numbers("a") == [1.0, 2.0]


def test_words_of_truth_are_numbers(tmp_path: Path):
    table = read_table(written(tmp_path, "ok\nTrue\nno\n1\n0.5\n"))
    assert table.numbers("ok") == [1.0, 0.0, 1.0, 0.5]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "table.csv is empty"),
        (" \n\n", "table.csv is empty"),
        ("a,b\n", "has a header and no row"),
        ("a,a\n1,2\n", "two columns 'a'"),
        ("a,b\n1,2\n3\n", "table.csv, line 3: 1 cells where the header has 2"),
        ('a,b\n1,"2\n', "after line"),
        (b"a,b\n1,\xff\n", "table.csv, line 2: byte 0xff is no UTF-8"),
        ("a\n" + "x" * 200_000 + "\n", "field larger than field limit"),
    ],
)
def test_what_is_no_table_ends_in_one_line_that_says_where(tmp_path: Path, content: str | bytes, said: str):
    with pytest.raises(BadTable, match=said) as caught:
        read_table(written(tmp_path, content))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "line 1: this is no JSON"), ("[1]", "line 1: '1' is no object"), ("7", "line 1: '7' is no object")],
)
def test_what_is_no_json_line_is_said_with_its_line(tmp_path: Path, content: str, said: str):
    with pytest.raises(BadTable, match=said):
        read_table(written(tmp_path, content, "t.jsonl"))


@pytest.mark.parametrize("cell", ["x", "nan", "inf", "1_000", "1e999"])
def test_what_is_no_number_is_said_with_its_line(tmp_path: Path, cell: str):
    table = read_table(written(tmp_path, f"a,b\n1,1\n1,{cell}\n"))
    with pytest.raises(BadTable, match=r"line 3: 'b' is '.*', which is no number"):
        table.numbers("b")


def test_an_empty_cell_is_missing_and_never_zero(tmp_path: Path):
    table = read_table(written(tmp_path, "a,b\n1,\n"))
    assert table.numbers_or_none("b") == [None]
    with pytest.raises(BadTable, match="line 2: 'b' is empty"):
        table.numbers("b")
    with pytest.raises(BadTable, match="line 2: 'b' is empty"):
        table.text("b")


def test_a_missing_column_is_told_with_those_that_are_there(tmp_path: Path):
    table = read_table(written(tmp_path, ",".join(f"c{n}" for n in range(20)) + "\n" + ",".join("1" * 20) + "\n"))
    with pytest.raises(BadTable, match=r"has no column 'score'; its columns are 'c0', .* and 12 more"):
        table.called("score", "reward")


def test_a_path_that_cannot_be_read_is_wrong_use(tmp_path: Path):
    with pytest.raises(UsageError, match="There is no file") as missing:
        read_table(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="is a directory"):
        read_table(tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_table("a\0b.csv")
    assert missing.value.exit_code == 64


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tables, "MOST_BYTES", 1000)
    assert read_table(written(tmp_path, "a\n" + "1\n" * 499)).numbers("a") == [1.0] * 499
    with pytest.raises(BadTable, match="larger than 0 MB"):
        read_table(written(tmp_path, "a\n" + "1\n" * 500))


def test_what_stands_in_a_file_cannot_act_on_the_terminal(tmp_path: Path):
    file = written(tmp_path, "a,b\n\x1b[2J,1\n", "t\u202e.csv")
    with pytest.raises(BadTable) as caught:
        read_table(file).numbers("a")
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)
