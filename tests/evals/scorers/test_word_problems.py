"""Numbers in three languages, and the published accuracies of GSM8K and BIG-Bench Hard from their stored answers."""

import csv
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from copilot_kit_evals.items import Item
from copilot_kit_evals.public_sets import bbh_item, gsm8k_item, read
from copilot_kit_evals.scorers.hard_tasks import HardTask, answer_of
from copilot_kit_evals.scorers.numerals import chinese, numbers_of
from copilot_kit_evals.scorers.word_problems import WordProblem, extract, written
from copilot_kit_evals.scores import Output


@pytest.mark.parametrize(
    ("language", "text", "numbers"),
    [
        ("en", "80,000 and 1,234.5 and 12,34,567", [80000, Fraction("1234.5"), 1234567]),
        ("en", "1.500 or .5 or 2,5", [Fraction("1.5"), Fraction("0.5"), Fraction("2.5")]),
        ("de", "80.000 und 1.234,5 und 2,5", [80000, Fraction("1234.5"), Fraction("2.5")]),
        ("de", "80,000 und 2.5 und 1.234.567", [80000, Fraction("2.5"), 1234567]),
        ("en", "$1\u00a0234, 1\u202f234\u202f567 and 1'000", [1234, 1234567, 1000]),
        ("en", "-5, \u22125, 10-5, $-3, -$3", [-5, -5, 10, 5, -3, -3]),
        ("en", "3/4 and 1 1/2 and 1/0 and 1e3 and 50%", [Fraction(3, 4), Fraction(3, 2), 1000, 50]),
        ("zh", "\uff11\uff18\uff0e\uff15 美元、3万、一起、三百二十、两千零五", [Fraction("18.5"), 30000, 320, 2005]),
        ("zh", "70,000 美元和十二个", [70000, 12]),
        ("en", "18.", [18]),
        ("en", "no number at all", []),
    ],
)
def test_numbers_are_read_as_the_language_writes_them(language: Any, text: str, numbers: list[Fraction]):
    assert list(numbers_of(text, language=language)) == numbers


@pytest.mark.parametrize(
    ("numeral", "value"),
    [("十", 10), ("二十", 20), ("一百零五", 105), ("一万二千", 12000), ("三亿", 300000000), ("二〇二六", 2026),
     ("三点一四", Fraction("3.14")), ("万", None), ("百", None)],
)  # fmt: skip
def test_chinese_numerals(numeral: str, value: Fraction | None):
    assert chinese(numeral) == value


@pytest.mark.parametrize(
    ("text", "number", "form"),
    [
        ("It is 3 * 6 = 18.\n#### 18", 18, "hash"),
        ("#### 1\nNo, wait.\n#### 2", 2, "hash"),
        (r"So \boxed{\frac{3}{4}} of 10", Fraction(3, 4), "box"),
        (r"\boxed{\$1{,}200}", 1200, "box"),
        ("She has 3.\nA: 26", 26, "words"),
        ("The answer is $18 per day, not 20.", 18, "words"),
        ("**Answer:** 18 eggs out of 20", 18, "words"),
        ("Die Antwort lautet 70.000 Dollar in 2 Jahren.", 70, "words"),
        ("所以答案是\uff1a18 美元、共 2 天。", 18, "words"),
        ("First 3, then 18", 18, "last"),
        ("The answer is unclear, maybe 7", 7, "words"),
        ("The answer is below.\nShe sells 9", 9, "last"),
    ],
)
def test_the_answer_is_what_is_marked_and_else_the_last_number(text: str, number: Fraction, form: str):
    found = extract(text)
    assert found is not None
    assert (found.number, found.form) == (number, form)


def test_german_thousands_need_the_language():
    found = extract("Die Antwort lautet 70.000 Dollar in 2 Jahren.", language="de")
    assert found is not None
    assert found.number == 70000


async def test_an_answer_without_a_number_is_wrong_and_says_so():
    score = await WordProblem()(Item(id="1", input="?", target="3"), Output("I do not know."))
    assert (score.value, score.answer, score.meta) == (0, None, {"unparsed": True})


def test_numbers_are_written_as_people_write_them():
    assert [written(Fraction(one)) for one in ("18", "1/3", "5/2", "-1/8", "1/1000")] == [
        "18", "1/3", "2.5", "-0.125", "0.001"
    ]  # fmt: skip


async def test_gsm8k_accuracies_come_out_of_the_stored_solutions(published: Path):
    folder = published / "gsm8k"
    rows = [json.loads(line) for line in (folder / "items_with_solutions.jsonl").read_text().splitlines()]
    with (folder / "summary.csv").open() as lines:
        said = {row["variant"]: float(row["percent_correct_here"]) for row in csv.DictReader(lines)}
    assert len(said) == 4
    scorer = WordProblem(marked_only=True)
    for variant, percent in said.items():
        scores = [(await scorer(gsm8k_item(row), Output(row[variant]["solution"]))).value for row in rows]
        assert scores == [float(row[variant]["is_correct"]) for row in rows]
        assert 100 * sum(one or 0 for one in scores) / len(rows) == pytest.approx(percent, abs=1e-4)


async def test_every_gsm8k_reasoning_ends_in_its_answer(published: Path):
    for line in (published / "gsm8k" / "items_with_solutions.jsonl").read_text().splitlines():
        row = json.loads(line)
        assert (await WordProblem()(gsm8k_item(row), Output(row["reasoning"]))).value == 1, row["id"]


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "The answer is {:,}."), ("de", "Die Antwort ist {:,} Dollar."), ("zh", "答案是 {:,}。")],
)
async def test_every_mgsm_answer_is_read_back_as_its_language_writes_it(published: Path, language: Any, words: str):
    items = read("mgsm", published / "items" / f"mgsm_{language}.csv")
    assert len(items) == 250
    scorer = WordProblem(language)
    for item in items:
        answer = words.format(int(str(item.target)))
        answer = answer.replace(",", ".") if language == "de" else answer
        assert (await scorer(item, Output(answer))).value == 1, item.target
        assert (await scorer(item, Output(words.format(int(str(item.target)) + 1)))).value == 0


async def test_big_bench_hard_accuracies_come_out_of_the_stored_answers(published: Path):
    folder = published / "bbh_codex"
    with (folder / "published.csv").open() as lines:
        said = {(row["task"], row["variant"]): float(row["published_accuracy"]) for row in csv.DictReader(lines)}
    assert len(said) == 28
    for (task, variant), percent in said.items():
        scorer = HardTask("direct" if variant == "direct" else "thought")
        rows = [json.loads(line) for line in (folder / f"{task}.jsonl").read_text().splitlines()]
        scores = [(await scorer(bbh_item(row), Output(row[f"prediction_{variant}"]))).value or 0 for row in rows]
        assert 100 * sum(scores) / len(scores) == pytest.approx(percent), (task, variant)


def test_a_thought_without_its_mark_has_no_answer():
    assert answer_of("So the answer is (B).") == "(B)"
    assert answer_of("(B)") is None
