"""A real server with a real small model, through our chat, responses and messages adapters over HTTP."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from copilot_kit import Agent, Model, Settings, complete
from copilot_kit.errors import ContextOverflow, ModelError
from copilot_kit.events import Ended, PartDelta, Started
from copilot_kit.journal import MemoryStore
from copilot_kit.memory.entries import Author
from copilot_kit.memory.memory import Memory
from copilot_kit.messages import answer, results, system, user
from copilot_kit.request import OutputSpec, Request, ToolSpec
from copilot_kit.retry import Retry

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
EXACT = Settings(temperature=0, max_output_tokens=60)


def serving(*template: str) -> Iterator[str]:
    pytest.importorskip("xllamacpp", reason="needs the extra local")
    from copilot_kit_local.catalogue import weights_named
    from copilot_kit_local.weights import pull

    weights = str(pull(weights_named("smollm2")))
    command = [sys.executable, str(HERE / "llama_server.py"), weights, *template]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        line = server.stdout.readline().strip()
        yield line if line.startswith("http") else f"http://{line}"
        server.terminate()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a server with the model's own template, which knows no tools."""
    yield from serving()


@pytest.fixture(scope="module")
def tool_address() -> Iterator[str]:
    """Of a server whose template lets even this model make well-formed calls."""
    yield from serving(str(HERE / "one_tool.jinja"))


def chat(address: str) -> Model:
    from copilot_kit_openai import open_model

    return open_model("llamacpp", "smollm2", base_url=f"{address}/v1", api_key="none")


def responses(address: str) -> Model:
    from copilot_kit_openai import open_model

    return open_model("llamacpp-responses", "smollm2", base_url=f"{address}/v1", api_key="none")


def messages(address: str) -> Model:
    from copilot_kit_anthropic import open_model

    return open_model("anthropic", "smollm2", base_url=address, api_key="none")


WIRES = [chat, responses, messages]


@pytest.fixture(params=WIRES, ids=lambda wire: wire.__name__)
def wire(request: pytest.FixtureRequest) -> Callable[[str], Model]:
    return request.param


@pytest.fixture
def model(wire: Callable[[str], Model], address: str) -> Model:
    return Retry(wire(address))


@pytest.mark.parametrize("delivery", ["whole", "stream"])
async def test_words_come_whole_and_as_a_stream(model: Model, delivery: str):
    messages = (system("You are a helpful assistant."), user("What is the capital of France?"))
    request = Request(messages=messages, settings=EXACT, delivery=delivery)
    response = await complete(model, request)
    assert "Paris" in response.text
    assert response.usage.input > 0
    assert response.usage.output > 0


async def test_a_stream_begins_before_it_ends(model: Model):
    request = Request(messages=(user("Count from one to five in words."),), settings=EXACT)
    kinds = [type(event) for event in [event async for event in model.stream(request)]]
    assert kinds[0] is Started
    assert kinds.count(PartDelta) > 3
    assert kinds[-1] is Ended


async def test_a_tool_is_called_and_its_result_is_put_in_words(wire: Callable[[str], Model], tool_address: str):
    model = Retry(wire(tool_address))
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    weather = ToolSpec(name="weather", description="Tell the weather in a city.", parameters=schema)
    asked = Request(messages=(user("How is the weather in Rome?"),), tools=(weather,), settings=EXACT)
    response = await complete(model, asked.model_copy(update={"tool_choice": "required"}))
    assert [(call.name, json.loads(call.args_json)) for call in response.calls] == [("weather", {"city": "Rome"})]
    told = results(answer(response.calls[0], "rain, 12 degrees"))
    response = await complete(model, asked.model_copy(update={"messages": (*asked.messages, response.message, told)}))
    assert response.calls == ()
    assert "rain" in response.text


@pytest.mark.parametrize(("wire", "mode"), [(chat, "native"), (responses, "tool"), (messages, "tool")])
async def test_json_has_the_form_of_its_schema(
    wire: Callable[[str], Model], mode: str, address: str, tool_address: str
):
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "rainy": {"type": "boolean"}},
        "required": ["city", "rainy"],
        "additionalProperties": False,
    }
    asked = user("The weather in Rome is rainy. Give city and rainy as JSON.")
    request = Request(messages=(asked,), settings=EXACT, output=OutputSpec(json_schema=schema, mode=mode))
    model = wire(tool_address if mode == "tool" else address)
    response = await complete(model, request)
    assert (response.output_mode, response.calls) == (mode, ())
    answer = json.loads(response.text)
    assert set(answer) == {"city", "rainy"}
    assert isinstance(answer["rainy"], bool)


async def test_a_conversation_begins_on_one_wire_and_ends_on_the_others(address: str):
    store = MemoryStore()
    first, second, third = (
        Agent(Retry(wire(address)), store=store, settings=EXACT, instructions="You are a helpful assistant.")
        for wire in WIRES
    )
    run = await first.run("What is the capital of France?")
    run = await second.say(run.id, "What is the capital of Italy?")
    run = await third.say(run.id, "What is the capital of Spain?")
    kinds = [entry.head.kind for entry in await store.read(run.id)]
    assert "Madrid" in run.output
    assert len(run.messages) == 7
    assert kinds.count("responded") == 3


async def test_a_conversation_too_long_for_the_window_is_a_typed_error(model: Model):
    with pytest.raises(ModelError) as caught:
        await complete(model, Request(messages=(user("word " * 6000),), settings=EXACT))
    assert isinstance(caught.value, ContextOverflow)


async def test_the_server_reads_most_of_a_growing_conversation_with_a_memory_from_its_cache(
    address: str, tmp_path: Path
):
    """What is sent again stays as it was, to the letter: only then is it found in the cache."""
    memory = Memory(tmp_path / "notes")
    memory.write("plan.md", "Ask Ada about the harvest.\n" * 20, by=Author(kind="person", id="ann"))
    extra = {"llamacpp": {"cache_prompt": True}}  # this server does it on request, and on this route only
    settings = Settings(temperature=0, max_output_tokens=12, extra=extra)
    agent = Agent(Retry(chat(address)), memory=memory, settings=settings, store=MemoryStore(), instructions="Be brief.")
    run = await agent.run("Name a fruit.")
    before, shares = run.response.usage, []
    for fruit in ("red", "green", "yellow"):
        run = await run.say(f"Name a {fruit} one.")
        shares.append((run.response.usage.cache_read or 0) / (before.input or 1))
        before = run.response.usage
    assert min(shares) > 0.9, shares
