"""The page on which a person says which of two answers is better, and cannot know whose they are.

What stands in the page, or is sent for it, depends on the two answers alone: no name, no cost, no id that differs from
left to right. The order is drawn by the seed, and known to the server only.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast, get_args

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from copilot_kit.errors import UsageError
from copilot_kit_evals.people.judgments import answered, last_said
from copilot_kit_evals.people.pairing import Showing
from copilot_kit_evals.people.preferences import Preference, Winner
from copilot_kit_evals.web.conversation import answer_pieces, asked_of
from copilot_kit_evals.web.desk import book_of, checked_rater, desk_of, form_of, rater_of, to, visitor_of
from copilot_kit_evals.web.reading import self_agreement
from copilot_kit_evals.web.shelf import Book
from copilot_kit_evals.web.texts import segment

_LONGEST_REASON: Final = 4_000
_VERDICTS: Final = frozenset(get_args(Winner)) - {"undone"}


def begin(request: Request) -> Response:
    """Show what is to be done, and ask for the rater's name."""
    desk, book = desk_of(request), book_of(request)
    name = desk.wish.rater or visitor_of(request).id
    return desk.page(request, "begin.html", book=book, rater=name, kind="compare", error="")


async def go(request: Request) -> Response:
    """Send a rater to their pairs."""
    book, form = book_of(request), await form_of(request)
    return to(request, _path(book, checked_rater(form.get("rater", ""))))


def pair(request: Request) -> Response:
    """Show the next pair, or that there is none left."""
    desk, book, rater = desk_of(request), book_of(request), rater_of(request)
    draw = desk.wish.draw
    said, shown = book.preferences.of(rater), book.showings(rater, draw)
    done, following = _progress(said, shown)
    shared: dict[str, Any] = {
        "book": book, "rater": rater, "done": done, "of": len(shown), "step": len(said),
        "can_undo": last_said(said) is not None, "is_late": "late" in request.query_params,
    }  # fmt: skip
    if following is None:
        alike, twice = self_agreement(book, rater)
        return desk.page(request, "compared.html", alike=alike, twice=twice, **shared)
    book.shown(rater, following.id, desk.clock())
    answers = book.answers
    return desk.page(
        request,
        "pair.html",
        asked=asked_of(answers.item(following.pair.task, following.pair.item), following.pair.variant),
        sides=[answer_pieces(answers.answer(key)) for key in (following.left, following.right)],
        showing=following.id,
        **shared,
    )


async def judge(request: Request) -> Response:
    """Keep what a rater says of the pair that they were shown, and go on."""
    form = await form_of(request)
    return to(request, await run_in_threadpool(_kept, request, form))


def _kept(request: Request, form: Mapping[str, str]) -> str:
    """Add the judgment and return where to go on; what cannot be meant for what stands there now is not added."""
    desk, book, rater = desk_of(request), book_of(request), rater_of(request)
    here, said = _path(book, rater), book.preferences.of(rater)
    step, winner = form.get("step", ""), form.get("winner", "")
    if not step.isdecimal() or (winner not in _VERDICTS and winner != "undo"):
        raise UsageError("The form does not say what was judged. Open the page again and repeat what you did.")
    if winner == "undo":
        last = last_said(said)
        if last is not None:
            book.preferences.append(_undone(last), step=int(step))
        return here
    draw = desk.wish.draw
    done, following = _progress(said, book.showings(rater, draw))
    if following is not None and following.id == form.get("showing"):
        one = _preference(book, following, rater=rater, seed=draw.seed, position=done + 1).model_copy(
            update={
                "winner": cast("Winner", winner),
                "reason": form.get("reason", "").strip()[:_LONGEST_REASON] or None,
                "took_s": book.took_s(rater, following.id, desk.clock()),
            }
        )
        if book.preferences.append(one, step=int(step)):
            return here
    return here if _is_said(book.preferences.of(rater), form) else f"{here}?late"


def _progress(said: Sequence[Preference], shown: Sequence[Showing]) -> tuple[int, Showing | None]:
    """Return how many showings are done with, and the first that is not."""
    known = answered(said)
    return sum(one.id in known for one in shown), next((one for one in shown if one.id not in known), None)


def _is_said(said: Sequence[Preference], form: Mapping[str, str]) -> bool:
    """Tell whether this very thing was said already: a form that was sent twice."""
    last = next((one for one in reversed(said) if one.showing == form.get("showing")), None)
    return last is not None and last.winner == form.get("winner")


def _preference(book: Book, one: Showing, *, rater: str, seed: int, position: int) -> Preference:
    """Return the line of a showing, still without what is said of it."""
    pair = one.pair
    return Preference(
        rater=rater,
        task=pair.task,
        item=book.called(pair.task, pair.item),
        cluster=book.cluster(pair.task, pair.item),
        variant=pair.variant,
        repeat=pair.repeat,
        left=one.left.candidate,
        right=one.right.candidate,
        winner="skip",
        position=position,
        again=one.again,
        seed=seed,
        showing=one.id,
        left_answer=book.answers.words(one.left),
        right_answer=book.answers.words(one.right),
    )


def _undone(last: Preference) -> Preference:
    return last.model_copy(update={"winner": "undone", "reason": None, "took_s": None, "at": datetime.now(UTC)})


def _path(book: Book, rater: str) -> str:
    return f"/runs/{segment(book.name)}/compare/{segment(rater)}"
