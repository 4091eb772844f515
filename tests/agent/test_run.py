"""A run from its task to its end: what the model hears, what waits, what is kept."""

import asyncio
import json
from decimal import Decimal

import pytest
from pydantic import BaseModel

from copilot_kit import Agent, Gate, LimitReached, Limits, Principal, Run, ToolContext, ToolError, rule, tool
from copilot_kit.approval import decide, stop
from copilot_kit.budget import Budget, Budgeted
from copilot_kit.errors import NotDecidable, Overloaded, UsageError
from copilot_kit.events import Ended, PartDelta
from copilot_kit.journal import Draft, Entry, MemoryStore
from copilot_kit.messages import Reasoning, ToolResult
from copilot_kit.records import Intended, ModelSwitched, RunEnded, RunStarted
from copilot_kit.response import Stop, Usage
from copilot_kit.testing import FunctionModel, ScriptedModel, call, counted, pause, say

ANNA = Principal(id="anna", name="Anna")


class Outbox:
    """Where the tools of these tests leave what they did."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, str]] = []

    def tools(self) -> list[object]:
        @tool(effect="external")
        def send_reply(ticket: int, body: str = "Hello") -> str:
            """Send a reply to the customer."""
            self.sent.append((ticket, body))
            return f"sent to {ticket}"

        @tool(effect="read")
        def read_ticket(ticket: int) -> str:
            """Read a ticket."""
            return f"ticket {ticket}: where is my parcel?"

        return [send_reply, read_ticket]


def agent_of(*script: object, outbox: Outbox | None = None, **settings: object) -> Agent[str]:
    return Agent(ScriptedModel(*script), tools=(outbox or Outbox()).tools(), new_id=counted(), **settings)


def told(run: Run[str]) -> list[str]:
    """What the model was told of its calls."""
    return [part.text for message in run.messages for part in message.parts if isinstance(part, ToolResult)]


async def test_a_task_without_calls_ends_with_the_answer():
    run = await agent_of("42").run("What is six times seven?")
    assert (run.status, run.output, run.text) == ("done", "42", "42")


async def test_reads_run_without_asking_and_their_results_go_back_in_call_order():
    script = [call("read_ticket", {"ticket": 1}), call("read_ticket", {"ticket": 2})], "done"
    run = await agent_of(*script).run("Read both")
    assert told(run) == ["ticket 1: where is my parcel?", "ticket 2: where is my parcel?"]
    assert [message.role for message in run.messages] == ["user", "assistant", "tool", "assistant"]


async def test_what_leaves_the_house_waits_with_its_exact_arguments_defaults_filled_in():
    outbox = Outbox()
    run = await agent_of(call("send_reply", {"ticket": 17}), outbox=outbox).run("Answer ticket 17")
    assert run.status == "waiting"
    assert [(p.tool, p.arguments, p.effect) for p in run.proposals] == [
        ("send_reply", '{"body":"Hello","ticket":17}', "external")
    ]
    assert outbox.sent == []


async def test_an_approved_call_runs_once_and_the_model_goes_on():
    outbox = Outbox()
    run = await agent_of(call("send_reply", {"ticket": 17}), "Sent.", outbox=outbox).run("Answer ticket 17")
    run = await run.approve(run.proposals[0].id, by=ANNA)
    assert (run.status, run.output, outbox.sent) == ("done", "Sent.", [(17, "Hello")])
    assert told(run) == ["sent to 17"]


async def test_a_second_decision_is_refused_and_names_who_decided_first():
    outbox = Outbox()
    first = await agent_of(call("send_reply", {"ticket": 17}), "Sent.", outbox=outbox).run("Answer ticket 17")
    await first.approve(first.proposals[0].id, by=ANNA)
    with pytest.raises(NotDecidable, match="already approved, by Anna"):
        await first.reject(first.proposals[0].id, "too late", by=Principal(id="ben"))
    assert outbox.sent == [(17, "Hello")]


async def test_a_rejection_reaches_the_model_with_its_reason_and_it_may_try_again():
    outbox = Outbox()
    script = call("send_reply", {"ticket": 17}), call("send_reply", {"ticket": 17, "body": "Dear Eve"}), "Sent."
    run = await agent_of(*script, outbox=outbox).run("Answer ticket 17")
    run = await run.reject(run.proposals[0].id, "too short", by=ANNA)
    assert "too short" in told(run)[0]
    run = await run.approve(run.proposals[0].id, by=ANNA)
    assert outbox.sent == [(17, "Dear Eve")]


async def test_an_edited_call_runs_with_the_edited_arguments():
    outbox = Outbox()
    run = await agent_of(call("send_reply", {"ticket": 17}), "Sent.", outbox=outbox).run("Answer ticket 17")
    run = await run.edit(run.proposals[0].id, {"ticket": 17, "body": "Dear Eve"}, by=ANNA)
    assert (run.status, outbox.sent) == ("done", [(17, "Dear Eve")])


@pytest.mark.parametrize("wrong", ['{"ticket": NaN}', '{"too": 1}', "no json"])
async def test_edited_arguments_that_do_not_fit_are_told_to_the_person_and_the_call_still_waits(wrong: str):
    outbox = Outbox()
    run = await agent_of(call("send_reply", {"ticket": 17}), "I see.", outbox=outbox).run("Answer ticket 17")
    with pytest.raises(UsageError, match="Nothing was decided"):
        await run.edit(run.proposals[0].id, wrong, by=ANNA)
    run = await run.refresh()
    assert (run.status, len(run.proposals), outbox.sent) == ("waiting", 1, [])


async def test_an_edit_recorded_elsewhere_that_does_not_fit_runs_nothing():
    outbox = Outbox()
    agent = agent_of(call("send_reply", {"ticket": 17}), "I see.", outbox=outbox)
    run = await agent.run("Answer ticket 17")
    await decide(agent.store, run.id, run.proposals[0].id, "edit", by=ANNA, arguments='{"too": 1}')
    run = await agent.resume(run.id)
    assert (run.status, outbox.sent) == ("done", [])


async def test_a_limit_of_time_ends_the_work_and_the_run_can_be_resumed():
    @tool(effect="read")
    async def look() -> str:
        await asyncio.sleep(0.05)
        return "nothing yet"

    agent = Agent(FunctionModel(lambda _: call("look")), tools=[look], limits=Limits(time_s=0.2))
    with pytest.raises(LimitReached) as caught:
        await agent.run("Look until something comes")
    assert caught.value.limit == "time_s"
    assert (await agent.load(caught.value.run_id)).status == "failed"


@pytest.mark.parametrize("limits", [Limits(tokens=1000), Limits(cost_usd=Decimal(1))])
async def test_a_limit_that_cannot_be_held_ends_the_run_and_says_why(limits: Limits):
    agent = agent_of(*[call("read_ticket", {"ticket": n}) for n in range(3)], limits=limits)
    with pytest.raises(LimitReached, match="cannot be held"):
        await agent.run("Read on")


@pytest.mark.parametrize("wrong", [{"turns": 0}, {"turns": -1}, {"cost_usd": Decimal(0)}])
def test_a_limit_that_lets_nothing_run_is_an_error(wrong: dict):
    with pytest.raises(UsageError, match="lets nothing run"):
        Limits(**wrong)


async def test_a_stop_during_an_effect_keeps_the_next_one_from_starting():
    ran: list[int] = []
    store = MemoryStore()

    @tool(effect="write")
    async def act(step: int, context: ToolContext) -> str:
        ran.append(step)
        await stop(store, context.run_id, by=ANNA)
        return "done"

    gate = Gate([rule("allow")])
    model = ScriptedModel([call("act", {"step": 1}), call("act", {"step": 2})])
    run = await Agent(model, tools=[act], gate=gate, store=store).run("Act twice")
    assert (ran, run.status) == ([1], "stopped")


async def test_a_stop_during_an_answer_keeps_the_model_from_being_asked_again():
    store = MemoryStore()

    @tool(effect="read")
    async def look(context: ToolContext) -> str:
        await stop(store, context.run_id, by=ANNA)
        return "seen"

    model = ScriptedModel(call("look"), "never said")
    run = await Agent(model, tools=[look], store=store).run("Look")
    kinds = [entry.head.kind for entry in await store.read(run.id)]
    assert (run.status, kinds.count("requested"), "run_ended" in kinds) == ("stopped", 1, False)


async def test_an_approval_of_a_changed_tool_is_asked_anew_even_where_the_gate_now_allows():
    sent: list[str] = []
    store = MemoryStore()

    def tool_of(version: str) -> object:
        @tool(effect="external", version=version)
        def send(ticket: int) -> str:
            sent.append(version)
            return "sent"

        return send

    waiting = await Agent(ScriptedModel(call("send", {"ticket": 1})), tools=[tool_of("1")], store=store).run("Send")
    await decide(store, waiting.id, waiting.proposals[0].id, "approve", by=ANNA)
    looser = Agent(ScriptedModel("done"), tools=[tool_of("2")], store=store, gate=Gate([rule("allow")]))
    run = await looser.resume(waiting.id)
    assert (run.status, len(run.proposals), sent) == ("waiting", 1, [])


async def test_a_proposal_carries_what_the_tool_shows_and_who_proposed_it():
    @tool(effect="external", preview=lambda to, text: f"To: {to}\n\n{text}")
    def mail(to: str, text: str) -> str:
        return "sent"

    run = await Agent(ScriptedModel(call("mail", {"to": "eve", "text": "Hi"})), tools=[mail]).run("Mail")
    proposal = run.proposals[0]
    assert proposal.preview is not None
    assert (proposal.preview.body, proposal.model) == ("To: eve\n\nHi", "scripted:model > model")


async def test_a_preview_that_breaks_does_not_keep_the_question_from_being_asked():
    @tool(effect="external", preview=lambda to: to.nothing)
    def mail(to: str) -> str:
        return "sent"

    run = await Agent(ScriptedModel(call("mail", {"to": "eve"})), tools=[mail]).run("Mail")
    assert "AttributeError" in run.proposals[0].preview.body


async def test_an_answer_stands_in_the_tools_place():
    outbox = Outbox()
    run = await agent_of(call("send_reply", {"ticket": 17}), "Fine.", outbox=outbox).run("Answer ticket 17")
    run = await run.answer(run.proposals[0].id, "I called her instead", by=ANNA)
    assert (told(run), outbox.sent, run.status) == (["I called her instead"], [], "done")


async def test_several_proposals_are_decided_in_any_order_and_the_model_waits_for_all():
    outbox = Outbox()
    script = [call("send_reply", {"ticket": 1}), call("send_reply", {"ticket": 2})], "Done."
    run = await agent_of(*script, outbox=outbox).run("Answer both")
    first, second = run.proposals
    run = await run.approve(second.id, by=ANNA)
    assert (run.status, outbox.sent) == ("waiting", [(2, "Hello")])
    run = await run.reject(first.id, by=ANNA)
    assert (run.status, outbox.sent) == ("done", [(2, "Hello")])


async def test_a_stopped_run_runs_nothing_that_waited():
    outbox = Outbox()
    run = await agent_of(call("send_reply", {"ticket": 17}), outbox=outbox).run("Answer ticket 17")
    proposal = run.proposals[0]
    run = await run.stop(by=ANNA)
    with pytest.raises(NotDecidable, match="is cancelled"):
        await run.approve(proposal.id, by=ANNA)
    assert (run.status, outbox.sent) == ("stopped", [])


async def test_a_stopped_run_can_be_talked_to_again_and_its_open_call_is_closed_first():
    outbox = Outbox()
    run = await agent_of(call("send_reply", {"ticket": 17}), "All right.", outbox=outbox).run("Answer ticket 17")
    run = await run.stop(by=ANNA)
    run = await run.say("Forget the mail.")
    assert [message.role for message in run.messages] == ["user", "assistant", "tool", "user", "assistant"]
    assert (run.status, outbox.sent) == ("done", [])


async def test_nobody_talks_over_a_waiting_decision():
    run = await agent_of(call("send_reply", {"ticket": 17})).run("Answer ticket 17")
    with pytest.raises(UsageError, match="waits for 1 decision"):
        await run.say("And?")


async def test_a_conversation_goes_on_and_keeps_its_messages():
    run = await agent_of("Hello Eve.", "Your name is Eve.").run("I am Eve.")
    run = await run.say("Who am I?")
    assert [message.text for message in run.messages] == ["I am Eve.", "Hello Eve.", "Who am I?", "Your name is Eve."]


async def test_an_unknown_tool_and_arguments_that_do_not_fit_are_told_to_the_model():
    script = [call("fly", {}), call("read_ticket", {"ticket": "x"})], "Sorry."
    run = await agent_of(*script).run("Fly")
    unknown, misfit = told(run)
    assert unknown == "There is no tool 'fly'. The tools are: read_ticket, send_reply."
    assert "ticket" in misfit
    assert run.status == "done"


async def test_a_denied_call_is_told_to_the_model_and_nobody_is_asked():
    outbox = Outbox()
    gate = Gate([rule("deny", tool="send_reply", why="mail is off today"), rule("allow")])
    run = await agent_of(call("send_reply", {"ticket": 1}), "I cannot.", outbox=outbox, gate=gate).run("Mail")
    assert (told(run), outbox.sent) == (["Not allowed here: mail is off today."], [])


async def test_a_tools_error_goes_to_the_model_and_not_to_the_application():
    @tool(effect="read")
    def look(ticket: int) -> str:
        raise ToolError(f"ticket {ticket} is in the archive")

    run = await Agent(ScriptedModel(call("look", {"ticket": 3}), "It is archived."), tools=[look]).run("Look")
    assert told(run) == ["ticket 3 is in the archive"]


async def test_tools_get_the_applications_object_and_a_key_that_names_the_action():
    seen: list[ToolContext] = []

    @tool(effect="write")
    def note(text: str, context: ToolContext) -> str:
        seen.append(context)
        return "noted"

    run = await Agent(ScriptedModel(call("note", {"text": "x"}), "ok"), tools=[note], deps={"db": 1}).run("Note x")
    run = await run.approve(run.proposals[0].id, by=ANNA)
    assert seen[0].deps == {"db": 1}
    assert seen[0].run_id == run.id
    assert len(seen[0].idempotency_key) == 32


class Ticket(BaseModel):
    number: int
    urgent: bool = False


async def test_an_answer_of_a_type_is_checked_asked_for_again_and_given_as_that_type():
    model = ScriptedModel("seventeen", '{"number": 17, "urgent": true}')
    run = await Agent(model, output=Ticket).run("Which ticket?")
    assert run.output == Ticket(number=17, urgent=True)
    assert "does not fit the schema" in run.messages[2].text


async def test_an_answer_that_never_fits_fails_the_run_and_says_how():
    run = await Agent(ScriptedModel("a", "b", "c"), output=Ticket).run("Which ticket?")
    assert run.status == "failed"
    assert run.failure is not None
    assert run.failure.error == "BadOutput"


async def test_a_model_that_fails_leaves_a_run_that_can_be_resumed():
    agent = Agent(ScriptedModel(Overloaded("busy", model="scripted"), "Here I am."))
    with pytest.raises(Overloaded) as caught:
        await agent.run("Hello")
    assert caught.value.run_id is not None
    assert (await agent.load(caught.value.run_id)).status == "failed"
    run = await agent.resume(caught.value.run_id)
    assert (run.status, run.output) == ("done", "Here I am.")


async def test_a_paused_turn_is_sent_back_and_goes_on():
    model = ScriptedModel([say("searching"), Stop(kind="paused", raw="pause_turn")], "found")
    run = await Agent(model).run("Search")
    assert (run.output, len(run.messages)) == ("found", 3)


async def test_an_empty_answer_ends_the_run_and_is_not_sent_back():
    run = await Agent(ScriptedModel([], "hello")).run("Say nothing")
    assert (run.status, run.output) == ("done", "")
    run = await run.say("Now say something")
    assert [message.role for message in run.messages] == ["user", "user", "assistant"]


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        (Limits(turns=2), "turns"),
        (Limits(tokens=150), "tokens"),
        (Limits(cost_usd=Decimal("0.15")), "cost_usd"),
    ],
)
async def test_a_run_ends_at_its_limits_and_names_the_limit(limits: Limits, named: str):
    usage = Usage(input=90, output=10, cost_usd=Decimal("0.1"))
    script = [[call("read_ticket", {"ticket": n}), usage] for n in range(5)]
    with pytest.raises(LimitReached) as caught:
        await agent_of(*script, limits=limits).run("Read on and on")
    assert caught.value.limit == named


async def test_time_spent_waiting_for_people_does_not_count():
    agent = agent_of(call("send_reply", {"ticket": 1}), "Done.", limits=Limits(time_s=0.4))
    run = await agent.run("Answer")
    await asyncio.sleep(0.5)
    run = await run.approve(run.proposals[0].id, by=ANNA)
    assert run.status == "done"


async def test_a_stream_tells_words_and_records_and_ends_with_the_run():
    agent = agent_of(call("read_ticket", {"ticket": 1}), "It is late.")
    events = [event async for event in agent.stream("Look at ticket 1")]
    words = "".join(event.text or "" for event in events if isinstance(event, PartDelta))
    kinds = [event.head.kind for event in events if isinstance(event, Entry)]
    assert "It is late." in words
    assert kinds == ["run_started", "message_added", "requested", "responded", "received", "requested", "responded",
                     "run_ended"]  # fmt: skip
    assert isinstance(events[-1], Run)
    assert sum(isinstance(event, Ended) for event in events) == 2


async def test_cancelling_keeps_what_the_model_had_said():
    agent = agent_of([say("The parcel is"), pause()], "at the depot.")
    heard: list[str] = []

    async def listen() -> None:
        async for event in agent.stream("Where is it?", run_id="run_1"):
            if isinstance(event, PartDelta):
                heard.append(event.text or "")
            if "parcel is" in "".join(heard):
                said.set()

    said = asyncio.Event()
    listening = asyncio.create_task(listen())
    await said.wait()
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    run = await agent.load("run_1")
    assert run.response is not None
    assert (run.response.text, run.response.state, run.response.stop.kind) == ("The parcel is", "partial", "cancelled")
    run = await run.say("Go on")
    assert [message.text for message in run.messages] == ["Where is it?", "The parcel is", "Go on", "at the depot."]


async def test_leaving_a_stream_early_keeps_what_was_said_and_ends_the_models_work():
    agent = agent_of([say("one two three"), pause()])
    async for event in agent.stream("Count", run_id="run_1"):
        if isinstance(event, PartDelta):
            break
    for _ in range(50):
        if (await agent.load("run_1")).response is not None:
            break
        await asyncio.sleep(0.01)
    run = await agent.load("run_1")
    assert run.response is not None
    assert (run.response.state, run.response.stop.kind, run.status) == ("partial", "cancelled", "running")


async def test_a_tool_cancelled_in_mid_effect_is_unknown_and_waits_for_a_person():
    began = asyncio.Event()

    @tool(effect="external")
    async def pay(amount: int) -> str:
        began.set()
        await asyncio.sleep(60)
        return "paid"

    agent = Agent(ScriptedModel(call("pay", {"amount": 5}), "ok"), tools=[pay])
    run = await agent.run("Pay 5")
    paying = asyncio.create_task(run.approve(run.proposals[0].id, by=ANNA))
    await began.wait()
    paying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await paying
    run = await agent.resume(run.id)
    assert run.status == "waiting"
    assert [state.call.name for state in run.unknown] == ["pay"]
    run = await run.settle(run.unknown[0].call.call_id, done=True, by=ANNA)
    assert run.status == "done"
    assert told(run) == ["A person confirms that it was carried out."]


async def test_a_run_is_resumed_by_its_id_alone_by_another_agent_on_the_same_journal():
    store, outbox = MemoryStore(), Outbox()
    first = agent_of(call("send_reply", {"ticket": 17}), outbox=outbox, store=store)
    waiting = await first.run("Answer ticket 17")
    second = agent_of("Sent.", outbox=outbox, store=store)
    loaded = await second.load(waiting.id)
    run = await loaded.approve(loaded.proposals[0].id, by=ANNA)
    assert (run.status, run.output, outbox.sent) == ("done", "Sent.", [(17, "Hello")])


async def test_a_changed_tool_is_proposed_anew_instead_of_run():
    store, sent = MemoryStore(), []

    def tool_of(version: str) -> object:
        @tool(effect="external", version=version)
        def send(ticket: int) -> str:
            sent.append(version)
            return "sent"

        return send

    old = Agent(ScriptedModel(call("send", {"ticket": 1})), tools=[tool_of("1")], store=store)
    waiting = await old.run("Send")
    new = Agent(ScriptedModel("done"), tools=[tool_of("2")], store=store)
    loaded = await new.load(waiting.id)
    run = await loaded.approve(loaded.proposals[0].id, by=ANNA)
    assert (run.status, sent) == ("waiting", [])
    run = await run.approve(run.proposals[0].id, by=ANNA)
    assert (run.status, sent) == ("done", ["2"])


async def test_an_approver_decides_while_the_run_goes_on():
    outbox = Outbox()
    agent = agent_of(call("send_reply", {"ticket": 17}), "Sent.", outbox=outbox)
    asked: list[str] = []

    async def approver(proposal: object) -> None:
        asked.append(proposal.arguments)
        await decide(agent.store, "run_1", proposal.id, "approve", by=ANNA)

    run = await agent.run("Answer ticket 17", run_id="run_1", approver=approver)
    assert (run.status, asked, outbox.sent) == ("done", ['{"body":"Hello","ticket":17}'], [(17, "Hello")])


async def test_another_model_takes_over_between_two_turns_and_the_journal_says_so():
    store = MemoryStore()
    first = Agent(ScriptedModel([Reasoning(text="hm"), say("Hello.")], id="one:a"), store=store)
    run = await first.run("Hi")
    second = Agent(ScriptedModel("Good day.", id="two:b"), store=store)
    run = await second.say(run.id, "And you?")
    kinds = [(entry.head.kind, getattr(entry.body, "model", None)) for entry in await store.read(run.id)]
    assert ("model_switched", "two:b") in kinds
    assert run.output == "Good day."


async def test_records_survive_json_and_fold_to_the_same_state():
    store = MemoryStore()
    run = await agent_of(call("send_reply", {"ticket": 17}), "Sent.", store=store).run("Answer ticket 17")
    from copilot_kit.journal import RunState
    from copilot_kit.journal.store import unseal

    sealed = await store.sealed(run.id)
    again = RunState.of([unseal(one.head, one.payload) for one in sealed])
    assert [p.model_dump() for p in again.pending] == [p.model_dump() for p in run.proposals]
    assert again.messages == list(run.messages)
    assert all(json.loads(one.payload) for one in sealed)


async def test_a_person_who_takes_long_in_mid_run_costs_no_working_time_and_begins_the_turns_anew():
    outbox, decided = Outbox(), []
    script = [call("send_reply", {"ticket": n}) for n in range(3)]
    agent = agent_of(*script, "Done.", outbox=outbox, limits=Limits(time_s=0.4, turns=2))

    async def approver(proposal: object) -> None:
        await asyncio.sleep(0.25)
        decided.append(await decide(agent.store, "run_1", proposal.id, "approve", by=ANNA))

    run = await agent.run("Answer all", run_id="run_1", approver=approver)
    assert (run.status, len(outbox.sent)) == ("done", 3)


async def test_a_budget_that_is_used_up_is_written_down_once():
    model = Budgeted(ScriptedModel("never asked"), Budget(requests=0))
    agent = Agent(model)
    with pytest.raises(LimitReached):
        await agent.run("Hello", run_id="run_1")
    kinds = [entry.head.kind for entry in await agent.store.read("run_1")]
    assert kinds == ["run_started", "message_added", "requested", "interrupted"]


async def test_a_run_that_is_looked_at_again_has_the_answer_that_another_process_got():
    store, outbox = MemoryStore(), Outbox()
    waiting = await agent_of(call("send_reply", {"ticket": 17}), outbox=outbox, store=store).run("Answer")
    elsewhere = await agent_of("Sent.", outbox=outbox, store=store).load(waiting.id)
    await elsewhere.approve(elsewhere.proposals[0].id, by=ANNA)
    run = await waiting.refresh()
    assert (run.status, run.output) == ("done", "Sent.")


async def test_what_was_approved_and_has_not_run_yet_is_not_talked_over():
    outbox = Outbox()
    agent = agent_of(call("send_reply", {"ticket": 17}), "Sent.", outbox=outbox)
    run = await agent.run("Answer ticket 17")
    await decide(agent.store, run.id, run.proposals[0].id, "approve", by=ANNA)
    with pytest.raises(UsageError, match="still to run"):
        await agent.say(run.id, "And?")
    assert (await agent.resume(run.id)).status == "done"
    assert outbox.sent == [(17, "Hello")]


async def test_a_call_lost_in_mid_effect_is_settled_before_a_stopped_run_is_talked_to():
    outbox = Outbox()
    agent = agent_of(call("send_reply", {"ticket": 17}), "All right.", outbox=outbox)
    run = await agent.run("Answer ticket 17")
    call_id, digest = run.proposals[0].call_id, run.proposals[0].call_digest
    await decide(agent.store, run.id, run.proposals[0].id, "approve", by=ANNA)
    lost = Draft(Intended(call_id=call_id, call_digest=digest, idempotency_key="k"))
    await agent.store.append(run.id, [lost], after=(await agent.store.read(run.id))[-1].head.seq)
    run = await run.stop(by=ANNA)
    with pytest.raises(UsageError, match="must be settled"):
        await run.say("Never mind.")
    run = await run.refresh()
    run = await run.settle(run.unknown[0].call.call_id, done=False, by=ANNA)
    run = await run.say("Never mind.")
    assert [message.role for message in run.messages] == ["user", "assistant", "tool", "user", "assistant"]
    assert (run.status, outbox.sent) == ("done", [])


class Amount(BaseModel):
    usd: float


async def test_a_number_that_json_cannot_hold_is_no_answer_and_is_asked_for_again():
    run = await Agent(ScriptedModel('{"usd": 1e999}', '{"usd": 5}'), output=Amount).run("How much?")
    assert (run.status, run.output) == ("done", Amount(usd=5))
    assert "finite" in run.messages[2].text


async def test_a_run_whose_output_is_of_another_type_says_so():
    store = MemoryStore()
    run = await Agent(ScriptedModel('{"usd": 5}'), output=Amount, store=store).run("How much?")
    with pytest.raises(UsageError, match="not of the type asked for here"):
        await Agent(ScriptedModel(), output=Ticket, store=store).load(run.id)


async def test_a_run_whose_slot_is_gone_goes_on_with_its_own_model(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "not a key")
    store = MemoryStore()
    begun = RunStarted(agent="agent", prompt_version="1", model="openai:gpt-6", slot="a-slot-that-was-taken-out")
    await store.append("run_1", [Draft(begun), Draft(RunEnded(status="done"))], after=-1)
    run = await Agent("openai:gpt-6", store=store).resume("run_1")
    switched = (await store.read(run.id))[-1].body
    assert (run.status, switched) == ("done", ModelSwitched(model="openai:gpt-6", slot=None))
