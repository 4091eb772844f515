"""What came of a run of the task: read from its journal, its ledger and its readings, not from the model's words."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.long_task.office import RUN_ID, Office
from benchmarks.long_task.task import Booking
from benchmarks.long_task.working import spoken
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Entry
from copilot_kit.journal.verify import verify_run
from copilot_kit.journal.windows import tokens_of
from copilot_kit.messages import Message, ToolCall
from copilot_kit.records import HandoverAsked, MessageAdded, Requested, Responded, ResultsCleared, WindowClosed

_SHOWN_CHARS = 80


@dataclass(slots=True)
class Figures:
    """One run of the task."""

    name: str
    window: int | None = None
    answers: int = 0
    right: int = 0
    wordy: int = 0
    """Wrong answers that hold the right one among other words."""
    corrections: int = 0
    obeyed: int = 0
    booked: int = 0
    """Records whose first booking is the right one."""
    doubled: int = 0
    """Bookings beyond the first of a record."""
    reread: int = 0
    """Readings of a record beyond its first."""
    needless: int = 0
    """Of these, those of a record whose facts stood in the notes."""
    windows: int = 1
    closings: dict[str, int] = field(default_factory=dict)
    cleared: int = 0
    """Times that old results were left out."""
    handovers: int = 0
    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_to_close: int = 0
    """In and out, of handovers and summaries."""
    cacheable: int = 0
    """Of `tokens_in`, those of messages that the request before began with too."""
    largest: int = 0
    """Tokens of the longest request."""
    off: float = 0.0
    """By how much of the window the worst guess of a request's length was too low."""
    over: float = 0.0
    """By how much of the window the worst guess was too high."""
    opening: int = 0
    """Tokens of the longest opening, tools and instructions with it."""
    shortest: int = 0
    """Answers in the shortest window, the last one aside."""
    told_of_old: bool | None = None
    """After a swap the new model was told which notes the old one wrote; None: there was no swap."""
    kills: int = 0
    gave_up: str = ""
    """Why the run came to no end."""
    ok: bool = True
    """The journal holds."""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return them as JSON has it."""
        return asdict(self)


def measured(name: str, office: Office, window: int | None) -> Figures:
    """Return the figures of a run that has ended, but for its time."""
    return asyncio.run(_measured(Figures(name, window), office))


async def _measured(figures: Figures, office: Office) -> Figures:
    store = open_store(str(office.journal))
    entries = await store.read(RUN_ID)
    figures.ok = (await verify_run(store, RUN_ID)).ok
    await store.close()
    answers = _folded(figures, entries)
    task, bookings = office.task, dict[int, Booking]()
    for line in office.noted("ledger"):
        booking = Booking(line["record"], line["account"], line["amount"])
        figures.doubled += bookings.setdefault(booking.record, booking) is not booking
    figures.booked = sum(bookings.get(number) == one for number, one in task.bookings.items())
    for question in task.questions:
        figures.answers += 1
        given = answers.get(question.words, "no answer")
        figures.right += given == task.answer(question)
        if given != task.answer(question):
            figures.wrong.append(f"{question.words} {given[:_SHOWN_CHARS]!r}, not {task.answer(question)!r}")
            figures.wordy += task.answer(question) in given
    for told in (one for some in task.corrections.values() for one in some):
        figures.corrections += 1
        figures.obeyed += task.is_obeyed(told, bookings, answers)
    _read(figures, office, {call.call_id for call in _calls_for_remarks(entries)})
    return figures


def _read(figures: Figures, office: Office, for_remarks: set[str]) -> None:
    """Count what was read again; remarks stand in no notes, so that what is read for one is not needless."""
    readings = Counter[int]()
    for line in {line["call"]: line for line in office.noted("readings")}.values():  # once a call, whoever was killed
        again = readings[line["record"]] > 0
        figures.reread += again
        figures.needless += again and line["noted"] and line["call"] not in for_remarks
        readings[line["record"]] += 1


def _calls_for_remarks(entries: list[Entry]) -> Iterator[ToolCall]:
    asked = ""
    for entry in entries:
        asked = _said_by_user(entry) or asked
        if isinstance(entry.body, Responded) and "remark" in asked:
            yield from entry.body.response.calls


def _said_by_user(entry: Entry) -> str:
    message = getattr(entry.body, "message", None)
    return "".join(spoken([message])) if isinstance(message, Message) else ""


def _folded(figures: Figures, entries: list[Entry]) -> dict[str, str]:
    """Go through the journal record by record, and return the answers to what the user said last."""
    state, before, answers, closings = RunState(RUN_ID), list[Message](), dict[str, str](), Counter[str]()
    in_window, guess, share, asked, told, lengths = 0, 0, 0.0, "", False, list[int]()
    for entry in entries:
        thread, body = state.thread, entry.body
        match body:
            case Requested():
                sent, guess = list(thread.window.messages), thread.window.tokens
                same = _same(before, sent)
                sizes = [tokens_of(one.parts) for one in sent]
                share = sum(sizes[:same]) / sum(sizes)
                before, in_window = sent, in_window + 1
            case Responded():
                _answered(figures, body, guess if thread.window.beside is not None else None, share)
                if thread.window.handover is not None:
                    figures.tokens_to_close += (body.response.usage.input or 0) + (body.response.usage.output or 0)
                if not body.response.calls and thread.window.handover is None:
                    answers[asked] = body.response.text
                if in_window == 1:
                    figures.opening = max(figures.opening, body.response.usage.input or 0)
            case ResultsCleared():
                figures.cleared += 1
            case HandoverAsked():
                figures.handovers += 1
            case WindowClosed():
                closings[body.notes] += 1
                lengths.append(in_window)
                in_window = 0
                _closed(figures, body)
                told = told or _tells(body.opening)
            case MessageAdded():
                asked = _said_by_user(entry) or asked
                told = told or _tells(body.message)
            case _:
                pass
        state.apply(entry)
    figures.windows, figures.closings = state.thread.window.count, dict(closings)
    figures.told_of_old = told if state.model == "scripted:new" else None
    figures.shortest = min(lengths, default=0)
    return answers


def _same(before: list[Message], sent: list[Message]) -> int:
    """Return how many messages at the beginning are the same."""
    same = 0
    for one, other in zip(before, sent, strict=False):
        if one is not other:
            break
        same += 1
    return same


def _answered(figures: Figures, body: Responded, guess: int | None, share: float) -> None:
    usage = body.response.usage
    read = usage.input or 0
    figures.requests += 1
    figures.tokens_in += read
    figures.tokens_out += usage.output or 0
    figures.cacheable += round(read * share)
    figures.largest = max(figures.largest, read)
    if guess is not None and figures.window is not None:
        figures.off = max(figures.off, (read - guess) / figures.window)
        figures.over = max(figures.over, (guess - read) / figures.window)


def _closed(figures: Figures, body: WindowClosed) -> None:
    if body.usage is not None:
        spent = (body.usage.input or 0) + (body.usage.output or 0)
        figures.tokens_in += body.usage.input or 0
        figures.tokens_out += body.usage.output or 0
        figures.tokens_to_close += spent


def _tells(message: Message) -> bool:
    return "written by another model, scripted:old" in message.text
