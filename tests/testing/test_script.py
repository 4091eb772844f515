"""The scripted and the function model: what tests of agents stand on."""

import pytest

from copilot_kit.errors import ModelError, Overloaded, TransportFailed
from copilot_kit.events import Ended, Failed, PartDelta, PartStart, Started
from copilot_kit.messages import Reasoning, Text, ToolCall, assistant, user
from copilot_kit.model import complete
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.response import Served, Stop, Usage
from copilot_kit.testing import FunctionModel, ScriptedModel, call, counted, refuse, say, think

ASK = Request(messages=(user("What is b?"),))


async def events(model):
    return [event async for event in model.stream(ASK)]


async def test_a_line_is_words():
    response = await complete(ScriptedModel("It is c."), ASK)
    assert (response.text, response.stop, response.state) == ("It is c.", Stop(kind="end"), "complete")


async def test_a_line_is_several_pieces_in_order():
    model = ScriptedModel([think("hm"), say("Look."), call("a", {"x": 1}), call("b", '{"y')], new_id=counted())
    response = await complete(model, ASK)
    assert response.message.id == "msg_1"
    assert response.message.parts == (
        Reasoning(text="hm"),
        Text(text="Look."),
        ToolCall(call_id="call_1", name="a", args_json='{"x": 1}'),
        ToolCall(call_id="call_2", name="b", args_json='{"y'),
    )
    assert response.stop.kind == "tool"


async def test_thought_without_words_is_hidden():
    assert (await complete(ScriptedModel(think()), ASK)).message.parts == (Reasoning(form="hidden"),)


async def test_a_refusal_stops_as_one():
    response = await complete(ScriptedModel(refuse("I will not.")), ASK)
    assert (response.message.parts, response.stop.kind) == ((Text(text="I will not.", refusal=True),), "refusal")


async def test_stop_and_usage_are_said_where_given():
    response = await complete(ScriptedModel([say("It i"), Stop(kind="length"), Usage(input=3, output=2)]), ASK)
    assert (response.stop.kind, response.usage) == ("length", Usage(input=3, output=2))


async def test_a_line_may_be_a_whole_message_or_a_whole_response():
    message = assistant("It is c.")
    model = ScriptedModel(message)
    response = await complete(model, ASK)
    assert response.message == message
    assert await complete(ScriptedModel(response), ASK) == response


async def test_a_line_may_look_at_the_request():
    model = ScriptedModel(lambda request: f"you said {request.messages[-1].text}")
    assert (await complete(model, ASK)).text == "you said What is b?"


async def test_words_come_in_pieces():
    told = await events(ScriptedModel("abcdefgh", chunk_chars=3))
    assert [event.text for event in told if isinstance(event, PartDelta)] == ["abc", "def", "gh"]
    assert told[1] == PartStart(0, Text(text=""))


async def test_an_error_comes_as_failed_before_anything():
    (failed,) = await events(ScriptedModel(Overloaded("busy")))
    assert isinstance(failed, Failed)
    assert (type(failed.error), failed.error.started, failed.partial) == (Overloaded, False, None)


async def test_an_error_after_words_keeps_them_and_knows_that_output_had_begun():
    error = TransportFailed("cut")
    *_, failed = await events(ScriptedModel([say("It i"), call("a"), error]))
    assert isinstance(failed, Failed)
    assert failed.error.started
    assert failed.partial is not None
    assert (failed.partial.text, failed.partial.state, failed.partial.calls) == ("It i", "partial", ())
    assert not error.started, "the error of the script is left as it was"


async def test_one_error_may_stand_in_a_script_twice():
    error = Overloaded("busy")
    model = ScriptedModel(error, error)
    for _ in range(2):
        with pytest.raises(Overloaded):
            await complete(model, ASK)


async def test_an_empty_answer_is_an_answer():
    assert [type(event) for event in await events(ScriptedModel([]))] == [Started, Ended]


async def test_it_keeps_what_it_was_asked():
    model = ScriptedModel("a")
    await complete(model, ASK)
    assert (model.requests, model.last_request) == ([ASK], ASK)


async def test_a_request_beyond_the_script_fails_and_says_what_was_asked():
    model = ScriptedModel("a")
    await complete(model, ASK)
    with pytest.raises(AssertionError, match=r"has 1 steps, and this is request 2; its last message is user 'What"):
        await complete(model, ASK)


async def test_steps_that_were_not_asked_for_fail_assert_done():
    model = ScriptedModel("a", "b")
    await complete(model, ASK)
    with pytest.raises(AssertionError, match=r"has 2 steps, but only 1 were asked for; the next would be 'b'"):
        model.assert_done()
    await complete(model, ASK)
    model.assert_done()


async def test_it_goes_by_the_name_and_profile_given():
    model = ScriptedModel("a", id="fable:five", profile=Profile(tools=False))
    assert (model.id, model.profile.tools) == ("fable:five", False)
    assert (await complete(model, ASK)).model == Served(asked="five", provider="fable", served="five")


async def test_a_function_answers_async_too():
    async def answer(request: Request):
        return [say(request.messages[-1].text), call("a", call_id="call_x")]

    model = FunctionModel(answer)
    response = await complete(model, ASK)
    assert response.message.parts == (Text(text="What is b?"), ToolCall(call_id="call_x", name="a", args_json="{}"))
    assert model.requests == [ASK]


async def test_a_model_error_that_a_function_raises_is_failed_and_any_other_is_raised():
    def raising(error: Exception):
        def answer(_: Request):
            raise error

        return FunctionModel(answer)

    (failed,) = await events(raising(ModelError("no")))
    assert isinstance(failed, Failed)
    with pytest.raises(ZeroDivisionError):
        await events(raising(ZeroDivisionError()))
