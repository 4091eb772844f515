"""A recorded run is gone through by another model with the recorded results, up to the first divergence."""

from itertools import count

from copilot_kit import Agent, tool
from copilot_kit.errors import Overloaded
from copilot_kit.journal.memory import MemoryStore
from copilot_kit.messages import ToolResult, user
from copilot_kit.request import Request, Settings
from copilot_kit.testing import FunctionModel, ScriptedModel, call
from copilot_kit_evals.recorded.answers import Answered, answers_of
from copilot_kit_evals.recorded.offers import offers_of
from copilot_kit_evals.recorded.rehearsing import Rehearsal, Stage, rehearse

looked_up: list[str] = []


@tool(effect="read")
def find(word: str) -> str:
    """Find something."""
    looked_up.append(word)
    return f"{word} is blue"


async def recorded(*script: object) -> list[Answered]:
    store = MemoryStore()
    run = await Agent(ScriptedModel(*script), tools=[find], instructions="Be brief.", store=store).run("What colour?")
    return answers_of(await store.read(run.id))


async def gone_through(answers: list[Answered], model) -> Rehearsal:
    ticks = count()
    looked_up.clear()
    offers = offers_of(Agent(ScriptedModel(), tools=[find]))
    return await rehearse(answers, Stage(model, offers, Settings(), lambda: float(next(ticks))))


async def test_one_that_asks_for_the_same_gets_the_recorded_results_and_nothing_runs() -> None:
    answers = await recorded(call("find", {"word": "sky"}), call("find", {"word": "sea"}), "Both are blue.")
    seen: list[Request] = []

    def same(request: Request):
        seen.append(request)
        return [call("find", {"word": "sky"}), call("find", {"word": "sea"}), "Blue."][len(seen) - 1]

    found = await gone_through(answers, FunctionModel(same, id="stub:new"))
    assert (found.ending, found.same, found.steps) == ("whole", 3, 3)
    assert looked_up == []
    results = [part for message in seen[-1].messages for part in message.parts if isinstance(part, ToolResult)]
    calls = [one.call_id for message in seen[-1].messages for one in message.calls]
    assert [one.text for one in results] == ["sky is blue", "sea is blue"]
    assert [one.call_id for one in results] == calls
    assert (found.candidate.took_s, found.candidate.unpriced) == (3.0, 3)


async def test_another_call_ends_it_and_both_sides_are_shown() -> None:
    answers = await recorded(call("find", {"word": "sky"}), call("find", {"word": "sea"}), "Both are blue.")
    found = await gone_through(answers, ScriptedModel(call("find", {"word": "sky"}), call("find", {"word": "land"})))
    assert (found.ending, found.same, found.diverged) == ("other_calls", 1, True)
    assert (found.recorded, found.instead) == (('find {"word": "sea"}',), ('find {"word": "land"}',))


async def test_words_where_the_incumbent_called_and_calls_where_it_spoke_are_divergences() -> None:
    answers = await recorded(call("find", {"word": "sky"}), "Blue.")
    assert (await gone_through(answers, ScriptedModel("Blue, I guess."))).ending == "no_calls"
    more = ScriptedModel(call("find", {"word": "sky"}), call("find", {"word": "sea"}))
    assert (await gone_through(answers, more)).ending == "goes_on"


async def test_calls_of_one_turn_may_come_in_another_order() -> None:
    answers = await recorded([call("find", {"word": "sky"}), call("find", {"word": "sea"})], "Blue.")
    other = ScriptedModel([call("find", {"word": "sea"}), call("find", {"word": "sky"})], "Blue.")
    found = await gone_through(answers, other)
    assert (found.ending, found.same) == ("whole", 2)
    results = [part for part in other.requests[-1].messages[-1].parts if isinstance(part, ToolResult)]
    sides = {one.call_id: one.args_json for one in other.requests[-1].messages[-2].calls}
    assert [(one.text, sides[one.call_id]) for one in results] == [
        ("sky is blue", '{"word": "sky"}'),
        ("sea is blue", '{"word": "sea"}'),
    ]


async def test_what_the_user_said_later_is_said_again() -> None:
    store = MemoryStore()
    agent = Agent(ScriptedModel("Blue.", "Green."), tools=[find], store=store)
    run = await agent.run("The sky?")
    run = await run.say("And grass?")
    model = ScriptedModel("It is blue.", "It is green.")
    found = await gone_through(answers_of(await store.read(run.id)), model)
    assert (found.ending, found.same) == ("whole", 2)
    assert [one.text for one in model.requests[-1].messages] == ["The sky?", "It is blue.", "And grass?"]


async def test_an_error_of_the_candidate_ends_it_with_its_words() -> None:
    answers = await recorded(call("find", {"word": "sky"}), "Blue.")

    def down(_: Request) -> str:
        raise Overloaded("busy", model="stub:new")

    found = await gone_through(answers, FunctionModel(down, id="stub:new"))
    assert (found.ending, found.why, found.diverged) == ("error", "Overloaded: busy", True)


async def test_a_window_that_closed_goes_on_with_what_the_incumbent_was_sent_then() -> None:
    answers = await recorded(call("find", {"word": "sky"}), call("find", {"word": "sea"}), "Both are blue.")
    opening = user("Noted: the sky is blue. What of the sea?")
    answers[1].messages = (answers[1].messages[0], opening)
    answers[2].messages = (*answers[1].messages, answers[1].response.message, *answers[2].messages[-1:])
    seen: list[Request] = []

    def same(request: Request):
        seen.append(request)
        return [call("find", {"word": "sky"}), call("find", {"word": "sea"}), "Blue."][len(seen) - 1]

    found = await gone_through(answers, FunctionModel(same, id="stub:new"))
    assert (found.ending, found.same, found.windows) == ("whole", 3, 1)
    assert [one.role for one in seen[1].messages] == ["system", "user"]
    assert seen[1].messages[1].text == opening.text
    assert [one.role for one in seen[2].messages] == ["system", "user", "assistant", "tool"]
