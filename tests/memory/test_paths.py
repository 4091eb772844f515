"""What a path that a model writes may name."""
# ruff: noqa: RUF001  look-alikes are the subject

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.memory.paths import check_alone, check_new, is_name, key_of, place_of
from copilot_kit.memory.problems import AlreadyThere, BadName, MemoryProblem, Outside


@pytest.mark.parametrize(
    ("given_path", "path"),
    [
        ("/memories/plans/tuesday.md", "plans/tuesday.md"),
        ("memories/plans/tuesday.md", "plans/tuesday.md"),
        ("plans/tuesday.md", "plans/tuesday.md"),
        ("/memories", ""),
        ("/memories/", ""),
        ("/memories//a.md", "a.md"),
        ("", ""),
        ("/", ""),
        ("50% off (draft) #1 & co's.md", "50% off (draft) #1 & co's.md"),
        ("Москва/план.md", "Москва/план.md"),
        ("日本語メモ.md", "日本語メモ.md"),
        ("📝.md", "📝.md"),
    ],
)
def test_a_path_means_the_same_with_and_without_the_name_of_the_root(given_path, path):
    assert place_of(given_path).path == path


def test_letters_that_are_composed_differently_are_the_same_name():
    assert place_of("cafe\u0301.md").path == place_of("caf\u00e9.md").path == "caf\u00e9.md"


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../x",
        "a/../b",
        "/memories/..",
        "/memories/../x",
        "/memories/a/../../x",
        "/etc/passwd",
        "/proc/self/environ",
        "/Memories/x",
        "/memoriesx/y",
        "//memories/x",
        "//server/share/x",
        "..\\x",
        "a\\b",
        "%2e%2e/x",
        "%252e%252e%252fx",
        "a%2fb",
        "%u002e%u002e/x",
        "．．/x",
        " ../x",
        "..／x",
        "a∕b",
    ],
)
def test_what_leads_out_or_would_if_it_were_decoded_is_outside(path):
    with pytest.raises(Outside, match="not inside the memory"):
        place_of(path)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (".env", "begins with a dot"),
        (".copilot-kit/history.jsonl", "begins with a dot"),
        ("a/./b", "begins with a dot"),
        ("．env", "begins with a dot"),
        ("~/x", "a tilde"),
        ("--help", "a dash"),
        (" x.md", "or a space"),
        ("x.md.", "ends with a dot"),
        ("x /y", "ends with a dot or a space"),
        ("C:x", "no name holds any of"),
        ("a.md:stream", "no name holds any of"),
        ("a|b", "no name holds any of"),
        ("a\0b", "cannot be seen"),
        ("a\nb.md", "cannot be seen"),
        ("a\x7fb", "cannot be seen"),
        ("a\u202etxt.exe", "cannot be seen"),
        ("a\u200b.md", "cannot be seen"),
        ("a\u2066b", "cannot be seen"),
        ("a\u00a0b", "cannot be seen"),
        ("a\ufe0f.md", "cannot be seen"),
        ("a\U000e0041.md", "cannot be seen"),
        ("\ud800.md", "cannot be seen"),
        ("a\u3164.md", "cannot be seen"),
        ("NUL", "for a device"),
        ("a/nul.md", "for a device"),
        ("CON.tar.gz", "for a device"),
        ("com1.txt", "for a device"),
        ("LPT\u00b9", "for a device"),
        ("x" * 256, "longer than 255 bytes"),
        ("é" * 128, "longer than 255 bytes"),
        ("/".join("d" * 17), "too long"),
        ("/".join(["d" * 100] * 11), "too long"),
        ("memories/memories/x", "names a folder 'memories'"),
        ("/memories/MEMORIES/x", "names a folder 'memories'"),
    ],
)
def test_names_that_hide_something_or_mean_something_elsewhere_are_refused(path, why):
    with pytest.raises(BadName, match=why):
        place_of(path)


@pytest.mark.parametrize("name", ["pаyments.md", "α-beta.md", "bank․example.md"])
def test_a_new_name_must_not_look_like_another(name):
    place = place_of(name)
    with pytest.raises(BadName, match="mistaken for another"):
        check_new(place, name)


@pytest.mark.parametrize("other", ["readme.md", "README.MD", "ｒeadme.md"])
def test_a_name_that_cannot_be_told_from_one_that_is_there_is_refused_and_the_other_named(other):
    with pytest.raises(AlreadyThere, match=f"Use '.*{other[1:]}'"):
        check_alone(place_of("Readme.md"), "Readme.md", ["notes.md", other])


def test_the_words_of_a_refusal_show_the_path_on_one_line_with_nothing_hidden():
    with pytest.raises(BadName) as refused:
        place_of("a\n\u202e" + "bc" * 2500)
    words = str(refused.value)
    assert words.startswith("The path 'a⟦U+000A⟧⟦U+202E⟧bcbc")
    assert len(words) < 400
    assert "\n" not in words


@given(st.text())
def test_any_text_names_a_place_inside_or_is_refused(text):
    try:
        place = place_of(text)
    except MemoryProblem:
        return
    assert all(is_name(part) and part not in ("", ".", "..") and "/" not in part for part in place.parts)
    if place.parts:
        assert place_of(place.path).parts == place.parts
        assert place_of(f"/memories/{place.path}").parts == place.parts


@given(st.text(min_size=1), st.text(min_size=1))
def test_names_are_told_apart_by_their_keys_whatever_their_case(one, other):
    if one.isascii() and other.isascii():
        assert (key_of(one) == key_of(other)) == (one.lower() == other.lower())
    else:
        assert key_of(one) == key_of(one.casefold()) or key_of(one) == key_of(key_of(one))
