"""Whether a model uses all of a long text: a harbour's log, made when the suite is loaded, and questions on it.

Kinds, each a tag: `needle` (a code among many alike), `count` (arrivals of a ship, not those that did not happen),
`sum` (over several entries), `order` (who came last), `latest` (facts that later entries change), `two_hop` (one fact
leads to the other), and `not_stated` (what is asked for is not there, though it is spoken of).

Lengths, each a tag: short (some 350 tokens), 1k, 4k, 16k, 64k, 128k, give or take with the tokenizer; `@short,1k,4k`
fits a window of 8k. A text too long for a candidate's window is a failure of the candidate; choose the lengths by tag
that the use needs. The questions on one text are a cluster. Some questions are in German (tag `de`), the log is not.
All lengths are some 2.8 million tokens a candidate; the question comes last, so that a provider's cache serves the text
to the questions on it.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers.short_answers import ShortAnswer
from copilot_kit_evals.shipped.harbour_log import CARGOES, COLOURS, PEOPLE, SHIPS, Draw, Log, log_of
from copilot_kit_evals.tasks import Ask, Task

EDITION: Final = "harbour 1"
"""Part of every seed: raise it, and all texts are new."""
LENGTHS: Final[Mapping[str, tuple[int, int, int]]] = {
    "short": (350, 2, 1), "1k": (1_000, 3, 3), "4k": (4_000, 3, 5), "16k": (16_000, 3, 8), "64k": (64_000, 2, 11),
    "128k": (128_000, 2, 14),
}  # fmt: skip
"""By tag: tokens, how many texts, how often the ship comes in."""
CHARACTERS_A_TOKEN: Final = 3.3
UNSTATED: Final = "not stated"
_ALSO_UNSTATED: Final = (
    UNSTATED, "not mentioned", "not given", "not specified", "not provided", "nicht genannt", "nicht angegeben",
)  # fmt: skip
_PROMPT: Final = (
    "You are given the log of a harbour and a question on it. Only what the log says counts. End with a line that "
    "begins with 'Answer:' and then holds only the name, the number or the code that is asked for, or the words "
    "'not stated' if the log does not say."
)
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "needle": "What is the code of the {colour} locker?",
        "count": "How many times did the {ship} come in?",
        "sum": "How many crates of {cargo} did the {ship} bring in all?",
        "order": "Which of these ships was the last one to come in: {ships}?",
        "latest": "Who keeps the key of shed {shed} at the end of the log?",
        "two_hop": "Who keeps, at the end of the log, the key of the shed in which the spare anchor of the {ship} is?",
        "not_stated": "What is the code of the {colour} locker?",
    },
    "de": {
        "needle": "Wie lautet der Code des Schließfachs '{colour}' ({colour} locker)?",
        "count": "Wie oft ist die {ship} eingelaufen (came in)?",
        "sum": "Wie viele Kisten (crates) mit {cargo} hat die {ship} insgesamt gebracht?",
        "order": "Welches dieser Schiffe ist als letztes eingelaufen (came in): {ships}?",
        "latest": "Wer hat am Ende des Logbuchs den Schlüssel zu Schuppen {shed} (shed {shed})?",
        "two_hop": "Wer hat am Ende des Logbuchs den Schlüssel zu dem Schuppen (shed), in dem der Ersatzanker "
        "(spare anchor) der {ship} liegt?",
        "not_stated": "Wie lautet der Code des Schließfachs '{colour}' ({colour} locker)?",
    },
}
_LEVELS: Final = {"needle": "easy", "not_stated": "easy", "latest": "medium", "order": "medium", "count": "hard",
                  "sum": "hard", "two_hop": "hard"}  # fmt: skip
_READING_A_MINUTE: Final = 300
"""Tokens that a person skims."""


def tasks() -> list[Task]:
    """Return the one task, with items of all lengths."""
    return [Task("long_context", Dataset.of(_items(), name="long_context"), Ask(_PROMPT), [ShortAnswer()])]


def _items() -> Iterator[Item]:
    for length, (tokens, texts, visits) in LENGTHS.items():
        for number in range(1, texts + 1):
            seed = f"{EDITION} {length} {number}"
            log = log_of(seed, characters=int(tokens * CHARACTERS_A_TOKEN), visits=visits)
            language = "de" if number == 3 else "en"  # noqa: PLR2004  the third text
            for asked in _questions(log, Draw.of(f"{seed} questions")):
                yield _item(log, asked, f"{length}-{number}", language)


def _item(log: Log, asked: "_Question", text: str, language: str) -> Item:
    kind, words, target, rivals = asked
    length = text.partition("-")[0]
    question = _WORDS[language][kind].format(**words)
    smoke = ("smoke",) if text in ("short-1", "1k-1") and kind not in ("sum", "two_hop") else ()
    return Item(
        id=f"{text}-{kind}",
        input=f"The log:\n\n{log.text}\n\nThe question: {question}",
        target=list(_ALSO_UNSTATED) if kind == "not_stated" else target,
        cluster=text,
        tags=(length, kind, _LEVELS[kind], *(("de",) if language == "de" else ()), *smoke),
        human_minutes=1 + LENGTHS[length][0] / _READING_A_MINUTE,
        meta={"rivals": [one for one in rivals if one != target]},
    )


_Question = tuple[str, dict[str, str], str, list[str]]


def _questions(log: Log, draw: Draw) -> Iterator[_Question]:
    """Yield kind, words, answer and the answers that are wrong if they are named beside it."""
    facts, ship = log.facts, log.ship
    codes = sorted(facts.codes.values())
    colour = draw.one(sorted(facts.codes))
    yield "needle", {"colour": colour}, facts.codes[colour], codes
    yield "count", {"ship": ship}, str(facts.visits(ship)), []
    cargo = max(CARGOES, key=lambda one: sum((name, what) == (ship, one) for name, _, what in facts.arrivals))
    yield "sum", {"ship": ship, "cargo": cargo}, str(facts.crates(ship, cargo)), []
    three = draw.some(sorted({name for name, _, _ in facts.arrivals}), 3)
    yield "order", {"ships": ", ".join(three)}, max(three, key=facts.last), list(SHIPS)
    shed = draw.one(sorted({one for one, _ in facts.keepers}))
    yield "latest", {"shed": str(shed)}, facts.keeper(shed), list(PEOPLE)
    known = sorted(one for one, where in facts.stored.items() if where in {shed for shed, _ in facts.keepers})
    anchor = draw.one(known)
    yield "two_hop", {"ship": anchor}, facts.keeper(facts.stored[anchor]), list(PEOPLE)
    missing = draw.one([one for one in COLOURS if one not in facts.codes])
    yield "not_stated", {"colour": missing}, UNSTATED, codes
