"""The adapter over a backend that answers by a script: what is asked, what is understood, what goes wrong."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from copilot_kit.errors import ContextOverflow, InvalidRequest, TransportFailed
from copilot_kit.messages import Message, Source, Text, ToolCall, answer, assistant, results, system, user
from copilot_kit.model import complete
from copilot_kit.request import ContextEditing, Example, OutputSpec, ProviderTool, Request, Settings, ToolSpec
from copilot_kit.testing import CHECKS, Check, Subject
from copilot_kit_local.local_model import LocalModel, profile_for

pytestmark = pytest.mark.anyio

USED = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}, "timings": {"predicted_per_second": 50.0}}
REFUND = ToolSpec(
    name="refund",
    description="Pay back",
    parameters={
        "type": "object",
        "properties": {"order": {"type": "string"}, "reason": {"enum": ["damaged", "lost"]}},
        "required": ["order", "reason"],
    },
    examples=(
        Example(situation="My cup HP-1 is broken.", arguments={"order": "HP-1", "reason": "damaged"}),
        Example(situation="Parcel HP-2 got lost.", arguments={"order": "HP-2", "reason": "lost"}),
    ),
)
REPLY = ToolSpec(
    name="reply",
    description="Answer",
    parameters={"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    examples=(Example(situation="How do I sign in?", arguments={"text": "like this"}),),
)


def said(*words: str, finish: str | None = "stop") -> list[dict[str, Any]]:
    chunks: list[dict[str, Any]] = [{"choices": [{"delta": {"role": "assistant", "content": None}}]}]
    chunks += [{"choices": [{"delta": {"content": word}}]} for word in words]
    if finish is not None:
        chunks += [{"choices": [{"delta": {}, "finish_reason": finish}]}, USED]
    return chunks


class Scripted:
    """Answers each request with the next list of chunks, the last one again and again."""

    def __init__(self, *answers: list[dict[str, Any]]) -> None:
        self.answers = list(answers)
        self.bodies: list[dict[str, Any]] = []

    async def chat(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        self.bodies.append(body)
        for chunk in self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]:
            yield chunk

    async def embed(self, _: str) -> None:
        return None


def model_over(backend: Scripted) -> LocalModel:
    async def open_backend() -> Scripted:
        return backend

    return LocalModel("tiny", served="Tiny", profile=profile_for(context_tokens=4096), open_backend=open_backend)


def opens(make: Callable[[], Scripted]) -> Callable[[], LocalModel]:
    return lambda: model_over(make())


WORDS = Subject(
    open=opens(lambda: Scripted(said("Good", " day."))), open_cut=opens(lambda: Scripted(said("Good", finish=None)))
)
CALL = Subject(
    open=opens(lambda: Scripted(said('{"action": "reply", ', '"text": "hi"}'))),
    open_cut=opens(lambda: Scripted(said('{"action": "reply", ', finish=None))),
    request=Request(messages=(user("Say hello."),), tools=(REPLY,)),
)


@pytest.mark.parametrize("subject", [WORDS, CALL], ids=["words", "call"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_contract_of_models_is_kept(check: Check, subject: Subject) -> None:
    await check(subject)


async def test_a_call_is_the_tool_s_name_and_its_arguments() -> None:
    backend = Scripted(said('{"action": "refund", "order": "HP-9", "reason": "lost"}'))
    response = await complete(model_over(backend), Request(messages=(user("HP-9 got lost"),), tools=(REFUND, REPLY)))
    call = response.calls[0]
    assert (call.name, call.args_json) == ("refund", '{"order": "HP-9", "reason": "lost"}')
    assert response.stop.kind == "tool"
    assert (response.usage.input, response.usage.output) == (7, 3)
    assert response.model.served == "Tiny"


async def test_the_grammar_holds_the_model_to_the_tools_and_their_schemas() -> None:
    backend = Scripted(said('{"action": "reply", "text": "hi"}'))
    await complete(model_over(backend), Request(messages=(user("hello"),), tools=(REFUND, REPLY)))
    forms = backend.bodies[0]["response_format"]["json_schema"]["schema"]["anyOf"]
    assert [form["properties"]["action"] for form in forms] == [{"const": "refund"}, {"const": "reply"}]
    assert forms[0]["required"] == ["action", "order", "reason"]
    assert forms[0]["additionalProperties"] is False


async def test_a_named_tool_is_the_only_one_in_the_grammar() -> None:
    backend = Scripted(said('{"action": "reply", "text": "hi"}'))
    request = Request(messages=(user("hello"),), tools=(REFUND, REPLY), tool_choice=("reply",))
    await complete(model_over(backend), request)
    schema = backend.bodies[0]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["action"] == {"const": "reply"}


async def test_no_call_is_asked_for_where_none_is_wanted() -> None:
    backend = Scripted(said("hi"))
    response = await complete(model_over(backend), Request(messages=(user("hi"),), tools=(REPLY,), tool_choice="none"))
    assert "response_format" not in backend.bodies[0]
    assert response.text == "hi"


async def test_an_argument_called_like_the_key_of_the_name_moves_the_key() -> None:
    tool = ToolSpec(name="press", parameters={"type": "object", "properties": {"action": {"type": "string"}}})
    backend = Scripted(said('{"tool": "press", "action": "up"}'))
    response = await complete(model_over(backend), Request(messages=(user("up"),), tools=(tool,)))
    assert response.calls[0].args_json == '{"action": "up"}'


async def test_the_nearest_example_is_shown_last() -> None:
    backend = Scripted(said('{"action": "reply", "text": "x"}'))
    request = Request(messages=(system("Be kind."), user("The parcel got lost")), tools=(REFUND, REPLY))
    await complete(model_over(backend), request)
    messages = backend.bodies[0]["messages"]
    assert messages[0] == {"role": "system", "content": "Be kind.\nAnswer with the next action as JSON."}
    assert messages[-3] == {"role": "user", "content": "Parcel HP-2 got lost."}
    assert json.loads(messages[-2]["content"]) == {"action": "refund", "order": "HP-2", "reason": "lost"}
    assert messages[-1] == {"role": "user", "content": "The parcel got lost"}


def rejected(args_json: str, *words: str | Text) -> tuple[Message, ...]:
    call = ToolCall(call_id="call_1", name="refund", args_json=args_json)
    return (user("My parcel HP-9"), assistant(call), results(answer(call, *words, outcome="denied")))


async def test_the_reason_of_a_rejection_is_read_with_the_user_s_words() -> None:
    backend = Scripted(said('{"action": "reply", "text": "x"}'))
    words = Text(text="He only asks.", source=Source(kind="person", ref="anna", trusted=True))
    history = rejected('{"order": "HP-9", "reason": "lost"}', "A person rejected this call. The reason: ", words)
    await complete(model_over(backend), Request(messages=history, tools=(REFUND, REPLY)))
    assert backend.bodies[0]["messages"][-1]["content"] == "He only asks.\nMy parcel HP-9"


async def test_what_was_refused_is_not_proposed_again() -> None:
    again = said('{"action": "refund", "order": "HP-9", "reason": "lost"}')
    other = said('{"action": "refund", "order": "HP-9", "reason": "damaged"}')
    backend = Scripted(again, other)
    history = rejected('{"reason": "lost", "order": "HP-9"}', "no")
    response = await complete(model_over(backend), Request(messages=history, tools=(REFUND, REPLY)))
    assert json.loads(response.calls[0].args_json) == {"order": "HP-9", "reason": "damaged"}
    forms = backend.bodies[1]["response_format"]["json_schema"]["schema"]["anyOf"]
    assert forms[0]["properties"]["reason"] == {"enum": ["damaged"]}
    assert response.usage.input == 14


async def test_with_nothing_else_to_propose_it_says_so() -> None:
    call = ToolCall(call_id="call_1", name="reply", args_json='{"text": "x"}')
    history = (user("hello"), assistant(call), results(answer(call, "no", outcome="denied")))
    backend = Scripted(said('{"action": "reply", "text": "x"}'))
    response = await complete(model_over(backend), Request(messages=history, tools=(REPLY,)))
    assert response.calls == ()
    assert response.text == "I have no other proposal than reply, which was refused."


async def test_after_a_result_it_answers_in_words_from_the_facts() -> None:
    call = ToolCall(call_id="call_1", name="reply", args_json="{}")
    history = (user("Weather in Oslo?"), assistant(call), results(answer(call, "rain, 4 degrees")))
    backend = Scripted(said("It rains."))
    response = await complete(model_over(backend), Request(messages=history, tools=(REPLY,)))
    assert response.text == "It rains."
    assert backend.bodies[0]["messages"][-1]["content"] == "Weather in Oslo?\nFacts: rain, 4 degrees"


async def test_a_call_that_is_cut_off_by_the_length_is_no_call() -> None:
    backend = Scripted(said('{"action": "reply", "text": "and so', finish="length"))
    response = await complete(model_over(backend), Request(messages=(user("hello"),), tools=(REPLY,)))
    assert response.calls == ()
    assert response.stop.kind == "length"


async def test_a_schema_for_the_answer_goes_to_the_grammar() -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    backend = Scripted(said('{"age": 4}'))
    request = Request(messages=(user("four"),), output=OutputSpec(json_schema=schema))
    response = await complete(model_over(backend), request)
    assert backend.bodies[0]["response_format"]["json_schema"]["schema"] == schema
    assert (response.text, response.output_mode) == ('{"age": 4}', "native")


async def test_settings_are_sent_or_reported() -> None:
    backend = Scripted(said("x"))
    settings = Settings(temperature=0.5, seed=3, stop=("\n",), max_output_tokens=9, effort="high", cache="auto",
                        context=ContextEditing(compact_at=9))  # fmt: skip
    response = await complete(model_over(backend), Request(messages=(user("x"),), settings=settings))
    sent = {key: value for key, value in backend.bodies[0].items() if key != "messages"}
    assert sent == {"max_tokens": 9, "temperature": 0.5, "seed": 3, "stop": ["\n"]}
    assert response.settings_used == sent
    assert [dropped.name for dropped in response.dropped] == ["context", "effort", "cache"]


async def test_a_setting_that_it_does_not_take_is_refused_on_demand() -> None:
    request = Request(messages=(user("x"),), settings=Settings(effort="high", on_unsupported="error"))
    with pytest.raises(InvalidRequest, match="tiny does not take 'effort'"):
        await complete(model_over(Scripted(said("x"))), request)


async def test_a_tool_of_a_provider_is_left_out_or_refused() -> None:
    search = ProviderTool(kind="openai.web_search", value={"type": "web_search"})
    request = Request(messages=(user("x"),), tools=(search,))
    response = await complete(model_over(Scripted(said("x"))), request)
    assert [(lost.kind, lost.name) for lost in response.dropped] == [("tool", "openai.web_search")]
    with pytest.raises(InvalidRequest, match=r"tiny does not take 'openai\.web_search'"):
        await complete(
            model_over(Scripted(said("x"))), request.model_copy(update={"settings": Settings(on_unsupported="error")})
        )


async def test_a_conversation_longer_than_the_context_is_typed() -> None:
    error = {"code": 400, "message": "too long", "type": "exceed_context_size_error", "n_prompt_tokens": 9, "n_ctx": 8}
    with pytest.raises(ContextOverflow, match="holds 8 tokens and was given 9"):
        await complete(model_over(Scripted([{"error": error}])), Request(messages=(user("x"),)))


async def test_a_stream_without_an_end_is_a_failure_that_keeps_the_words() -> None:
    with pytest.raises(TransportFailed) as caught:
        await complete(model_over(Scripted(said("Good", finish=None))), Request(messages=(user("x"),)))
    assert caught.value.started
    assert caught.value.partial is not None


async def test_a_choice_of_tools_that_are_not_there_is_refused() -> None:
    request = Request(messages=(user("hello"),), tools=(REPLY,), tool_choice=("refund",))
    with pytest.raises(InvalidRequest, match=r"None of the tools \('refund',\)"):
        await complete(model_over(Scripted(said("x"))), request)


async def test_broken_arguments_of_another_model_do_no_harm() -> None:
    backend = Scripted(said('{"action": "refund", "order": "HP-9", "reason": "lost"}'))
    history = rejected('{"order": "HP-', "The arguments cannot be read.")
    response = await complete(model_over(backend), Request(messages=history, tools=(REFUND,)))
    assert response.calls[0].name == "refund"


async def test_tools_come_before_an_answer_in_a_form() -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}}
    backend = Scripted(said('{"action": "reply", "text": "x"}'))
    request = Request(messages=(user("hello"),), tools=(REPLY,), output=OutputSpec(json_schema=schema))
    assert (await complete(model_over(backend), request)).calls[0].name == "reply"
