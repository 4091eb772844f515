"""Items and datasets: what a file must be, and what its fingerprint covers."""

from pathlib import Path

import pytest

from copilot_kit.errors import UsageError
from copilot_kit_evals.items import BadDataset, Dataset, Item, Turn, conversation

LINE = '{"id": "a", "input": "1+1", "target": "2", "tags": ["easy"], "meta": {"by": "me"}}\n'


def written(folder: Path, text: str, name: str = "items.jsonl") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_json_lines_become_items_in_their_order(tmp_path: Path):
    dataset = Dataset.read(written(tmp_path, LINE + "\n" + '{"id": 7, "input": "2+2"}\n'))
    assert [item.id for item in dataset] == ["a", "7"]
    assert dataset[0] == Item(id="a", input="1+1", target="2", tags=("easy",), meta={"by": "me"})
    assert (dataset.name, len(dataset), list(dataset.ids)) == ("items", 2, ["a", "7"])


def test_csv_columns_are_fields_and_unknown_ones_are_meta(tmp_path: Path):
    text = 'id,input,target,tags,choices,weight,source\nq1,What?,b,x;y,"[""a"", ""b; c""]",2,book\n'
    item = Dataset.read(written(tmp_path, text, "q.csv"))[0]
    assert item == Item(id="q1", input="What?", target="b", tags=("x", "y"), choices=("a", "b; c"), weight=2.0,
                        meta={"source": "book"})  # fmt: skip


def test_csv_without_ids_is_called_by_its_lines(tmp_path: Path):
    dataset = Dataset.read(written(tmp_path, 'input,target\n"two\nlines",1\nb,2\n', "q.csv"))
    assert [item.id for item in dataset] == ["2", "4"]


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        (LINE + LINE, "x.jsonl", "x.jsonl, line 2 has the id 'a', which x.jsonl, line 1 has already"),
        (LINE + "{no\n", "x.jsonl", "x.jsonl, line 2: this is no JSON"),
        (LINE + "[1]\n", "x.jsonl", "x.jsonl, line 2: '[1]' is no object"),
        (LINE + '{"id": "b"}\n', "x.jsonl", "x.jsonl, line 2: 'input'"),
        ('{"id": "b", "input": "x", "taget": 1}\n', "x.jsonl", "x.jsonl, line 1: 'taget'"),
        ('{"id": "b", "input": "x", "weight": 0}\n', "x.jsonl", "x.jsonl, line 1: 'weight' is '0'"),
        ('{"id": "b", "input": "x", "required_reliability": 1}\n', "x.jsonl", "line 1: 'required_reliability'"),
        ("", "x.jsonl", "holds no items"),
        ("input,target\na\n", "x.csv", "x.csv, line 2: 1 cells where the header has 2"),
        ("question,target\na,b\n", "x.csv", "has no column 'input'"),
        ('input\n"open\n', "x.csv", "x.csv, line 2"),
    ],
)
def test_what_is_no_dataset_is_named_by_its_line(tmp_path: Path, text: str, name: str, words: str):
    with pytest.raises(BadDataset) as raised:
        Dataset.read(written(tmp_path, text, name))
    assert words in str(raised.value)
    assert raised.value.exit_code == 3


def test_bytes_that_are_no_text_are_named_by_their_line(tmp_path: Path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(LINE.encode() + b'{"id": "\xff"}\n')
    with pytest.raises(BadDataset, match=r"line 2: byte 0xff"):
        Dataset.read(path)


def test_two_items_of_one_id_are_refused_in_python_too():
    with pytest.raises(BadDataset, match="item 2 has the id 'a'"):
        Dataset.of([Item(id="a", input="x"), Item(id="a", input="y")])


def test_the_fingerprint_covers_every_field_and_the_files_but_not_how_a_line_is_written(tmp_path: Path):
    (tmp_path / "data.txt").write_text("one")
    spaced = written(tmp_path, '{"input":  "x", "id": "a", "files": {"in.txt": "data.txt"}}\n')
    plain = Dataset.of([Item(id="a", input="x", files={"in.txt": "data.txt"})], folder=tmp_path)
    before = Dataset.read(spaced).fingerprint
    assert before == plain.fingerprint
    assert before != Dataset.of([Item(id="a", input="x!", files={"in.txt": "data.txt"})], folder=tmp_path).fingerprint
    (tmp_path / "data.txt").write_text("two")
    assert Dataset.read(spaced).fingerprint != before


def test_files_outside_of_the_datasets_folder_are_refused(tmp_path: Path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "in").mkdir()
    item = Item(id="a", input="x", files={"f": "../secret"})
    with pytest.raises(BadDataset, match="no file under 'in'"):
        Dataset.of([item], folder=tmp_path / "in").file(item, "f")


def test_a_dataset_survives_being_written(tmp_path: Path):
    items = [Item(id="a", input=(Turn(role="user", text="ü\u2028"),), variants={"b": "other"}), Item(id="b", input="x")]
    Dataset.of(items).write(tmp_path / "out.jsonl")
    assert list(Dataset.read(tmp_path / "out.jsonl")) == items


def test_a_template_takes_each_value_once_and_never_looks_into_it():
    said = conversation({"text": "{language}", "language": "French"}, template="Say {text} in {language}: {other}")
    assert said[0].text == "Say {language} in French: {other}"
    assert conversation("{input}", template="Q: {input}")[0].text == "Q: {input}"


def test_an_object_without_a_template_says_what_to_do():
    with pytest.raises(UsageError, match="Give the task a template"):
        conversation({"a": 1})


def test_an_item_is_always_asked_in_the_same_messages():
    assert conversation("x", item_id="i") == conversation("x", item_id="i")
