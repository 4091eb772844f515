"""Which reasons say the same: by shared words, in any order, never by chains, and never against a `not`."""

from itertools import permutations

import pytest

from copilot_kit.memory.sayings import groups


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("too much money", "This is too much."),
        ("The customer was not asked", "customer wasn't asked"),
        ("customers were not asked", "the customer was never asked first"),
        ("Wrong receiver!", "wrong receivers"),
        ("Bitte zuerst den Kunden fragen", "erst Kunde fragen"),
        ("wrong", "Wrong."),
    ],
)
def test_these_say_the_same(one: str, other: str):
    assert groups([one, other]) == [[0, 1]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("wrong receiver", "wrong amount"),
        ("wrong", "wrong receiver"),
        ("amount is too high for new customers", "amount is too low for new customers"),
        ("tell the customer", "do not tell the customer"),
        ("at most 50 without a manager", "only on working days"),
    ],
)
def test_these_do_not(one: str, other: str):
    assert groups([one, other]) == [[0], [1]]


@pytest.mark.parametrize("text", ["", "  ", "No.", "nein", "please", "…"])
def test_a_text_that_says_nothing_is_in_no_group(text: str):
    assert groups([text, text, text]) == []


def test_small_differences_do_not_add_up_to_one_group():
    chain = ["red green blue", "green blue white", "blue white black"]
    assert max(map(len, groups(chain))) == 2


def test_the_order_of_the_texts_changes_nothing():
    texts = ["too much money", "this is too much", "much too late", "too late for this", "ask the customer"]
    expected = {frozenset(texts[place] for place in group) for group in groups(texts)}
    for order in permutations(texts):
        assert {frozenset(order[place] for place in group) for group in groups(order)} == expected


def test_words_that_differ_from_case_to_case_can_be_left_out():
    texts = ["Ada was never asked", "Robert was never asked"]
    assert groups(texts) == [[0], [1]]
    assert groups(texts, but=[{"ada"}, {"robert"}]) == [[0, 1]]
