"""What people decided at the gate and said of answers, as scores."""

import json
from pathlib import Path

import pytest

from copilot_kit import Agent, Principal, tool
from copilot_kit.agent import Run
from copilot_kit.journal import MemoryStore
from copilot_kit.testing import ScriptedModel, call
from copilot_kit_evals.items import BadDataset, Item
from copilot_kit_evals.scorers.gate_record import GateRecord, labels_of, score_of
from copilot_kit_evals.scorers.human_labels import HumanLabels, Label, labelled, read_labels
from copilot_kit_evals.scores import Output

ANNA = Principal(id="anna")
ITEM = Item(id="one", input="Tell them.")


@tool(effect="external")
def send(text: str) -> str:
    """Send a text."""
    return f"sent {text}"


async def sent(store: MemoryStore, calls: int) -> Run[str]:
    turn = [call("send", {"text": str(number)}) for number in range(calls)]
    return await Agent(ScriptedModel(turn, "Done."), tools=[send], store=store).run("Tell them")


async def test_the_gate_record_is_the_share_that_people_accepted_unchanged():
    store = MemoryStore()
    run = await sent(store, 4)
    first, second, third, fourth = run.proposals
    await run.approve(first.id, by=ANNA)
    await run.edit(second.id, {"text": "better"}, by=ANNA)
    await run.reject(third.id, "no", by=ANNA)
    half = await GateRecord(store)(ITEM, Output("", run=run))
    assert half.value == pytest.approx(1 / 3)
    assert half.meta["counts"] == {"accepted": 1, "edited": 1, "rejected": 1, "pending": 1}
    run = await run.approve(fourth.id, by=ANNA)
    score = await GateRecord(store)(ITEM, Output("", run=run))
    assert score.value == 0.5
    assert score.parts == {"accepted": 0.5, "wording_edited": 0, "edited": 0.25, "rejected": 0.25, "answered": 0}


async def test_a_gate_that_nobody_used_has_no_value():
    store = MemoryStore()
    waiting = await GateRecord(store)(ITEM, Output("", run=await sent(store, 1)))
    assert (waiting.value, waiting.meta) == (None, {"counts": {"pending": 1}})
    assert (await GateRecord(store)(ITEM, Output("hello"))).value is None
    assert score_of([]).value is None


async def test_decided_calls_of_a_journal_are_labels():
    store = MemoryStore()
    run = await sent(store, 2)
    one, two = run.proposals
    await run.approve(one.id, by=ANNA)
    await run.reject(two.id, by=ANNA)
    found = {label.way: (label.tool, label.value, label.by) for label in await labels_of(store)}
    assert found == {"accepted": ("send", 1, "anna"), "rejected": ("send", 0, "anna")}


LABELS = [
    Label(item="one", answer="Hello", value=1, by="anna"),
    Label(item="one", answer="Hello ", value=0, by="ben", reason="too short"),
    Label(item="one", answer="Bye", value=0, by="anna"),
]


async def test_labels_hold_for_the_very_words_that_were_judged():
    people = HumanLabels(LABELS)
    both = await people(ITEM, Output("Hello\n"))
    assert (both.value, both.parts, both.reason) == (0.5, {"anna": 1, "ben": 0}, "too short")
    assert (await people(ITEM, Output("Hello!"))).value is None
    assert (await people(Item(id="two", input=""), Output("Hello"))).value is None
    assert people.digest != HumanLabels(LABELS[:1]).digest


def test_labels_are_read_from_lines_and_a_wrong_one_is_named(tmp_path: Path):
    file = tmp_path / "labels.jsonl"
    file.write_text("\n".join(json.dumps(one.model_dump()) for one in LABELS) + "\n")
    assert read_labels(file) == LABELS
    assert [(one.item.id, one.value) for one in labelled(LABELS, [ITEM])] == [("one", 1), ("one", 0), ("one", 0)]
    file.write_text('{"item": "one", "answer": "a", "value": 2}\n')
    with pytest.raises(BadDataset, match=r"labels\.jsonl, line 1"):
        read_labels(file)
