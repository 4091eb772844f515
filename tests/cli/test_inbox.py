"""What waits over all runs, decided from the terminal with one key each."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.agent import Agent, Run
from copilot_kit.approval import decide, standing
from copilot_kit.approval.previews import payment
from copilot_kit.cli.agents import load_agent
from copilot_kit.cli.approvals import Desk
from copilot_kit.cli.keys import ScriptedKeyboard
from copilot_kit.cli.sitting import Sitting
from copilot_kit.errors import UsageError
from copilot_kit.journal import Draft, MemoryStore
from copilot_kit.journal.opening import open_store
from copilot_kit.messages import answer
from copilot_kit.records import Decided, Intended, Principal, Proposed, Received, RuleGranted, Undone
from copilot_kit.sync import wait
from copilot_kit.testing import ScriptedModel, call, say
from copilot_kit.tools import tool

ADA = Principal(id="ada", authenticated="local")
BOB = Principal(id="bob", authenticated="session")


@tool(
    effect="external", roles={"to": "destination", "amount": "object"},
    preview=lambda to, amount: payment(amount, "EUR", to),
)  # fmt: skip
def pay(to: str, amount: int) -> str:
    """Pay."""
    return f"paid {amount} to {to}"


def unwrite(text: str) -> str:
    return f"took back {text}"


@tool(effect="write", undo=unwrite)
def note(text: str) -> str:
    """Write a note."""
    return f"noted {text}"


class Office:
    """Runs that wait in one journal, and a person who sits down at it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.agents: list[Agent[Any]] = []
        self.more: tuple[Any, ...] = ()
        """Further tools of the agents to come."""

    async def asked(self, *calls: Any, task: str = "Do it", after: Sequence[Any] = ("Done.",), **more: Any) -> Run[Any]:
        """Begin a run whose model asks for these calls in one answer."""
        model = ScriptedModel(list(calls), *(say(words) if isinstance(words, str) else words for words in after))
        agent = Agent(model, tools=[pay, note, *self.more], name=f"agent{len(self.agents)}", store=self.store, **more)
        self.agents.append(agent)
        return await agent.run(task)

    async def sit(self, *keys: str, alone: bool = False) -> None:
        """Press these keys, one after the other, then leave. alone: no agent is at hand."""
        keyboard = ScriptedKeyboard(keys)
        agents = [] if alone else self.agents
        await Sitting(self.store, keyboard, agents, desk=Desk(keyboard, by=ADA)).hold()

    async def of(self, run: Run[Any], kind: type[Any]) -> list[Any]:
        """Return the records of a kind of this run."""
        return [entry.body for entry in await self.store.read(run.id) if isinstance(entry.body, kind)]

    async def decided(self, run: Run[Any]) -> list[tuple[str, str]]:
        return [(one.decision.proposal_id, one.decision.verdict) for one in await self.of(run, Decided)]


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("LINES", "40")
    return Office()


# --- going through


async def test_calls_of_all_runs_are_asked_for_one_after_the_other(office: Office, capsys: pytest.CaptureFixture[str]):
    first = await office.asked(call("pay", {"to": "ann", "amount": 5}), task="Pay Ann")
    second = await office.asked(call("note", {"text": "milk"}), task="Remember the milk")
    await office.sit("y", "n")
    assert await office.decided(first) == [(first.proposals[0].id, "approve")]
    assert await office.decided(second) == [(second.proposals[0].id, "reject")]
    said = capsys.readouterr()
    assert "inbox · 1 of 2 waiting" in said.out
    assert "Nothing waits." in said.err
    assert [run.status for run in [await first.refresh(), await second.refresh()]] == ["done", "done"]


async def test_the_list_shows_money_and_receivers_first(office: Office, capsys: pytest.CaptureFixture[str]):
    await office.asked(call("pay", {"to": "ann", "amount": 5}), task="Pay Ann")
    await office.asked(call("note", {"text": "milk"}), task="Remember the milk")
    await office.sit()
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["▸", "1", "pay", "5", "EUR", "→", "ann", "·", "Pay", "Ann"]
    assert lines[3].split() == ["2", "note", "milk", "·", "Remember", "the", "milk"]
    assert [line for line in lines if line.startswith(("  costs", "  reaches"))] == [
        "  costs  5 EUR",
        "  reaches  ann",
    ]
    assert "  cannot be taken back" in lines


async def test_j_and_k_move_and_decide_nothing(office: Office, capsys: pytest.CaptureFixture[str]):
    runs = [await office.asked(call("note", {"text": word})) for word in ("one", "two", "three")]
    await office.sit("j", "j", "j", "k", "y")
    assert [await office.decided(run) for run in runs] == [[], [], [(runs[2].proposals[0].id, "approve")]]
    assert "left waiting" not in capsys.readouterr().out


async def test_nothing_waits_is_said_and_enter_or_nobody_decides_nothing(
    office: Office, capsys: pytest.CaptureFixture[str]
):
    await office.sit("y")
    assert capsys.readouterr().err == "Nothing waits.\n"
    run = await office.asked(call("note", {"text": "x"}))
    await office.sit("\r", "\n", " ", "Y", "q")
    assert await office.decided(run) == []
    assert capsys.readouterr().err == "1 still waiting.\n"


async def test_each_value_says_where_it_came_from(office: Office, capsys: pytest.CaptureFixture[str]):
    await office.asked(call("pay", {"to": "GB29NWBK60161331926819", "amount": 7431}),
                       task="Send the rent to GB29NWBK60161331926819, please")  # fmt: skip
    await office.sit()
    said = capsys.readouterr().out
    assert '  to  "GB29NWBK60161331926819" · user' in said
    assert "  amount  7431 · the model" in said


async def test_what_comes_of_a_call_is_shown_as_of_now(office: Office, capsys: pytest.CaptureFixture[str]):
    there = ["old"]

    @tool(effect="write", preview=lambda text: f"replaces {there[0]} by {text}")
    def put(text: str) -> str:
        """Put."""
        return text

    office.more = (put,)
    await office.asked(call("put", {"text": "new"}))
    await office.sit()
    assert "changed since it was asked" not in capsys.readouterr().out
    there[0] = "newer"
    await office.sit()
    said = capsys.readouterr().out
    assert "  what comes of it has changed since it was asked: as of now" in said
    assert "  │ replaces newer by new" in said
    assert "replaces old" not in said


# --- deciding


async def test_what_was_seen_is_written_with_the_decision(office: Office):
    run = await office.asked(call("note", {"text": "x"}))
    await office.sit("y")
    decision = (await office.of(run, Decided))[0].decision
    proposal = run.proposals[0]
    assert (decision.by, decision.channel) == (ADA, "terminal")
    assert (decision.call_digest, decision.shown_digest) == (proposal.call_digest, proposal.shown_digest)


async def test_x_answers_in_the_tools_place(office: Office):
    run = await office.asked(call("note", {"text": "x"}))
    await office.sit("x", "I wrote it down myself")
    assert [one.result.text for one in await office.of(run, Received)] == ["I wrote it down myself"]
    assert await office.of(run, Intended) == []


async def test_s_stops_the_run_and_nothing_of_it_runs(office: Office):
    run = await office.asked(call("note", {"text": "x"}), call("note", {"text": "y"}))
    await office.sit("s")
    assert (await run.refresh()).status == "stopped"
    assert await office.of(run, Intended) == []


async def test_an_edit_is_checked_with_the_agents_own_tool(office: Office, capsys: pytest.CaptureFixture[str]):
    run = await office.asked(call("pay", {"to": "ann", "amount": 5}))
    await office.sit("e", "amount", '"lots"', "e", "amount", "4", "y")
    said = capsys.readouterr().out
    assert "The arguments of pay do not fit: amount" in said
    assert "  costs  4 EUR" in said
    assert [one.result.text.splitlines()[-1] for one in await office.of(run, Received)] == ["paid 4 to ann"]


async def test_without_the_agent_it_is_decided_and_said_where_it_goes_on(
    office: Office, capsys: pytest.CaptureFixture[str]
):
    run = await office.asked(call("note", {"text": "x"}))
    await office.sit("y", alone=True)
    assert await office.of(run, Intended) == []
    assert "1 run goes on where the agent runs" in capsys.readouterr().err


async def test_what_comes_of_a_run_is_told_and_its_next_question_is_asked(
    office: Office, capsys: pytest.CaptureFixture[str]
):
    run = await office.asked(call("note", {"text": "x"}), after=(call("note", {"text": "second"}), "Done."))
    await office.sit("y", "y")
    said = capsys.readouterr().out
    assert "  note done: noted x" in said
    assert [verdict for _, verdict in await office.decided(run)] == ["approve", "approve"]
    assert "  run done: Done." in said


class Late(ScriptedKeyboard):
    """Somebody else decides while the card is open, and only then a key is pressed."""

    def __init__(self, answers: Sequence[str], meanwhile: Callable[[], Any]) -> None:
        super().__init__(answers)
        self._meanwhile = meanwhile

    async def key(self) -> str | None:
        await self._meanwhile()
        await asyncio.sleep(1)
        return await super().key()


async def test_a_card_that_is_decided_elsewhere_closes_within_a_second_and_says_by_whom(
    office: Office, capsys: pytest.CaptureFixture[str]
):
    run = await office.asked(call("note", {"text": "x"}))

    async def reject() -> None:
        await decide(office.store, run.id, run.proposals[0].id, "reject", by=BOB, channel="web")

    keyboard = Late(["y"], reject)
    await Sitting(office.store, keyboard, desk=Desk(keyboard, by=ADA)).hold()
    assert "the call is already rejected, by bob (web) at" in capsys.readouterr().out
    assert [verdict for _, verdict in await office.decided(run)] == ["reject"]


# --- several at once


async def test_marked_calls_of_one_answer_are_decided_together(office: Office, capsys: pytest.CaptureFixture[str]):
    run = await office.asked(*(call("note", {"text": word}) for word in ("one", "two", "three")))
    await office.sit(" ", " ", "k", "y", "n")
    first, second, third = run.proposals
    decisions = [one.decision for one in await office.of(run, Decided)]
    assert [(one.proposal_id, one.verdict) for one in decisions] == [
        (first.id, "approve"), (second.id, "approve"), (third.id, "reject"),
    ]  # fmt: skip
    assert decisions[0].batch == decisions[1].batch is not None
    assert decisions[2].batch is None
    assert "2 calls approved together" in capsys.readouterr().out


async def test_a_call_of_another_answer_is_not_decided_along(office: Office, capsys: pytest.CaptureFixture[str]):
    marked = await office.asked(call("note", {"text": "one"}), call("note", {"text": "two"}))
    other = await office.asked(call("note", {"text": "three"}))
    await office.sit(" ", "j", "y", "q")
    assert await office.decided(marked) == []
    assert await office.decided(other) == []
    assert "Others are marked, to be decided together" in capsys.readouterr().out


async def test_a_call_that_was_not_shown_whole_cannot_be_marked(office: Office, capsys: pytest.CaptureFixture[str]):
    long = "\n".join(f"line {number}" for number in range(90))
    run = await office.asked(call("note", {"text": long}), call("note", {"text": "short"}))
    await office.sit(" ", "q")
    assert "marked as it was proposed, and when all of it was shown" in capsys.readouterr().out
    await office.sit("v", " ", " ", "y")
    assert [verdict for _, verdict in await office.decided(run)] == ["approve", "approve"]


# --- rules


async def test_a_rule_is_shown_in_words_and_granted_with_one_more_key(
    office: Office, capsys: pytest.CaptureFixture[str]
):
    run = await office.asked(call("note", {"text": "milk"}))
    await office.sit("a", "j", "a", "y")
    said = capsys.readouterr().out
    assert "note, called by agent0, runs without asking if" in said
    assert 'text is exactly "milk"' in said
    assert "It would have matched 1 of the last 1 calls of this tool." in said
    assert "No rule was made." in said
    granted = await standing.listed(office.store)
    assert [(one.rule.tool, one.rule.by) for one in granted] == [("note", ADA)]
    assert (await office.of(run, Decided))[0].decision.rule == granted[0].rule
    assert [type(entry.body) for entry in await office.store.read("@rules")] == [RuleGranted]


async def test_a_rule_for_a_target_that_nobody_named_says_so(office: Office, capsys: pytest.CaptureFixture[str]):
    await office.asked(call("pay", {"to": "mallory", "amount": 5}), task="Pay the rent")
    await office.sit("a", "q")
    assert "Nothing that you or the application said names its target" in capsys.readouterr().out
    assert await standing.listed(office.store) == []


# --- time


async def expired(office: Office) -> Run[Any]:
    """Return a run whose proposal has waited too long."""
    run = await office.asked(call("note", {"text": "x"}), answer_within_s=0.05)
    await asyncio.sleep(0.1)
    return run


async def test_an_expired_call_cannot_be_decided_and_is_asked_again_with_g(
    office: Office, capsys: pytest.CaptureFixture[str]
):
    run = await expired(office)
    await office.sit("y", "q")
    said = capsys.readouterr().out
    assert "  expired: g asks again" in said
    assert "It has expired, and nothing can be decided. Press g to ask again." in said
    assert await office.decided(run) == []
    await office.sit("g", "q")
    assert [one.proposal.again_of for one in await office.of(run, Proposed)] == [None, run.proposals[0].id]


async def test_what_expires_soon_is_warned_of(office: Office, capsys: pytest.CaptureFixture[str]):
    await office.asked(call("note", {"text": "x"}), answer_within_s=90)
    await office.sit()
    assert "  expires in 90 s" in capsys.readouterr().out


# --- what is not known, and what can be taken back


async def test_a_call_of_unknown_outcome_is_settled_by_a_person(office: Office, capsys: pytest.CaptureFixture[str]):
    run = await office.asked(call("note", {"text": "x"}))
    one = run.proposals[0]
    model_call = next(part for message in run.messages for part in message.calls if part.call_id == one.call_id)
    await decide(office.store, run.id, one.id, "approve", by=ADA)
    seq = (await office.store.read(run.id))[-1].head.seq
    lost = answer(model_call, "The connection broke.", outcome="unknown")
    bodies = [Intended(call_id=one.call_id, call_digest=one.call_digest, idempotency_key="k", arguments=one.arguments),
              Received(call_id=one.call_id, tool="note", state="unknown", result=lost)]  # fmt: skip
    await office.store.append(run.id, [Draft(body) for body in bodies], after=seq)
    await office.sit("y", "w", "x", "q")
    assert "nobody knows whether it was carried out" in capsys.readouterr().out
    assert (await run.refresh()).status == "waiting"
    await office.sit("w", "d")
    assert [one.state for one in await office.of(run, Received)] == ["unknown", "done"]
    assert (await run.refresh()).status == "done"


async def test_u_takes_back_the_last_call_that_can_be_after_one_more_key(
    office: Office, capsys: pytest.CaptureFixture[str]
):
    run = await office.asked(call("note", {"text": "milk"}))
    await office.asked(call("pay", {"to": "ann", "amount": 5}))
    await office.sit("y", "q")
    await office.sit("u", "n", "u", "y", "q")
    assert [(one.state, one.by) for one in await office.of(run, Undone)] == [("done", ADA)]
    said = capsys.readouterr().out
    assert "  take back  note" in said
    assert "  note taken back" in said


# --- the command


async def waiting_run(place: str | None = None) -> None:
    store = open_store(place)
    model = ScriptedModel(call("note", {"text": "buy milk"}))
    await Agent(model, tools=[note], name="helper", store=store).run("Note that I need milk")
    await store.close()


def test_what_waits_can_be_had_as_json_with_the_whole_call(copilot: Callable[..., Any]):
    wait(waiting_run())
    found = copilot("inbox", "--json").json
    assert found["count"] == 1
    one = found["waiting"][0]
    assert (one["kind"], one["tool"], one["agent"], one["title"]) == (
        "proposal", "note", "helper", "Note that I need milk",
    )  # fmt: skip
    assert one["proposal"]["arguments"] == {"text": "buy milk"}
    assert one["proposal"]["provenance"] != []


def test_without_a_terminal_what_waits_is_listed(copilot: Callable[..., Any], own_folder: Path):
    assert copilot("inbox").err == "Nothing waits.\n"
    assert list(own_folder.iterdir()) == []
    wait(waiting_run())
    ended = copilot("inbox")
    assert ended.out.split() == ["1", "note", "buy", "milk", "·", "Note", "that", "I", "need", "milk"]
    assert ended.err == "Decide in a terminal with: copilot-kit inbox\n"


def test_a_script_decides_and_the_store_is_named_as_everywhere(copilot: Callable[..., Any], own_folder: Path):
    wait(waiting_run(str(own_folder / "other.db")))
    (own_folder / "keys").write_text("y\n")
    ended = copilot("inbox", "--store", "other.db", "--script", "keys")
    assert ended.code == 0
    assert copilot("inbox", "--journal", "other.db", "--json").json["count"] == 0


AGENT = """
from copilot_kit import Agent, tool
from copilot_kit.testing import ScriptedModel, say

@tool(effect="write")
def note(text: str) -> str:
    return f"noted {text}"

def build():
    return Agent(ScriptedModel(say("All done.")), tools=[note], name="helper")

number = 17
"""


def test_runs_go_on_here_with_the_agent_that_is_named(
    copilot: Callable[..., Any], own_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    (own_folder / "clerk_of_inbox_test.py").write_text(AGENT)
    monkeypatch.syspath_prepend(str(own_folder))
    wait(waiting_run())
    (own_folder / "keys").write_text("y\n")
    ended = copilot("inbox", "--script", "keys", "--agent", "clerk_of_inbox_test:build")
    assert "the agent runs" not in ended.err
    runs = copilot("runs", "list", "--json").json
    assert [(run["status"], run["pending"]) for run in runs] in ([("done", 0)], [("waiting", 1)])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "Write it as module:attribute"),
        ("no.such.module:agent", "Cannot load agent 'no.such.module:agent'"),
        ("clerk_of_inbox_test:missing", "Cannot load agent"),
        ("clerk_of_inbox_test:number", "is int, not an Agent"),
    ],
)
def test_an_agent_that_cannot_be_loaded_is_told(
    name: str, said: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    (own_folder / "clerk_of_inbox_test.py").write_text(AGENT)
    monkeypatch.syspath_prepend(str(own_folder))
    with pytest.raises(UsageError, match=said):
        load_agent(name)


def test_due_words_say_what_is_left():
    from copilot_kit.cli.queue import due_words

    now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    left = [None, timedelta(0), timedelta(seconds=59), timedelta(minutes=5), timedelta(hours=5)]
    assert [due_words(None if one is None else now + one, now) for one in left] == [
        "", "expired", "59 s", "5 min", "5 h",
    ]  # fmt: skip
