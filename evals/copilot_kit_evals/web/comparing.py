"""The page on which a person says which of two answers is better, and cannot know whose they are.

What stands in the page, or is sent for it, depends on the two answers alone: no name, no cost, no id that differs from
left to right. The order is drawn by the seed, and known to the server only.
"""

from collections.abc import Sequence
from typing import Final, cast, get_args

from starlette.requests import Request
from starlette.responses import Response

from copilot_kit_evals.people.judgments import JudgmentLog
from copilot_kit_evals.people.pairing import Showing
from copilot_kit_evals.people.preferences import Preference, Winner
from copilot_kit_evals.web.conversation import answer_pieces, asked_of
from copilot_kit_evals.web.desk import Wish
from copilot_kit_evals.web.reading import self_agreement
from copilot_kit_evals.web.shelf import Book
from copilot_kit_evals.web.sitting import Said, Sitting


def pair(request: Request) -> Response:
    """Show the next pair, or that there is none left."""
    place = SITTING.place(request)
    book, one = place.book, place.following
    if one is None:
        alike, twice = self_agreement(book, place.rater)
        return SITTING.page(request, "compared.html", place, alike=alike, twice=twice)
    asked = asked_of(book.answers.item(one.pair.task, one.pair.item), one.pair.variant)
    sides = [answer_pieces(book.answers.answer(key)) for key in (one.left, one.right)]
    return SITTING.page(request, "pair.html", place, asked=asked, sides=sides)


def _log(book: Book) -> JudgmentLog[Preference]:
    return book.preferences


def _shown(book: Book, rater: str, wish: Wish) -> Sequence[Showing]:
    return book.showings(rater, wish.draw)


def _line(book: Book, one: Showing, said: Said, wish: Wish) -> Preference:
    pair = one.pair
    return Preference(
        rater=said.rater,
        task=pair.task,
        item=book.called(pair.task, pair.item),
        cluster=book.cluster(pair.task, pair.item),
        variant=pair.variant,
        repeat=pair.repeat,
        left=one.left.candidate,
        right=one.right.candidate,
        winner=cast("Winner", said.word),
        reason=said.reason,
        took_s=said.took_s,
        position=said.position,
        again=one.again,
        seed=wish.draw.seed,
        showing=one.id,
        left_answer=book.answers.words(one.left),
        right_answer=book.answers.words(one.right),
    )


def _word(line: Preference) -> str:
    return line.winner


SITTING: Final = Sitting(
    kind="compare",
    field="winner",
    words=frozenset(get_args(Winner)) - {"undone"},
    log=_log,
    shown=_shown,
    line=_line,
    word=_word,
    taken_back={"winner": "undone"},
)
