"""Lists over all runs by folding them: what a store in memory answers, and what one in SQL must answer too."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeAlias

from copilot_kit.journal.calls import JUDGED, RAN, Call, Kind, Where, follow
from copilot_kit.journal.index import CallRow, Evidence, Order, Waiting
from copilot_kit.journal.store import Entry
from copilot_kit.journal.tally import Item, Tally, search_forms
from copilot_kit.journal.times import NEVER_US, moment
from copilot_kit.records import Intended, Proposal, Proposed

Key: TypeAlias = tuple[str, str, str, str]
"""Tool, its version, model and prompt version."""
RECENT = 50
"""How many of the last calls evidence names."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A call that counts for trust, and as what."""

    key: Key
    fate: str
    at_us: int
    run_id: str
    call_id: str


class Folded:
    """One run as its records tell it so far; see `copilot_kit.journal.tally.Waiting` and `journal.calls.Calls`."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.tally = Tally()
        self.seq = -1
        self.updated_at = moment(0)
        self.calls: dict[str, Call] = {}
        self.items: dict[tuple[Kind, str], Item] = {}
        self._entries: list[Entry] = []

    def take(self, entries: Iterable[Entry]) -> None:
        """Take in the next records."""
        for entry in entries:
            head, body = entry.head, entry.body
            self._entries.append(entry)
            self.seq, self.updated_at = head.seq, head.at
            if body is None:
                continue
            where = Where.of(head)
            self.tally.running += follow(body, where, self, underway=self.tally.running)
            self.tally.take(body, where, self)

    def erase(self) -> None:
        """Forget the bodies that were removed."""
        self._entries = [Entry(entry.head, None) for entry in self._entries]

    def waiting(self) -> list[tuple[Item, Waiting]]:
        """Return what waits."""
        return [(item, self._shown(item)) for item in self.items.values()]

    def call_rows(self) -> list[CallRow]:
        """Return the calls that passed the gate."""
        return [
            CallRow(
                self.run_id, call.call_id, call.proposal_id, call.seq, call.agent, call.tool, call.tool_version,
                call.effect, call.model, call.prompt_version, call.state, call.outcome, call.edited == "wording",
                call.by, call.looked_s, moment(call.asked_us),
                None if call.decided_us is None else moment(call.decided_us), call.undoable,
            )
            for call in self.calls.values()
        ]  # fmt: skip

    def fates(self) -> list[Counted]:
        """Return what its calls count for trust."""
        if self.tally.purpose != "task":
            return []
        return [
            Counted((call.tool, call.tool_version, call.model, call.prompt_version), call.fate, call.asked_us,
                    self.run_id, call.call_id)
            for call in self.calls.values()
            if call.fate
        ]  # fmt: skip

    def call(self, call_id: str) -> Call | None:
        """Return a call."""
        return self.calls.get(call_id)

    def call_of(self, proposal_id: str) -> str | None:
        """Return the id of the call that a pending proposal is about."""
        item = self.items.get(("proposal", proposal_id))
        return None if item is None else item.call_id

    def keep(self, call: Call, *, new: bool) -> None:
        """Keep a call as it stands now."""
        del new
        self.calls[call.call_id] = call

    def cancel(self) -> None:
        """Turn all pending calls into cancelled ones."""
        for call in self.calls.values():
            call.state = "cancelled" if call.state == "pending" else call.state

    def arguments(self, call: Call) -> str:
        """Return the arguments of a call from the record that has them."""
        match self._entries[call.seq].body:
            case Proposed(proposal=proposal):
                return proposal.arguments
            case Intended(arguments=arguments):
                return arguments
            case _:
                return ""

    def add(self, item: Item) -> int:
        """Add something that waits."""
        known = self.items.pop((item.kind, item.id), None)
        self.items[item.kind, item.id] = item
        return int(known is None)

    def remove(self, kind: Kind, item: str) -> int:
        """Remove what no longer waits."""
        return int(self.items.pop((kind, item), None) is not None)

    def clear(self, kind: Kind, path: str | None = None) -> int:
        """Remove all of a kind, or all at one path."""
        gone = [key for key, item in self.items.items() if key[0] == kind and path in {None, item.path}]
        for key in gone:
            del self.items[key]
        return len(gone)

    def assign(self, proposal_id: str, to: str | None) -> None:
        """Say who is to decide a proposal."""
        item = self.items.get(("proposal", proposal_id))
        if item is not None:
            item.assigned_to = to

    def _shown(self, item: Item) -> Waiting:
        entry = self._entries[item.seq]
        return Waiting(
            item.kind, self.run_id, item.id, entry.head.path, item.seq, self.tally.title, item.agent, item.tool,
            moment(item.queued_us), None if item.expires_us is None else moment(item.expires_us), item.assigned_to,
            proposal=_proposal(entry),
        )  # fmt: skip


def _proposal(entry: Entry) -> Proposal | None:
    return entry.body.proposal if isinstance(entry.body, Proposed) else None


def sorted_waiting(items: Iterable[tuple[Item, Waiting]], order: Order, search: str) -> list[Waiting]:
    """Return those that hold all words of a search, in this order."""
    forms = search_forms(search)
    found = [pair for pair in items if all(any(form in pair[0].words for form in word) for word in forms)]
    match order:
        case "queued":
            found.sort(key=lambda pair: (pair[0].queued_us, pair[1].run_id, pair[0].seq))
        case "due":
            found.sort(key=lambda pair: (_expiry(pair[0]), pair[0].queued_us, pair[1].run_id, pair[0].seq))
        case "newest":
            found.sort(key=lambda pair: (pair[0].asked_us, pair[1].run_id, pair[0].seq), reverse=True)
    return [waiting for _, waiting in found]


def _expiry(item: Item) -> int:
    return NEVER_US if item.expires_us is None else item.expires_us


def evidence_of(calls: Iterable[Counted]) -> list[Evidence]:
    """Return what calls count for trust, those of one key together, by key."""
    found: dict[Key, list[Counted]] = {}
    for call in calls:
        found.setdefault(call.key, []).append(call)
    shown = []
    for key in sorted(found):
        newest = sorted(found[key], key=attrgetter("at_us", "run_id", "call_id"), reverse=True)
        judged = [call for call in newest if call.fate in JUDGED][:RECENT]
        ran = [call for call in newest if call.fate in RAN][:RECENT]
        shown.append(counted(key, Counter(call.fate for call in newest), [*judged, *ran]))
    return shown


def counted(key: Key, counts: Mapping[str, int], recent: Iterable[Counted]) -> Evidence:
    """Return the evidence of one key from how many had which fate, and its last calls."""
    newest = sorted(set(recent), key=attrgetter("at_us", "run_id", "call_id"), reverse=True)
    return Evidence(
        *key,
        clean=counts.get("clean", 0),
        edited=counts.get("edited", 0),
        wording_edited=counts.get("wording_edited", 0),
        rejected=counts.get("rejected", 0),
        failed=counts.get("failed", 0),
        undone=counts.get("undone", 0) + counts.get("allowed_undone", 0),
        allowed_clean=counts.get("allowed_clean", 0),
        allowed_failed=counts.get("allowed_failed", 0),
        recent=tuple(call.fate.replace("allowed_undone", "undone") for call in newest),
    )
