"""Whatever a model writes: a person sees all of it, and none of it can act on the screen or pose as the program."""
# ruff: noqa: RUF001  look-alikes are the subject

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.display import MARGIN, block, clipped, in_margin, recovered, recovered_block, visible, width_of


def hidden_in(shown: str) -> list[str]:
    """The characters that must never reach a screen."""
    return [
        f"U+{ord(char):04X}"
        for char in shown
        if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        or "\ufe00" <= char <= "\ufe0f"
        or "\U000e0000" <= char <= "\U000e0fff"
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("acct \u202e8765\u202c", "acct ⟦U+202E⟧8765⟦U+202C⟧"),
        ("ls\x1b[2K\rrm", "ls⟦U+001B⟧[2K⟦U+000D⟧rm"),
        ("\x9b2J", "⟦U+009B⟧2J"),
        ("ad\u200bmin@example.com", "ad⟦U+200B⟧min@example.com"),
        ("noon\U000e0061", "noon⟦U+E0061⟧"),
        ("❤\ufe0f", "❤⟦U+FE0F⟧"),
        ("\ud800 half", "⟦U+D800⟧ half"),
        ("one\ntwo", "one⟦U+000A⟧two"),
        ("approve" + "\u0336" * 7, "approve⟦U+0336×7⟧"),
        ("cafe\u0301", "cafe⟦U+0301⟧"),
        ("ok" + " " * 3000 + "&& rm", "ok⟦U+0020×3000⟧&& rm"),
        ("trailing  ", "trailing⟦U+0020×2⟧"),
        ("x" * 20_000 + "y", "⟦U+0078×20000⟧y"),
        ("⟦U+0041⟧", "⟦U+27E6⟧U+0041⟦U+27E7⟧"),
        ("\u0430dmin@ex\u0430mple.com", "⟦U+0430⟧dmin@ex⟦U+0430⟧mple.com"),
        ("сосо.com", "⟦U+0441⟧⟦U+043E⟧⟦U+0441⟧⟦U+043E⟧.com"),
        ("1О0 EUR", "1⟦U+041E⟧0 EUR"),
        ("mark@bank․example", "mark@bank⟦U+2024⟧example"),
        ("𝐚𝐝𝐦𝐢𝐧", "⟦U+1D41A⟧⟦U+1D41D⟧⟦U+1D426⟧⟦U+1D422⟧⟦U+1D427⟧"),
        ("my–bank.example", "my⟦U+2013⟧bank.example"),
        ("no\u00a0break", "no⟦U+00A0⟧break"),
    ],
)
def test_what_hides_or_poses_is_written_as_its_code_point(text: str, shown: str):
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Dear Ms Jones, your refund of €17.50 (order #4711) is on its way – thank you…",
        "naïve café, Straße, Łódź, São Tomé, x² + ½",
        "Привет, как дела? Сахар и соль 17-го",
        "https://ru.wikipedia.org/wiki/Москва",
        "Ελληνικά κείμενο",
        "使用API接口第17号。こんにちは！ 한국어",
        "नमस्ते สวัสดี שלום مرحبا",
        "👍🏽 🎉",
    ],
)
def test_ordinary_text_of_any_language_is_shown_as_it_is(text: str):
    assert visible(text) == text


def test_texts_made_to_deceive_show_no_hidden_character_and_come_back_whole(shared: Path):
    for name in ("display.jsonl", "naughty_strings.jsonl"):
        for line in (shared / "data/badinput" / name).read_text().splitlines():
            text = json.loads(line)["text"]
            assert hidden_in(visible(text)) == [], text
            assert recovered(visible(text)) == text
            for width in (None, 40):
                lines = block(text, width=width)
                assert hidden_in("".join(lines)) == [], text
                assert recovered_block(lines) == text


def test_no_line_of_a_value_can_be_taken_for_a_line_of_the_program(shared: Path):
    for line in (shared / "data/badinput/display.jsonl").read_text().splitlines():
        text = json.loads(line)["text"]
        assert all(shown.startswith(MARGIN[:-1]) for shown in block(text, width=60))
        assert all(len(shown) <= 60 for shown in block(text, width=60))


def test_lines_are_folded_by_the_columns_they_take_on_the_screen():
    assert block("ab漢字漢字c", width=14) == ["  │ ab漢字漢字", "  │…c"]


def test_lines_are_folded_between_words_where_there_are_words():
    assert block("one two three", width=14) == ["  │ one two ", "  │…three"]
    assert block("x abcdefghijklmno", width=14) == ["  │ x abcdefgh", "  │…ijklmno"]


def test_a_text_is_clipped_by_columns_and_says_how_many_characters_are_missing():
    assert clipped("short", 5) == "short"
    assert clipped("Dear Ada, your order", 12) == "Dear Ada…+12"
    assert clipped("漢字漢字漢字", 8) == "漢字…+4"
    assert clipped("ab\u202ecd\u202eef", 14) == "ab⟦U+202E⟧c…+4"
    assert clipped("x" * 1_000_000, 22) == "⟦U+0078×1100⟧…+998900"


@given(st.text(st.characters()), st.integers(12, 60))
def test_a_clipped_text_fits_hides_nothing_and_counts_what_is_missing(text: str, room: int):
    shown = clipped(text, room)
    assert width_of(shown) <= room
    assert hidden_in(shown) == []
    head, mark, missing = shown.rpartition("…+")
    if shown != visible(text):
        assert mark
        assert text.startswith(recovered(head))
        assert len(recovered(head)) + int(missing) == len(text)


def test_lines_that_are_visible_already_are_not_escaped_twice():
    assert in_margin([visible("a\u202eb"), "c"]) == ["  │ a⟦U+202E⟧b", "  │ c"]


def test_look_alikes_inside_a_name_are_written_out(shared: Path):
    table: dict[str, list[str]] = json.loads((shared / "data/badinput/confusables.json").read_text())
    missed = [
        (plain, f"U+{ord(char):04X}")
        for plain, alikes in table.items()
        for char in alikes
        if char in visible(f"p{char}y.example")
    ]
    assert missed == []


@given(st.text(st.characters()))
def test_any_text_comes_back_whole_and_hides_nothing(text: str):
    assert recovered(visible(text)) == text
    assert hidden_in(visible(text)) == []
    for width in (None, 20):
        assert recovered_block(block(text, width=width)) == text


@given(st.text(st.sampled_from("a ⟦⟧U+0041×2\n…│\u0301\u202e")))
def test_text_that_imitates_the_escapes_comes_back_whole(text: str):
    assert recovered(visible(text)) == text
    assert recovered_block(block(text, width=12)) == text
