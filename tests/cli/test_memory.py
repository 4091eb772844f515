"""What the commands print of a memory, what they change, and that nothing in it reaches the screen as it is."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.journal.opening import open_store
from copilot_kit.journal.store import Draft
from copilot_kit.memory.entries import Author
from copilot_kit.memory.memory import Memory
from copilot_kit.messages import Source
from copilot_kit.records import Decided, Decision, Principal, Proposal, Proposed, RunEnded, RunStarted
from copilot_kit.sync import wait

ADA = Author(kind="person", id="ada")
BIG = Author(kind="model", model="acme:big > big-2", agent="clerk", run_id="run_1", call_id="call_1")
OLD = Author(kind="model", model="acme:old > old-1", agent="clerk", run_id="run_0", call_id="call_0")
PAGE = Source(kind="tool", ref="fetch_page")


@pytest.fixture
def notes(own_folder: Path) -> Memory:
    """A memory in notes/, whose changes are an hour apart and called change_1, change_2, …"""
    now = datetime(2026, 11, 2, 9, tzinfo=UTC)
    count = 0

    def clock() -> datetime:
        nonlocal now
        now += timedelta(hours=1)
        return now

    def new_id(prefix: str) -> str:
        nonlocal count
        count += 1
        return f"{prefix}_{count}"

    return Memory("notes", clock=clock, new_id=new_id)


def filled(notes: Memory) -> None:
    notes.write("prefs.md", "Short answers.\n", by=ADA)
    notes.write("plans/tuesday.md", "# Tuesday\nCall Ada.\n", by=BIG)
    notes.change("plans/tuesday.md", lambda text: f"{text}Pay her twice.\n", by=BIG, sources=(PAGE,))
    notes.write("plans/deep/down/file.md", "x\n", by=OLD)


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n")]


async def three_edits(subject: str = "all@acme") -> None:
    """Make a journal in which a person took `cc` out of three calls."""
    store = open_store(None)
    for number in range(3):
        run_id = f"run_{number}"
        proposal = Proposal(
            id=f"prop_{number}", call_id=f"call_{number}", path=(), tool="send", tool_version="1", effect="external",
            arguments=json.dumps({"cc": subject}), model="acme:big", prompt_version="p", reasons=(), call_digest="d",
            shown_digest="s",
        )  # fmt: skip
        decision = Decision(proposal_id=proposal.id, call_digest="d", verdict="edit", by=Principal(id="ada"),
                            at=datetime(2026, 11, 2, number, tzinfo=UTC), arguments='{"cc":""}')  # fmt: skip
        bodies = [RunStarted(agent="mail", prompt_version="p", model="acme:big"), Proposed(proposal=proposal),
                  Decided(decision=decision), RunEnded(status="done")]  # fmt: skip
        await store.append(run_id, [Draft(body) for body in bodies], after=-1)
    await store.close()


def test_the_tree_shows_sizes_who_wrote_last_and_what_to_look_at(copilot: Callable[..., Any], notes: Memory):
    filled(notes)
    ended = copilot("memory", "show", "--model", "acme:big")
    head, *rest = lines(ended.out)
    assert head == "notes · 3 files, 52 bytes"
    assert [line.split() for line in rest if line] == [
        ["plans/"],
        ["deep/", "2", "1", "file", "retired"],
        ["tuesday.md", "35", *rest[2].split()[2:4], "clerk", "·", "big", "untrusted"],
        ["prefs.md", "15", *rest[3].split()[2:4], "ada"],
    ]


def test_deeper_folders_are_opened_when_asked_for_and_one_folder_can_be_shown(
    copilot: Callable[..., Any], notes: Memory
):
    filled(notes)
    deep = copilot("memory", "show", "--depth", "9").out
    assert "      file.md" in deep
    assert copilot("memory", "show", "plans/deep").out.startswith(
        "notes/plans/deep · 1 file, 2 bytes\ndown/\n  file.md"
    )
    assert copilot("memory", "show", "notes/plans/deep").out == copilot("memory", "show", "plans/deep").out


def test_a_file_is_shown_with_numbers_and_who_brought_which_line(copilot: Callable[..., Any], notes: Memory):
    filled(notes)
    ended = copilot("memory", "show", "plans/tuesday.md", "--model", "acme:big")
    at = [f"{entry.at.astimezone():%Y-%m-%d %H:%M}" for entry in notes.history("plans/tuesday.md")]
    assert lines(ended.out) == [
        "plans/tuesday.md · 3 lines, 35 bytes",
        "    1 m │ # Tuesday",
        "    2 m │ Call Ada.",
        "    3 u │ Pay her twice.",
        "",
        f"        1-2  clerk · acme:big, {at[0]}, change_2",
        f"          3  clerk · acme:big, {at[1]}, change_3, built on tool fetch_page",
        "",
    ]
    assert lines(ended.err)[:2] == [
        "  u  built on text that nobody vouches for",
        "  m  by a model, confirmed by nobody",
    ]


def test_models_of_the_slots_are_in_use_and_others_are_not(
    copilot: Callable[..., Any], notes: Memory, own_folder: Path
):
    filled(notes)
    assert "retired" not in copilot("memory", "show").out  # nobody said which models are in use
    (own_folder / "frontier.toml").write_text('[slots.default]\nmodel = "acme:old"\n')
    marks = {one["path"]: one["marks"] for one in copilot("memory", "show", "--depth", "9", "--json").json["entries"]}
    assert marks["plans/deep/down/file.md"] == []
    assert marks["plans/tuesday.md"] == ["retired", "untrusted"]


def test_history_is_newest_first_and_a_rename_is_one_line(copilot: Callable[..., Any], notes: Memory):
    filled(notes)
    notes.rename("prefs.md", "likes.md", by=ADA)
    rows = [line.split("  ") for line in lines(copilot("memory", "history").out)[1:] if line]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert [(row[0], *row[2:]) for row in cells] == [
        ("change_6", "renamed", "ada", "prefs.md → likes.md"),
        ("change_4", "created", "clerk · old", "plans/deep/down/file.md"),
        ("change_3", "changed, untrusted", "clerk · big", "plans/tuesday.md"),
        ("change_2", "created", "clerk · big", "plans/tuesday.md"),
        ("change_1", "created", "ada", "prefs.md"),
    ]
    assert len(copilot("memory", "history", "likes.md", "--json").json) == 3


def test_a_change_is_shown_with_what_it_changed_and_can_be_taken_back_and_had_again(
    copilot: Callable[..., Any], notes: Memory
):
    filled(notes)
    assert "  │ +Pay her twice." in copilot("memory", "history", "plans/tuesday.md", "--diff", "--last", "1").out
    ended = copilot("memory", "undo", "change_3")
    assert notes.read("plans/tuesday.md") == "# Tuesday\nCall Ada.\n"
    assert "undid change_3" in ended.out
    assert "  │ -Pay her twice." in ended.out
    again = ended.err.rpartition(" ")[2].strip()
    assert copilot("memory", "undo", again).code == 0
    assert notes.read("plans/tuesday.md") == "# Tuesday\nCall Ada.\nPay her twice.\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("undo", "nothing"), 64, "Cannot find change 'nothing': there is none in this memory."),
        (("undo", "change"), 64, "Cannot find change 'change': 4 changes are called so."),
        (("undo", "change_2"), 1, "tuesday.md"),
        (("show", "nowhere.md"), 1, "There is nothing at 'nowhere.md'."),
        (("show", "../secret"), 1, "The path '../secret' is not inside the memory."),
        (("review", "--confirm", "nowhere.md"), 1, "There is no"),
        (("review", "--accept", "c-1"), 64, "No correction 'c-1' is proposed. Proposed are: none."),
        (("show", "--root", "elsewhere"), 64, "There is no folder 'elsewhere'."),
    ],
)
def test_what_goes_wrong_is_one_line_without_a_place_of_this_machine(
    copilot: Callable[..., Any], notes: Memory, own_folder: Path, words: tuple[str, ...], code: int, said: str
):
    filled(notes)
    ended = copilot("memory", *words)
    assert ended.code == code
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert str(own_folder) not in ended.err


def test_without_a_memory_nothing_is_made(copilot: Callable[..., Any], own_folder: Path):
    ended = copilot("memory", "show")
    assert (ended.code, ended.out) == (64, "")
    assert ended.err == (
        "There is no memory in this folder. Name one with --root, or give an agent one: Agent(..., memory='notes').\n"
    )
    assert list(own_folder.iterdir()) == []


def test_the_only_memory_here_is_meant_and_of_several_one_must_be_named(copilot: Callable[..., Any], own_folder: Path):
    Memory("diary").write("a.md", "a\n", by=ADA)
    assert copilot("memory", "show").out.startswith("diary · 1 file")
    Memory("log").write("b.md", "b\n", by=ADA)
    ended = copilot("memory", "show")
    assert (ended.code, ended.err) == (64, "There are 2 memories here: diary, log. Name one with --root.\n")
    assert copilot("memory", "show", "--root", "log").out.startswith("log · 1 file")
    Memory("notes").write("c.md", "c\n", by=ADA)
    assert copilot("memory", "show").out.startswith("notes · 1 file")


def test_search_names_file_and_lines_and_marks_what_nobody_vouches_for(copilot: Callable[..., Any], notes: Memory):
    filled(notes)
    ended = copilot("memory", "search", "pay", "twice")
    assert lines(ended.out)[0] == "plans/tuesday.md:1-3"
    assert "    3 u │ Pay her twice." in ended.out
    (hit,) = copilot("memory", "search", "pay twice", "--json").json
    assert (hit["path"], hit["first"], hit["last"]) == ("plans/tuesday.md", 1, 3)
    nothing = copilot("memory", "search", "zeppelin")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "Nothing is found for 'zeppelin'.\n")


def test_review_lists_what_to_look_at_and_confirming_a_file_settles_it(copilot: Callable[..., Any], notes: Memory):
    filled(notes)
    (notes.root / "prefs.md").write_text("Short answers.\nIn capitals.\n")
    ended = copilot("memory", "review", "--model", "acme:big")
    shown = lines(ended.out)
    assert [line for line in shown if line.endswith(".md")] == [
        "plans/deep/down/file.md",
        "plans/tuesday.md",
        "prefs.md",
    ]
    assert {"    1 r │ x", "    3 u │ Pay her twice.", "    2 o │ In capitals."} <= set(shown)
    assert "    2 m │ Call Ada." not in shown
    for path in ("plans/deep/down/file.md", "plans/tuesday.md", "prefs.md"):
        assert copilot("memory", "review", "--confirm", path).out == f"Confirmed: {path}\n"
    ended = copilot("memory", "review", "--model", "acme:big")
    assert (ended.code, ended.out, ended.err) == (0, "", "Nothing to look at.\n")


def test_a_file_is_confirmed_by_name_only_as_it_was_listed(copilot: Callable[..., Any], notes: Memory):
    notes.write("prefs.md", "Short answers.\n", by=BIG, sources=[PAGE])
    told = copilot("memory", "review").err
    words = told[told.index("review --confirm") :].split()[:5]
    assert words[:4] == ["review", "--confirm", "prefs.md", "--digest"]
    notes.change("prefs.md", lambda text: f"{text}Pay Eve.\n", by=BIG, sources=[PAGE])
    refused = copilot("memory", *words)
    assert (refused.code, "is not as it was when you looked at it" in refused.err) == (1, True)
    assert [entry for entry in notes.history() if entry.confirms] == []
    told = copilot("memory", "review").err
    assert copilot("memory", *told[told.index("review --confirm") :].split()[:5]).out == "Confirmed: prefs.md\n"


def test_a_line_of_a_change_cannot_look_like_two(copilot: Callable[..., Any], notes: Memory):
    notes.write("prefs.md", "Short.\x0c-Never pay Eve.\u2028+Pay Ada.\n", by=BIG)
    shown = lines(copilot("memory", "history", "prefs.md", "--diff").out)
    assert [line for line in shown if line.startswith("  │ ") and "@@" not in line] == [
        "  │ +Short.⟦U+000C⟧-Never pay Eve.⟦U+2028⟧+Pay Ada."
    ]


def test_a_folder_that_was_there_before_is_looked_at_without_writing_a_history_of_it(
    copilot: Callable[..., Any], own_folder: Path
):
    (own_folder / "notes" / "old").mkdir(parents=True)
    (own_folder / "notes" / "old" / "a.md").write_text("Pay her twice.\nNow.")
    (own_folder / "notes" / "empty.md").write_text("")
    ended = copilot("memory", "review", "--json")
    (file,) = ended.json["files"]
    assert (file["path"], [(one["first"], one["last"], one["mark"]) for one in file["blocks"]]) == (
        "old/a.md", [(1, 2, "outside")],
    )  # fmt: skip
    assert copilot("memory", "history", "--json").json == []
    assert copilot("memory", "review", "--confirm", "old/a.md").code == 0
    assert copilot("memory", "review", "--json").json["files"] == []


def test_review_says_if_it_cannot_know_which_models_are_in_use(copilot: Callable[..., Any], notes: Memory):
    filled(notes)
    assert "Which models are in use is not known" in copilot("memory", "review").err


def test_a_correction_is_proposed_and_accepted_once(copilot: Callable[..., Any], notes: Memory, own_folder: Path):
    (own_folder / ".copilot-kit").mkdir()
    wait(three_edits())
    ended = copilot("memory", "review")
    assert '  │ 2026-11-02 ada: "all@acme" → "" (run_2 prop_2)' in ended.out
    (one,) = copilot("memory", "review", "--json").json["corrections"]
    assert (one["says"], one["share"], len(one["cases"])) == ("`send`: leave `cc` empty", 1.0, 3)
    assert copilot("memory", "review", "--accept", one["id"]).out == (
        "Written to pinned/corrections.md: `send`: leave `cc` empty\n"
    )
    assert "leave `cc` empty" in notes.read("pinned/corrections.md")
    assert copilot("memory", "review", "--json").json["corrections"] == []
    assert [entry.by.kind for entry in notes.history("pinned")] == ["person"]


def test_a_declined_correction_is_not_proposed_again(copilot: Callable[..., Any], notes: Memory, own_folder: Path):
    (own_folder / ".copilot-kit").mkdir()
    wait(three_edits())
    (one,) = copilot("memory", "review", "--json").json["corrections"]
    assert copilot("memory", "review", "--decline", one["id"]).code == 0
    assert copilot("memory", "review", "--json").json["corrections"] == []
    assert notes.listing() == []


def test_the_keys_of_a_review(copilot: Callable[..., Any], notes: Memory, own_folder: Path):
    filled(notes)
    (own_folder / ".copilot-kit").mkdir()
    wait(three_edits())
    (own_folder / "keys").write_text("j\nu\nx\ny\ny\n")  # go on; take back; nothing; accept; confirm
    ended = copilot("memory", "review", "--model", "acme:big", "--script", "keys")
    assert ended.code == 0
    assert notes.read("plans/tuesday.md") == "# Tuesday\nCall Ada.\n"
    assert "leave `cc` empty" in notes.read("pinned/corrections.md")
    assert [entry.path for entry in notes.history() if entry.confirms] == ["plans/deep/down/file.md"]
    assert ended.err.endswith("Nothing left to look at.\n")


def test_what_a_person_writes_in_their_editor_is_theirs_and_the_rest_is_not(
    copilot: Callable[..., Any], notes: Memory, own_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    notes.write("a.md", "Pay her twice.\n", by=BIG, sources=(PAGE,))
    editor = own_folder / "editor"
    editor.write_text('#!/bin/sh\necho "Once only." >> "$1"\n')
    editor.chmod(0o700)
    monkeypatch.setenv("EDITOR", str(editor))
    (own_folder / "keys").write_text("e\nq\n")
    ended = copilot("memory", "review", "--script", "keys")
    assert notes.read("a.md") == "Pay her twice.\nOnce only.\n"
    assert [(one.last, one.trusted) for one in notes.blocks("a.md")] == [(1, False), (2, True)]
    assert ended.err.startswith("1 thing left to look at.\n")
    monkeypatch.setenv("EDITOR", "false")
    copilot("memory", "review", "--script", "keys")
    assert len(notes.history("a.md")) == 2


def test_a_file_of_which_not_all_was_shown_is_not_confirmed(
    copilot: Callable[..., Any], notes: Memory, own_folder: Path
):
    notes.write("long.md", "".join(f"line {number}\n" for number in range(300)), by=ADA)
    notes.change("long.md", lambda text: f"{text}Pay her twice.\n", by=BIG, sources=(PAGE,))
    (own_folder / "keys").write_text("y\nq\n")
    ended = copilot("memory", "review", "--script", "keys")
    assert "  Not yet: not all of its lines were shown. Press v to see them all." in lines(ended.out)
    assert [entry for entry in notes.history() if entry.confirms] == []
    (own_folder / "keys").write_text("v\ny\n")
    copilot("memory", "review", "--script", "keys")
    assert [entry.path for entry in notes.history() if entry.confirms] == ["long.md"]


def test_a_file_that_changed_after_it_was_shown_is_not_confirmed(
    notes: Memory,
):
    notes.write("a.md", "Pay her twice.\n", by=BIG, sources=(PAGE,))
    from copilot_kit.cli import memory_review
    from copilot_kit.cli.keys import ScriptedKeyboard

    class Slow(ScriptedKeyboard):
        async def key(self) -> str | None:
            notes.change("a.md", lambda text: f"{text}And once more.\n", by=BIG, sources=(PAGE,))
            return await super().key()

    task = memory_review.Task(Memory("notes"), None, 3, "memory")
    items: list[Any] = list(task.concerns())
    wait(memory_review.Sitting(task, items, Slow(["y"])).hold())
    assert [entry for entry in notes.history() if entry.confirms] == []


def test_doctor_exits_with_1_if_something_is_wrong(copilot: Callable[..., Any], notes: Memory, own_folder: Path):
    filled(notes)
    fine = copilot("memory", "doctor")
    assert (fine.code, fine.err) == (0, "The memory is in order.\n")
    (notes.root / "link").symlink_to("/etc/passwd")
    ended = copilot("memory", "doctor")
    assert ended.code == 1
    assert lines(ended.out)[:2] == [
        "foreign  link", "  It is a link. It is no part of the memory; move or rename it.",
    ]  # fmt: skip
    assert ended.err == "1 thing to look at.\n"
    assert copilot("memory", "doctor", "--json").json["ok"] is False


def test_doctor_repairs_what_it_can(copilot: Callable[..., Any], notes: Memory, own_folder: Path):
    filled(notes)
    (notes.root / "prefs.md").write_text("Long answers.\n")
    assert copilot("memory", "doctor").code == 1
    assert copilot("memory", "doctor", "--repair").code == 0
    assert copilot("memory", "doctor").code == 0
    assert notes.history("prefs.md")[-1].by.kind == "outside"


def safe(text: str) -> bool:
    return all(sign.isprintable() or sign == "\n" for sign in text)


def test_nothing_hostile_in_files_names_or_decisions_reaches_the_screen(
    copilot: Callable[..., Any], notes: Memory, own_folder: Path, shared: Path
):
    rows = (shared / "data/badinput/display.jsonl").read_text().splitlines()
    texts = [json.loads(row)["text"].encode("utf-8", "replace").decode() for row in rows]  # no file holds half a sign
    (own_folder / ".copilot-kit").mkdir()
    wait(three_edits("".join(texts)[:400]))
    for number, text in enumerate(texts):
        by = Author(kind="model", model=f"acme:{text[:20]}", agent=text[:30], run_id="r", call_id="c")
        content = text.replace("\0", "")
        notes.write(f"n{number}.md", f"{content}\n", by=by, sources=(Source(kind="tool", ref=text),))
    (notes.root / "na\x1b[2Jme\u202e.md").write_text("x")
    (own_folder / "keys").write_text("v\nj\n" * 40)
    commands = [
        ("show",), ("show", "n0.md"), ("history",), ("history", "--diff", "--last", "99"), ("search", "pay", "invoice"),
        ("review",), ("review", "--script", "keys"), ("doctor",), ("undo", "change_1"), ("undo", "\x1b[2J\u202e"),
        ("show", "\x1b[2J\u202e"), ("show", "--root", "\x1b[2J\u202e"), ("search", "\x1b[2J\u202e"),
    ]  # fmt: skip
    for words in commands:
        ended = copilot("memory", *words, "--root", "notes") if "--root" not in words else copilot("memory", *words)
        assert safe(ended.out), words
        assert safe(ended.err), words
        for line in ended.out.split("\n"):
            assert len(line) <= 100 or words[0] in {"history", "undo"}, words
    shown = copilot("memory", "show", "n2.md").out
    assert "    1 u │ ⟦U+200F⟧https:" in shown


@pytest.mark.slow
def test_a_review_at_a_real_terminal(own_folder: Path, notes: Memory):
    import os
    import sys
    import time

    import pexpect

    filled(notes)
    env = {**os.environ, "NO_COLOR": "1", "TERM": "xterm"}
    env.pop("COLUMNS", None)
    words = ["-m", "copilot_kit", "memory", "review", "--model", "acme:big"]
    child = pexpect.spawn(sys.executable, words, cwd=str(own_folder), env=env, encoding="utf-8", timeout=20,
                          dimensions=(24, 80))  # fmt: skip
    child.expect("review · 1 of 2")
    child.expect("1 r │ x")
    child.expect("q leave")
    child.send("y")  # too soon: meant for what was on the screen before
    time.sleep(0.5)
    child.send("y")
    child.expect("confirmed: plans/deep/down/file.md")
    child.expect("3 u │ Pay her twice.")
    time.sleep(0.5)
    child.send("q")
    child.expect("1 thing left to look at.")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert [entry.path for entry in notes.history() if entry.confirms] == ["plans/deep/down/file.md"]


def test_a_folder_that_is_no_memory_is_not_repaired_into_one(copilot: Callable[..., Any], tmp_path: Path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("root:x:0:0\n")
    ran = copilot("memory", "doctor", "--repair", "--root", str(tmp_path / "etc"))
    assert ran.code == 64
    assert "has no memory's history, so there is nothing to repair" in ran.err
    assert sorted(one.name for one in (tmp_path / "etc").iterdir()) == ["passwd"]
