"""Multiple choice: options in an order of their own for each item and repeat, and which one an answer means.

A model may favour the first option; so `Choose` shuffles them by the seed of the attempt, which is the same for each
candidate.
"""

import re
import string
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from copilot_kit.errors import UsageError
from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers.matching import normalised
from copilot_kit_evals.scores import Output, Score, digest_of
from copilot_kit_evals.tasks import Ask, Setup, Solved

LETTERS: Final = string.ascii_uppercase
ORDER: Final = "options"
"""Where `Choose` leaves the order of the options for the scorer."""
_SAID: Final = re.compile(r"(?i:answer|choice|option)\b[^A-Za-z0-9\n]*(?:(?i:is\b)[^A-Za-z0-9\n]*)?([A-Z])\b")
_ALONE: Final = re.compile(r"^[^\w\n]*([A-Z])\b[^\w\n]*$|^[^\w\n]*([A-Z])[).:]\s", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Choose:
    """Asks an item's question with its options, lettered and shuffled; what an answer means is for `Choice` to say."""

    ask: Ask = field(default_factory=lambda: Ask("Answer with the letter of the right option alone."))
    shuffled: bool = True

    @property
    def digest(self) -> str:
        """Over all that is sent beside the item."""
        return digest_of(f"choose 1 {self.ask.digest} {self.shuffled}")

    async def __call__(self, setup: Setup) -> Solved:
        """Return the answer."""
        item, asked = setup.item, setup.item.asked(setup.variant)
        if not 1 < len(item.choices) <= len(LETTERS) or not isinstance(asked, str):
            raise UsageError(
                f"Item {item.id!r} has {len(item.choices)} choices; a question in words with 2 to {len(LETTERS)} of "
                "them is wanted. Give it choices, or ask it with Ask."
            )
        order = list(item.choices)
        if self.shuffled:
            Random(setup.seed).shuffle(order)
        setup.state[ORDER] = order
        lines = [f"{letter}. {option}" for letter, option in zip(LETTERS, order, strict=False)]
        question = "\n".join([asked, "", *lines])
        return await self.ask(replace(setup, item=item.model_copy(update={"input": question}), variant=""))


@dataclass(frozen=True, slots=True)
class Choice:
    """Right if the answer means the target's option: by its letter, or in its words.

    The target is the option in words, its letter in the order of the file, or its number from 0 on.
    """

    name: str = "choice"

    @property
    def digest(self) -> str:
        """Over what it does."""
        return digest_of("choice 1")

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return 1 or 0."""
        right = right_option(item)
        order = output.state.get(ORDER, item.choices)
        meant = meant_option(output.text, order)
        if meant is None:
            return Score(value=0.0, reason="the answer names no option", meta={"unparsed": True})
        return Score(value=float(meant == right), answer=meant)


def right_option(item: Item) -> str:
    """Return the option that is right, in words; raises `UsageError` where the target is none of them."""
    target, choices = item.target, item.choices
    if isinstance(target, int) and 0 <= target < len(choices):
        return choices[target]
    if isinstance(target, str):
        if target in choices:
            return target
        place = LETTERS.find(target.strip().upper()) if len(target.strip()) == 1 else -1
        if 0 <= place < len(choices):
            return choices[place]
    raise UsageError(
        f"The target of item {item.id!r} is {target!r}, which is none of its {len(choices)} choices. Write the option "
        "itself, its letter, or its number from 0 on."
    )


def meant_option(text: str, order: "list[str] | tuple[str, ...]") -> str | None:
    """Return the option that an answer means; None where it names none, or several."""
    letters = LETTERS[: len(order)]
    said = [letter for letter in _SAID.findall(text) if letter in letters]
    alone = [one for pair in _ALONE.findall(text) for one in pair if one and one in letters]
    for found in (said[-1:], list(dict.fromkeys(alone))):
        if len(found) == 1:
            return order[letters.index(found[0])]
    words = normalised(text, articles=True)
    named = [option for option in order if f" {normalised(option, articles=True)} " in f" {words} "]
    exact = [option for option in order if normalised(option, articles=True) == words]
    return exact[0] if exact else named[0] if len(named) == 1 else None
