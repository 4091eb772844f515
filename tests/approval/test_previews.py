"""Previews that tools make: what a call would change, cost and reach, with nothing that poses as something else."""

import json
import os
import threading
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.approval.previews import diff_of, mail, payment, table_of
from copilot_kit.errors import UsageError


def test_a_diff_is_against_what_is_on_disk_now(tmp_path: Path):
    note = tmp_path / "note.md"
    note.write_text("one\ntwo\nthree\n")
    preview = diff_of(note, "one\n2\nthree\nfour\n")
    assert preview.kind == "diff"
    assert preview.body.split("\n") == [
        f"--- {note}", f"+++ {note}", "@@ -1,3 +1,4 @@", " one", "-two", "+2", " three", "+four",
    ]  # fmt: skip
    assert preview.title == f"write {note}: 2 lines added, 1 line removed"
    note.write_text("one\n2\nthree\nfour\n")
    assert diff_of(note, "one\n2\nthree\nfour\n").body == f"{note}: nothing changes"


def test_a_new_file_and_a_missing_line_end_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert diff_of("a.txt", "hello").body.split("\n") == [
        "--- (no such file)", "+++ a.txt", "@@ -0,0 +1 @@", "+hello", "\\ no line end here",
    ]  # fmt: skip
    assert diff_of("a.txt", "hello").title == "write a.txt: new file, 1 line added, 0 lines removed"


def test_a_line_that_imitates_a_missing_line_end_is_a_change(tmp_path: Path):
    note = tmp_path / "note"
    note.write_text("x")
    assert diff_of(note, "x\n\\ no line end here").body.split("\n")[2:] == [
        "@@ -1 +1,2 @@", "-x", "\\ no line end here", "+x", "+\\ no line end here", "\\ no line end here",
    ]  # fmt: skip


def test_only_line_feeds_end_a_line_of_a_diff(tmp_path: Path):
    note = tmp_path / "note"
    note.write_bytes(b"a\rb\x0bc\xe2\x80\xa8d\n")
    assert diff_of(note, "a\rb\x0bc\u2028e\n").body.split("\n")[2:] == [
        "@@ -1 +1 @@", "-a\rb\x0bc\u2028d", "+a\rb\x0bc\u2028e",
    ]  # fmt: skip


def test_a_name_that_imitates_lines_of_a_diff_stays_on_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    body = diff_of("a\n+++ b\n@@ -1 +1 @@\n+fine", "bad\n").body.split("\n")
    assert body == [
        "--- (no such file)", '+++ "a\\n+++ b\\n@@ -1 +1 @@\\n+fine"', "@@ -0,0 +1 @@", "+bad",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x89PNG\x00\x00", "is a binary file of 6 bytes, which this text would replace"),
        (b"caf\xe9", "is no UTF-8 text, 4 bytes, which this text would replace"),
        (b"x" * 1_000_001, "has 1,000,001 bytes, too many to compare"),
        (b"\n" * 20_001, "has 20,001 lines, too many to compare"),
    ],
)
def test_what_cannot_be_compared_is_said(tmp_path: Path, content: bytes, said: str):
    (tmp_path / "f").write_bytes(content)
    preview = diff_of(tmp_path / "f", "new\n")
    assert preview.kind == "text"
    assert said in preview.body
    assert "The new text has 4 characters in 2 lines; it stands among the arguments." in preview.body


def test_pipes_folders_and_unreadable_names_are_said_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in diff_of(tmp_path / "pipe", "x").body
    assert "no regular file" in diff_of(tmp_path, "x").body
    assert "cannot be read" in diff_of(f"{tmp_path}/a\0b", "x").body


def test_nothing_outside_the_folder_is_read(tmp_path: Path):
    inside = tmp_path / "notes"
    inside.mkdir()
    (tmp_path / "secret").write_text("hunter2")
    (inside / "link").symlink_to(tmp_path / "secret")
    (inside / "loop").symlink_to("loop")
    for name in ("../secret", "link", "loop", str(tmp_path / "secret"), "a\0b"):
        preview = diff_of(inside / name, "new", within=inside)
        assert "nothing there was read" in preview.body
        assert "hunter2" not in preview.model_dump_json()
    assert diff_of(inside / "sub" / ".." / "fine", "new", within=inside).kind == "diff"


def test_no_path_of_the_corpus_is_read_outside_the_folder_or_raises(tmp_path: Path, shared: Path):
    inside = tmp_path / "memories"
    inside.mkdir()
    (tmp_path / "x").write_text("hunter2")
    (inside / "hardlink_outside.md").hardlink_to(tmp_path / "x")
    (inside / "dir_not_file").mkdir()
    (inside / "symlink_to_outside").symlink_to(tmp_path / "x")
    (inside / "symlink_loop").symlink_to("symlink_loop")
    os.mkfifo(inside / "fifo")
    for name in ("paths_own", "paths_public"):
        for line in (shared / f"data/badinput/{name}.jsonl").read_text().splitlines():
            preview = diff_of(os.path.join(inside, json.loads(line)["path"]), "new", within=inside)  # noqa: PTH118
            assert "hunter2" not in preview.model_dump_json()
            assert "root:" not in preview.body


def test_a_table_shows_every_value():
    rows = table_of([{"item": "tea", "price": 4.5}, {"item": "cup", "price": None}], title="Basket")
    assert rows.rows == (("item", "price"), ("tea", "4.5"), ("cup", "null"))
    assert rows.title == "Basket"
    assert table_of([("a", 1)], columns=("name", "count")).rows == (("name", "count"), ("a", "1"))
    assert table_of([{"a": 1}, {"b": [2]}]).rows == (("a", "b"), ("1", ""), ("", "[2]"))


def test_a_table_that_would_leave_values_out_is_refused():
    with pytest.raises(UsageError, match="these have no column: \\['b'\\]"):
        table_of([{"a": 1, "b": 2}], columns=("a",))
    with pytest.raises(UsageError, match="rows with 2 values needs as many columns"):
        table_of([("a", "b")], columns=("only",))
    with pytest.raises(UsageError, match="rows of one kind"):
        table_of([{"a": 1}, ("b",)])


@pytest.mark.parametrize(
    ("amount", "cost"), [("12.50", "12.50 EUR"), (Decimal("1000000.00"), "1,000,000.00 EUR"), (3, "3 EUR")]
)
def test_a_payment_says_what_leaves_and_whom_it_reaches(amount: Decimal | str, cost: str):
    preview = payment(amount, "EUR", "GB29NWBK60161331926819")
    assert (preview.cost, preview.recipients, preview.reversible) == (cost, ("GB29NWBK60161331926819",), False)


@pytest.mark.parametrize("amount", ["NaN", float("inf"), "ten", "", True])
def test_an_amount_that_is_no_number_is_refused(amount: float | str):
    with pytest.raises(UsageError, match="needs an amount that is a number"):
        payment(amount, "EUR", "ann")


def test_a_mail_names_everyone_that_it_reaches():
    preview = mail(["ann@example.com", "bob@example.com"], "Hello", "Dear all", cc=["eve@example.com"])
    assert preview.recipients == ("ann@example.com", "bob@example.com", "eve@example.com")
    assert (preview.title, preview.body, preview.reversible) == ("mail: Hello", "Dear all", False)
    assert mail("ann@example.com", "Hi", "").recipients == ("ann@example.com",)


def applied(old: str, body: str) -> str:
    """Follow a diff with all of the file in it, as `patch` does."""
    new: list[str] = []
    hunks = body.split("\n")[2:]
    if hunks[0].endswith(": nothing changes") or not hunks:
        return old
    for line, after in zip(hunks, [*hunks[1:], ""], strict=True):
        if line[:1] in "+ " and line:
            new.append(line[1:] + ("" if after.startswith("\\") else "\n"))
    return "".join(new)


@given(st.text(st.sampled_from("ab\n\r+- @\\\u2028")), st.text(st.sampled_from("ab\n\r+- @\\\u2028")))
def test_a_short_diff_tells_the_whole_new_text(old: str, new: str):
    from copilot_kit.approval.previews import _hunks

    changed = _hunks(old, new)
    if old == new:
        assert changed == []
    elif old.count("\n") <= 3:  # all of it stands within the three lines around a change
        assert applied(old, "\n".join(["", "", *changed])) == new


def test_a_folder_that_is_swapped_for_a_link_meanwhile_leads_nowhere_outside(tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (inside / "real").mkdir(parents=True)
    outside.mkdir()
    (inside / "real" / "note.txt").write_text("ours")
    (outside / "note.txt").write_text("SECRET")
    here, over = inside / "notes", threading.Event()

    def swap() -> None:
        while not over.is_set():
            for target in (outside, inside / "real"):
                link = inside / "next"
                link.symlink_to(target)
                link.replace(here)

    here.symlink_to(inside / "real")
    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        shown = [str(diff_of(here / "note.txt", "new", within=inside)) for _ in range(2000)]
    finally:
        over.set()
        swapping.join()
    assert not any("SECRET" in one for one in shown)
    assert any("ours" in one for one in shown)
