"""People's decisions at the gate as items: what they approved is right, what they rejected must not come again.

One item is one answer that somebody decided calls of; its input is what the model was sent for it.

| decision | what the item wants of a candidate |
|---|---|
| approve | the same call (gold) |
| edit | the call as the person left it (gold); the one that was proposed is wrong |
| reject | anything but that call, and the reason is kept; the item must pass |
| undo of what had run | the same, found out late |
| answer in the tool's place | nothing: it does not say whether the call was right |

Which items tune and which judge is fixed by what they are about (`cluster`) and nothing else: it stays when the journal
grows, so that what tuned a prompt never judges it. Decisions that an accepted note of a memory was made from are for
tuning, too: the model may have read them.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from pydantic import Field, JsonValue

from copilot_kit.arguments import compact
from copilot_kit.messages import Message, Record
from copilot_kit.redaction import without_secrets
from copilot_kit.tools import arguments_of
from copilot_kit_evals.items import Item
from copilot_kit_evals.recorded.answers import Answered, Recorded
from copilot_kit_evals.recorded.likeness import Action, parsed, wording_of

Way: TypeAlias = Literal["approve", "edit", "reject", "undo"]
Redact: TypeAlias = Callable[[str], str]
"""Called with every text of an item before it is kept; returns what may be."""
MESSAGES: Final = "messages"
TOOLS: Final = "tools"
_OPAQUE: Final = frozenset({"reasoning", "foreign"})
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


def items_of(
    answers: Iterable[Answered],
    *,
    tools_of: Callable[[Answered], str] = lambda answered: answered.tools_digest,
    redact: Redact | None = None,
    tuning_share: float = 0.3,
    tuned: Collection[tuple[str, str]] = (),
    tools: Collection[str] = (),
) -> Made:
    """Return the items that the decisions in these answers make, oldest first.

    tools_of: digest of the tools that an answer's item names. redact: after keys and tokens were taken out.
    tuning_share: of the clusters. tuned: run and proposal of decisions that a prompt or a note was already made from.
    tools: only decisions about these.
    """
    made = Made()
    kept: dict[str, tuple[Item, tuple[Wish, ...], bool]] = {}
    for answered in sorted(answers, key=lambda one: (one.at, one.run_id, one.seq)):
        wishes = wishes_in(answered, tools)
        if not wishes:
            made.undecided += bool(answered.calls)
            continue
        if answered.path:
            made.nested += 1
            continue
        used = any((answered.run_id, call.proposal.id) in tuned for call in answered.calls if call.proposal is not None)
        item, asked = _item(answered, wishes, tools_of(answered), redact)
        before = kept.pop(asked, None)
        if before is not None:
            same = before[1] == wishes
            made.repeated += same
            made.contradicted += not same
        kept[asked] = item, wishes, used or (before is not None and before[2])
    for_tuning = {item.cluster for item, _, used in kept.values() if used}
    for item, wishes, _ in kept.values():
        side = item.cluster in for_tuning or _place(item.cluster or item.id) < tuning_share
        (made.tuning if side else made.judging).append(item)
        for wish in wishes:
            made.decisions[wish.way] = made.decisions.get(wish.way, 0) + 1
    return made


def wishes_in(answered: Answered, tools: Collection[str] = ()) -> tuple[Wish, ...]:
    """Return what the decisions about an answer's calls want; tools: only those about these."""
    return tuple(wish for call in answered.calls if not tools or call.tool in tools for wish in _wish(call))


def _wish(call: Recorded) -> list[Wish]:
    """Return what the decision about a call wants; nothing where there is none, or none that says what is right."""
    if call.proposal is None or call.decision is None or call.decision.verdict not in _VERDICTS:
        return []
    way = "undo" if call.undone is not None else _VERDICTS[call.decision.verdict]
    proposed = arguments_of(call.proposal.arguments)
    edited = call.decision.verdict == "edit" and call.decision.arguments is not None
    final = arguments_of(call.decision.arguments or "") if edited else proposed
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


def _item(answered: Answered, wishes: tuple[Wish, ...], tools: str, redact: Redact | None) -> tuple[Item, str]:
    """Return the item, and what it asks in a form in which two that ask the same are equal."""
    messages = [_kept(message, redact) for message in answered.messages]
    target = _redacted(Wishes(calls=wishes).model_dump(mode="json", exclude_defaults=True), redact)
    ways = dict.fromkeys(wish.way for wish in wishes)
    subject = answered.subject or _first_words(messages)
    must_not = "reject" in ways or "undo" in ways
    identity = hashlib.sha256(f"{answered.run_id}\0{answered.response.message.id}".encode()).hexdigest()[:16]
    item = Item(
        id=f"decision-{identity}",
        input={MESSAGES: messages, TOOLS: tools},
        target=target,
        cluster=hashlib.sha256(subject.encode()).hexdigest()[:16],
        tags=(*ways, *dict.fromkeys(wish.tool for wish in wishes)),
        must_pass=must_not,
        meta={"run": answered.run_id, "at": answered.at.isoformat(), "model": answered.model,
              "prompt_version": answered.prompt_version},
    )  # fmt: skip
    proposals = [[one.tool, one.proposed] for one in wishes]
    return item, compact([[_bare(one) for one in messages], proposals])


def _kept(message: Message, redact: Redact | None) -> Any:
    """Return a message as JSON with what must not be kept taken out; sealed parts leave a message that was changed."""
    told = message.model_dump(mode="json")
    clean = _redacted(told, redact)
    if clean == told:
        return told
    return {**clean, "parts": [part for part in clean["parts"] if part["type"] not in _OPAQUE]}


def _redacted(value: Any, redact: Redact | None) -> Any:
    clean = without_secrets(value)
    return clean if redact is None else _each_text(clean, redact)


def _each_text(value: Any, redact: Redact) -> Any:
    match value:
        case str():
            return redact(value)
        case list():
            return [_each_text(one, redact) for one in value]
        case dict():
            kept = ("type", "role", "id", "call_id", "name", "tool", "way")  # the format's own words
            return {name: one if name in kept else _each_text(one, redact) for name, one in value.items()}
        case _:
            return value


def _bare(message: Mapping[str, Any]) -> Any:
    """Return what a message says, without the ids that are new in each run."""
    hidden = ("id", "call_id", "wire", "source", "at", "provenance")
    return {name: [_bare(part) for part in one] if name == "parts" else one
            for name, one in message.items() if name not in hidden}  # fmt: skip


def _first_words(messages: list[Any]) -> str:
    """Return what the user asked for: runs about the same words hang together."""
    first = next((one for one in messages if one["role"] == "user"), None)
    return json.dumps(None if first is None else _bare(first), sort_keys=True)


def _place(cluster: str) -> float:
    """Return a number from 0 to 1 that depends on the cluster alone."""
    return int.from_bytes(hashlib.sha256(f"tuning\0{cluster}".encode()).digest()[:8], "big") / 2**64


def since(answers: Iterable[Answered], moment: datetime | None, *, slot: str | None = None) -> list[Answered]:
    """Return the answers from this moment on, of this slot; all where nothing is said."""
    return [one for one in answers
            if (moment is None or one.at >= moment) and (slot is None or one.slot == slot)]  # fmt: skip
