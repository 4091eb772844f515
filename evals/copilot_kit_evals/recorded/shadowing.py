"""A candidate in the shadow: it is asked what the model in office was asked, and nothing that it proposes is done.

It reads the journal after the fact, in a process of its own: users wait for nothing, and no tool is near. What it
proposed is kept beside the journal, never in it; it is compared with what people decided about the incumbent's
proposals, counted apart, and is no evidence of trust: nobody looked at the candidate's own calls.
What it cannot tell: people saw the incumbent's proposals, so that a candidate that would have gone another good way
counts as not agreeing; and only the first step of each turn is compared, since the next ones hang on what was done.
"""

import hashlib
import os
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from copilot_kit.errors import CopilotError, ModelError, UsageError
from copilot_kit.messages import Message, Record, ToolCall
from copilot_kit.model import Model, complete
from copilot_kit.request import Request, Settings
from copilot_kit.response import Usage
from copilot_kit_evals.locking import lock
from copilot_kit_evals.recorded.answers import Answered
from copilot_kit_evals.recorded.asking import judged
from copilot_kit_evals.recorded.decisions import Wish, wishes_in
from copilot_kit_evals.recorded.offers import Offers
from copilot_kit_evals.writing import add_line

_TURNS: Final = 2**64
_ERASED: Final = "the run was erased"


class Shadowed(Record):
    """What a candidate proposed in the place of an answer of the incumbent: one line of the log."""

    run_id: str
    seq: int
    """Of the incumbent's answer in the journal of the run."""
    slot: str | None
    incumbent: str
    candidate: str
    at: datetime
    message: Message | None = None
    """None where the candidate gave no answer."""
    failure: str | None = None
    refused: bool = False
    usage: Usage = Field(default_factory=Usage)
    took_s: float = 0.0
    dropped: tuple[str, ...] = ()
    """What its adapter could not send."""

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """What it would have done."""
        return () if self.message is None else self.message.calls


class ShadowLog:
    """The file of what a candidate proposed; append-only, a line an answer."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[Shadowed]:
        """Yield the lines; a last one without its end was being written when the process died, and is none."""
        if not self.path.exists():
            return
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield Shadowed.model_validate_json(line)
                except ValidationError as error:
                    raise UsageError(
                        f"{str(self.path)!r}, line {number}, is no line of a shadow log. Move the file away."
                    ) from error

    def append(self, one: Shadowed) -> None:
        """Write a line; it is on the disk when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as file:
            try:
                add_line(file, one.model_dump_json().encode())
            except OSError as error:
                raise CopilotError(
                    f"{str(self.path)!r} cannot be written: {error.strerror}. The last answer was not kept, all before "
                    "it were. Make room and start it again."
                ) from error

    def forget(self, run_ids: Collection[str]) -> int:
        """Keep nothing of what was proposed in these runs but that it was asked and what it cost; return how many."""
        if not self.path.exists():
            return 0
        with self._open():
            lines = list(self)
            gone = [one for one in lines if one.run_id in run_ids and one.message is not None]
            if gone:
                kept = [one.model_copy(update={"message": None, "failure": _ERASED}) if one.run_id in run_ids else one
                        for one in lines]  # fmt: skip
                beside = self.path.with_name(f"{self.path.name}.new")
                beside.touch(mode=0o600)
                beside.write_bytes(b"".join(one.model_dump_json().encode() + b"\n" for one in kept))
                beside.replace(self.path)
        return len(gone)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from asking for the same log; raises `UsageError` where one does."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        guard = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                lock(guard, "A shadow's log", waits=False)
            except OSError as error:
                raise UsageError(
                    f"Another process asks the candidate already and writes {str(self.path)!r}. Stop it first, or look "
                    "at what it has found with --report."
                ) from error
            yield
        finally:
            os.close(guard)

    @contextmanager
    def _open(self) -> Iterator[int]:
        """Open the file for as long as nobody else may write or replace it."""
        while True:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                lock(file, "A shadow's log")
                if os.fstat(file).st_ino != self.path.stat().st_ino:  # it was replaced while we waited
                    continue
                yield file
                return
            finally:
                os.close(file)


@dataclass(frozen=True, slots=True)
class Shadow:
    """A candidate and how it is asked."""

    model: Model
    offers: Offers
    settings: Settings
    """Of the slot; those of the agent come before."""
    name: str
    """Of the candidate, as it is asked for."""
    clock: Callable[[], datetime]
    stopwatch: Callable[[], float]

    async def ask(self, answered: Answered) -> Shadowed:
        """Return what the candidate proposes; an error of the model is part of that, and not raised."""
        request = Request(messages=answered.messages, tools=self.offers.of(answered), output=answered.output,
                          settings=self.offers.settings(answered).over(self.settings))  # fmt: skip
        base = Shadowed(run_id=answered.run_id, seq=answered.seq, slot=answered.slot, incumbent=answered.model,
                        candidate=self.name, at=self.clock())  # fmt: skip
        begun = self.stopwatch()
        try:
            response = await complete(self.model, request)
        except ModelError as error:
            return base.model_copy(update={"failure": f"{type(error).__name__}: {error}",
                                           "took_s": self.stopwatch() - begun})  # fmt: skip
        return base.model_copy(
            update={
                "message": response.message,
                "refused": response.stop.kind == "refusal",
                "usage": response.usage,
                "took_s": self.stopwatch() - begun,
                "dropped": tuple(f"{one.kind} {one.name}" for one in response.dropped),
            }
        )


def drawn(run_id: str, share: float) -> bool:
    """Tell whether a run is among the share that is shadowed: the same for each candidate and each start."""
    return int.from_bytes(hashlib.sha256(f"shadow\0{run_id}".encode()).digest()[:8], "big") < share * _TURNS


def open_turns(
    answers: Iterable[Answered], seen: set[tuple[str, int]], *, slot: str, share: float, candidate: str
) -> Iterator[Answered]:
    """Yield the answers that are to be shadowed: of the slot, with calls that came before a person, not seen yet.

    None of the candidate's own, as it gives while it takes over. None of a run that was once another slot's: its data
    may not go where this slot's may.
    """
    found = list(answers)
    others = {one.run_id for one in found if one.slot not in (slot, None)}
    for one in found:
        asked = any(call.proposal is not None for call in one.calls)
        if (
            asked
            and not one.path
            and one.slot == slot
            and one.model != candidate
            and one.run_id not in others
            and (one.run_id, one.seq) not in seen
            and drawn(one.run_id, share)
        ):
            yield one


async def shadow(
    answers: Sequence[Answered],
    asking: Shadow,
    log: ShadowLog,
    *,
    budget_usd: Decimal | None = None,
    told: Callable[[Shadowed], Awaitable[None] | None] | None = None,
) -> int:
    """Ask the candidate about each answer, keep what it says, and return how many were asked.

    budget_usd: over all lines of the log about this candidate; an answer without a price counts as nothing, and the
    last one may go over it.
    """
    before = log if budget_usd is not None else ()
    spent = sum((one.usage.cost_usd or Decimal(0) for one in before if one.candidate == asking.name), Decimal(0))
    count = 0
    for answered in answers:
        if budget_usd is not None and spent >= budget_usd:
            break
        found = await asking.ask(answered)
        log.append(found)
        spent += found.usage.cost_usd or Decimal(0)
        count += 1
        if told is not None and (waiting := told(found)) is not None:
            await waiting
    return count


@dataclass(slots=True)
class Agreement:
    """How a candidate's proposals relate to what people decided, for one tool or all."""

    decided: int = 0
    """Turns that people decided and the candidate was asked about."""
    incumbent: int = 0
    """Of these, those whose calls were accepted as the incumbent proposed them, and stayed."""
    candidate: int = 0
    """Of these, those where the candidate proposed what people accepted and nothing that they rejected."""
    unclear: int = 0
    """It repeats what was rejected in other words."""
    mended: int = 0
    """A person edited, rejected or took back the incumbent's call, and the candidate got it right."""
    repeated: int = 0
    """It proposes the very thing that was rejected or taken back."""
    failed: int = 0
    """It gave no answer."""


@dataclass(slots=True)
class Compared:
    """A shadow log against the journal."""

    candidate: str
    asked: int = 0
    waiting: int = 0
    """Asked, and nobody has decided yet."""
    whole: Agreement = field(default_factory=Agreement)
    tools: dict[str, Agreement] = field(default_factory=dict)
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    incumbent_usd: Decimal = Decimal(0)
    incumbent_unpriced: int = 0
    took_s: list[float] = field(default_factory=list)
    incumbent_took_s: list[float] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)


def compared(log: Iterable[Shadowed], answers: Iterable[Answered], *, candidate: str) -> Compared:
    """Return what people's decisions say of the candidate's proposals so far; the log may have others' too."""
    known = {(one.run_id, one.seq): one for one in answers}
    found = Compared(candidate)
    last = {(one.run_id, one.seq): one for one in log if one.candidate == candidate}
    for place, one in last.items():
        answered = known.get(place)
        if answered is None or answered.model == candidate:  # its run was erased since, or it was asked about itself
            continue
        found.asked += 1
        _add_costs(found, one, answered)
        wishes = wishes_in(answered)
        if not wishes:
            found.waiting += 1
            continue
        for agreement in (found.whole, *(found.tools.setdefault(tool, Agreement()) for tool in _tools(wishes))):
            _count(agreement, one, wishes)
    return found


def _tools(wishes: Sequence[Wish]) -> list[str]:
    return list(dict.fromkeys(wish.tool for wish in wishes))


def _count(agreement: Agreement, one: Shadowed, wishes: Sequence[Wish]) -> None:
    accepted = all(wish.way == "approve" for wish in wishes)
    agreement.decided += 1
    agreement.incumbent += accepted
    if one.message is None:
        agreement.failed += 1
        return
    score = judged(wishes, one.calls)
    agreement.candidate += score.value == 1.0
    agreement.unclear += score.value is None
    agreement.mended += score.value == 1.0 and not accepted
    repeats = [wish for wish in wishes if wish.gold is None
               and any(wish.action(proposed=True).likeness(call) == "same" for call in one.calls)]  # fmt: skip
    agreement.repeated += bool(repeats)


def _add_costs(found: Compared, one: Shadowed, answered: Answered) -> None:
    if one.usage.cost_usd is None:
        found.unpriced += 1
    else:
        found.cost_usd += one.usage.cost_usd
    if answered.cost_usd is None:
        found.incumbent_unpriced += 1
    else:
        found.incumbent_usd += answered.cost_usd
    found.took_s.append(one.took_s)
    found.incumbent_took_s.append(answered.took_s)
    for name in one.dropped:
        found.dropped[name] = found.dropped.get(name, 0) + 1
