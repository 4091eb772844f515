"""Each kind of instruction with an answer that follows it and ones that do not, and every item of IFEval."""

from pathlib import Path
from typing import Any

import pytest

from copilot_kit_evals.items import BadDataset, Item
from copilot_kit_evals.public_sets import read
from copilot_kit_evals.scorers.instruction_checks import CHECKS, count_sentences, follows
from copilot_kit_evals.scorers.instructions import Instructions, forms, instruction_level, instructions_of
from copilot_kit_evals.scorers.languages import language_of
from copilot_kit_evals.scores import Output, Score

ENGLISH = "this is a short poem about my dog and the sea"
GERMAN = "dies ist ein kurzes Gedicht \u00fcber meinen Hund und das weite Meer"

CASES: list[tuple[str, dict[str, Any], str, list[str]]] = [
    ("own:capital_letters", {}, "GUTEN TAG, 3 UHR.", ["GUTEN Tag."]),
    ("own:small_letters", {}, "guten tag, 3 uhr.", ["Guten tag."]),
    ("keywords:existence", {"keywords": ["Dog", "sea"]}, ENGLISH, ["a dog"]),
    ("keywords:frequency", {"keyword": "a", "relation": "at least", "frequency": 2}, "A banana", ["b"]),
    ("keywords:frequency", {"keyword": "war", "relation": "less than", "frequency": 2}, "War", ["war, war"]),
    ("keywords:forbidden_words", {"forbidden_words": ["rock"]}, "rocket", ["Rock!", "a rock"]),
    ("keywords:letter_frequency", {"letter": "#", "let_relation": "at least", "let_frequency": 2}, "##", ["#"]),
    ("keywords:letter_frequency", {"letter": "t", "let_relation": "less than", "let_frequency": 2}, "Tea", ["Tt"]),
    ("language:response_language", {"language": "de"}, GERMAN, [ENGLISH]),
    (
        "length_constraints:number_sentences",
        {"relation": "at least", "num_sentences": 3},
        'Dr. Who came. "Why?" Nobody knows',
        ["Mr. X came at 3.15 p.m. today. So what?", "J. S. Bach. Done."],
    ),
    ("length_constraints:number_words", {"relation": "less than", "num_words": 3}, "two words", ["now three words"]),
    ("length_constraints:number_words", {"relation": "at least", "num_words": 3}, "one two three", ["one two"]),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        "One.\n***\nTwo.",
        ["One.", "One.\n\nTwo.", "One.\n***\n***\nTwo.", "1\n***\n2\n***\n3"],
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "weekend"},
        "First.\n\n\u201cWeekend, at last.\u201d",
        ["Weekend.\n\nFirst.", "One.\n\nWeekends.", "One.\n\nWeekend.\n\nThree."],
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[name] at [place]", ["[name]", "[[name]]"]),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.S."},
        "Yours.\n\nP. S. Call me.",
        ["Yours.", "P.P.S. x"],
    ),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "Yours.\nP.P.S call me", ["P.S. call me"]),
    (
        "detectable_format:number_bullet_lists",
        {"num_bullets": 2},
        "Two:\n* one\n  - two",
        ["* one", "* 1\n* 2\n* 3", "**bold**\n* one"],
    ),
    ("detectable_format:constrained_response", {}, "Well. My answer is maybe.", ["My answer is perhaps.", "maybe"]),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        "*one* and **two**",
        ["*one*", "** ** and * *", "*one\ntwo* and *3*"],
    ),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "SECTION", "num_sections": 2},
        "SECTION 1\na\nSECTION 2\nb",
        ["SECTION 1\na", "Section 1\nSection 2"],
    ),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', ["{a: 1}", 'Here: {"a": 1}', "[" * 100_000]),
    ("detectable_format:title", {}, "<<A dog>>\nWoof.", ["<A dog>", "<< >>", "<<a\nb>>"]),
    (
        "combination:two_responses",
        {},
        "One.\n******\nTwo.",
        ["One.", "One.\n******\nOne.", "1\n******\n2\n******\n3", "1\n***\n2"],
    ),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say hello."}, " say hello.\nHello.", ["Hello."]),
    ("startend:end_checker", {"end_phrase": "That is all."}, '"So. That is ALL."', ["That is all. Bye."]),
    ("startend:quotation", {}, '"Yes."', ["Yes.", '"', '"Yes." he said']),
    (
        "change_case:capital_word_frequency",
        {"capital_relation": "at least", "capital_frequency": 2},
        "NASA and I",
        ["NASA and others"],
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_relation": "less than", "capital_frequency": 2},
        "NASA went",
        ["THE MOON"],
    ),
    ("change_case:english_capital", {}, ENGLISH.upper(), [ENGLISH, GERMAN.upper()]),
    ("change_case:english_lowercase", {}, ENGLISH, [ENGLISH.title(), GERMAN.lower()]),
    ("punctuation:no_comma", {}, "one two", ["one, two"]),
]


@pytest.mark.parametrize(("name", "given", "right", "wrong"), CASES)
def test_an_answer_that_follows_passes_and_others_do_not(name: str, given: Any, right: str, wrong: list[str]):
    assert follows({"id": name, **given}, right) is True
    assert [follows({"id": name, **given}, one) for one in wrong] == [False] * len(wrong)
    assert follows({"id": name, **given}, " \n") is False


def test_every_kind_has_a_case():
    assert {name for name, *_ in CASES} == set(CHECKS)
    assert len(CHECKS) == 27


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three?", 3),
        ("No mark at all", 1),
        ("It costs 3.50 dollars. See example.com for more.", 2),
        ("Wait... what? Yes.", 3),
        ("\u4ed6\u6765\u4e86\u3002 \u5979\u8d70\u4e86\u3002", 2),
        ("It was I. You too.", 2),
        ("...", 0),
    ],
)
def test_sentences_end_at_marks_that_no_abbreviation_has(text: str, count: int):
    assert count_sentences(text) == count


def item(*instructions: dict[str, Any]) -> Item:
    return Item(id="one", input="Go.", meta={"instructions": list(instructions)})


NO_COMMA, TITLE = {"id": "punctuation:no_comma"}, {"id": "detectable_format:title"}


async def test_loose_forgives_a_greeting_and_strict_does_not():
    score = await Instructions()(item(NO_COMMA, TITLE), Output("Sure, here it is:\n<<Dog>>\nWoof"))
    assert score.value == 0
    assert score.parts == {
        "strict": 0, "loose": 1, "instructions_strict": 0.5, "instructions_loose": 1,
        "1.punctuation:no_comma": 0, "2.detectable_format:title": 1,
    }  # fmt: skip
    assert score.reason == "not followed: punctuation:no_comma"
    assert (await Instructions(level="loose")(item(NO_COMMA, TITLE), Output("Sure, here:\n<<Dog>>\nWoof"))).value == 1


async def test_what_cannot_be_told_has_no_value_unless_another_instruction_fails():
    german = {"id": "language:response_language", "language": "de"}
    untold = await Instructions()(item(german, NO_COMMA), Output("Ja."))
    assert (untold.value, untold.parts["1.language:response_language"]) == (None, None)
    assert untold.reason == "cannot be told: language:response_language"
    assert (await Instructions()(item(german, NO_COMMA), Output("Ja, ja."))).value == 0


def test_the_instruction_level_counts_instructions_not_items():
    one, two = (
        Score(parts={"strict": 0.0, "1.a": 0.0, "2.b": 1.0, "3.c": 1.0}),
        Score(parts={"strict": 1.0, "1.a": 1.0}),
    )
    assert instruction_level([one, two]) == 0.75
    assert instruction_level([Score()]) is None


def test_the_loose_forms_are_eight():
    assert forms("a\n*b*\nc") == ["a\n*b*\nc", "*b*\nc", "a\n*b*", "*b*", "a\nb\nc", "b\nc", "a\nb", "b"]


def test_unknown_instructions_and_arguments_are_errors_of_the_item():
    with pytest.raises(BadDataset, match="no instruction 'keywords:magic'"):
        follows({"id": "keywords:magic"}, "x")
    with pytest.raises(BadDataset, match="one is missing"):
        follows({"id": "keywords:existence"}, "x")
    with pytest.raises(BadDataset, match="neither 'at least' nor 'less than'"):
        follows({"id": "length_constraints:number_words", "relation": "about", "num_words": 3}, "x")


def test_every_item_of_ifeval_can_be_checked(published: Path):
    items = read("ifeval", published / "items" / "ifeval.jsonl")
    assert len(items) == 541
    answer = f"{ENGLISH}. It is good."
    said = [follows(one, answer) for item in items for one in instructions_of(item)]
    assert len(said) == 834
    assert None not in said
    assert 0 < sum(map(bool, said)) < 834


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("de", GERMAN),
        ("fi", "Suomi on kaunis maa, ja täällä on paljon järviä."),
        ("hi", "भारत एक सुंदर देश है और यहाँ के लोग बहुत मिलनसार हैं।"),
        ("mr", "महाराष्ट्र हे एक सुंदर राज्य आहे आणि येथील लोक खूप चांगले आहेत."),
        ("fa", "زبان فارسی زبان زیبایی است و مردم زیادی به آن صحبت می\u200cکنند"),
        ("ur", "اردو ایک خوبصورت زبان ہے اور بہت سے لوگ اسے بولتے ہیں"),
        ("bg", "България е красива страна и хората са много гостоприемни."),  # noqa: RUF001
        ("ko", "한국은 아름다운 나라이고 사람들은 친절합니다"),
        ("kn", "ಕನ್ನಡ ಒಂದು ಸುಂದರ ಭಾಷೆ ಆಗಿದೆ"),
        ("sw", "Kenya ni nchi nzuri na watu wake ni wakarimu sana"),
    ],
)
def test_languages_are_told_apart(code: str, text: str):
    assert language_of(text) == code
