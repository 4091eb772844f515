"""Stores to test, and records to put into them."""

import itertools
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.journal.memory import MemoryStore
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.store import Draft
from copilot_kit.messages import Text, ToolCall, ToolResult, assistant, user
from copilot_kit.records import (
    Assigned,
    Body,
    Decided,
    Decision,
    Failure,
    Intended,
    Interrupted,
    Lapsed,
    MessageAdded,
    ModelSwitched,
    Principal,
    Proposal,
    Proposed,
    Reason,
    Received,
    Requested,
    Responded,
    RunEnded,
    RunStarted,
    RunStopped,
    Step,
    Undone,
)
from copilot_kit.response import Response, Served, Stop

NINE = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Facts:
    """Short names for the things that happen in a run."""

    def started(self, title: str = "Answer ticket 17", *, subject: str | None = None, purpose: Any = "task") -> Body:
        return RunStarted(
            agent="support", prompt_version="p1", model="test:one", title=title, subject=subject, purpose=purpose
        )

    def said(self, words: str = "Hello") -> Body:
        return MessageAdded(message=user(words))

    def switched(self) -> Body:
        return ModelSwitched(model="test:two")

    def requested(self) -> Body:
        return Requested(model="test:one", first="msg_1", last="msg_2", tools_digest="0")

    def answered(self, *calls: str, whole: bool = True) -> Body:
        parts = [ToolCall(call_id=call, name="send", args_json="{}") for call in calls]
        failure = None if whole else Failure(error="TransportFailed", message="cut")
        response = Response(
            message=assistant("Working on it", *parts),
            model=Served(asked="one", provider="test"),
            stop=Stop(kind="tool" if calls else "end"),
            state="complete" if whole else "partial",
        )
        return Responded(response=response, took_s=0.5, failure=failure)

    def interrupted(self) -> Body:
        return Interrupted(model="test:one", failure=Failure(error="RateLimited", message="wait"))

    def proposed(
        self,
        proposal: str,
        call: str = "call_1",
        *,
        tool: str = "send",
        arguments: str = '{"to":"ann@example.org"}',
        queued_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> Body:
        return Proposed(
            proposal=Proposal(
                id=proposal, call_id=call, path=(Step(agent="support"),), tool=tool, tool_version="1",
                effect="external", arguments=arguments, model="one > one", prompt_version="p1",
                reasons=(Reason(code="effect", text="It leaves the house."),), call_digest="c", shown_digest="s",
                queued_at=queued_at, expires_at=expires_at,
            )
        )  # fmt: skip

    def decided(self, proposal: str, verdict: Any = "approve", *, wording_only: bool = False) -> Body:
        decision = Decision(
            proposal_id=proposal, call_digest="c", verdict=verdict, by=Principal(id="ann"), at=NINE, looked_s=2.5,
            wording_only=wording_only,
        )  # fmt: skip
        return Decided(decision=decision)

    def assigned(self, proposal: str, to: str | None) -> Body:
        return Assigned(proposal_id=proposal, to=to, by=Principal(id="ann"))

    def lapsed(self, proposal: str) -> Body:
        return Lapsed(proposal_id=proposal, state="expired")

    def intended(self, call: str, *, allowed: bool = False, arguments: str = '{"id":7}') -> Body:
        return Intended(
            call_id=call, call_digest="c", idempotency_key="k", tool="send", tool_version="1", effect="write",
            arguments=arguments, model="one > one", prompt_version="p1", agent="support", undoable=True,
            allowed=(Reason(code="rule", text="A rule allows it."),) if allowed else (),
        )  # fmt: skip

    def received(self, call: str, state: Any = "done", words: str = "sent") -> Body:
        result = ToolResult(call_id=call, content=(Text(text=words),))
        return Received(call_id=call, tool="send", state=state, result=result)

    def undone(self, call: str, state: Any = "done") -> Body:
        return Undone(call_id=call, state=state, by=Principal(id="ann"))

    def ended(self, status: Any = "done") -> Body:
        return RunEnded(status=status)

    def stopped(self) -> Body:
        return RunStopped(by=Principal(id="ann"))

    def drafts(self, *bodies: Body, path: tuple[str, ...] = ()) -> list[Draft]:
        return [Draft(body, path) for body in bodies]


@pytest.fixture(scope="session")
def fact() -> Facts:
    return Facts()


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """A clock that goes one second forward each time it is read."""
    seconds = itertools.count()
    return lambda: datetime(2026, 11, 22, 9, 0, tzinfo=UTC) + timedelta(seconds=next(seconds))


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Callable[[], datetime]) -> AsyncIterator[Any]:
    """Each store there is."""
    if request.param == "memory":
        yield MemoryStore(clock=clock)
        return
    from copilot_kit.journal.sql import SqlStore

    if request.param == "sqlite":
        from copilot_kit.journal.sqlite import SqliteFile

        sql = SqlStore(SqliteFile(tmp_path / "journal.db"), clock=clock)
    else:
        url = request.getfixturevalue("postgres_url")
        from copilot_kit.journal.postgres import PostgresDatabase

        sql = SqlStore(PostgresDatabase(url), clock=clock)
    yield sql
    await sql.close()


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Any]:
    """A journal in a file."""
    sql = open_store(str(tmp_path / "journal.db"))
    yield sql
    await sql.close()
