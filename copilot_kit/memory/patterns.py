"""What recurs in the judgments of people: the same change, a no for the same reason, an answer in the tool's place.

A pattern stands while it is what people mostly do: at least two thirds of the calls that it speaks of were judged so,
and the last ones were not all judged against it. Approvals count against it only from its first case on.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple, TypeAlias

from pydantic import JsonValue

from copilot_kit.arguments import compact
from copilot_kit.memory.edits import Change, changes, within
from copilot_kit.memory.judged import Judged
from copilot_kit.memory.sayings import groups, words_of

Kind: TypeAlias = Literal["edited", "rejected", "answered"]
_SHARE: Final = 2 / 3
_MOST_OF_WORDS: Final = 3
"""Patterns of words in one argument: what recurs beyond them is more likely chance."""
_SHORT_VALUE: Final = 4
_ID_DIGITS: Final = 8


class Case(NamedTuple):
    """A decision that a correction stands on."""

    run_id: str
    proposal_id: str
    by: str
    at: datetime
    said: str
    """The reason or the answer, in full; empty for an edit."""
    before: JsonValue = None
    """For an edit: the value that the model had proposed, and what the person made of it."""
    after: JsonValue = None


@dataclass(frozen=True, slots=True)
class Correction:
    """Something that people keep correcting, proposed to be remembered."""

    id: str
    """Made from what is corrected; the same as long as the journal says the same."""
    kind: Kind
    tool: str
    change: Change | None
    """For edits: what is changed."""
    cases: tuple[Case, ...]
    """The decisions that say so, oldest first."""
    against: int
    """Calls that it speaks of and that people let stand since; estimated where there are too many to read."""
    judged: int
    """Calls of the tool that people judged since the first case, these among them."""

    @property
    def share(self) -> float:
        """Of the calls that it speaks of: which share was judged so."""
        return len(self.cases) / (len(self.cases) + self.against)


class Seen(NamedTuple):
    """What is known of the judged calls of one tool."""

    calls: Sequence[Judged]
    """Those that were read, oldest first: all that were corrected, and the last that were approved."""
    judged_at: Sequence[datetime]
    """When all were judged, read or not."""
    approved_at: Sequence[datetime]
    """The same of those that were approved as they were."""

    def since(self, first: datetime) -> int:
        """Return how many were judged from then on."""
        return sum(at >= first for at in self.judged_at)

    def estimated(self, approved: int, first: datetime) -> int:
        """Return how many approvals there are since then if this many are among those that were read."""
        read = sum(one.verdict == "approve" and one.at >= first for one in self.calls)
        there_are = sum(at >= first for at in self.approved_at)
        return approved if read == 0 else -(-approved * max(there_are, read) // read)


def recurring(tool: str, seen: Seen, *, least: int) -> list[Correction]:
    """Return what recurs in the judged calls of one tool, the most frequent first."""
    edited = _edits(tool, seen, least)
    rejected = _alike(tool, "rejected", seen, least)
    answered = _alike(tool, "answered", seen, least) or _answered(tool, seen, least)
    return sorted([*edited, *rejected, *answered], key=lambda one: (-len(one.cases), one.id))


def worth_reading(tool: str, calls: Sequence[Judged], *, least: int) -> datetime | None:
    """Return since when approvals of the tool matter: the first case of anything that may recur; None: nothing does."""
    found = recurring(tool, Seen(calls, (), ()), least=least)
    return min((one.cases[0].at for one in found), default=None)


def _edits(tool: str, seen: Seen, least: int) -> list[Correction]:
    edited = [one for one in seen.calls if one.verdict == "edit"]
    count = Counter(change for one in edited for change in changes(one.proposed, one.wanted))
    found: list[tuple[Change, Correction]] = []
    for change in (change for change, times in count.items() if times >= least):
        made = [one for one in edited if change.made(one.proposed, one.wanted)]
        stood = _stands(seen, made, lambda one, change=change: _left(one, change), least)  # type: ignore[misc]
        if stood is not None:
            found.append((change, _correction(tool, "edited", change, made, stood, seen)))
    return _distinct(found)


def _left(one: Judged, change: Change) -> bool:
    """Tell whether a person let stand what the change would have changed."""
    return one.verdict in {"approve", "edit"} and change.applies(one.wanted)


def _distinct(found: list[tuple[Change, Correction]]) -> list[Correction]:
    """Return those that say something of their own: of several about the same calls, the most general one."""
    kept: list[tuple[Change, Correction]] = []
    for change, one in sorted(found, key=_by_weight):
        mine = {case.proposal_id for case in one.cases}
        theirs = [other for known, other in kept if within(change, known)]
        covered = any(len(mine & {case.proposal_id for case in other.cases}) >= _SHARE * len(mine) for other in theirs)
        alike = sum(known.is_of_words and known.place == change.place for known, _ in kept)
        if not covered and not (change.is_of_words and alike >= _MOST_OF_WORDS):
            kept.append((change, one))
    return [one for _, one in kept]


def _by_weight(found: tuple[Change, Correction]) -> tuple[float, int, int, Change]:
    """Return what comes first: many cases, words that took the place of others, then what says the most."""
    change, one = found
    weight = len(one.cases) * (1.5 if change.form == "words_replaced" else 1.0)
    return (-weight, change.rank, -len(change.before) - len(change.after), change)


def _alike(tool: str, kind: Kind, seen: Seen, least: int) -> list[Correction]:
    """Return what people say again and again, as a reason for a no or as the answer."""
    verdict = "reject" if kind == "rejected" else "answer"
    said = _once([one for one in seen.calls if one.verdict == verdict and one.said.strip()])
    found = []
    for group in groups([one.said for one in said], but=[_names(one) for one in said]):
        cases = [said[place] for place in group]
        if len(cases) >= least:
            about = {compact(one.names) for one in cases}
            stood = _stands(seen, cases, lambda one, about=about: _approved(one, about), least)  # type: ignore[misc]
            if stood is not None:
                found.append(_correction(tool, kind, None, cases, stood, seen))
    return found


def _answered(tool: str, seen: Seen, least: int) -> list[Correction]:
    """Return that people answer in the tool's place, whatever they say, if they mostly do."""
    cases = _once([one for one in seen.calls if one.verdict == "answer"])
    stood = _stands(seen, cases, lambda one: one.verdict == "approve", least) if len(cases) >= least else None
    return [] if stood is None else [_correction(tool, "answered", None, cases, stood, seen)]


def _approved(one: Judged, about: set[str]) -> bool:
    """Tell whether a person let run the very thing that was said no to, in whatever words."""
    return one.verdict == "approve" and compact(one.names) in about


def _once(calls: Iterable[Judged]) -> list[Judged]:
    """Return the calls without those that were decided together with another, or asked once more in the same run."""
    kept: dict[tuple[str, str], Judged] = {}
    for one in calls:
        kept[one.run_id, one.batch or compact(one.names)] = one
    return sorted(kept.values(), key=lambda one: (one.at, one.proposal_id))


def _names(one: Judged) -> set[str]:
    """Return words that tell this call from others: its short values."""
    values = [value for value in one.names.values() if isinstance(value, str | int | float)]
    texts = [words_of(str(value)) for value in values]
    return {word for words in texts if len(words) <= _SHORT_VALUE for word in words}


def _stands(
    seen: Seen, cases: Sequence[Judged], is_against: Callable[[Judged], bool], least: int
) -> int | None:  # fmt: skip
    """Return how many calls speak against it; None if it is not, or no longer, what people mostly do."""
    first = cases[0].at
    against = [one for one in seen.calls if one.at >= first and is_against(one)]
    approved = sum(one.verdict == "approve" for one in against)
    counted = seen.estimated(approved, first) + len(against) - approved
    last = sorted([*((one.at, True) for one in cases), *((one.at, False) for one in against)])[-least:]
    if len(cases) < _SHARE * (len(cases) + counted) or not any(is_case for _, is_case in last):
        return None
    return counted


def _correction(
    tool: str, kind: Kind, change: Change | None, cases: Sequence[Judged], against: int, seen: Seen
) -> Correction:  # fmt: skip
    key = [tool, kind, *(_change_key(change) if change is not None else [cases[0].proposal_id])]
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:_ID_DIGITS]
    cited = tuple(_case(one, change) for one in cases)
    return Correction(f"c-{digest}", kind, tool, change, cited, against, max(seen.since(cases[0].at), len(cases)))


def _change_key(change: Change) -> list[str]:
    return [change.form, *change.place, change.before, change.after]


def _case(one: Judged, change: Change | None) -> Case:
    if change is None:
        return Case(one.run_id, one.proposal_id, one.by, one.at, one.said)
    return Case(one.run_id, one.proposal_id, one.by, one.at, "", change.value(one.proposed), change.value(one.wanted))
