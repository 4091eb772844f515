"""Whatever a model answers: scorers raise nothing, give 0, 1 or nothing, and take no time over it."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers.code import program
from copilot_kit_evals.scorers.hard_tasks import HardTask
from copilot_kit_evals.scorers.instruction_checks import CHECKS
from copilot_kit_evals.scorers.instructions import Instructions
from copilot_kit_evals.scorers.multiple_choice import MultipleChoice
from copilot_kit_evals.scorers.word_problems import WordProblem, written
from copilot_kit_evals.scores import Output, Scorer

ARGUMENTS = {
    "keywords": ["dog"], "keyword": "dog", "relation": "at least", "frequency": 2, "forbidden_words": ["cat"],
    "letter": "t", "let_relation": "less than", "let_frequency": 3, "language": "de", "num_sentences": 2,
    "num_words": 5, "num_paragraphs": 2, "nth_paragraph": 1, "first_word": "dog", "num_placeholders": 2,
    "postscript_marker": "P.S.", "num_bullets": 2, "num_highlights": 2, "section_spliter": "Section",
    "num_sections": 2, "prompt_to_repeat": "Go.", "end_phrase": "Done.", "capital_relation": "at least",
    "capital_frequency": 1,
}  # fmt: skip
ITEM = Item(
    id="one", input="Go.", target="18", choices=("18", "19"),
    meta={"instructions": [{"id": name, **ARGUMENTS} for name in CHECKS]},
)  # fmt: skip
SCORERS: list[Scorer] = [
    WordProblem(), WordProblem("de"), WordProblem("zh"), MultipleChoice(), HardTask(), Instructions(),
]  # fmt: skip


@pytest.mark.parametrize("scorer", SCORERS, ids=lambda one: one.name)
@pytest.mark.parametrize(
    "piece",
    [
        "<", "[", "*", "**", ".", " ", "\n", "\t", "9", "1,", "1.", "1 ", "1/", "亿", "一", "9亿", "#### ", "A: ",
        "\\boxed{", "answer is ", "answer ", "(A) ", "A\n", "```", "```json ", "- ", "<<a", "P.S. ", "Section 1",
        "\ud800", "\u0000", "e9", "-", "{", '"', "******", "***", "not ",
    ],
)  # fmt: skip
async def test_a_long_answer_of_one_piece_is_scored_at_once(scorer: Scorer, piece: str):
    begun = time.process_time()
    for text in (piece * (20_000 // len(piece)), f"answer{piece * (20_000 // len(piece))}x"):
        score = await scorer(ITEM, Output(text))
        assert score.value in (0, 1, None)
    assert time.process_time() - begun < 4.0


PIECES = st.sampled_from([
    "18", " ", "\n", "1,234", "3/4", "####", "A", "(B)", "answer is", "not", "**", "***", "******", "[x]", "<<t>>",
    ".", "!", "dog", "Dog", "三百", "点", "万", "/", "e", "-", ",", '"', "```", "```json", "{", "}",
    "Section 1", "P.S.",
])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES | st.text(max_size=6), max_size=30).map("".join))
async def test_no_answer_makes_a_scorer_raise(text: str):
    for scorer in SCORERS:
        score = await scorer(ITEM, Output(text))
        assert score.value in (0, 1, None)
        assert await scorer(ITEM, Output(text)) == score
    program(text, "def f(x):\n    pass\n", "f")


@given(st.fractions())
def test_a_written_number_is_read_back(number):
    assert str(number) == written(number) or float(written(number)) == pytest.approx(float(number))


@pytest.mark.parametrize("number", ["9" * 5000, "1e999", "1" * 390 + "e999", "0." + "0" * 300 + "1"])
async def test_huge_numbers_are_numbers_or_none(number: str):
    assert (await WordProblem()(ITEM, Output(f"#### {number}"))).value == 0
