"""People's decisions at the gate as items: what they approved is right, what they rejected must not come again.

One item is one answer that somebody decided calls of; its input is what the model was sent for it.

| decision | what the item wants of a candidate |
|---|---|
| approve | the same call (gold) |
| edit | the call as the person left it (gold); the one that was proposed is wrong |
| reject | anything but that call, and the reason is kept; the item must pass |
| undo of what had run | the same, found out late |
| answer in the tool's place | nothing: it does not say whether the call was right |

Which items tune and which judge is fixed by what they are about (`cluster`) and nothing else, so that what tuned a
prompt never judges it: when the journal grows, items may pass to those that tune, and never back. Decisions that an
accepted note of a memory was made from are for tuning, too: the model may have read them. So is all that begins with
the very same conversation as one of these, whoever it was about.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from pydantic import Field, JsonValue

from copilot_kit.arguments import compact
from copilot_kit.messages import Record
from copilot_kit.tools import arguments_of
from copilot_kit_evals.items import Item
from copilot_kit_evals.recorded.answers import Answered, Recorded
from copilot_kit_evals.recorded.likeness import Action, parsed, wording_of
from copilot_kit_evals.recorded.redacting import Redact, kept_arguments, kept_message, kept_text, told
from copilot_kit_evals.sending import MAY_SEND_TO

Way: TypeAlias = Literal["approve", "edit", "reject", "undo"]
MESSAGES: Final = "messages"
TOOLS: Final = "tools"
_VERDICTS: Final[dict[str, Way]] = {"approve": "approve", "edit": "edit", "reject": "reject"}


class Wish(Record):
    """What one decision wants of whoever is asked the same again."""

    way: Way
    tool: str
    proposed: dict[str, JsonValue]
    """As the model proposed it, with its tool's defaults."""
    gold: dict[str, JsonValue] | None = None
    """Arguments that are right; None where the call must not be made."""
    wording: tuple[str, ...] = ()
    """Arguments that may be put in other words."""
    optional: tuple[str, ...] = ()
    """Arguments that may be left to the tool."""
    reason: str = ""
    """Why it was rejected, in the person's words."""

    def action(self, *, proposed: bool = False) -> Action:
        """Return the call that is right, or the one that was proposed."""
        arguments = self.proposed if proposed or self.gold is None else self.gold
        kept = frozenset(self.wording) & arguments.keys()
        return Action(self.tool, arguments, kept, frozenset(self.optional))


class Wishes(Record):
    """The target of an item that was made of decisions."""

    calls: tuple[Wish, ...] = Field(min_length=1)


@dataclass(slots=True)
class Made:
    """Items of a journal, parted, and what was left out of them."""

    judging: list[Item] = field(default_factory=list)
    tuning: list[Item] = field(default_factory=list)
    decisions: dict[Way, int] = field(default_factory=dict)
    """How many of each way are in the items."""
    repeated: int = 0
    """Answers that were equal to one that is there."""
    contradicted: int = 0
    """Earlier decisions on the very same answer that a later one overruled."""
    nested: int = 0
    """Answers of agents within agents; they are left out, since their tools are not the agent's."""
    undecided: int = 0
    """Answers with calls that nobody decided."""
    held: int = 0
    """Items that tune only because they did before: by this share they would judge."""

    @property
    def clusters(self) -> int:
        """How many cases the items are about."""
        return len({item.cluster for item in (*self.judging, *self.tuning)})


@dataclass(frozen=True, slots=True)
class _Case:
    """A decided answer and what it is about, before anything is taken out of it."""

    answered: Answered
    wishes: tuple[Wish, ...]
    messages: list[dict[str, Any]]
    cluster: str
    said: str
    """Of all that was said before it, instructions left aside: two cases of one have the same in front of them."""

    @property
    def asks(self) -> str:
        """The same for answers to the same, with the same calls."""
        return compact([[_bare(one) for one in self.messages], [[one.tool, one.proposed] for one in self.wishes]])

    @property
    def proposals(self) -> set[tuple[str, str]]:
        """Run and id of those that people decided."""
        calls = self.answered.calls
        return {(self.answered.run_id, call.proposal.id) for call in calls if call.proposal is not None}


def items_of(
    answers: Iterable[Answered],
    *,
    tools_of: Callable[[Answered], str] = lambda answered: answered.tools_digest,
    redact: Redact | None = None,
    tuning_share: float = 0.3,
    tuned: Collection[tuple[str, str]] = (),
    tuned_clusters: Collection[str] = (),
    tools: Collection[str] = (),
    may_send: Callable[[str], Mapping[str, Sequence[str] | None]] = lambda run_id: {},  # noqa: ARG005  not limited
) -> Made:
    """Return the items that the decisions in these answers make, oldest first.

    tools_of: digest of the tools that an answer's item names. redact: after keys and tokens were taken out.
    tuning_share: of the clusters. tuned: run and proposal of decisions that a prompt or a note was already made from.
    tuned_clusters: those that tuned before. tools: only decisions about these. may_send: where data of a run may go, by
    the slots that it was of; an item that several runs make may go where all of them may.
    """
    made = Made()
    cases = _cases(answers, tools, made)
    kept: dict[str, _Case] = {}
    runs: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        runs[case.asks].append(case.answered.run_id)
        before = kept.pop(asks := case.asks, None)
        if before is not None:
            made.repeated += before.wishes == case.wishes
            made.contradicted += before.wishes != case.wishes
        kept[asks] = case
    known = set(tuned)
    used = {case.cluster for case in cases if case.proposals & known}
    placed = _with_alike(cases, used | {one.cluster for one in cases if _place(one.cluster) < tuning_share})
    held = _with_alike(cases, placed | set(tuned_clusters))
    for asks, case in kept.items():
        places: dict[str, JsonValue] = {slot: None if to is None else [*to]
                                        for run_id in runs[asks] for slot, to in may_send(run_id).items()}  # fmt: skip
        items = _items(case, tools_of(case.answered), redact, {MAY_SEND_TO: places} if places else {})
        made.held += len(items) if case.cluster in held - placed else 0
        (made.tuning if case.cluster in held else made.judging).extend(items)
        for wish in case.wishes:
            made.decisions[wish.way] = made.decisions.get(wish.way, 0) + 1
    return made


def _cases(answers: Iterable[Answered], tools: Collection[str], made: Made) -> list[_Case]:
    """Return the answers that people decided, oldest first, and count the others."""
    found = []
    for answered in sorted(answers, key=lambda one: (one.at, one.run_id, one.seq)):
        wishes = wishes_in(answered, tools)
        if not wishes:
            made.undecided += bool(answered.calls)
            continue
        if answered.path:
            made.nested += 1
            continue
        messages = [told(message) for message in answered.messages]
        said = json.dumps([_bare(one) for one in messages if one["role"] != "system"], sort_keys=True)
        about = answered.subject or _first_words(messages)
        found.append(_Case(answered, wishes, messages, _hash(about), _hash(_plain(said))))
    return found


def _with_alike(cases: Iterable[_Case], clusters: Collection[str]) -> set[str]:
    """Return these clusters, and all that share a conversation with one of them, over however many steps."""
    about, having = defaultdict(set), defaultdict(set)
    for case in cases:
        about[case.said].add(case.cluster)
        having[case.cluster].add(case.said)
    found, open_ones = set(clusters), list(clusters)
    while open_ones:
        for said in having.pop(open_ones.pop(), ()):
            new = about.pop(said, set()) - found
            found |= new
            open_ones += new
    return found


def wishes_in(answered: Answered, tools: Collection[str] = ()) -> tuple[Wish, ...]:
    """Return what the decisions about an answer's calls want; tools: only those about these."""
    return tuple(wish for call in answered.calls if not tools or call.tool in tools for wish in _wish(call))


def _wish(call: Recorded) -> list[Wish]:
    """Return what the decision about a call wants; nothing where there is none, or none that says what is right."""
    if call.proposal is None or call.decision is None or call.decision.verdict not in _VERDICTS:
        return []
    way = "undo" if call.undone is not None else _VERDICTS[call.decision.verdict]
    shown = arguments_of(call.proposal.arguments)
    proposed = shown if call.edited_from is None else arguments_of(call.edited_from)
    edited = call.decision.verdict == "edit" and call.decision.arguments is not None
    final = arguments_of(call.decision.arguments or "") if edited else shown
    if way == "approve" and final != proposed:  # an edit that was asked about once more
        way = "edit"
    written = parsed(call.args_json) or {}
    left = {name for name in proposed if name not in written and final.get(name) == proposed[name]}
    return [
        Wish(
            way=way,
            tool=call.tool,
            proposed=final if way == "undo" else proposed,
            gold=final if way in {"approve", "edit"} else None,
            wording=tuple(sorted(wording_of(final, call.roles) | wording_of(proposed, call.roles))),
            optional=tuple(sorted(left)),
            reason=(call.decision.text or "") if way == "reject" else "it was taken back" if way == "undo" else "",
        )
    ]


def _items(case: _Case, tools: str, redact: Redact | None, more: dict[str, JsonValue]) -> list[Item]:
    """Return the items of a case: what must not be done is one of its own, beside what was accepted.

    Else one that must pass would fail for leaving out what was accepted.
    """
    right = tuple(wish for wish in case.wishes if wish.gold is not None)
    wrong = tuple(wish for wish in case.wishes if wish.gold is None)
    identity = _hash(f"{case.answered.run_id}\0{case.answered.response.message.id}")
    messages: list[Any] = [kept_message(one, redact) for one in case.messages]
    answered = case.answered
    return [
        Item(
            id=f"decision-{identity}{ending}",
            input={MESSAGES: messages, TOOLS: tools},
            target=Wishes(calls=tuple(_kept(one, redact) for one in wishes)).model_dump(
                mode="json", exclude_defaults=True
            ),
            cluster=case.cluster,
            tags=(*dict.fromkeys(wish.way for wish in wishes), *dict.fromkeys(wish.tool for wish in wishes)),
            must_pass=wishes is wrong,
            meta={"run": answered.run_id, "at": answered.at.isoformat(), "model": answered.model,
                  "prompt_version": answered.prompt_version, **more},
        )
        for wishes, ending in ((right, ""), (wrong, "-not" if right else ""))
        if wishes
    ]  # fmt: skip


def _kept(wish: Wish, redact: Redact | None) -> Wish:
    return wish.model_copy(update={
        "proposed": kept_arguments(wish.proposed, redact),
        "gold": None if wish.gold is None else kept_arguments(wish.gold, redact),
        "reason": kept_text(wish.reason, redact) if wish.reason else "",
    })  # fmt: skip


def _bare(message: Mapping[str, Any]) -> Any:
    """Return what a message says, without the ids that are new in each run."""
    hidden = ("id", "call_id", "wire", "source", "at", "provenance")
    return {name: [_bare(part) for part in one] if name == "parts" else one
            for name, one in message.items() if name not in hidden}  # fmt: skip


def _first_words(messages: list[Any]) -> str:
    """Return what the user asked for: runs about the same words hang together."""
    first = next((one for one in messages if one["role"] == "user"), None)
    return _plain(json.dumps(None if first is None else _bare(first), sort_keys=True))


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def _place(cluster: str) -> float:
    """Return a number from 0 to 1 that depends on the cluster alone."""
    return int.from_bytes(hashlib.sha256(f"tuning\0{cluster}".encode()).digest()[:8], "big") / 2**64


def since(answers: Iterable[Answered], moment: datetime | None, *, slot: str | None = None) -> list[Answered]:
    """Return the answers from this moment on, of this slot; all where nothing is said."""
    return [one for one in answers
            if (moment is None or one.at >= moment) and (slot is None or one.slot == slot)]  # fmt: skip
