"""The page on which a person says whether one answer is right: the labels that a judge is measured by."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from copilot_kit.errors import UsageError
from copilot_kit_evals.people.judgments import answered, last_said
from copilot_kit_evals.people.labelling import Asked
from copilot_kit_evals.scorers.human_labels import Label
from copilot_kit_evals.web.conversation import answer_pieces, asked_of
from copilot_kit_evals.web.desk import book_of, checked_rater, desk_of, form_of, rater_of, to, visitor_of
from copilot_kit_evals.web.shelf import Book
from copilot_kit_evals.web.texts import segment

_LONGEST_REASON: Final = 4_000
_VALUES: Final = {"right": 1.0, "wrong": 0.0, "skip": None}


def begin(request: Request) -> Response:
    """Show what is to be done, and ask for the rater's name."""
    desk, book = desk_of(request), book_of(request)
    name = desk.wish.rater or visitor_of(request).id
    return desk.page(request, "begin.html", book=book, rater=name, kind="label", error="")


async def go(request: Request) -> Response:
    """Send a rater to their answers."""
    book, form = book_of(request), await form_of(request)
    return to(request, _path(book, checked_rater(form.get("rater", ""))))


def answer(request: Request) -> Response:
    """Show the next answer, or that there is none left."""
    desk, book, rater = desk_of(request), book_of(request), rater_of(request)
    said, asked = book.labels.of(rater), book.asked(rater, desk.wish.sample)
    done, following = _progress(said, asked)
    shared: dict[str, Any] = {
        "book": book, "rater": rater, "done": done, "of": len(asked), "step": len(said),
        "can_undo": last_said(said) is not None, "is_late": "late" in request.query_params,
    }  # fmt: skip
    if following is None:
        return desk.page(request, "labelled.html", **shared)
    book.shown(rater, following.id, desk.clock())
    item = book.answers.item(following.key.task, following.key.item)
    return desk.page(
        request,
        "label.html",
        asked=asked_of(item, following.key.variant),
        target=None if item.target is None else item.target if isinstance(item.target, str) else str(item.target),
        shown=answer_pieces(book.answers.answer(following.key)),
        showing=following.id,
        **shared,
    )


async def judge(request: Request) -> Response:
    """Keep what a person says of the answer that they were shown, and go on."""
    form = await form_of(request)
    return to(request, await run_in_threadpool(_kept, request, form))


def _kept(request: Request, form: Mapping[str, str]) -> str:
    """Add the label and return where to go on; what cannot be meant for what stands there now is not added."""
    desk, book, rater = desk_of(request), book_of(request), rater_of(request)
    here, said = _path(book, rater), book.labels.of(rater)
    step, verdict = form.get("step", ""), form.get("verdict", "")
    if not step.isdecimal() or (verdict not in _VALUES and verdict != "undo"):
        raise UsageError("The form does not say what was judged. Open the page again and repeat what you did.")
    if verdict == "undo":
        last = last_said(said)
        if last is not None:
            book.labels.append(_undone(last), step=int(step))
        return here
    done, following = _progress(said, book.asked(rater, desk.wish.sample))
    if following is not None and following.id == form.get("showing"):
        one = _label(book, following).model_copy(
            update={
                "by": rater,
                "value": _VALUES[verdict],
                "state": "skip" if verdict == "skip" else "said",
                "reason": form.get("reason", "").strip()[:_LONGEST_REASON] or None,
                "position": done + 1,
                "seed": desk.wish.sample.seed,
                "took_s": book.took_s(rater, following.id, desk.clock()),
            }
        )
        if book.labels.append(one, step=int(step)):
            return here
    return here if _is_said(book.labels.of(rater), form) else f"{here}?late"


def _progress(said: Sequence[Label], asked: Sequence[Asked]) -> tuple[int, Asked | None]:
    """Return how many answers are done with, and the first that is not."""
    known = answered(said)
    return sum(one.id in known for one in asked), next((one for one in asked if one.id not in known), None)


def _is_said(said: Sequence[Label], form: Mapping[str, str]) -> bool:
    """Tell whether this very thing was said already: a form that was sent twice."""
    last = next((one for one in reversed(said) if one.showing == form.get("showing")), None)
    return last is not None and last.state != "undone" and last.value == _VALUES[form["verdict"]]


def _label(book: Book, one: Asked) -> Label:
    """Return the line of an answer, still without what is said of it."""
    key = one.key
    message = book.answers.answer(key)
    return Label(
        item=key.item,
        answer="" if message is None else message.text,
        state="skip",
        at=datetime.now(UTC),
        task=key.task,
        model=key.candidate,
        cluster=book.cluster(key.task, key.item),
        repeat=key.repeat,
        showing=one.id,
    )


def _undone(last: Label) -> Label:
    return last.model_copy(update={"state": "undone", "value": None, "reason": None, "took_s": None,
                                   "at": datetime.now(UTC)})  # fmt: skip


def _path(book: Book, rater: str) -> str:
    return f"/runs/{segment(book.name)}/label/{segment(rater)}"
