"""The page on which a person says whether one answer is right: the labels that a judge is measured by."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from copilot_kit_evals.people.judgments import JudgmentLog
from copilot_kit_evals.people.labelling import Asked
from copilot_kit_evals.scorers.human_labels import Label
from copilot_kit_evals.web.conversation import answer_pieces, asked_of
from copilot_kit_evals.web.desk import Wish
from copilot_kit_evals.web.shelf import Book
from copilot_kit_evals.web.sitting import Said, Sitting

_VALUES: Final = {"right": 1.0, "wrong": 0.0, "skip": None}


def answer(request: Request) -> Response:
    """Show the next answer, or that there is none left."""
    place = SITTING.place(request)
    if place.following is None:
        return SITTING.page(request, "labelled.html", place)
    key, answers = place.following.key, place.book.answers
    item = answers.item(key.task, key.item)
    return SITTING.page(
        request,
        "label.html",
        place,
        asked=asked_of(item, key.variant),
        target=None if item.target is None else item.target if isinstance(item.target, str) else str(item.target),
        shown=answer_pieces(answers.answer(key)),
    )


def _log(book: Book) -> JudgmentLog[Label]:
    return book.labels


def _shown(book: Book, rater: str, wish: Wish) -> Sequence[Asked]:
    return book.asked(rater, wish.sample)


def _line(book: Book, one: Asked, said: Said, wish: Wish) -> Label:
    key = one.key
    message = book.answers.answer(key)
    return Label(
        item=key.item,
        answer="" if message is None else message.text,
        value=_VALUES[said.word],
        state="skip" if said.word == "skip" else "said",
        by=said.rater,
        at=datetime.now(UTC),
        reason=said.reason,
        took_s=said.took_s,
        position=said.position,
        seed=wish.sample.seed,
        task=key.task,
        model=key.candidate,
        cluster=book.cluster(key.task, key.item),
        repeat=key.repeat,
        showing=one.id,
    )


def _word(line: Label) -> str:
    return next((word for word, value in _VALUES.items() if value == line.value), "")


SITTING: Final = Sitting(
    kind="label",
    field="verdict",
    words=frozenset(_VALUES),
    log=_log,
    shown=_shown,
    line=_line,
    word=_word,
    taken_back={"state": "undone", "value": None},
)
