"""Whatever a file holds, reading it ends in a dataset or in one line; never in a traceback, and never much later."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Copilot = Callable[..., Any]
SUFFIXES = (".jsonl", ".json", ".csv", ".yaml")
DEEP = b"[" * 200_000
LAUGHS = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (letter + 1, letter + 1, b",".join([b"*%c" % letter] * 9)) for letter in range(97, 105)
)


def shared() -> Path:
    folder = Path(os.environ.get("COPILOT_KIT_SHARED") or Path(__file__).parents[4] / "shared") / "data" / "badinput"
    if not folder.is_dir():
        pytest.skip(f"needs bad input: no {folder}; set COPILOT_KIT_SHARED to the folder above data")
    return folder


def imported(copilot: Copilot, folder: Path, name: str, content: bytes, *more: str) -> Any:
    """Import the content as a file of this name; checks that it is done, or refused in one line that hides nothing."""
    (folder / name).write_bytes(content)
    (folder / "out.jsonl").unlink(missing_ok=True)
    ended = copilot("eval", "import", folder / name, folder / "out.jsonl", *more)
    assert ended.code in (0, 3, 64), (name, content[:200], ended.err)
    assert ended.code == 0 or ended.err.count("\n") == 1, (name, content[:200], ended.err)
    assert "Traceback" not in ended.err
    assert not set("\x1b\u202e\u200b\r\x00") & set(ended.err), (name, content[:200])
    return ended


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", DEEP, "no JSON"),
        ("a.jsonl", b'{"id": "a", "input": ' + DEEP, "no JSON"),
        ("a.yaml", b"[" * 5_000, "no YAML"),
        ("a.yaml", LAUGHS + b"tests:\n- vars: {q: *i}\n", "more than 1,000,000 values"),
        ("a.yaml", b"tests:\n- vars: {q: &b [*b]}\n", "refers to itself"),
        ("a.yaml", b"tests: [{vars: {q: 2020-13-45}}]", "no YAML"),
        ("a.json", json.dumps({"tests": [{"vars": {f"v{n}": list(range(20)) for n in range(12)}}]}).encode(),
         "combinations"),
        ("a.jsonl", b'{"inputs": {"q": "\\ud800"}}', "half of a character"),
        ("a.jsonl", b'{"id": "a", "input": "x", "target": ' + b"9" * 5000 + b"}", "no JSON"),
        ("a.csv", "question,answer\na,b\n".encode("utf-16"), "no UTF-8"),
        ("a.csv", b'question,answer\n"a,b\n', "Correct the quotes"),
        ("a.csv", b"", "no column that is known as the input"),
        ("a.jsonl", b"", "no column that is known as the input"),
    ],
)  # fmt: skip
def test_what_breaks_careless_readers_is_refused_in_one_line(
    copilot: Copilot, tmp_path: Path, name: str, content: bytes, said: str
):
    ended = imported(copilot, tmp_path, name, content)
    assert ended.code == 3
    assert said in ended.err


def test_dates_and_keys_of_yaml_become_text(copilot: Copilot, tmp_path: Path):
    text = b"tests:\n- vars: {q: 2020-01-01, 1: !!binary aGk=}\n  assert: [{type: equals, value: 2020-01-02}]\n"
    assert imported(copilot, tmp_path, "a.yaml", text).code == 0
    item = json.loads((tmp_path / "out.jsonl").read_text())
    assert (item["input"], item["target"]) == ({"q": "2020-01-01", "1": "hi"}, "2020-01-02")


@pytest.mark.parametrize("out", ["nowhere/out.jsonl", "x" * 300])
def test_a_dataset_that_cannot_be_written_is_one_line(copilot: Copilot, tmp_path: Path, out: str):
    (tmp_path / "a.csv").write_text("question,answer\na,b\n")
    ended = copilot("eval", "import", tmp_path / "a.csv", tmp_path / out)
    assert (ended.code, ended.err.count("\n")) == (64, 1)


@pytest.mark.parametrize("path", ["nothing.csv", "x" * 300, ".", "/dev/null", "folder.eval", "folder.parquet"])
def test_what_is_no_file_is_one_line_for_every_command(
    copilot: Copilot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
):
    monkeypatch.chdir(tmp_path)
    for name in ("folder.eval", "folder.parquet"):
        (tmp_path / name).mkdir()
    for words in (("eval", "import", path, "out.jsonl"), ("stats", "means", path),
                  ("stats", "compare", path, "--a", "x", "--b", "y"), ("stats", "passk", path),
                  ("eval", "show", path), ("eval", "export", path, "out.csv"),
                  ("eval", "merge", path, "--out", "whole"), ("eval", "draft", path)):  # fmt: skip
        ended = copilot(*words)
        assert ended.code in (3, 64), words
        assert ended.err.count("\n") == 1, ended.err


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in (1, 2, 3))])
def test_every_json_that_others_refuse_is_imported_or_refused(copilot: Copilot, tmp_path: Path, part: int):
    lines = (shared() / "json_parsing.jsonl").read_text().splitlines()
    assert len(lines) > 100
    for line in lines[part::4]:
        content = base64.b64decode(json.loads(line)["bytes_b64"])
        imported(copilot, tmp_path, "a.jsonl", content)
        imported(copilot, tmp_path, "a.jsonl", b'{"inputs": {"q": ' + content + b'}, "outputs": {}}')


@pytest.mark.slow
def test_bad_texts_are_imported_or_refused_as_file_item_example_and_test(copilot: Copilot, tmp_path: Path):
    for name in ("naughty_strings", "display", "args_json", "load", "paths_own", "paths_public"):
        for line in (shared() / f"{name}.jsonl").read_text().splitlines()[::5]:
            row = json.loads(line)
            text = next((str(row[key]) for key in ("text", "raw", "path", "name") if key in row), line)
            for suffix in SUFFIXES:
                imported(copilot, tmp_path, f"a{suffix}", text.encode("utf-8", "surrogatepass"))
            tests = {"tests": [{"vars": {"q": text}, "assert": text}, text, {"vars": {text: [text]}}],
                     "prompts": [text, {"raw": text}], "defaultTest": text}  # fmt: skip
            for value in ({"id": text, "input": text}, {"inputs": {text: text}, "outputs": {"a": text}}, tests):
                imported(copilot, tmp_path, "a.json", json.dumps(value).encode())
    assert not list(tmp_path.rglob("CANARY"))
