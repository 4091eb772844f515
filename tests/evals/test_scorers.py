"""Scorers that ask no model: what counts as right, and what is no answer at all."""

import time
from collections.abc import Sequence
from typing import Any

import pytest

from copilot_kit.errors import UsageError
from copilot_kit.request import Settings
from copilot_kit.testing import ScriptedModel
from copilot_kit_evals.candidates import Candidate
from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers import Exact, Fields, MultipleChoice, Normalised, Pattern, Quantity, Schema, named
from copilot_kit_evals.scorers.multiple_choice import Choose
from copilot_kit_evals.scores import Output, Scorer
from copilot_kit_evals.tasks import Setup


async def value(scorer: Scorer, target: Any, text: str, *, choices: Sequence[str] = ()) -> float | None:
    item = Item(id="a", input="x", target=target, choices=tuple(choices))
    return (await scorer(item, Output(text=text))).value


@pytest.mark.parametrize(
    ("scorer", "target", "text", "right"),
    [
        (Exact(), "Paris", " Paris\n", 1),
        (Exact(), "Paris", "paris", 0),
        (Exact(), ["a", "b"], "b", 1),
        (Exact(), 4, "4", 1),
        (Normalised(), "The Beatles", "beatles!", 1),
        (Normalised(), "Müller", "MÜLLER.", 1),
        (Normalised(), "Muller", "Müller", 0),
        (Normalised(), "4", "14", 0),
        (Normalised(), "Paris", "It is Paris.", 0),
        (Normalised(within=True), "Paris", "It is Paris.", 1),
        (Normalised(within=True), "art", "party", 0),
        (Pattern(), r"^\d{4}$", "2026", 1),
        (Pattern(r"yes|no"), None, "oh no", 1),
        (Pattern(r"Answer: (?P<answer>\w+)"), "b", "Answer: a ... Answer: b", 1),
        (Pattern(r"Answer: (?P<answer>\w+)"), "b", "b", 0),
        (Quantity(), "18", "She has 3 and 15, so 18.", 1),
        (Quantity(), "70000", "#### 70,000", 1),
        (Quantity(), 18, "The answer is 18.0 dollars, not 5", 1),
        (Quantity(), "3.14", "\\boxed{3.14} follows from 2", 1),
        (Quantity(), "-5", "\u22125", 1),
        (Quantity(), "1e3", "1000", 1),
        (Quantity(tolerance=0.01), "100", "100.9", 1),
        (Quantity(), "100", "100.9", 0),
        (Quantity(), "5", "none", 0),
        (Quantity(), "12", "between 2024, 12", 1),
    ],
)
async def test_words_and_numbers(scorer: Scorer, target: Any, text: str, right: int):
    assert await value(scorer, target, text) == right


async def test_an_answer_that_cannot_be_read_says_so():
    score = await Quantity()(Item(id="a", input="x", target="5"), Output(text="no idea"))
    assert (score.value, score.meta) == (0.0, {"unparsed": True})


async def test_an_item_without_a_target_is_the_suites_fault():
    with pytest.raises(UsageError, match="has no target"):
        await value(Exact(), None, "x")
    with pytest.raises(UsageError, match="which is no number"):
        await value(Quantity(), "many", "5")


OPTIONS = ("red", "green", "light blue", "blue")


@pytest.mark.parametrize(
    ("target", "text", "right"),
    [
        ("green", "B", 1),
        ("B", "Answer: B", 1),
        (1, "(B)", 1),
        ("green", "The answer is (B), not A.", 1),
        ("green", "B. green", 1),
        ("green", "It is green.", 1),
        ("blue", "blue", 1),
        ("blue", "light blue", 0),
        ("green", "A or B", 0),
        ("green", "I cannot say.", 0),
        ("green", "Answer: A\nNo. Answer: B", 1),
        ("green", "E", 0),
    ],
)
async def test_choices(target: Any, text: str, right: int):
    assert await value(MultipleChoice(), target, text, choices=OPTIONS) == right


async def test_a_target_that_is_none_of_the_choices_is_the_suites_fault():
    for target in ("pink", "E", 4, None):
        with pytest.raises(UsageError, match="which is none of its 4 choices"):
            await value(MultipleChoice(), target, "A", choices=OPTIONS)


async def test_options_are_shuffled_by_the_seed_and_scored_by_what_they_say():
    item = Item(id="a", input="Which?", target="green", choices=OPTIONS)

    async def asked(seed: int) -> tuple[str, float | None]:
        model = ScriptedModel(lambda request: next(
            line[0] for line in request.messages[-1].text.splitlines() if line.endswith(". green")))  # fmt: skip
        setup = Setup(item, "", 0, Candidate(name="c", model=model.id), model, Settings(), seed)
        solved = await Choose()(setup)
        return model.last_request.messages[-1].text, (await MultipleChoice()(item, solved.output)).value

    found = [await asked(seed) for seed in range(6)]
    assert {right for _, right in found} == {1.0}
    assert len({text for text, _ in found}) > 2
    assert await asked(3) == found[3]


async def test_fields_are_counted_one_by_one():
    item = Item(id="a", input="x", target={"name": "Ann", "age": 30, "address": {"city": "Rome", "zip": "00100"},
                                           "tags": ["a", "b"], "active": True})  # fmt: skip
    said = '{"name": "ann.", "age": 30.0, "address": {"city": "Roma"}, "tags": ["b", "a"], "active": 1}'
    text = f"Here:\n```json\n{said}\n```"
    score = await Fields()(item, Output(text=text))
    assert score.parts == {"name": 1, "age": 1, "address.city": 0, "address.zip": 0, "tags": 0, "active": 0}
    assert score.value == pytest.approx(2 / 6)
    assert (await Fields(unordered=("tags",), exact=("name",))(item, Output(text=text))).parts["tags"] == 1
    assert (await Fields(exact=("name",))(item, Output(text=text))).parts["name"] == 0
    nothing = await Fields()(item, Output(text="no JSON"))
    assert (nothing.value, nothing.meta["unparsed"]) == (0.0, True)


async def test_a_schema_says_what_does_not_fit():
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    item = Item(id="a", input="x")
    assert (await Schema(schema)(item, Output(text='{"n": 1}'))).value == 1
    wrong = await Schema(schema)(item, Output(text='Sure: {"n": "one"}'))
    assert wrong.value == 0
    assert "integer" in str(wrong.reason)
    assert await value(Schema(), schema, "{}") == 0
    with pytest.raises(UsageError, match="is no JSON schema"):
        await value(Schema({"type": "nothing"}), None, "{}")


def test_a_digest_changes_with_what_a_scorer_does():
    digests = {one.digest for one in (Exact(), Normalised(), Normalised(within=True), Pattern("a"), Pattern("b"),
                                      Quantity(), Quantity(0.1), MultipleChoice(), Fields(),
                                      Fields(exact=("a",)))}  # fmt: skip
    assert len(digests) == 10


def test_scorers_are_known_by_name():
    assert named("number") == Quantity()
    with pytest.raises(UsageError, match="There is no scorer 'rouge'"):
        named("rouge")


HOSTILE = Item(id="one", input="Go.", target={"n": 18}, choices=("18", "19"))


@pytest.mark.parametrize("piece", [
    "<", "[", "*", ".", " ", "\n", "\t", "9", "1,", "#### ", "A: ", "\\boxed{", "answer is ", "answer ", "(A) ", "A\n",
    "```", "```json ", "```\n", "- ", "e9", "{", '"', "option ", "\u2212", '{"n":',
])  # fmt: skip
async def test_whatever_a_model_says_is_scored_at_once(piece: str):
    begun = time.process_time()
    for text in (piece * (20_000 // len(piece)), f"answer{piece * (20_000 // len(piece))}x"):
        for scorer, target in ((Exact(), "18"), (Normalised(within=True), "18"), (Quantity(), "18"),
                               (MultipleChoice(), "18"),
                               (Fields(), {"n": 18}), (Schema({"type": "object"}), None)):  # fmt: skip
            score = await scorer(HOSTILE.model_copy(update={"target": target}), Output(text=text))
            assert score.value in (0, 1)
            assert len(score.answer or "") <= 200
    assert time.process_time() - begun < 2.0
