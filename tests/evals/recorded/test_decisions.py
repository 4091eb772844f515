"""Decisions at the gate become items: what people accepted is right, what they rejected must not come again."""

from pathlib import Path
from typing import Annotated

import pytest

from copilot_kit import Agent, Principal, decide, tool
from copilot_kit.errors import UsageError
from copilot_kit.journal.memory import MemoryStore
from copilot_kit.messages import ToolCall
from copilot_kit.slots import Opened
from copilot_kit.testing import FunctionModel, ScriptedModel, call
from copilot_kit_evals import runner
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.recorded.answers import Answered, answers_of
from copilot_kit_evals.recorded.asking import decision_tasks, judged, recorded_messages, wishes_of, write_suite
from copilot_kit_evals.recorded.decisions import Made, items_of
from copilot_kit_evals.recorded.offers import Offers
from copilot_kit_evals.runner import Options
from copilot_kit_evals.verdict.evidence import Evidence
from copilot_kit_evals.verdict.judging import verdict_of

ANNA = Principal(id="anna")


@tool(effect="external")
def refund(order: int, amount: float, note: str = "") -> str:
    """Pay money back."""
    return f"paid {amount} for {order}"


def refund_agent(store: MemoryStore, *answers: object) -> Agent:
    return Agent(ScriptedModel(*answers), tools=[refund], instructions="Be fair.", store=store)  # type: ignore[arg-type]


async def answers(store: MemoryStore) -> list[Answered]:
    return [one for row in await store.runs(limit=100) for one in answers_of(await store.read(row.run_id))]


async def decided(store: MemoryStore, task: str, arguments: dict[str, object], verdict: str) -> None:
    agent = refund_agent(store, call("refund", arguments), "Done.")
    run = await agent.run(task)
    proposal = run.proposals[0].id
    match verdict:
        case "approve":
            await run.approve(proposal, by=ANNA)
        case "edit":
            await run.edit(proposal, {**arguments, "amount": 5.0}, by=ANNA)
        case "reject":
            await run.reject(proposal, "never above 100 without the receipt", by=ANNA)


def made_of(found: list[Answered], **more: object) -> Made:
    return items_of(found, tuning_share=0, **more)  # type: ignore[arg-type]


def asked(name: str, arguments: str) -> ToolCall:
    return ToolCall(call_id="c", name=name, args_json=arguments)


async def test_an_approved_call_is_what_a_candidate_should_propose() -> None:
    store = MemoryStore()
    await decided(store, "Refund order 7", {"order": 7, "amount": 12.5}, "approve")
    (item,) = made_of(await answers(store)).judging
    assert item.tags == ("approve", "refund")
    assert not item.must_pass
    wishes = wishes_of(item)
    assert judged(wishes, [asked("refund", '{"order": 7, "amount": 12.5}')]).value == 1.0
    assert judged(wishes, [asked("refund", '{"order": 7, "amount": 12.5, "note": ""}')]).value == 1.0
    assert judged(wishes, [asked("refund", '{"order": 7, "amount": 125}')]).value == 0.0
    assert judged(wishes, []).value == 0.0


async def test_an_edited_call_is_right_as_the_person_left_it_and_wrong_as_it_was() -> None:
    store = MemoryStore()
    await decided(store, "Refund order 7", {"order": 7, "amount": 50.0}, "edit")
    (item,) = made_of(await answers(store)).judging
    assert judged(wishes_of(item), [asked("refund", '{"order": 7, "amount": 5}')]).value == 1.0
    before = judged(wishes_of(item), [asked("refund", '{"order": 7, "amount": 50}')])
    assert (before.value, before.reason) == (0.0, "it proposes refund as it was before a person changed it")


async def test_an_edit_that_was_asked_about_again_is_still_an_edit() -> None:
    store = MemoryStore()
    run = await refund_agent(store, call("refund", {"order": 7, "amount": 50.0})).run("Refund order 7")
    edited = '{"amount":5.0,"note":"","order":7}'
    await decide(store, run.id, run.proposals[0].id, "edit", arguments=edited, by=ANNA)
    changed = tool(effect="external", version="2")(refund.function)
    run = await Agent(ScriptedModel("Done."), tools=[changed], instructions="Be fair.", store=store).resume(run.id)
    await run.approve(run.proposals[0].id, by=ANNA)
    (item,) = made_of(await answers(store)).judging
    assert item.tags == ("edit", "refund")
    (wish,) = wishes_of(item)
    assert (wish.proposed["amount"], wish.gold and wish.gold["amount"]) == (50.0, 5.0)


async def test_what_was_asked_again_counts_as_it_was_decided_last() -> None:
    store = MemoryStore()
    run = await refund_agent(store, call("refund", {"order": 7, "amount": 50.0})).run("Refund order 7")
    late = run.proposals[0]
    await decide(store, run.id, late.id, "approve", by=ANNA)
    changed = tool(effect="external", version="2")(refund.function)
    run = await Agent(ScriptedModel("Done."), tools=[changed], instructions="Be fair.", store=store).resume(run.id)
    assert run.proposals[0].again_of == late.id
    await run.reject(run.proposals[0].id, "too much", by=ANNA)
    (item,) = made_of(await answers(store)).judging
    assert item.tags == ("reject", "refund")


async def test_nested_agents_answers_are_counted_and_left_out() -> None:
    store = MemoryStore()
    inner = Agent(ScriptedModel(call("refund", {"order": 7, "amount": 5.0}), "Paid."), tools=[refund], name="payer")
    payer = inner.as_tool(description="Pays.")
    outer = Agent(ScriptedModel(call("payer", {"task": "Refund order 7"}), "Done."), tools=[payer], store=store)
    run = await outer.run("Please refund order 7")
    while run.proposals:
        run = await run.approve(run.proposals[0].id, by=ANNA)
    made = made_of(await answers(store))
    assert made.nested == 1
    assert all(item.tags[1] != "refund" for item in made.judging)


async def test_a_rejected_call_must_not_come_again_and_the_reason_is_kept() -> None:
    store = MemoryStore()
    await decided(store, "Refund order 7", {"order": 7, "amount": 900.0}, "reject")
    (item,) = made_of(await answers(store)).judging
    assert item.must_pass
    again = judged(wishes_of(item), [asked("refund", '{"order": 7, "amount": 900}')])
    assert again.value == 0.0
    assert again.reason == "it repeats refund, which was rejected: never above 100 without the receipt"
    assert judged(wishes_of(item), [asked("refund", '{"order": 7, "amount": 90}')]).value == 1.0
    assert judged(wishes_of(item), []).value == 1.0


async def test_the_same_call_in_other_words_is_for_a_person_to_judge() -> None:
    @tool(effect="external")
    def reply(ticket: int, body: Annotated[str, "The words"]) -> str:
        """Answer."""
        return "sent"

    store = MemoryStore()
    long = "We are very sorry that your parcel came late and will pay for it"
    agent = Agent(ScriptedModel(call("reply", {"ticket": 1, "body": long}), "Done."), tools=[reply], store=store)
    run = await agent.run("Answer ticket 1")
    await run.reject(run.proposals[0].id, "too long", by=ANNA)
    (item,) = made_of(await answers(store)).judging
    shorter = '{"ticket": 1, "body": "Sorry. We pay the parcel."}'
    assert judged(wishes_of(item), [asked("reply", shorter)]).value is None
    assert judged(wishes_of(item), [asked("reply", f'{{"ticket": 1, "body": "{long}!"}}')]).value == 0.0


async def test_a_rejected_call_in_another_notation_is_that_call_and_with_more_said_is_for_a_person() -> None:
    store = MemoryStore()
    await decided(store, "Refund order 7", {"order": 7, "amount": 900.0}, "reject")
    wishes = wishes_of(made_of(await answers(store)).judging[0])
    assert judged(wishes, [asked("refund", '{"order": "7", "amount": "900"}')]).value == 0.0
    assert judged(wishes, [asked("refund", '{"order": 7, "amount": 900, "note": "please"}')]).value is None
    assert judged(wishes, [asked("refund", '{"order": 8, "amount": 900, "note": "please"}')]).value == 1.0
    assert judged(wishes, [asked("refund", '{"order": true, "amount": 900}')]).value == 1.0


async def test_what_must_not_be_done_is_an_item_apart_from_what_was_accepted_beside_it() -> None:
    store = MemoryStore()
    both = [call("refund", {"order": 1, "amount": 5.0}), call("refund", {"order": 2, "amount": 900.0})]
    run = await refund_agent(store, both, "Done.").run("Refund orders 1 and 2")
    await run.approve(run.proposals[0].id, by=ANNA)
    await run.reject(run.proposals[1].id, "no receipt", by=ANNA)
    right, wrong = made_of(await answers(store)).judging
    assert (right.tags, right.must_pass) == (("approve", "refund"), False)
    assert (wrong.tags, wrong.must_pass, wrong.id) == (("reject", "refund"), True, f"{right.id}-not")
    assert wrong.cluster == right.cluster
    asks_first = judged(wishes_of(wrong), [])
    assert asks_first.value == 1.0


async def test_what_was_taken_back_later_counts_as_rejected() -> None:
    taken: list[str] = []

    def take_back(result: str) -> None:
        taken.append(result)

    @tool(effect="external", undo=take_back)
    def label(text: str) -> str:
        """Label."""
        return text

    store = MemoryStore()
    agent = Agent(ScriptedModel(call("label", {"text": "spam"}), "Done."), tools=[label], store=store)
    run = await agent.run("Label it")
    run = await run.approve(run.proposals[0].id, by=ANNA)
    (found,) = [one for one in await answers(store) if one.calls]
    await agent.undo(run.id, found.calls[0].call_id, by=ANNA)
    (item,) = made_of(await answers(store)).judging
    assert item.tags == ("undo", "label")
    assert item.must_pass
    assert judged(wishes_of(item), [asked("label", '{"text": "spam"}')]).value == 0.0


async def test_the_same_case_twice_is_one_item_and_the_last_decision_counts() -> None:
    store = MemoryStore()
    await decided(store, "Refund order 7", {"order": 7, "amount": 12.5}, "approve")
    await decided(store, "Refund order 7", {"order": 7, "amount": 12.5}, "approve")
    await decided(store, "Refund order 7", {"order": 7, "amount": 12.5}, "reject")
    made = made_of(await answers(store))
    assert [item.tags[0] for item in made.judging] == ["reject"]
    assert (made.repeated, made.contradicted) == (1, 1)


async def test_keys_and_what_the_hook_takes_out_are_in_no_item() -> None:
    store = MemoryStore()
    secret = "sk-" + "a1" * 20
    await decided(store, f"Refund Ms Miller, key {secret}", {"order": 7, "amount": 1.0, "note": "Miller"}, "approve")
    found = made_of(await answers(store), redact=lambda text: text.replace("Miller", "NAME"))
    text = found.judging[0].model_dump_json()
    assert "Miller" not in text
    assert secret not in text
    assert judged(wishes_of(found.judging[0]),
                  [asked("refund", '{"order": 7, "amount": 1, "note": "NAME"}')]).value == 1.0  # fmt: skip


@tool(effect="external")
def invite(name: str, id: str, password: str, seats: dict[str, int]) -> str:  # noqa: A002  a name that tools have
    """Invite somebody."""
    return "invited"


async def invited(store: MemoryStore) -> list[Answered]:
    arguments = {"name": "Miller", "id": "Miller-1", "password": "hunter2", "seats": {"Miller": 2}}
    agent = Agent(ScriptedModel(call("invite", arguments), call("invite", arguments), "Done."), tools=[invite],
                  store=store)  # fmt: skip
    run = await agent.run("Invite Miller")
    run = await run.approve(run.proposals[0].id, by=ANNA)
    await run.approve(run.proposals[0].id, by=ANNA)
    return await answers(store)


async def test_names_and_keys_within_arguments_are_taken_out_wherever_they_stand() -> None:
    made = made_of(await invited(MemoryStore()), redact=lambda text: text.replace("Miller", "NAME"))
    text = "".join(item.model_dump_json() for item in made.judging)
    assert len(made.judging) == 2
    assert "Miller" not in text
    assert "hunter2" not in text
    (wish,) = wishes_of(made.judging[1])
    assert (wish.proposed["name"], wish.proposed["seats"]) == ("NAME", {"NAME": 2})


async def test_a_hook_that_keeps_nothing_of_a_text_leaves_items_that_can_be_asked() -> None:
    made = made_of(await invited(MemoryStore()), redact=lambda _: "")
    for item in made.judging:
        assert [one.role for one in recorded_messages(item)][:1] == ["user"]
        assert wishes_of(item)[0].proposed.keys() == {"name", "id", "password", "seats"}


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (lambda _: 1 / 0, "raised ZeroDivisionError: division by zero"),
        (lambda _: None, "returned NoneType, not a text"),
    ],
)
async def test_a_hook_that_breaks_or_gives_no_text_ends_it(hook: object, words: str) -> None:
    found = await invited(MemoryStore())
    with pytest.raises(UsageError, match=words):
        made_of(found, redact=hook)


async def test_a_hook_does_not_move_an_item_to_the_other_side() -> None:
    store = MemoryStore()
    for number in range(6):
        await decided(store, f"Refund order {number}", {"order": number, "amount": 1.0}, "approve")
    found = await answers(store)
    plain, hidden = items_of(found, tuning_share=0.5), items_of(found, tuning_share=0.5, redact=lambda _: "x")
    assert [item.id for item in plain.tuning] == [item.id for item in hidden.tuning]
    assert [item.id for item in plain.judging] == [item.id for item in hidden.judging]
    assert plain.tuning
    assert plain.judging


async def test_the_same_conversation_about_two_people_is_on_one_side() -> None:
    store = MemoryStore()
    for amount, subject in enumerate(("ann", "bob", "cyd", "dan", "eve", "fay"), 1):
        agent = refund_agent(store, call("refund", {"order": 7, "amount": float(amount)}), "Done.")
        run = await agent.run("Refund order 7", subject=subject)
        await run.approve(run.proposals[0].id, by=ANNA)
    found = await answers(store)
    for share in (0.1, 0.3, 0.5, 0.7):
        made = items_of(found, tuning_share=share)
        assert len(made.tuning) + len(made.judging) == 6
        assert not (made.tuning and made.judging)


async def test_what_tuned_with_a_larger_share_never_judges_with_a_smaller_one() -> None:
    store = MemoryStore()
    for number in range(12):
        await decided(store, f"Refund order {number}", {"order": number, "amount": 1.0}, "approve")
    first = items_of(await answers(store), tuning_share=0.6)
    later = items_of(
        await answers(store), tuning_share=0.1, tuned_clusters={item.cluster for item in first.tuning if item.cluster}
    )
    assert {item.id for item in later.tuning} == {item.id for item in first.tuning}
    assert later.held > 0


async def test_what_tuned_a_note_never_judges_and_a_growing_journal_moves_nothing() -> None:
    store = MemoryStore()
    for number in range(12):
        await decided(store, f"Refund order {number}", {"order": number, "amount": 1.0}, "approve")
    first = items_of(await answers(store), tuning_share=0.4)
    sides = {item.id: "tune" for item in first.tuning} | {item.id: "judge" for item in first.judging}
    assert first.tuning
    assert first.judging
    for number in range(12, 20):
        await decided(store, f"Refund order {number}", {"order": number, "amount": 1.0}, "approve")
    later = items_of(await answers(store), tuning_share=0.4)
    assert {item.id for item in later.tuning} >= {name for name, side in sides.items() if side == "tune"}
    assert {item.id for item in later.judging} >= {name for name, side in sides.items() if side == "judge"}
    used = next(one for one in await answers(store) if one.calls)
    proposal = used.calls[0].proposal
    assert proposal is not None
    tuned = items_of(await answers(store), tuning_share=0, tuned={(used.run_id, proposal.id)})
    assert [item.meta["run"] for item in tuned.tuning] == [used.run_id]


async def test_a_candidate_is_asked_what_the_model_was_asked_with_the_same_tools(tmp_path: Path) -> None:
    store = MemoryStore()
    await decided(store, "Refund order 7", {"order": 7, "amount": 900.0}, "reject")
    await decided(store, "Refund order 8", {"order": 8, "amount": 3.0}, "approve")
    made = made_of(await answers(store))
    offered = refund_agent(store).offered
    write_suite(tmp_path, made.judging, made.tuning, {Offers.digest(offered): offered})
    (task,) = decision_tasks(tmp_path)
    seen = []

    def careless(request):  # type: ignore[no-untyped-def]
        seen.append(request)
        order = 7 if "order 7" in request.messages[-1].text else 8
        return call("refund", {"order": order, "amount": 900.0 if order == 7 else 3.0})

    model = FunctionModel(careless, id="stub:careless")
    options = Options(opening=lambda _: Opened(model))
    finished = await runner.run([task], candidates_of(["stub:careless"]), tmp_path / "run", options)
    scores = {item.item: item.scores["as_decided"].value for item in finished.folder.attempts()}
    by_tag = {item.tags[0]: scores[item.id] for item in made.judging}
    assert by_tag == {"reject": 0.0, "approve": 1.0}
    assert [one.name for one in seen[0].tools] == ["refund"]
    assert [one.role for one in seen[0].messages] == ["system", "user"]
    assert recorded_messages(made.judging[0])[0].text == "Be fair."


async def test_nothing_is_made_of_calls_that_nobody_decided() -> None:
    store = MemoryStore()
    await refund_agent(store, call("refund", {"order": 1, "amount": 1.0}), "Done.").run("Refund order 1")
    made = made_of(await answers(store))
    assert (made.judging, made.undecided) == ([], 1)


@pytest.mark.parametrize("wrong", ["not json", "[1]"])
async def test_arguments_that_are_no_object_are_another_call(wrong: str) -> None:
    store = MemoryStore()
    await decided(store, "Refund order 7", {"order": 7, "amount": 12.5}, "approve")
    (item,) = made_of(await answers(store)).judging
    assert judged(wishes_of(item), [asked("refund", wrong)]).value == 0.0


async def test_calls_that_fit_no_tool_that_was_offered_are_marked_as_unreadable(tmp_path: Path) -> None:
    store = MemoryStore()
    await decided(store, "Refund order 8", {"order": 8, "amount": 3.0}, "approve")
    made = made_of(await answers(store))
    offered = refund_agent(store).offered
    write_suite(tmp_path, made.judging, made.tuning, {Offers.digest(offered): offered})
    said = {
        "stub:fits": call("refund", {"order": 8, "amount": 4.0}),
        "stub:other_names": call("refund", {"order_no": 8, "sum": 3.0}),
        "stub:lacks_one": call("refund", {"order": 8}),
        "stub:other_tool": call("pay_back", {"order": 8, "amount": 3.0}),
        "stub:words": "I would rather not.",
    }
    models = {name: FunctionModel(lambda _, answer=answer: answer, id=name) for name, answer in said.items()}
    options = Options(opening=lambda name: Opened(models[name]))
    finished = await runner.run(decision_tasks(tmp_path), candidates_of(list(said)), tmp_path / "run", options)
    marked = {one.candidate for one in finished.folder.attempts() if one.scores["as_decided"].meta.get("unparsed")}
    assert marked == {"stub:other_names", "stub:lacks_one", "stub:other_tool"}


async def test_a_candidate_that_repeats_a_rejected_call_is_held_and_the_verdict_says_why(tmp_path: Path) -> None:
    store = MemoryStore()
    for order in range(20):
        verdict = "reject" if order == 7 else "approve"
        await decided(store, f"Refund order {order}", {"order": order, "amount": 3.0}, verdict)
    made = made_of(await answers(store))
    offered = refund_agent(store).offered
    write_suite(tmp_path, made.judging, made.tuning, {Offers.digest(offered): offered})

    def same_again(request):  # type: ignore[no-untyped-def]
        return call("refund", {"order": int(request.messages[-1].text.split()[-1]), "amount": 3.0})

    options = Options(opening=lambda name: Opened(FunctionModel(same_again, id=name)))
    models = candidates_of(["stub:old", "stub:new"])
    finished = await runner.run(decision_tasks(tmp_path), models, tmp_path / "run", options)
    found = verdict_of(Evidence.of_run(finished.folder, "stub:old", "stub:new"), finished.folder.manifest.rule)
    assert found.verdict == "hold"
    assert found.reasons[0].endswith("(it repeats refund, which was rejected: never above 100 without the receipt)")
