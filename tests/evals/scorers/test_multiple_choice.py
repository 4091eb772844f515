"""What an answer to a multiple choice comes to, and orders that are drawn once."""

from pathlib import Path

import pytest

from copilot_kit.messages import Message, Text
from copilot_kit.response import Response, Served, Stop
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.public_sets import read
from copilot_kit_evals.scorers.multiple_choice import ORDER, Meant, MultipleChoice, meant, presented
from copilot_kit_evals.scores import Output

CITIES = ("Rome", "Paris", "Paris, Texas", "Berlin")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("B", 1), ("(B)", 1), ("B.", 1), ("B. Paris", 1), ("**B**", 1), ("B) Paris, of course", 1), (" b", None),
        ("The answer is B", 1), ("The correct answer is **(B)**.", 1), ("Answer: B", 1), ("ANSWER: b", None),
        ("Die Antwort ist B.", 1), ("答案是B。", 1),
        ("答案\uff1a(B)", 1), (r"So \boxed{B}", 1), (r"\boxed{\text{B}}", 1),
        ("The answer is A. No, wait: the answer is D.", 3), ("The answer is not A but the answer is D", 3),
        ("I think (D) fits best.", 3), ("A capital of France is Paris", 1), ("Paris", 1), ("paris, texas", 2),
        ("It is Paris, Texas!", 2), ("Let me think.\n\nC", 2), ("The right option is option C", 2),
        ("The best choice here is (C), Paris, Texas", 2), ("A: Rome", 0),
    ],
)  # fmt: skip
def test_a_letter_or_an_option_in_words_is_understood(text: str, place: int | None):
    assert meant(text, CITIES) == (Meant("chosen", place) if place is not None else Meant("unclear"))


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("", "silent"), (" \n", "silent"),
        ("I'm sorry, I can't help with that.", "refused"), ("I cannot answer this question.", "refused"),
        ("我无法回答这个问题", "refused"),
        ("(A) or (B)", "several"), ("The answer is B and C", "several"), ("Rome or Berlin", "several"),
        ("A\nB", "several"), ("A, B", "unclear"),
        ("A hard question", "unclear"), ("I would say the second one", "unclear"), ("The answer is E", "unclear"),
        ("Definitely not B", "unclear"), ("London", "unclear"), ("It's a trap. I don't know.", "unclear"),
    ],
)  # fmt: skip
def test_what_chooses_nothing_is_never_a_letter(text: str, ending: str):
    assert meant(text, CITIES) == Meant(ending)  # type: ignore[arg-type]


ITEM = Item(id="one", input="Capital of France?", choices=CITIES, target="Paris")


async def test_the_score_keeps_the_ways_to_choose_nothing_apart():
    right = await MultipleChoice()(ITEM, Output("B"))
    assert (right.value, right.answer, right.parts, right.meta) == (1, "Paris", {"chosen": 1}, {"letter": "B"})
    assert (await MultipleChoice()(ITEM, Output("A"))).value == 0
    refused = await MultipleChoice()(ITEM, Output("I cannot answer that."))
    assert (refused.value, refused.answer, refused.parts) == (0, None, {"chosen": 0, "refused": 1})
    unclear = await MultipleChoice()(ITEM, Output("Hm."))
    assert (unclear.parts, unclear.meta) == ({"chosen": 0, "unclear": 1}, {"unparsed": True})
    assert (await MultipleChoice(unchosen=None)(ITEM, Output(""))).value is None
    assert MultipleChoice().digest != MultipleChoice(unchosen=None).digest


async def test_a_refusal_that_the_provider_marks_is_no_choice_even_with_a_letter_in_it():
    message = Message(id="m", role="assistant", parts=(Text(text="I will not choose (B)", refusal=True),))
    served = Served(asked="x:y", provider="x")
    response = Response(message=message, model=served, stop=Stop(kind="end"))
    score = await MultipleChoice()(ITEM, Output(message.text, response=response))
    assert score.parts == {"chosen": 0, "refused": 1}


async def test_the_order_that_was_shown_decides_what_a_letter_means():
    shown = Output("A", state={ORDER: ["Paris", "Rome", "Berlin", "Paris, Texas"]})
    assert (await MultipleChoice()(ITEM, shown)).value == 1


def test_orders_come_from_the_seed_and_the_item_alone():
    items = Dataset.of([ITEM, ITEM.model_copy(update={"id": "two"})], name="cities")
    one, again, other = (presented(items, seed=seed) for seed in (1, 1, 2))
    assert one.lines == again.lines
    assert one.fingerprint != other.fingerprint
    assert one[0].meta["shuffle"] == {"seed": 1, "order": [0, 3, 2, 1]}
    assert one[0].choices == ("Rome", "Berlin", "Paris, Texas", "Paris")
    assert one[1].choices != one[0].choices
    first = one[0]
    assert first.target == "Paris"
    assert isinstance(first.input, str)
    assert first.input.startswith("Capital of France?\n\nA. ")


async def test_the_letter_of_the_shown_order_is_right_for_every_item_of_truthfulqa(published: Path):
    plain = read("truthfulqa", published / "items" / "truthfulqa.csv")
    shown = presented(plain, seed=7)
    assert len(shown) == 409
    places = []
    for item in shown:
        place = item.choices.index(str(item.target))
        places.append(place)
        for other, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(item.choices)]):
            score = await MultipleChoice()(item, Output(f"The answer is ({letter})."))
            assert score.value == float(other == place), item.id
    assert 0.05 < places.count(0) / len(places) < 0.4
