"""What a call did can be taken back once, by its own tool, on a person's word."""

from typing import Any

import pytest

from copilot_kit import Agent, Gate, Principal, ToolContext, rule, tool
from copilot_kit.errors import NotDecidable
from copilot_kit.journal import MemoryStore
from copilot_kit.outputs import ToolError
from copilot_kit.records import Undoing, Undone
from copilot_kit.testing import ScriptedModel, call

ANNA = Principal(id="anna")


class Shelf:
    """A shelf with labels that can be taken off again."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.labels: dict[str, str] = {}
        self.keys: list[str] = []
        self.stuck = False

    def label(self, version: str = "1") -> Any:
        def take_off(book: str, context: ToolContext) -> str:
            if self.stuck:
                raise ToolError("it sticks")
            self.keys.append(context.idempotency_key)
            return f"took off {self.labels.pop(book)}"

        @tool(effect="write", own=True, version=version, undo=take_off)
        def label(book: str, text: str) -> str:
            self.labels[book] = text
            return "labelled"

        return label

    def agent(self, *script: Any, version: str = "1") -> Agent[str]:
        return Agent(ScriptedModel(*script), tools=[self.label(version)], store=self.store, gate=Gate([rule("allow")]))

    async def done(self) -> str:
        run = await self.agent(call("label", {"book": "b1", "text": "red"}), "Done.").run("Label it", run_id="run_1")
        return run.messages[1].calls[0].call_id if run.messages[1].calls else run.messages[2].calls[0].call_id


async def test_a_call_is_taken_back_and_the_model_is_told_when_somebody_speaks_next():
    shelf = Shelf()
    call_id = await shelf.done()
    run = await shelf.agent().undo("run_1", call_id, by=ANNA)
    assert (run.status, shelf.labels) == ("done", {})
    model = ScriptedModel("I see.")
    await Agent(model, tools=[shelf.label()], store=shelf.store).say("run_1", "What next?")
    said = model.last_request.messages[-1].text
    assert said == f"Note: a person took back the call {call_id}. took off red\nWhat next?"


async def test_nothing_is_taken_back_twice():
    shelf = Shelf()
    call_id = await shelf.done()
    await shelf.agent().undo("run_1", call_id, by=ANNA)
    with pytest.raises(NotDecidable, match=r"was undone already \(done\)"):
        await shelf.agent().undo("run_1", call_id, by=ANNA)
    assert len(shelf.keys) == 1


async def test_what_could_not_be_taken_back_may_be_tried_again():
    shelf = Shelf()
    call_id = await shelf.done()
    shelf.stuck = True
    await shelf.agent().undo("run_1", call_id, by=ANNA)
    undone = [entry.body for entry in await shelf.store.read("run_1") if isinstance(entry.body, Undone)]
    assert [(one.state, one.text) for one in undone] == [("failed", "it sticks")]
    shelf.stuck = False
    await shelf.agent().undo("run_1", call_id, by=ANNA)
    assert shelf.labels == {}


async def test_the_intent_to_undo_is_on_the_journal_before_anything_is_undone():
    shelf = Shelf()
    call_id = await shelf.done()
    await shelf.agent().undo("run_1", call_id, by=ANNA)
    kinds = [entry.body for entry in await shelf.store.read("run_1") if isinstance(entry.body, Undoing | Undone)]
    assert [type(one) for one in kinds] == [Undoing, Undone]
    assert kinds[0].by == ANNA
    assert isinstance(kinds[0], Undoing)
    assert kinds[0].idempotency_key == shelf.keys[0]


async def test_an_undo_that_was_cut_off_is_not_repeated():
    shelf = Shelf()
    call_id = await shelf.done()
    entries = await shelf.store.read("run_1")
    from copilot_kit.journal import Draft

    begun = Undoing(call_id=call_id, idempotency_key="k", by=ANNA)
    await shelf.store.append("run_1", [Draft(begun)], after=entries[-1].head.seq)
    with pytest.raises(NotDecidable, match="was being undone when its process ended"):
        await shelf.agent().undo("run_1", call_id, by=ANNA)
    assert shelf.labels == {"b1": "red"}


async def test_another_version_of_the_tool_undoes_nothing():
    shelf = Shelf()
    call_id = await shelf.done()
    with pytest.raises(NotDecidable, match="another version"):
        await shelf.agent(version="2").undo("run_1", call_id, by=ANNA)


async def test_what_did_not_run_cannot_be_undone():
    shelf = Shelf()
    await shelf.done()
    with pytest.raises(NotDecidable, match="was not carried out"):
        await shelf.agent().undo("run_1", "call_none", by=ANNA)
