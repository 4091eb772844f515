"""What an index is asked for plain words: the rare ones decide, and nothing is asked that would take long."""

import pytest

from copilot_kit.memory.query import Question, questions

COMMON = {"the": 60_000, "order": 9_000, "refund": 3_000, "late": 2_000}


def asked(query: str) -> list[str]:
    return [question.match for question in questions(query, COMMON)]


def test_words_that_are_rare_are_ranked_wherever_they_stand():
    assert questions("Ada Lovelace", COMMON) == [
        Question('"ada" OR "lovelace"'),
        Question('"ada"* OR "lovelace"*', newest=4_000),
    ]


def test_a_common_word_adds_to_what_a_rare_one_finds_and_a_word_that_is_everywhere_does_not():
    assert asked("the order lovelace")[0] == '("lovelace") OR (("lovelace") AND ("order"))'


def test_what_only_common_words_find_comes_after_and_among_the_latest():
    assert questions("the lovelace", COMMON)[1] == Question('"the"', newest=4_000)


def test_of_many_words_only_as_many_decide_as_can_be_ranked_in_time():
    assert asked("refund late")[0] == '("late") OR (("late") AND ("refund"))'


def test_where_all_words_are_common_the_latest_passages_are_ranked():
    assert questions("the order", COMMON)[:3] == [
        Question('{name headings} : ("the" OR "order")', newest=4_000),
        Question('"the" AND "order"', newest=4_000),
        Question('"the" OR "order"', newest=4_000),
    ]


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("next_order_number", '"next order number" OR "next" OR "number"'),
        ('"two words"', '"two words" OR "two" OR "words"'),
        ("conf*", '"conf"*'),
        ("東京都", '"東京 京都 都"* OR "東京" OR "京都"'),
        ("都", '"都"*'),
        ("refunds refunds", '"refunds"'),
    ],
)
def test_words_that_hang_together_are_looked_for_as_a_whole_too(query: str, match: str):
    assert asked(query)[0].split(" OR (")[0].strip("()") == match


@pytest.mark.parametrize("query", ["", " ", '"', "*", "?!", "\ud800", "_", "\u200b"])
def test_a_query_without_a_word_asks_nothing(query: str):
    assert questions(query, COMMON) == []


def test_words_that_go_on_are_looked_for_last_also_without_their_ending():
    assert asked("deadlines")[-1] == '"deadlines"* OR "deadlin"*'
    assert asked("getOrderNumber")[-1] == '"getordernumber"* OR "get"* OR "order"* OR "number"*'
