"""What runs hold: the list, one run with its attempts, its report, and what was said in an attempt."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from copilot_kit.errors import CopilotError
from copilot_kit.inbox.incoming import segment
from copilot_kit_evals.answers import Row
from copilot_kit_evals.people.preferences import standing
from copilot_kit_evals.scorers.human_labels import standing_labels
from copilot_kit_evals.summary import ALL
from copilot_kit_evals.verdict.verdicts import Verdict
from copilot_kit_evals.web.conversation import turns_of
from copilot_kit_evals.web.desk import book_of, desk_of
from copilot_kit_evals.web.shelf import Book, headline

PAGE: Final = 50
_REPORT_POLICY: Final = (
    "sandbox allow-scripts allow-downloads allow-popups; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; connect-src 'none'; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
"""A report has its scripts in itself. In a sandbox it has no origin: whatever is in it reaches no other page here."""


@dataclass(frozen=True, slots=True)
class Told:
    """A run in the list."""

    book: Book
    ended: int
    planned: int
    is_going_on: bool
    cost_usd: float | None
    headline: dict[str, Any] | None
    verdict: Verdict | None

    @property
    def candidates(self) -> list[str]:
        """Their names."""
        return [one.name for one in self.book.run.manifest.candidates]

    @property
    def suite(self) -> str:
        """What it is of, in a few words."""
        manifest = self.book.run.manifest
        return manifest.suite or ", ".join(task.name for task in manifest.tasks)

    def has(self, words: str) -> bool:
        """Tell whether each of the words stands somewhere in it."""
        verdict = "" if self.verdict is None else self.verdict.verdict
        text = " ".join([self.book.name, self.suite, *self.candidates, verdict]).lower()
        return all(word in text for word in words.lower().split())


def runs(request: Request) -> Response:
    """Show the runs of the folder."""
    desk = desk_of(request)
    books, broken, foreign = desk.shelf.books()
    told = []
    for book in books:
        try:
            told.append(_told(book))
        except (CopilotError, OSError, ValueError) as error:
            broken.append((book.name, str(error)))
    words = request.query_params.get("q", "")[:200]
    shown = [one for one in told if one.has(words)]
    going_on = any(one.is_going_on for one in told)
    return desk.page(request, "runs.html", told=shown, all=len(told), broken=broken, foreign=foreign, words=words,
                     going_on=going_on)  # fmt: skip


def _told(book: Book) -> Told:
    found = book.summary()
    cost = found.get("cost_usd")
    return Told(
        book=book,
        ended=book.ended,
        planned=book.planned,
        is_going_on=book.is_going_on,
        cost_usd=float(cost) if isinstance(cost, int | float) else None,
        headline=headline(found),
        verdict=book.verdict(),
    )


def run(request: Request) -> Response:
    """Show one run: what it shows so far, and its attempts."""
    desk, book = desk_of(request), book_of(request)
    query = {name: request.query_params.get(name, "")[:200] for name in ("task", "candidate", "outcome", "score", "q")}
    rows = [row for row in book.answers.refresh().values() if _fits(row, query)]
    rows.sort(key=lambda row: (row.key.task, row.key.item, row.key.variant, row.key.repeat))
    page = max(1, int(number) if (number := request.query_params.get("page", "1")).isdecimal() else 1)
    shown = rows[(page - 1) * PAGE : page * PAGE]
    found = book.summary()
    return desk.page(
        request,
        "run.html",
        told=_told(book),
        tasks=_sheets(found, book),
        rows=shown,
        count=len(rows),
        page=page,
        pages=-(-len(rows) // PAGE),
        query=query,
        kept=urlencode({name: value for name, value in query.items() if value}),
        outcomes=sorted({row.outcome for row in book.answers.rows.values()}),
        judged=_judged(book),
    )


def _fits(row: Row, query: dict[str, str]) -> bool:
    key, score = row.key, row.score
    if query["task"] not in {"", key.task} or query["candidate"] not in {"", key.candidate}:
        return False
    if query["outcome"] not in {"", row.outcome} or query["q"].lower() not in key.item.lower():
        return False
    match query["score"]:
        case "right":
            return score is not None and score >= 1
        case "wrong":
            return score is not None and score < 1
        case "none":
            return score is None
        case _:
            return True


def _sheets(found: dict[str, Any], book: Book) -> list[dict[str, Any]]:
    """Return for each task the means and differences of its first scorer over all items."""
    sheets = []
    for task in book.run.manifest.tasks:
        entry = found["tasks"].get(task.name)
        if not isinstance(entry, dict):
            continue
        firsts = (one for one in entry["differences"] if one["scorer"] == task.primary and one["slice"] == ALL)
        against = {one["candidate"]: one for one in firsts if one.get("difference") is not None}
        means = [
            {"candidate": name, **one["scorers"][task.primary][ALL], "cost": one["cost"], "against": against.get(name)}
            for name, one in entry["candidates"].items()
        ]
        sheets.append({"task": task, "means": means})
    return sheets


def _judged(book: Book) -> list[dict[str, Any]]:
    """Return for each rater how much they have judged and how far they agree with themselves; never what they chose."""
    found = []
    votes = standing(lines := book.preferences.lines())
    for rater in dict.fromkeys(one.rater for one in lines):
        alike, twice = self_agreement(book, rater)
        count = sum(one.rater == rater for one in votes)
        found.append({"rater": rater, "votes": count, "alike": alike, "twice": twice})
    return found


def labels_of(book: Book) -> int:
    """Return how many labels of the run stand."""
    return len(standing_labels(book.labels.lines()))


def self_agreement(book: Book, rater: str) -> tuple[int, int]:
    """Return how many pairs a rater judged alike on both of their showings, and how many were judged twice."""
    turned = {"left": "right", "right": "left", "tie": "tie", "bothbad": "tie"}
    first: dict[tuple[str, ...], str] = {}
    second: dict[tuple[str, ...], str] = {}
    for one in standing(book.preferences.of(rater)):
        straight = one.left <= one.right
        said = turned[turned[one.winner]] if straight else turned[one.winner]
        pair = (one.item, one.variant, *sorted((one.left, one.right)), str(one.seed))
        (second if one.again else first)[pair] = said
    both = first.keys() & second.keys()
    return sum(first[pair] == second[pair] for pair in both), len(both)


def report(request: Request) -> Response:
    """Show the run's report."""
    content = book_of(request).report()
    if content is None:
        raise HTTPException(404, "This run has no report yet, and none can be made: pip install 'copilot-kit[report]'")
    return Response(content, media_type="text/html", headers={"Content-Security-Policy": _REPORT_POLICY})


def attempt(request: Request) -> Response:
    """Show what was said in one attempt, and the others at the same item."""
    desk, book = desk_of(request), book_of(request)
    found = book.answers.attempt(str(request.path_params["digest"]))
    if found is None:
        raise HTTPException(404, "There is no such attempt in this run. It may not have ended yet.")
    item = book.answers.item(found.task, found.item)
    beside = [row for row in book.answers.rows.values()
              if (row.key.task, row.key.item) == (found.task, found.item)]  # fmt: skip
    beside.sort(key=lambda row: (row.key.variant, row.key.repeat, _place(book, row)))
    return desk.page(
        request,
        "attempt.html",
        book=book,
        found=found,
        item=item,
        turns=turns_of(book.answers.messages(found)),
        beside=beside,
        here=found.key.digest,
        path=f"/runs/{segment(book.name)}",
    )


def _place(book: Book, row: Row) -> int:
    names = [one.name for one in book.run.manifest.candidates]
    return names.index(row.key.candidate) if row.key.candidate in names else len(names)
