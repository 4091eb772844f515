"""SmolLM2 itself, in the process; skipped where its weights are not on this machine."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from copilot_kit.errors import ContextOverflow, InvalidRequest, ModelError
from copilot_kit.events import PartDelta, closing
from copilot_kit.messages import user
from copilot_kit.model import Model, complete
from copilot_kit.request import OutputSpec, Request, Settings, ToolSpec
from copilot_kit.testing import CHECKS, Check, Subject
from copilot_kit_local.catalogue import weights_named
from copilot_kit_local.engine import EngineSettings, close_engines, engine_for
from copilot_kit_local.opening import open_model, open_weights
from copilot_kit_local.weights import find

pytest.importorskip("xllamacpp")
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(find(weights_named("smollm2")) is None, reason="needs: copilot-kit models pull smollm2"),
]
WEATHER = ToolSpec(
    name="get_weather",
    description="Get the weather for a city",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 30}},
        "required": ["city"],
        "additionalProperties": False,
    },
)


@pytest.fixture(scope="module", autouse=True)
def engines() -> Iterator[None]:
    yield
    close_engines()


def smollm2() -> Model:
    return open_model("local", "smollm2")


async def test_it_answers_a_question() -> None:
    response = await complete(smollm2(), Request(messages=(user("What is the capital of France?"),)))
    assert response.text == "The capital of France is Paris."
    assert response.model.served == "SmolLM2-135M-Instruct, Q4_1"
    assert (response.usage.input, response.usage.output) == (27, 8)


async def test_a_call_has_the_form_of_its_tool() -> None:
    request = Request(messages=(user("How is the weather in Oslo?"),), tools=(WEATHER,), tool_choice="required")
    response = await complete(smollm2(), request)
    assert [(call.name, call.args_json) for call in response.calls] == [("get_weather", '{"city": "Oslo"}')]


async def test_a_request_longer_than_the_context_is_typed() -> None:
    with pytest.raises(ContextOverflow):
        await complete(smollm2(), Request(messages=(user("cat " * 5000),)))


async def test_a_schema_that_no_grammar_holds_is_typed() -> None:
    output = OutputSpec(json_schema={"type": "no such type"})
    with pytest.raises(InvalidRequest):
        await complete(smollm2(), Request(messages=(user("x"),), output=output))


async def test_a_file_that_is_no_model_is_typed(tmp_path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"cannot be loaded"):
        await complete(open_model("local", str(path)), Request(messages=(user("x"),)))


async def test_closing_a_stream_stops_the_model() -> None:
    model = smollm2()
    long = Request(messages=(user("Tell a long story."),), settings=Settings(max_output_tokens=2000))
    async with closing(model.stream(long)) as events:
        async for event in events:
            if isinstance(event, PartDelta):
                break
    begun = time.monotonic()
    await complete(model, Request(messages=(user("Hi"),), settings=Settings(max_output_tokens=1)))
    assert time.monotonic() - begun < 10


async def test_the_same_weights_are_loaded_once() -> None:
    path = find(weights_named("smollm2"))
    assert path is not None
    assert engine_for(path, EngineSettings()) is engine_for(path, EngineSettings())


async def test_the_loop_goes_on_while_the_model_thinks() -> None:
    await complete(smollm2(), Request(messages=(user("Hi"),), settings=Settings(max_output_tokens=1)))
    thinking = asyncio.ensure_future(complete(smollm2(), Request(messages=(user("Tell a story."),))))
    ticks = 0
    while not thinking.done():
        await asyncio.sleep(0.01)
        ticks += 1
    assert ticks > 20


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_contract_of_models_is_kept(check: Check) -> None:
    request = Request(messages=(user("Count from one to five in words."),))  # it comes to an end: after 25 tokens
    await check(Subject(open=smollm2, request=request))


@pytest.mark.slow
async def test_greedy_answers_do_not_depend_on_what_was_asked_before() -> None:
    model = open_weights("smollm2", EngineSettings(context_tokens=2048))
    question = Request(messages=(user("What is the capital of Spain?"),))
    first = await complete(model, question)
    await complete(model, Request(messages=(user("What is the capital of Sweden?"),)))
    assert (await complete(model, question)).text == first.text


async def test_words_of_more_tokens_than_the_batch_holds_have_a_place_all_the_same() -> None:
    path = find(weights_named("smollm2"))
    assert path is not None
    engine = engine_for(path, EngineSettings())
    place = await engine.embed("\u05d0\u0301\u202e" * 400)
    assert place is not None
    assert len(place) == 576
