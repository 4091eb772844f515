"""Texts on a page: hidden characters are named, and what only looks different is not."""

import pytest

from copilot_kit_evals.web.texts import figure, lines, money, seconds


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", '<span class="line">a</span>\n<span class="line">b</span>'),
        ("  indented  ", '<span class="line">  indented</span>'),
        ("<b>&", '<span class="line">&lt;b&gt;&amp;</span>'),
        ("done \u2714\ufe0f", '<span class="line">done \u2714</span>'),
        ("5\u00a0km and co\u2011op", '<span class="line">5 km and co-op</span>'),
        ("\r\n", '<span class="line"></span>\n<span class="line"></span>'),
    ],
)
def test_a_reader_sees_what_stands_there(text: str, shown: str):
    assert lines(text) == shown


@pytest.mark.parametrize("char", ["\u202e", "\u200b", "\x1b", "\x00", "\U000e0041", "\ufeff", "\u2066"])
def test_what_hides_is_named(char: str):
    told = lines(f"ab{char}cd")
    assert char not in told
    assert f"U+{ord(char):04X}" in told


def test_numbers_for_people():
    assert [figure(None), figure(-0.25, signed=True), figure(1, digits=2)] == ["\u2013", "\u22120.250", "1.00"]
    assert [money(0.0), money(0.0123), money(1234.5)] == ["\u2013", "$0.0123", "$1,234.50"]
    assert [seconds(0.0123), seconds(2), seconds(300)] == ["12 ms", "2.0 s", "5.0 min"]
