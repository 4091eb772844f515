"""A yes counts for the very call that was shown, with its tool, its model and its prompt, and in time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from copilot_kit import Agent, Gate, Principal, Run, rule, tool
from copilot_kit.approval import Choice, Reason, Ruling, ask_again, assign, decide, decide_together, lapse
from copilot_kit.errors import NotDecidable, UsageError
from copilot_kit.journal import MemoryStore
from copilot_kit.journal.state import RunState
from copilot_kit.messages import ToolResult
from copilot_kit.records import Intended, Lapsed
from copilot_kit.testing import ScriptedModel, call

ANNA, BEN = Principal(id="anna"), Principal(id="ben", groups=("finance",))
HOUR = timedelta(hours=1)


class Clock:
    """Tells the time that a test wants it to be."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Office:
    """Agents on one journal that send letters."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = Clock()
        self.sent: list[tuple[str, str]] = []

    def send(self, version: str = "1", **declared: Any) -> Any:
        @tool(effect="external", version=version, roles={"to": "destination", "text": "wording"}, **declared)
        def send(to: str, text: str = "Hello") -> str:
            self.sent.append((to, text))
            return f"sent to {to}"

        return send

    def agent(self, *script: Any, model: str = "one:a", tools: Sequence[Any] = (), **options: Any) -> Agent[str]:
        scripted = ScriptedModel(*script, id=model)
        return Agent(scripted, tools=tools or [self.send()], store=self.store, clock=self.clock, **options)

    async def approved(self, **options: Any) -> Run[str]:
        run = await self.agent(call("send", {"to": "eve"}), **options).run("Write to Eve", run_id="run_1")
        await decide(self.store, "run_1", run.proposals[0].id, "approve", by=BEN, clock=self.clock)
        return run

    async def state(self) -> RunState:
        return RunState.of(await self.store.read("run_1"))


def told(run: Run[str]) -> list[tuple[str, str]]:
    results = [part for message in run.messages for part in message.parts if isinstance(part, ToolResult)]
    return [(result.outcome, result.text) for result in results]


async def test_a_yes_given_before_the_model_was_swapped_runs_nothing_and_is_asked_anew_in_its_place():
    office = Office()
    before = await office.approved()
    office.clock.now += HOUR
    run = await office.agent("Done.", model="two:b").resume("run_1")
    asked = run.proposals[0]
    assert (run.status, office.sent) == ("waiting", [])
    assert (asked.reasons[0].code, asked.again_of) == ("model-changed", before.proposals[0].id)
    assert (asked.queued_at, asked.arguments) == (before.proposals[0].queued_at, before.proposals[0].arguments)
    run = await run.approve(asked.id, by=ANNA)
    assert (run.status, office.sent) == ("done", [("eve", "Hello")])


async def test_what_waits_is_asked_anew_once_when_the_model_is_swapped():
    office = Office()
    await office.agent(call("send", {"to": "eve"})).run("Write", run_id="run_1")
    swapped = office.agent("Done.", model="two:b")
    first = await swapped.resume("run_1")
    second = await swapped.resume("run_1")
    assert [one.reasons[0].code for one in first.proposals] == ["model-changed"]
    assert [one.id for one in second.proposals] == [one.id for one in first.proposals]
    lapsed = [entry.body for entry in await office.store.read("run_1") if isinstance(entry.body, Lapsed)]
    assert [(one.state, one.because) for one in lapsed] == [("cancelled", "model-changed")]


async def test_a_decision_on_a_proposal_that_was_replaced_is_refused():
    office = Office()
    run = await office.agent(call("send", {"to": "eve"})).run("Write", run_id="run_1")
    old = run.proposals[0].id
    await office.agent("Done.", model="two:b").resume("run_1")
    with pytest.raises(NotDecidable, match="cancelled"):
        await decide(office.store, "run_1", old, "approve", by=ANNA, clock=office.clock)


async def test_a_changed_prompt_asks_anew():
    office = Office()
    await office.approved(instructions="Be kind.")
    run = await office.agent("Done.", instructions="Be quick.").resume("run_1")
    assert ([one.reasons[0].code for one in run.proposals], office.sent) == (["prompt-changed"], [])
    assert run.proposals[0].prompt_version != run.proposals[0].for_prompt


async def test_a_changed_tool_asks_anew():
    office = Office()
    await office.approved()
    run = await office.agent("Done.", tools=[office.send(version="2")]).resume("run_1")
    assert ([one.reasons[0].code for one in run.proposals], office.sent) == (["tool-changed"], [])


async def test_a_tool_that_is_gone_leaves_nothing_waiting():
    office = Office()
    await office.agent(call("send", {"to": "eve"})).run("Write", run_id="run_1")

    @tool(effect="read")
    def look() -> str:
        return "nothing"

    run = await office.agent("I see.", tools=[look]).resume("run_1")
    assert (run.status, [outcome for outcome, _ in told(run)]) == ("done", ["error"])
    assert (await office.state()).pending == []


async def test_a_question_that_nobody_answered_in_time_is_expired_and_the_model_is_told_so():
    office = Office()
    run = await office.agent(call("send", {"to": "eve"}), answer_within_s=60).run("Write", run_id="run_1")
    assert run.proposals[0].expires_at == office.clock.now + timedelta(seconds=60)
    office.clock.now += HOUR
    run = await office.agent("Nobody was there.").resume("run_1")
    assert (run.status, told(run)) == ("done", [("expired", "Nobody decided in time; it did not run.")])
    assert office.sent == []


async def test_a_yes_that_comes_too_late_is_no_yes_even_when_the_clock_is_set_back():
    office = Office()
    agent = office.agent(call("send", {"to": "eve"}), "Too late.", answer_within_s=60)
    run = await agent.run("Write", run_id="run_1")
    office.clock.now += HOUR
    with pytest.raises(NotDecidable, match=r"expired at 2026-11-22 12:01 UTC\. Ask again"):
        await decide(office.store, "run_1", run.proposals[0].id, "approve", by=ANNA, clock=office.clock)
    office.clock.now -= HOUR
    with pytest.raises(NotDecidable, match="is expired"):
        await decide(office.store, "run_1", run.proposals[0].id, "approve", by=ANNA, clock=office.clock)
    run = await agent.resume("run_1")
    assert (run.status, office.sent) == ("done", [])


async def test_a_yes_in_time_counts_however_late_the_run_goes_on():
    office = Office()
    run = await office.agent(call("send", {"to": "eve"}), answer_within_s=60).run("Write", run_id="run_1")
    await decide(office.store, "run_1", run.proposals[0].id, "approve", by=ANNA, clock=office.clock)
    office.clock.now += HOUR
    run = await office.agent("Done.").resume("run_1")
    assert (run.status, office.sent) == ("done", [("eve", "Hello")])


async def test_what_expired_can_be_asked_again_for_as_long_as_before():
    office = Office()
    run = await office.agent(call("send", {"to": "eve"}), answer_within_s=60).run("Write", run_id="run_1")
    office.clock.now += HOUR
    again = await ask_again(office.store, "run_1", run.proposals[0].id, by=ANNA, clock=office.clock)
    assert (again.expires_at, again.reasons[0].code) == (office.clock.now + timedelta(seconds=60), "asked-again")
    await decide(office.store, "run_1", again.id, "approve", by=ANNA, shown=again.call_digest,
                 shown_digest=again.shown_digest, clock=office.clock)  # fmt: skip
    run = await office.agent("Done.").resume("run_1")
    assert (run.status, office.sent) == ("done", [("eve", "Hello")])


async def test_what_has_not_expired_is_not_asked_again():
    office = Office()
    run = await office.agent(call("send", {"to": "eve"}), answer_within_s=60).run("Write", run_id="run_1")
    with pytest.raises(NotDecidable, match="is pending"):
        await ask_again(office.store, "run_1", run.proposals[0].id, by=ANNA, clock=office.clock)


async def test_a_run_that_went_on_is_not_asked_again():
    office = Office()
    agent = office.agent(call("send", {"to": "eve"}), "Nobody was there.", answer_within_s=60)
    run = await agent.run("Write", run_id="run_1")
    office.clock.now += HOUR
    assert await lapse(office.store, "run_1", clock=office.clock) == [run.proposals[0].id]
    await agent.resume("run_1")
    with pytest.raises(NotDecidable, match="the run has gone on without it"):
        await ask_again(office.store, "run_1", run.proposals[0].id, by=ANNA, clock=office.clock)


async def test_several_calls_of_a_turn_are_decided_together_or_not_at_all():
    office = Office()
    calls = [call("send", {"to": name}) for name in ("eve", "mallory", "zoe")]
    run = await office.agent(calls, "Done.").run("Write", run_id="run_1")
    eve, mallory, zoe = (one.id for one in run.proposals)
    await decide(office.store, "run_1", mallory, "reject", by=BEN, clock=office.clock)
    both = [Choice(eve, "approve"), Choice(mallory, "approve")]
    with pytest.raises(NotDecidable, match="already rejected, by ben"):
        await decide_together(office.store, "run_1", both, by=ANNA, clock=office.clock)
    assert [one.id for one in (await office.state()).pending] == [eve, zoe]
    decisions = await decide_together(
        office.store, "run_1", [Choice(eve, "approve"), Choice(zoe, "reject", text="Not her.")], by=ANNA,
        clock=office.clock,
    )  # fmt: skip
    assert len({one.batch for one in decisions}) == 1
    run = await office.agent("Done.").resume("run_1")
    assert (run.status, office.sent) == ("done", [("eve", "Hello")])


async def test_one_proposal_twice_in_a_batch_is_wrong_use():
    office = Office()
    run = await office.agent(call("send", {"to": "eve"})).run("Write", run_id="run_1")
    twice = [Choice(run.proposals[0].id, "approve"), Choice(run.proposals[0].id, "reject")]
    with pytest.raises(UsageError, match="once"):
        await decide_together(office.store, "run_1", twice, by=ANNA)


async def test_whom_the_rules_name_may_decide_by_group():
    office = Office()

    def large(call: Any) -> Any:
        return Ruling("ask", (Reason(code="large", text="much money"),), may_decide=("group:finance",))

    agent = office.agent(call("send", {"to": "eve"}), "Done.", gate=Gate([large]))
    run = await agent.run("Write", run_id="run_1")
    with pytest.raises(NotDecidable, match=r"'anna' may not decide .* Ask one of: group:finance"):
        await run.approve(run.proposals[0].id, by=ANNA)
    run = await run.approve(run.proposals[0].id, by=BEN)
    assert (run.status, office.sent) == ("done", [("eve", "Hello")])


async def test_an_edit_that_needs_another_approver_is_asked_of_them():
    office = Office()

    def to_mallory(call: Any) -> Any:
        if call.arguments["to"] != "mallory":
            return None
        return Ruling("ask", (Reason(code="mallory", text="it is Mallory"),), may_decide=("group:finance",))

    agent = office.agent(call("send", {"to": "eve"}), "Done.", gate=Gate([to_mallory]))
    run = await agent.run("Write", run_id="run_1")
    run = await run.edit(run.proposals[0].id, {"to": "mallory", "text": "Hi"}, by=ANNA)
    assert (run.status, office.sent) == ("waiting", [])
    assert (run.proposals[0].arguments, run.proposals[0].may_decide) == (
        '{"text":"Hi","to":"mallory"}', ("group:finance",),
    )  # fmt: skip
    run = await run.approve(run.proposals[0].id, by=BEN)
    assert (run.status, office.sent) == ("done", [("mallory", "Hi")])


async def test_rules_whose_approvers_have_nobody_in_common_refuse_the_call():
    def of(group: str) -> Any:
        return lambda _: Ruling("ask", (Reason(code=group, text=group),), may_decide=(f"group:{group}",))

    office = Office()
    agent = office.agent(call("send", {"to": "eve"}), "I see.", gate=Gate([of("finance"), of("legal")]))
    run = await agent.run("Write", run_id="run_1")
    assert (run.status, office.sent, told(run)[0][0]) == ("done", [], "denied")


async def test_a_tool_names_its_approvers_and_how_long_it_waits():
    office = Office()
    send = office.send(may_decide=("group:finance",), answer_within_s=120)
    run = await office.agent(call("send", {"to": "eve"}), tools=[send], may_decide=["anna"]).run("Write")
    asked = run.proposals[0]
    assert (asked.may_decide, asked.answer_within_s) == (("group:finance",), 120)


async def test_a_proposal_can_be_given_to_somebody_and_others_may_decide_it_all_the_same():
    office = Office()
    agent = office.agent(call("send", {"to": "eve"}), "Done.")
    run = await agent.run("Write", run_id="run_1")
    asked = run.proposals[0].id
    await assign(office.store, "run_1", asked, to="ben", by=ANNA)
    assert (await office.state()).proposals[asked].assigned_to == "ben"
    run = await run.approve(asked, by=ANNA)
    assert run.status == "done"
    with pytest.raises(NotDecidable, match="already approved"):
        await assign(office.store, "run_1", asked, to=None, by=ANNA)


async def test_an_edit_of_words_alone_is_counted_apart():
    office = Office()
    calls = [call("send", {"to": "eve", "text": "Hi"}), call("send", {"to": "zoe", "text": "Hi"})]
    run = await office.agent(calls).run("Write", run_id="run_1")
    eve, zoe = (one.id for one in run.proposals)
    words = await decide(office.store, "run_1", eve, "edit", by=ANNA, arguments='{"to":"eve","text":"Dear Eve"}',
                         clock=office.clock)  # fmt: skip
    other = await decide(office.store, "run_1", zoe, "edit", by=ANNA, arguments='{"to":"zoe2","text":"Hi"}',
                         clock=office.clock)  # fmt: skip
    assert (words.wording_only, other.wording_only) == (True, False)


async def test_a_yes_to_another_card_than_the_one_that_waits_is_refused():
    office = Office()
    run = await office.agent(call("send", {"to": "eve"})).run("Write", run_id="run_1")
    with pytest.raises(NotDecidable, match="not the card that was shown"):
        await decide(office.store, "run_1", run.proposals[0].id, "approve", by=ANNA, shown_digest="f" * 64)


async def test_what_a_rule_lets_run_says_so_in_the_journal():
    office = Office()
    agent = office.agent(call("send", {"to": "eve"}), "Done.", gate=Gate([rule("allow", tool="send", why="a test")]))
    await agent.run("Write", run_id="run_1")
    intents = [entry.body for entry in await office.store.read("run_1") if isinstance(entry.body, Intended)]
    assert [(one.tool, one.arguments, [why.text for why in one.allowed]) for one in intents] == [
        ("send", '{"text":"Hello","to":"eve"}', ["a test"]),
    ]


@pytest.mark.parametrize(("there", "outcome"), [(True, "ok"), (False, "error"), (None, "unknown")])
async def test_a_lost_call_is_settled_by_its_tool_if_that_can_find_out_and_never_repeated(there, outcome):
    office = Office()
    sent: list[str] = []

    def arrived(to: str) -> bool | None:
        return there if to == "eve" else None

    @tool(effect="external", version="1", check=arrived)
    def send(to: str) -> str:
        sent.append(to)
        raise KeyboardInterrupt

    options: dict[str, Any] = {"tools": [send], "gate": Gate([rule("allow")])}
    with pytest.raises(KeyboardInterrupt):
        await office.agent(call("send", {"to": "eve"}), **options).run("Write", run_id="run_1")
    run = await office.agent("I see.", **options).resume("run_1")
    assert sent == ["eve"]
    assert run.status == ("waiting" if there is None else "done")
    assert [one[0] for one in told(run)] == ([] if there is None else [outcome])
    assert len(run.unknown) == (1 if there is None else 0)
