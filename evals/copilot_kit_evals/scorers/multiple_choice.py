"""Multiple choice in the shape of MMLU, GPQA and TruthfulQA: options in a drawn order, and the letter an answer means.

An answer ends in one of five ways, kept apart: it chose one option, it chose several, it refused, it said nothing, or
it said something of which no option can be told. Only a choice is ever compared; nothing else is a wrong letter.

A letter is taken, first of these, the last one counting: behind words that announce it (`answer is (B)`, `Antwort: B`,
`答案是B`), in a LaTeX box, alone or at the begin of a line (`B`, `(B)`, `B. Paris`), in brackets or bold anywhere. One
that is ruled out (`not B`) is none, nor is the word `A` or `I` in a sentence. Without a letter, an option in its own
words is one, if it is the only one. What it cannot score: options told apart by nothing but case or marks, answers that
name an option by its place (`the second one`), and whether the choice was a guess.
"""

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final, Literal, TypeAlias

from copilot_kit.errors import UsageError
from copilot_kit.messages import Text
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.scorers.matching import normalised
from copilot_kit_evals.scores import Output, Score, digest_of
from copilot_kit_evals.tasks import Ask, Setup, Solved

LETTERS: Final = string.ascii_uppercase
ORDER: Final = "options"
"""Where `Choose` leaves the order of the options for the scorer."""
Ending: TypeAlias = Literal["chosen", "several", "refused", "silent", "unclear"]

SHUFFLE: Final = "shuffle"
"""Where `presented` keeps seed and order in the item's meta."""
_OPEN: Final = r"[\s:*_`\"'(\[{\uff1a\uff08]*+"
_CLOSE: Final = r"(?![\w'\u2019])"
_ANNOUNCED: Final = re.compile(
    rf"(?i:\banswers?\b|\bchoices?\b|\boption\b|\bantwort\b|\blösung\b|答案|选项|選項)"
    rf"(?i:\s*(?:should be|must be|is|are|ist|lautet|是|为|為|=))*{_OPEN}(?i:option\s++)?+{_OPEN}([A-Z]){_CLOSE}"
)
_BOXED: Final = re.compile(r"\\boxed\s*\{\s*(?:\\(?:text|mathrm|mathbf)\s*\{)?\s*\(?([A-Z])\)?\s*\}")
_ALONE: Final = re.compile(r"^[ \t*_`(\[]*+([A-Z])(?:[)\].:*_` \t]*+$|[*_`]*[).:\]]+[*_`]*\s)", re.MULTILINE)
_BRACKETED: Final = re.compile(r"\(([A-Z])\)|\*\*\(?([A-Z])[).:]?\*\*")
_RULED_OUT: Final = re.compile(r"(?i:\b(?:not|isn't|rather than|instead of|nicht)|不是)\W*$")
_NEAR: Final = 40
"""How far before a letter it can be ruled out, in characters."""
_REFUSED: Final = re.compile(
    r"(?i)\b(?:i(?:'m| am) (?:sorry|unable|not able)|i (?:can(?:no|')t|cannot|won't|will not) "
    r"(?:help|answer|assist|provide|choose|discuss)|i (?:must|have to) decline|as an ai\b|ich kann (?:das|dabei|diese))"
    r"|我(?:无法|不能)(?:回答|帮助|提供)|抱歉"
)


@dataclass(frozen=True, slots=True)
class Meant:
    """What an answer comes to: how it ends, and the place of the option it chose."""

    ending: Ending
    place: int | None = None


def presented(dataset: Dataset, *, seed: int) -> Dataset:
    """Return the dataset with the options of each item in an order of its own, lettered in the input.

    The order comes from seed and item id alone, so that it is the same for every model, process and version; both are
    kept in `meta.shuffle`, in which `order` tells where each option stood. The fingerprint changes with the seed.
    """
    return Dataset.of((_presented(item, seed) for item in dataset), name=dataset.name, folder=dataset.folder)


def _presented(item: Item, seed: int) -> Item:
    right = right_option(item)
    if not isinstance(item.input, str) or not 1 < len(item.choices) <= len(string.ascii_uppercase):
        raise UsageError(
            f"Item {item.id!r} has {len(item.choices)} choices and no single text as its input, or too many of them. "
            f"Give it a question in words and 2 to {len(string.ascii_uppercase)} choices."
        )
    order = list(range(len(item.choices)))
    Random(f"{seed}\0{item.id}").shuffle(order)
    choices = tuple(item.choices[place] for place in order)
    lines = [f"{letter}. {option}" for letter, option in zip(LETTERS, choices, strict=False)]
    return item.model_copy(update={
        "input": "\n".join([item.input, "", *lines]),
        "choices": choices,
        "target": right,
        "meta": {**item.meta, SHUFFLE: {"seed": seed, "order": list(order)}},
    })  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choose:
    """Asks an item's question with its options, lettered and shuffled by the seed of the attempt.

    So each candidate sees the same order, and each repeat another one. What an answer means is for `MultipleChoice`.
    """

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
class MultipleChoice:
    """Right if the answer chose the target's option.

    The target is the option in words, its letter in the order of the file, or its number from 0 on.
    `parts` has 1 for `chosen`, and for `refused`, `silent`, `several` and `unclear` where the answer ended so, so that
    their rates are told beside the accuracy. unchosen: the value of an answer without a choice. 0 is what published
    accuracies count; None leaves it open, as bounds.
    """

    unchosen: Literal[0] | None = 0
    name: str = "choice"

    @property
    def digest(self) -> str:
        """Of the rules and the value of no choice."""
        return edition("multiple_choice", 1, unchosen=self.unchosen)

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return the score; reads the order that `Choose` left, and else that of the item."""
        order: Sequence[str] = output.state.get(ORDER, item.choices)
        right = right_option(item)
        meant = meant_of(output, order)
        parts: dict[str, float | None] = {"chosen": float(meant.place is not None)}
        if meant.place is None:
            value = None if self.unchosen is None else 0.0
            meta = {"unparsed": True} if meant.ending == "unclear" else {}
            return Score(value=value, reason=_WHY[meant.ending], parts={**parts, meant.ending: 1.0}, meta={**meta})
        chosen = order[meant.place]
        shuffle = item.meta.get(SHUFFLE)
        return Score(
            value=float(chosen == right),
            answer=chosen,
            parts=parts,
            meta={"letter": LETTERS[meant.place], **({SHUFFLE: shuffle} if shuffle else {})},
        )


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


_WHY: Final[dict[Ending, str]] = {
    "several": "the answer chose more than one option",
    "refused": "the answer was refused",
    "silent": "there was no answer",
    "unclear": "no option can be told from the answer",
    "chosen": "",
}


def meant_of(output: Output, order: Sequence[str]) -> Meant:
    """Return what an output comes to; a refusal that the provider marks is one whatever its words are."""
    marked = output.response is not None and (
        output.response.stop.kind == "refusal"
        or any(isinstance(part, Text) and part.refusal for part in output.response.message.parts)
    )
    return Meant("refused") if marked else meant(output.text, order)


def meant(text: str, order: Sequence[str]) -> Meant:
    """Return what a text comes to, the options standing in this order."""
    if not text.strip():
        return Meant("silent")
    letters = LETTERS[: len(order)]
    announced = _letters(_ANNOUNCED, text, letters) or _letters(_BOXED, text, letters)
    if announced:
        if _joined(text, announced[-1][1], letters):
            return Meant("several")
        return Meant("chosen", letters.index(announced[-1][0]))
    for pattern in (_ALONE, _BRACKETED):
        places = _letters(pattern, text, letters)
        found = list(dict.fromkeys(letter for letter, _ in places))
        if len(found) > 1 or (found and _joined(text, places[-1][1], letters)):
            return Meant("several")
        if found:
            return Meant("chosen", letters.index(found[0]))
    if _REFUSED.search(text):
        return Meant("refused")
    return _in_words(text, order)


def _letters(pattern: re.Pattern[str], text: str, letters: str) -> list[tuple[str, int]]:
    """Return the letters that a pattern finds, each with where it ends, without those that are ruled out."""
    found = []
    for match in pattern.finditer(text):
        letter = next(one for one in match.groups() if one)
        begin = match.start(match.lastindex or 0)
        before = text[max(0, begin - _NEAR) : begin].rstrip("*_`\"'([ ")
        if letter in letters and not _RULED_OUT.search(before):
            found.append((letter, match.end()))
    return found


def _joined(text: str, end: int, letters: str) -> bool:
    """Tell whether another letter is chosen in the same breath: `B and C`, `B or D`, `A, B`."""
    return (
        re.match(rf"[\s)*]*(?:,|/|&|\band\b|\bor\b|\bund\b|\boder\b|和|或)\s*[(*]*[{letters}](?!\w)", text[end:])
        is not None
    )


def _in_words(text: str, order: Sequence[str]) -> Meant:
    """Return the option whose own words stand in the text; one that is part of another that stands there is none."""
    words = f" {normalised(text, articles=True)} "
    options = [f" {normalised(option, articles=True)} " for option in order]
    there = [place for place, option in enumerate(options) if option.strip() and option in words]
    longest = [
        place for place in there if not any(options[place] in options[other] for other in there if other != place)
    ]
    if len(longest) > 1:
        return Meant("several")
    return Meant("chosen", longest[0]) if longest else Meant("unclear")
