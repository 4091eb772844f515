"""The page of a run: every record in words, who decided what and when, what they saw."""

import re

from copilot_kit import Principal
from copilot_kit.approval import Gate
from copilot_kit.inbox.story import story_of
from copilot_kit.journal import MemoryStore
from copilot_kit.journal.session import held
from copilot_kit.journal.store import Draft
from copilot_kit.messages import Message, Source, Summary, Text
from copilot_kit.records import Erased, MessageAdded, RunStarted, WindowClosed
from copilot_kit.testing import call

BEN = Principal(id="ben", name="Ben")


async def test_a_run_is_told_from_the_task_to_the_end(office):
    agent, run = await office.waiting(call("note", {"text": "hello"}), gate=Gate([]))
    asked = run.proposals[0]
    run = await run.approve(asked.id, by=BEN)
    await agent.undo("run_1", asked.call_id, by=BEN)
    lines = story_of(await office.store.read("run_1"))
    assert [line.seq for line in lines] == list(range(len(lines)))
    words = [re.sub(r"\d+\.\d s", "0 s", line.words) for line in lines]
    assert [word for word in words if not word.startswith("model")] == [
        "run started: agent support, model scripted:model",
        "user message",
        "a person is asked: note",
        "note: approved in api (as the application says)",
        "note begins",
        "note: done in 0 s",
        "run ended: done",
        "note is about to be taken back",
        "taking back note: done",
    ]
    decided = next(line for line in lines if line.kind == "decided-approve")
    assert (decided.by, decided.proposal_id, decided.digest) == ("Ben", asked.id, asked.shown_digest)
    begun = next(line for line in lines if line.kind == "intended")
    assert begun.texts[0] == ("exactly these bytes", '{"text":"hello"}')


async def test_what_a_window_begins_with_is_one_text_and_what_no_user_said_is_not_said_by_one():
    user, memory = Source(kind="user", trusted=True), Source(kind="memory", ref="a.md")
    opening = Message(id="m_2", role="user", parts=(
        Text(text="It goes on here.\n\n", source=Source(kind="application", trusted=True)),
        Text(text="Read all", source=user), Text(text="\n\n"), Text(text="page 1 is read\n", source=memory),
        Summary(text="Pages 2 to 4 too.", replaces=("m_1", "m_1"), source=Source(kind="summary")),
    ))  # fmt: skip
    checked = Text(text="This does not hold yet.", source=Source(kind="application"))
    store = MemoryStore()
    async with held(store, "run_1") as session:
        await session.append(
            RunStarted(agent="agent", prompt_version="1", model="acme:big"),
            MessageAdded(message=Message(id="m_1", role="user", parts=(Text(text="Read all", source=user),))),
            WindowClosed(opening=opening, notes="none", tokens_before=900, tokens_after=300),
            MessageAdded(message=Message(id="m_3", role="user", parts=(checked,))),
        )
    lines = story_of(await store.read("run_1"))[1:]
    assert [line.words for line in lines] == [
        "user message",
        "a new window begins, from a summary: 900 to 300 tokens",
        "application message",
    ]
    assert lines[1].texts == (("it begins with", "It goes on here.\nRead all\npage 1 is read\nPages 2 to 4 too."),)


async def test_the_page_shows_every_record_and_whether_the_journal_is_whole(office, anna):
    await office.waiting(call("send", {"to": "eve@example.org"}))
    page = (await anna.get("/runs/run_1")).text
    entries = await office.store.read("run_1")
    assert re.findall(r'id="r(\d+)"', page) == [str(entry.head.seq) for entry in entries]
    assert f"{len(entries)} records, each as it was written" in page


async def test_a_changed_record_is_said_on_the_page(office, anna):
    await office.waiting(call("send", {"to": "eve@example.org"}))
    sealed = office.store.sealed

    async def changed(run_id):
        records = await sealed(run_id)
        return records[:2] + records[3:]

    office.store.sealed = changed
    assert "broken at record 2" in (await anna.get("/runs/run_1")).text


async def test_a_long_run_comes_in_parts_the_last_first(office, anna):
    await office.waiting(call("send", {"to": "eve@example.org"}))
    entries = await office.store.read("run_1")
    erased = [Draft(Erased(seqs=(number,), by=BEN, reason=f"no {number}")) for number in range(700)]
    await office.store.append("run_1", erased, after=entries[-1].head.seq)
    last = (await anna.get("/runs/run_1")).text
    assert "no 699" in last
    assert "part 3 of 3" in last
    assert "Write to Eve" in (await anna.get("/runs/run_1?page=1")).text


async def test_what_was_erased_is_said_to_be(office):
    await office.waiting(call("send", {"to": "eve@example.org"}))
    entries = await office.store.read("run_1")
    gone = [type(entry)(entry.head, None) for entry in entries]
    assert {line.kind for line in story_of(gone)} == {"gone"}


async def test_a_run_that_there_is_not_is_not_found(anna):
    for path in ("/runs/other", "/runs/@rules", "/cards/other/prop_1", "/runs/other/calls/x", "/runs/other/turns/x"):
        assert (await anna.get(path)).status_code == 404


async def test_the_audit_page_says_who_decided_and_whether_the_whole_journal_is_as_written(office, anna):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    await run.reject(run.proposals[0].id, "no", by=BEN)
    page = (await anna.get("/audit?verify=1")).text
    assert "each as it was written, and no run removed" in page
    assert re.search(r"rejected.*ben.*How people decided these.*ben", page, re.DOTALL)
