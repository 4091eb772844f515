"""A model that obeys and does not cheat: its answer is made of the request that it is given, and of nothing else."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from benchmarks.long_task.desk import CORRECTIONS, NOTES, Desk, Facts
from benchmarks.long_task.summing import summed_up
from copilot_kit.events import Event
from copilot_kit.ids import NewId, new_id
from copilot_kit.journal.windows import text_tokens, tokens_of
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.response import Usage
from copilot_kit.testing import call
from copilot_kit.testing.script import Call, answered

IN_A_FILE = 50
"""Records whose facts stand in one file of the notes."""
_GO_ON = re.compile(r"go on to record (\d+)")
_QUESTION = re.compile(r"What is the (\w+) of record (\d+)\?")


PROFILE = Profile()
"""Nothing is known of its window: the agent is told how much to send."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How the model works."""

    forgets: bool = False
    """It writes no notes, not even when it is told that its window closes."""
    tokens: float = 1.0
    """Tokens it counts for each one that is estimated: tokenizers differ."""


OBEDIENT = Habits()


@dataclass(frozen=True, slots=True)
class Clerk:
    """The model; it holds its name and habits, and nothing that it was ever asked."""

    id: str = "scripted:old"
    habits: Habits = OBEDIENT
    profile: Profile = PROFILE
    new_id: NewId = new_id

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the answer to this request."""
        pieces = turn(request, self.habits)
        usage = Usage(
            input=round(self.habits.tokens * tokens_in(request)), output=round(self.habits.tokens * _written(pieces))
        )
        async for event in answered([*pieces, usage], model=self.id, new_id=self.new_id):
            yield event


def tokens_in(request: Request) -> float:
    """Return how long a request is, its tools included."""
    tools = sum(text_tokens(one.model_dump_json()) for one in request.tools)
    return tools + sum(tokens_of(message.parts) for message in request.messages)


def _written(pieces: list[Any]) -> float:
    calls = (text_tokens(one.name) + text_tokens(one.args_json) + 4 for one in pieces if isinstance(one, Call))
    return 4 + sum(calls) + sum(text_tokens(one) for one in pieces if isinstance(one, str))


def turn(request: Request, habits: Habits) -> list[Any]:
    """Return the answer to a request: words, or calls."""
    if not request.tools:
        return [summed_up(request)]
    desk = Desk.of(request)
    if desk.state_path:
        return ["I go on with the work."] if habits.forgets else _handed_over(desk)
    question = _QUESTION.search(desk.asked)
    corrects = question is None or question[1] != "remark"  # nothing that was corrected matters to a remark
    if corrects and (unknown := _unknown_corrections(desk, habits)):
        return unknown
    told = [] if habits.forgets else _told_corrections(desk)
    if question is not None:
        return told or _answered(desk, question[1], int(question[2]))
    wanted = _GO_ON.search(desk.asked)
    return _worked(desk, int(wanted[1]) if wanted else 0, told, habits)


def _unknown_corrections(desk: Desk, habits: Habits) -> list[Any]:
    """Return how to find what the user corrected, where the request does not show all of it."""
    if CORRECTIONS in desk.files and CORRECTIONS not in desk.whole and CORRECTIONS not in desk.viewed:
        return [call("memory", {"command": "view", "path": CORRECTIONS})]
    if habits.forgets and desk.gaps and not desk.recalled:
        return [call("recall", {"query": query}) for query in
                ("Correction from now on book customers account", "Correction amount of record is")]  # fmt: skip
    return []


def _told_corrections(desk: Desk) -> list[Any]:
    fresh = sorted(desk.corrections.keys() - desk.noted_corrections)
    lines = "".join(f"{desk.corrections[number].words}\n" for number in fresh)
    return [_put(desk, CORRECTIONS, lines, at=0)] if lines else []


def _worked(desk: Desk, last: int, before: list[Any], habits: Habits) -> list[Any]:
    """Return the next steps: note and book what was read, read the next one, or say that it is done."""
    at = max(desk.booked, default=0) + 1
    if at > last:
        return before or [f"Booked up to record {last}."]
    facts = desk.read.get(at) or desk.lines.get(at)
    if facts is None:
        return [*before, call("read_record", {"record": at})]
    account, amount = desk.account_for(facts.city), desk.amount_of(at, facts.amount)
    steps = list(before)
    if not habits.forgets and at not in desk.noted:
        steps.append(_noted(desk, at, Facts(facts.customer, amount, facts.city, account)))
    steps.append(call("book", {"record": at, "account": account, "amount": amount}))
    if at < last and at + 1 not in desk.read:
        steps.append(call("read_record", {"record": at + 1}))
    return steps


def _noted(desk: Desk, record: int, facts: Facts) -> Call:
    line = f"{record} | {facts.customer} | {facts.amount} | {facts.city} | {facts.account}\n"
    path, first = place(record)
    return _put(desk, path, line, at=record - first)


def place(record: int) -> tuple[str, int]:
    """Return the file in which a record's facts are noted, and the first record in it."""
    first = (record - 1) // IN_A_FILE * IN_A_FILE + 1
    return f"{NOTES}/{first:04}-{first + IN_A_FILE - 1:04}.md", first


def _put(desk: Desk, path: str, text: str, *, at: int) -> Call:
    if path not in desk.files:
        return call("memory", {"command": "create", "path": path, "file_text": text})
    return call("memory", {"command": "insert", "path": path, "insert_line": at, "insert_text": text})


def _handed_over(desk: Desk) -> list[Any]:
    """Return what is written down before the window closes."""
    if desk.wrote_since:
        return ["noted"]
    done = max(desk.booked, default=0)
    state = f"State: booked up to record {done}; the next one is {done + 1}."
    path, before = desk.state_path, _told_corrections(desk)
    if (read := desk.read.get(done + 1)) is not None and done + 1 not in desk.noted:
        amount = desk.amount_of(done + 1, read.amount)
        before.append(_noted(desk, done + 1, Facts(read.customer, amount, read.city, desk.account_for(read.city))))
    if path not in desk.files:
        where = (
            f"Facts: a line for each record in {NOTES}/, number | customer | amount | city | account, "
            f"{IN_A_FILE} to a file.\nWhat the user corrected: {CORRECTIONS}\n"
        )
        return [*before, call("memory", {"command": "create", "path": path, "file_text": f"{state}\n{where}"})]
    if not desk.state:
        return [call("memory", {"command": "view", "path": path})]
    if desk.state == state:  # only questions were answered since: nothing is new but that
        state = f"{state} Questions are being answered."
        if desk.state == state:
            state = state.replace(" Questions are being", " More questions are being")
    change = {"command": "str_replace", "path": path, "old_str": desk.state, "new_str": state}
    return [*before, call("memory", change)]


def _answered(desk: Desk, what: str, record: int) -> list[Any]:
    """Return the answer to a question, or where to look for it."""
    line, seen = desk.lines.get(record), desk.read.get(record)
    if what == "amount" and (corrected := desk.amount_of(record, "")):
        return [corrected]
    if what == "remark":
        if seen is not None:
            return [seen.remark]
    elif line is not None:
        return [str(getattr(line, what))]
    elif seen is not None and what in {"customer", "amount"}:
        return [str(getattr(seen, what))]
    elif what == "account" and (account := (desk.booked | desk.quoted).get(record)):
        return [account]
    path, first = place(record)
    if what != "remark" and path in desk.files and path not in desk.viewed:
        at = record - first + 1
        return [call("memory", {"command": "view", "path": path, "view_range": [at, at]})]
    if what != "remark" and path in desk.files and desk.viewed.count(path) == 1:  # it stands in another line
        return [call("memory", {"command": "view", "path": path})]
    return _looked_up(desk, what, record)


def _looked_up(desk: Desk, what: str, record: int) -> list[Any]:
    """Return a search in what was said before, then a look into the file, then that it is not known."""
    if what == "account":
        query = f"book account record {record}"
        return ["unknown"] if query in desk.recalled else [call("recall", {"query": query})]
    for query in (f"Record {record}. customer amount remark", f"Record {record}. customer EUR remark weighed kg"):
        if query not in desk.recalled:
            return [call("recall", {"query": query})]
    return [call("read_record", {"record": record})]
