"""Short answers: what of a text is the answer, and what speaks against it."""

import pytest

from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers.short_answers import ShortAnswer
from copilot_kit_evals.scores import Output

CODE = Item(id="a", input="?", target="KF7592", meta={"rivals": ["DC1774", "PS7238"]})
COUNT = Item(id="b", input="?", target="1200")
OPEN = Item(id="c", input="?", target=["not stated", "not mentioned"], meta={"rivals": ["KF7592"]})
LONG = "The log is about a harbour in which many ships come and go, and there are many lockers with codes in it too."
LONG += " Nobody can read all of it."


@pytest.mark.parametrize(
    ("item", "text", "value"),
    [
        (CODE, "KF7592", 1), (CODE, "Answer: kf7592.", 1), (CODE, f"{LONG}\nAnswer: KF7592", 1),
        (CODE, f"{LONG}\n\n**Answer:** KF7592", 1), (CODE, "Antwort: KF7592", 1), (CODE, f"{LONG}\nKF7592", 1),
        (CODE, "DC1774", 0), (CODE, "KF7592 or DC1774", 0), (CODE, "Answer: KF7592, DC1774, PS7238", 0),
        (CODE, "Answer: DC1774\nAnswer: KF7592", 1), (CODE, "Answer: KF7592\nAnswer: DC1774", 0),
        (CODE, f"KF7592\n{LONG}", 0), (CODE, "Answer:", 0), (CODE, "", 0), (CODE, "XKF7592", 0),
        (COUNT, "1,200", 1), (COUNT, "Answer: 1 200 times", 1), (COUNT, "1200 or 1201", 0), (COUNT, "12", 0),
        (COUNT, "It came in 1200 times.", 1), (COUNT, "not stated", 0),
        (OPEN, "Answer: not stated", 1), (OPEN, "It is not mentioned in the log.", 1), (OPEN, "KF7592", 0),
        (OPEN, "not stated, perhaps KF7592", 0),
    ],
)  # fmt: skip
async def test_the_last_answer_counts_and_nothing_may_speak_against_it(item: Item, text: str, value: int):
    assert (await ShortAnswer()(item, Output(text))).value == value
