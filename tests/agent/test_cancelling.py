"""A run cancelled at any of its awaits, or left at any of its events: nothing twice, nothing unclear without need."""

import asyncio
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from copilot_kit import Agent, Gate, Principal, Request, Run, rule, tool
from copilot_kit.approval import decide
from copilot_kit.events import closing
from copilot_kit.journal import MemoryStore, Store
from copilot_kit.journal.opening import open_store
from copilot_kit.messages import ToolResult
from copilot_kit.records import Proposal
from copilot_kit.testing import FunctionModel, ScriptedModel, call

ANNA = Principal(id="anna")


class CancelledAt:
    """Awaits something, and cancels its own task when that waits for the n-th time."""

    def __init__(self, work: Any, nth: int) -> None:
        self.work = work
        self.nth = nth
        self.waits = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        value, error = None, None
        while True:
            try:
                waited = self.work.send(value) if error is None else self.work.throw(error)
            except StopIteration as end:
                return end.value
            self.waits += 1
            if self.waits == self.nth:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            value, error = None, None
            try:
                value = yield waited
            except BaseException as raised:  # noqa: BLE001  passed on as it came
                error = raised


class Works:
    """Two reads, two effects and then a third; what they did is kept."""

    def __init__(self, store: Store, *, asks: bool = True) -> None:
        self.store = store
        self.done: list[int] = []
        self.acted = asyncio.Event()

        @tool(effect="external")
        async def act(step: int) -> str:
            await asyncio.sleep(0)
            self.done.append(step)
            self.acted.set()
            await asyncio.sleep(0)
            return f"did {step}"

        @tool(effect="read")
        async def look(thing: int) -> str:
            await asyncio.sleep(0)
            return f"saw {thing}"

        gate = Gate() if asks else Gate([rule("allow")])
        self.agent = Agent(FunctionModel(_next_step), tools=[act, look], store=store, gate=gate)

    async def approve(self, proposal: Proposal) -> None:
        await decide(self.store, "run_1", proposal.id, "approve", by=ANNA)

    async def finished(self) -> Run[str]:
        """Go on to the end, and find the conversation whole."""
        run = await self.agent.resume("run_1", approver=self.approve)
        for state in run.unknown:
            run = await run.settle(state.call.call_id, done=True, by=ANNA)
            run = await self.agent.resume("run_1", approver=self.approve)
        assert run.status == "done"
        assert max(Counter(self.done).values(), default=0) <= 1
        for message, following in zip(run.messages, run.messages[1:], strict=False):
            assert [c.call_id for c in message.calls] == [
                part.call_id for part in following.parts if isinstance(part, ToolResult)
            ]
        return run


def _next_step(request: Request) -> object:
    results = sum(isinstance(part, ToolResult) for message in request.messages for part in message.parts)
    match results:
        case 0:
            return [call("look", {"thing": 1}), call("look", {"thing": 2}), call("act", {"step": 1}),
                    call("act", {"step": 2})]  # fmt: skip
        case 4:
            return call("act", {"step": 3})
        case _:
            return "Done."


def outcomes(run: Run[str]) -> list[str]:
    return [part.outcome for message in run.messages for part in message.parts if isinstance(part, ToolResult)]


@pytest.mark.parametrize("where", ["memory", "file"])
async def test_cancelled_at_any_await_each_effect_happens_at_most_once_and_the_run_can_go_on(
    tmp_path: Path, where: str
):
    nth, reached = 0, True
    while reached:
        nth += 1
        store = MemoryStore() if where == "memory" else open_store(str(tmp_path / f"{nth}.db"))
        works = Works(store)
        cancelled = CancelledAt(works.agent.run("Work", run_id="run_1", approver=works.approve), nth)

        async def awaited(work: CancelledAt = cancelled) -> object:
            return await work

        came = await asyncio.gather(awaited(), return_exceptions=True)
        reached = cancelled.waits >= nth
        swallowed = reached and not isinstance(came[0], asyncio.CancelledError)
        assert not swallowed, f"the cancellation at await {nth} was swallowed"
        if await store.read("run_1"):
            run = await works.agent.load("run_1")
            began = {state.call.call_id for state in run.unknown}
            run = await works.finished()
            assert sorted(works.done) == [1, 2, 3] or began or "cancelled" in outcomes(run)
        await store.close()
    assert nth > 5


async def test_a_receipt_whose_writing_is_cancelled_is_written_all_the_same():
    writing, go_on = asyncio.Event(), asyncio.Event()

    class Slow(MemoryStore):
        async def append(self, run_id: str, drafts: Any, **settings: Any) -> Any:
            if any(draft.body.kind == "received" for draft in drafts):
                writing.set()
                await go_on.wait()
            return await super().append(run_id, drafts, **settings)

    store = Slow()
    works = Works(store, asks=False)
    running = asyncio.create_task(works.agent.run("Work", run_id="run_1"))
    await writing.wait()  # of the two reads
    go_on.set()
    await works.acted.wait()
    writing.clear()
    go_on.clear()
    await writing.wait()  # of the first effect, together with the next intent
    running.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    kinds = [(entry.head.kind, getattr(entry.body, "state", "")) for entry in await store.read("run_1")][-3:]
    assert kinds == [("received", "done"), ("intended", ""), ("received", "cancelled")]


async def test_a_stream_left_at_any_event_leaves_nothing_unclear():
    left, whole = 0, False
    while not whole:
        left += 1
        works = Works(MemoryStore(), asks=False)
        async with closing(works.agent.stream("Work", run_id="run_1")) as events:
            seen = 0
            async for event in events:
                seen += 1
                whole = isinstance(event, Run)
                if seen == left:
                    break
        run = await works.finished()
        told = outcomes(run)
        assert "unknown" not in told
        assert sorted(works.done) == [1, 2, 3] or "cancelled" in told
    assert left > 20


async def test_a_call_that_was_intended_and_not_begun_is_cancelled_and_not_unknown():
    works = Works(MemoryStore(), asks=False)
    async with closing(works.agent.stream("Work", run_id="run_1")) as events:
        async for event in events:
            if getattr(getattr(event, "head", None), "kind", "") == "intended":
                break
    run = await works.agent.load("run_1")
    assert (run.unknown, works.done) == ((), [])
    run = await works.finished()
    assert outcomes(run)[2] == "cancelled"


async def test_a_model_that_breaks_its_contract_leaves_a_failed_run_that_can_be_resumed():
    agent = Agent(ScriptedModel(lambda _request: 1 / 0, "Here I am."))
    with pytest.raises(ZeroDivisionError):
        await agent.run("Hello", run_id="run_1")
    broken = await agent.load("run_1")
    assert (broken.status, broken.failure and broken.failure.error) == ("failed", "ZeroDivisionError")
    assert (await agent.resume("run_1")).output == "Here I am."
