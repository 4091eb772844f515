"""The six commands: read leniently, written in one way, and answered in the documented words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.errors import ToolRefused
from copilot_kit.memory import answers
from copilot_kit.memory.commands import Arguments, Create, Delete, Insert, Rename, Replace, View, command_of
from copilot_kit.outputs import ToolError
from copilot_kit.schema import Unfit

SIGNATURE = Arguments()


def read(**raw: Any) -> Any:
    checked, text = SIGNATURE.written(raw)
    assert json.loads(text) == checked
    return command_of(checked)


@pytest.mark.parametrize(
    ("raw", "command"),
    [
        ({"command": "view", "path": "/memories"}, View("/memories")),
        ({"command": "view", "path": "/memories/a.md", "view_range": [2, -1]}, View("/memories/a.md", (2, -1))),
        ({"command": "create", "path": "/memories/a.md", "file_text": ""}, Create("/memories/a.md", "")),
        (
            {"command": "str_replace", "path": "/memories/a.md", "old_str": "x", "new_str": "y"},
            Replace("/memories/a.md", "x", "y"),
        ),
        (
            {"command": "insert", "path": "/memories/a.md", "insert_line": 0, "insert_text": "x"},
            Insert("/memories/a.md", 0, "x"),
        ),
        ({"command": "delete", "path": "/memories/a"}, Delete("/memories/a")),
        (
            {"command": "rename", "old_path": "/memories/a", "new_path": "/memories/b"},
            Rename("/memories/a", "/memories/b"),
        ),
    ],
)
def test_each_command_is_read_as_the_documentation_writes_it(raw, command):
    assert read(**raw) == command


@pytest.mark.parametrize(
    "path",
    ["/memories/plans/a.md", "memories/plans/a.md", "plans/a.md", "/memories//plans//a.md", "/memories/plans/a.md/"],
)
def test_however_a_model_spells_a_path_rules_and_cards_see_one_name(path):
    checked, _ = SIGNATURE.written({"command": "delete", "path": path})
    assert checked["path"] == "/memories/plans/a.md"


@pytest.mark.parametrize("path", ["/memories", "/memories/", "memories", "/", "", " ", "."])
def test_the_root_has_one_name_too(path):
    assert read(command="view", path=path) == View("/memories")


@pytest.mark.parametrize("path", ["/etc/passwd", "/memories/../x", "..", "/memories/%2e%2e/x", "a\\b", "/Memories/x"])
def test_a_path_that_leads_elsewhere_is_refused_before_anybody_is_asked(path):
    with pytest.raises(ToolRefused, match=r"^Error: The path .* is not inside the memory"):
        SIGNATURE.written({"command": "create", "path": path, "file_text": ""})


def test_nulls_and_arguments_of_other_commands_are_left_out():
    raw = {"command": "view", "path": "/memories", "view_range": None, "file_text": "", "old_str": "x", "mood": "good"}
    assert SIGNATURE.written(raw)[0] == {"command": "view", "path": "/memories"}


@pytest.mark.parametrize(
    ("given", "lines"), [([3], (3, -1)), ([], None), (["2", "5"], (2, 5)), ([2.0, 5.0], (2, 5)), (None, None)]
)
def test_a_range_that_is_nearly_right_is_understood(given, lines):
    assert read(command="view", path="a", view_range=given) == View("/memories/a", lines)


def test_a_line_number_written_as_text_is_understood():
    assert read(command="insert", path="a", insert_line="2", insert_text="x").after == 2


def test_a_rename_that_calls_the_old_path_path_is_understood():
    assert read(command="rename", path="a", new_path="b") == Rename("/memories/a", "/memories/b")


def test_a_replacement_without_new_text_takes_the_old_one_out():
    assert read(command="str_replace", path="a", old_str="x") == Replace("/memories/a", "x", "")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({}, "command is None; it is one of view, create, str_replace, insert, delete, rename"),
        ({"command": "append", "path": "a"}, "command is 'append'; it is one of view, create,"),
        ({"command": "create", "path": "a"}, "file_text is missing, which create needs"),
        ({"command": "rename", "old_path": "a"}, "new_path is missing, which rename needs"),
        ({"command": "view", "path": 7}, "path is no text"),
        ({"command": "insert", "path": "a", "insert_line": True, "insert_text": ""}, "insert_line is no whole number"),
        ({"command": "insert", "path": "a", "insert_line": 1.5, "insert_text": ""}, "insert_line is no whole number"),
        ({"command": "view", "path": "a", "view_range": [1, 2, 3]}, "view_range is no list of a first and a last line"),
        ({"command": "view", "path": "a", "view_range": "1-2"}, "view_range is no list of a first and a last line"),
    ],
)
def test_what_is_missing_or_of_another_kind_is_told(raw, words):
    with pytest.raises(Unfit) as caught:
        SIGNATURE.written(raw)
    assert str(caught.value).startswith(words)


TEXTS = st.text(alphabet="ab\n\r\té", max_size=12)
NAMES = st.text(alphabet="abc/", min_size=1, max_size=8)


@given(
    st.fixed_dictionaries(
        {"command": st.sampled_from(["view", "create", "str_replace", "insert", "delete", "rename"])},
        optional={
            "path": NAMES,
            "old_path": NAMES,
            "new_path": NAMES,
            "file_text": TEXTS,
            "old_str": TEXTS,
            "new_str": TEXTS,
            "insert_text": TEXTS,
            "insert_line": st.integers(-2, 9) | st.none(),
            "view_range": st.lists(st.integers(-2, 9), max_size=3),
        },
    )
)
def test_canonical_arguments_are_their_own_canonical_form(raw):
    try:
        checked, text = SIGNATURE.written(raw)
    except (Unfit, ToolRefused):
        return
    assert SIGNATURE.written(json.loads(text)) == (checked, text)
    assert SIGNATURE.filled(text, "context")[0] == (command_of(checked), "context")


def test_a_file_is_shown_with_numbers_six_wide_and_a_tab():
    assert answers.numbered("Hello", 1) == "     1\tHello\n"
    assert answers.numbered("", 999_999) == "999999\t\n"


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0B"), (512, "512B"), (1023, "1023B"), (1024, "1.0K"), (1536, "1.5K"), (5_632, "5.5K"),
     (1_258_291, "1.2M"), (1024**3, "1.0G"), (3 * 1024**4, "3.0T")],
)  # fmt: skip
def test_sizes_are_written_as_people_read_them(count, words):
    assert answers.size(count) == words


def test_only_line_feeds_end_lines():
    assert answers.lines_of("a\r\n b\x0c\u2028c\n") == ["a\r", " b\x0c\u2028c"]
    assert answers.lines_of("") == []
    assert answers.lines_of("\n") == [""]


@pytest.mark.parametrize(
    ("text", "after", "insert", "whole"),
    [
        ("a\nb\n", 0, "x\n", "x\na\nb\n"),
        ("a\nb\n", 1, "x", "a\nx\nb\n"),
        ("a\nb\n", 2, "x", "a\nb\nx\n"),
        ("a\nb", 2, "x", "a\nb\nx\n"),
        ("a\nb", 1, "x\ny\n", "a\nx\ny\nb"),
        ("", 0, "x", "x\n"),
        ("a\r\nb\r\n", 1, "x\r\n", "a\r\nx\r\nb\r\n"),
    ],
)
def test_inserted_text_becomes_whole_lines_and_leaves_the_others_as_they_are(text, after, insert, whole):
    assert answers.with_insertion(text, Insert("/memories/a", after, insert)) == whole


def test_an_insertion_at_a_line_that_there_is_not_is_refused_in_the_documented_words():
    with pytest.raises(ToolError) as caught:
        answers.with_insertion("a\nb\n", Insert("/memories/a", 3, "x"))
    assert str(caught.value) == (
        "Error: Invalid `insert_line` parameter: 3. It should be within the range of lines of the file: [0, 2]"
    )


def test_a_text_that_is_not_there_is_not_replaced_in_the_documented_words():
    with pytest.raises(ToolError) as caught:
        answers.with_replacement("a\n", Replace("/memories/a", "b", "c"))
    assert str(caught.value) == ("No replacement was performed, old_str `b` did not appear verbatim in /memories/a.")


def test_a_text_that_is_there_twice_is_not_replaced_in_the_documented_words():
    with pytest.raises(ToolError) as caught:
        answers.with_replacement("x\nb b\n\nb\n", Replace("/memories/a", "b", "c"))
    assert str(caught.value) == (
        "No replacement was performed. Multiple occurrences of old_str `b` in lines: 2, 4. Please ensure it is unique"
    )


def test_of_a_text_that_is_there_very_often_the_first_places_are_told():
    with pytest.raises(ToolError, match=r"in lines: 1, 2, 3, .*, 100, …\. Please") as caught:
        answers.with_replacement("b\n" * 300_000, Replace("/memories/a", "b", "c"))
    assert len(str(caught.value)) < 1_000


def test_an_empty_text_is_nowhere():
    with pytest.raises(ToolError, match="old_str is empty"):
        answers.with_replacement("a", Replace("/memories/a", "", "c"))


def test_a_replacement_is_shown_with_two_lines_around_it():
    before = "".join(f"{n}\n" for n in range(1, 10))
    command = Replace("/memories/a", "5\n", "five\nfive and a half\n")
    after = answers.with_replacement(before, command)
    assert answers.snippet_lines(before, command, after) == range(3, 10)


@pytest.mark.parametrize(
    ("count", "wanted", "shown"),
    [(5, None, (1, 5)), (5, (2, 3), (2, 3)), (5, (4, -1), (4, 5)), (5, (0, 99), (1, 5)), (0, None, (1, 0)),
     (0, (1, 10), (1, 0))],
)  # fmt: skip
def test_a_range_beyond_the_file_ends_with_the_file(count, wanted, shown):
    assert answers.shown_lines(count, wanted, "/memories/a") == range(shown[0], shown[1] + 1)


@pytest.mark.parametrize("wanted", [(6, 9), (6, -1), (4, 2)])
def test_a_range_with_no_line_of_the_file_is_refused(wanted):
    with pytest.raises(ToolError, match=r"^Error: Invalid `view_range` parameter: \[\d, -?\d\]\..*\[1, 5\]$"):
        answers.shown_lines(5, wanted, "/memories/a")


def test_a_file_of_a_million_lines_is_refused_in_the_documented_words():
    with pytest.raises(ToolError) as caught:
        answers.shown_lines(1_000_000, None, "/memories/a")
    assert str(caught.value) == "File /memories/a exceeds maximum line limit of 999,999 lines."
    assert len(answers.shown_lines(999_999, None, "/memories/a")) == 999_999
