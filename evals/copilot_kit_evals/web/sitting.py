"""A person at the pages where they judge: asked for a name, shown one thing after the other, and heard once of each.

What is judged, and what the form says of it, is the page's own; what is done with a form that came twice, too late or
to take something back is the same for all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from copilot_kit.errors import UsageError
from copilot_kit.inbox.incoming import segment, to
from copilot_kit_evals.people.judgments import Judgment, JudgmentLog, answered, last_said
from copilot_kit_evals.web.desk import Wish, book_of, checked_rater, desk_of, form_of, rater_of, visitor_of
from copilot_kit_evals.web.shelf import Book

_LONGEST_REASON: Final = 4_000
_UNDO: Final = "undo"


class Line(Judgment, Protocol):
    """A judgment that can be taken back by a line like it."""

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """Return it with other values."""
        ...


class Showing(Protocol):
    """What a rater is shown."""

    @property
    def id(self) -> str:
        """Says of the line what it was said of."""
        ...


L = TypeVar("L", bound=Line)
S = TypeVar("S", bound=Showing)


@dataclass(frozen=True, slots=True)
class Said:
    """What a rater says of what they were shown."""

    rater: str
    word: str
    reason: str | None
    position: int
    """Which one it is of those that they have done with."""
    took_s: float | None


@dataclass(frozen=True, slots=True)
class Place(Generic[S]):
    """Where a rater is: the run, what they have said, and what comes next."""

    book: Book
    rater: str
    step: int
    """How many lines they have written: a form that was made before another line is late."""
    done: int
    of: int
    following: S | None
    can_undo: bool


@dataclass(frozen=True, slots=True)
class Sitting(Generic[L, S]):
    """One kind of page on which people judge: its address, its file, and how a line of it is made."""

    kind: str
    """In the address: `/runs/NAME/KIND/RATER`."""
    field: str
    """Of the form, with what is said."""
    words: frozenset[str]
    """That may be said."""
    log: Callable[[Book], JudgmentLog[L]]
    shown: Callable[[Book, str, Wish], Sequence[S]]
    """What a rater is shown, in order."""
    line: Callable[[Book, S, Said, Wish], L]
    word: Callable[[L], str]
    """What a line says, as the form does."""
    taken_back: Mapping[str, object]
    """What a line has, besides, that takes one back."""

    def begin(self, request: Request) -> Response:
        """Show what is to be done, and ask for the rater's name."""
        desk, book = desk_of(request), book_of(request)
        name = desk.wish.rater or visitor_of(request).id
        return desk.page(request, "begin.html", book=book, rater=name, kind=self.kind, error="")

    async def go(self, request: Request) -> Response:
        """Send a rater to what they are to judge."""
        book, form = book_of(request), await form_of(request)
        return to(request, self._path(book, checked_rater(form.get("rater", ""))))

    async def judge(self, request: Request) -> Response:
        """Keep what a rater says of what they were shown, and go on."""
        form = await form_of(request)
        return to(request, await run_in_threadpool(self._kept, request, form))

    def place(self, request: Request) -> Place[S]:
        """Return where the rater of a request is."""
        book, rater = book_of(request), rater_of(request)
        said, shown = self.log(book).of(rater), self.shown(book, rater, desk_of(request).wish)
        known = answered(said)
        done = sum(one.id in known for one in shown)
        following = next((one for one in shown if one.id not in known), None)
        return Place(book, rater, len(said), done, len(shown), following, last_said(said) is not None)

    def page(self, request: Request, name: str, place: Place[S], **context: Any) -> Response:
        """Return a page that says how far a rater is; what comes next is shown to them from now on."""
        desk = desk_of(request)
        if place.following is not None:
            place.book.shown(place.rater, place.following.id, desk.clock())
            context["showing"] = place.following.id
        return desk.page(
            request, name, book=place.book, rater=place.rater, done=place.done, of=place.of, step=place.step,
            can_undo=place.can_undo, is_late="late" in request.query_params, **context,
        )  # fmt: skip

    def _kept(self, request: Request, form: Mapping[str, str]) -> str:
        """Add the line and return where to go on; what cannot be meant for what stands there now is not added."""
        desk, place = desk_of(request), self.place(request)
        log, here = self.log(place.book), self._path(place.book, place.rater)
        step, word = form.get("step", ""), form.get(self.field, "")
        if not step.isdecimal() or (word not in self.words and word != _UNDO):
            raise UsageError("The form does not say what was judged. Open the page again and repeat what you did.")
        if word == _UNDO:
            last = last_said(log.of(place.rater))
            if last is not None:
                log.append(self._taking_back(last), step=int(step))
            return here
        one = place.following
        if one is not None and one.id == form.get("showing"):
            took_s = place.book.took_s(place.rater, one.id, desk.clock())
            reason = form.get("reason", "").strip()[:_LONGEST_REASON] or None
            said = Said(place.rater, word, reason, place.done + 1, took_s)
            if log.append(self.line(place.book, one, said, desk.wish), step=int(step)):
                return here
        return here if self._is_said(log.of(place.rater), form) else f"{here}?late"

    def _taking_back(self, last: L) -> L:
        return last.model_copy(update={"reason": None, "took_s": None, "at": datetime.now(UTC), **self.taken_back})

    def _is_said(self, said: Sequence[L], form: Mapping[str, str]) -> bool:
        """Tell whether this very thing was said already: a form that was sent twice."""
        last = next((one for one in reversed(said) if one.showing == form.get("showing")), None)
        return last is not None and not last.is_undone and self.word(last) == form[self.field]

    def _path(self, book: Book, rater: str) -> str:
        return f"/runs/{segment(book.name)}/{self.kind}/{segment(rater)}"
