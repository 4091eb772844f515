"""The memory tool is sent as the provider's own wherever it has one, and its calls come back as ours."""

import json

import pytest

from copilot_kit import Agent
from copilot_kit.memory.entries import Author
from copilot_kit.memory.memory import Memory
from copilot_kit.memory.tool import memory_tool
from copilot_kit.messages import ToolCall, ToolResult, user
from copilot_kit.request import Request, Settings, ToolSpec

OWN = {"type": "memory_20250818", "name": "memory"}


@pytest.fixture
def memory(tmp_path) -> Memory:
    found = Memory(tmp_path / "notes")
    found.write("home.md", "The user lives in Mexico City.\n", by=Author(kind="person", id="ada"))
    return found


async def test_the_recorded_exchange_is_made_again_by_an_agent_with_our_tool(played, recorded, memory):
    name = "anthropic-messages-memory-tool"
    talk = played(name)
    settings = Settings(max_output_tokens=4096)
    run = await Agent(talk.model, tools=[memory_tool(memory)], settings=settings).run("Where do I live?")
    assert run.text.strip() == "According to my memory, you live in **Mexico City**."
    wanted = [step["request"]["json"] for step in recorded(name)]
    listing = (
        "Here're the files and directories up to 2 levels deep in /memories, excluding hidden items and node_modules:\n"
        "31B\t/memories\n31B\t/memories/home.md"
    )
    result = wanted[1]["messages"][2]["content"][0]
    assert (result.pop("content"), result.pop("is_error")) == ("The user lives in Mexico City.", False)
    for sent, want in zip(talk.bodies, wanted, strict=True):
        ours = [block.pop("content") for message in sent["messages"] for block in message["content"]
                if block["type"] == "tool_result"]  # fmt: skip
        assert ours in ([], [listing])
        assert sent == {key: want[key] for key in want if key not in ("stream", "tool_choice")}


async def test_the_model_reads_the_lines_and_is_told_apart_who_wrote_them(line, memory):
    memory.change("home.md", lambda text: text + "He moves in May.\n", by=Author(kind="model", run_id="run_0"))
    looks = {"type": "tool_use", "id": "toolu_1", "name": "memory",
             "input": {"command": "view", "path": "/memories/home.md"}}  # fmt: skip
    talk = line({"content": [looks], "stop_reason": "tool_use"}, {"content": [{"type": "text", "text": "There."}]})
    await Agent(talk.model, tools=[memory_tool(memory)]).run("Where do I live?")
    assert talk.bodies[1]["messages"][2]["content"][0]["content"] == [
        {"type": "text", "text": "Here's the content of /memories/home.md with line numbers:\n"},
        {"type": "text", "text": "     1\tThe user lives in Mexico City.\n"},
        {"type": "text", "text": "     2\tHe moves in May.\n"},
    ]


@pytest.mark.parametrize(
    ("provider", "model", "more"),
    [
        ("anthropic", "claude-haiku-4-5", {}),
        ("anthropic", "claude-opus-5-5", {}),
        ("anthropic", "claude-of-next-year", {}),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", {"path": "/model/x/invoke"}),
        ("vertex", "claude-sonnet-4-6", {"path": "/v1/projects/x/models/claude-sonnet-4-6:rawPredict"}),
    ],
)
async def test_where_the_provider_has_the_tool_it_is_sent_without_a_beta_header(line, memory, provider, model, more):
    talk = line(provider=provider, model=model, **more)
    await talk.ask(Request(messages=(user("?"),), tools=(memory_tool(memory).spec,)))
    assert talk.bodies[0]["tools"] == [OWN]
    assert "anthropic-beta" not in talk.sent[0].headers


@pytest.mark.parametrize(
    ("provider", "model"),
    [("anthropic", "claude-3-5-haiku-20241022"), ("anthropic", "claude-3-7-sonnet-20250219"), ("deepseek", "chat")],
)
async def test_models_without_it_get_a_function_of_the_same_shape(line, memory, provider, model):
    talk = line(provider=provider, model=model)
    await talk.ask(Request(messages=(user("?"),), tools=(memory_tool(memory).spec,)))
    (sent,) = talk.bodies[0]["tools"]
    assert (sent["name"], sent["input_schema"]) == ("memory", memory_tool(memory).spec.parameters)
    assert sent["description"].startswith("Your notes:")


async def test_the_cache_mark_of_the_tools_goes_onto_the_provider_s_own_tool(line, memory):
    look = ToolSpec(name="look", parameters={"type": "object", "properties": {}})
    talk = line()
    settings = Settings(cache="auto")
    await talk.ask(Request(messages=(user("?"),), tools=(look, memory_tool(memory).spec), settings=settings))
    assert talk.bodies[0]["tools"][1] == {**OWN, "cache_control": {"type": "ephemeral"}}
    marked = memory_tool(memory).spec.model_copy(update={"cache": "1h"})
    await talk.ask(Request(messages=(user("?"),), tools=(marked,)))
    assert talk.bodies[1]["tools"] == [{**OWN, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]


async def test_the_tools_are_encoded_once_for_all_requests_of_a_run(line, memory):
    talk = line()
    request = Request(messages=(user("?"),), tools=(memory_tool(memory).spec,))
    await talk.ask(request)
    encoder = talk.model._encoder
    encoded = encoder._last_tools
    await talk.ask(Request(messages=(user("?"), user("!")), tools=request.tools))
    assert encoder._last_tools is encoded
    assert talk.bodies[0]["tools"] == talk.bodies[1]["tools"] == [OWN]


async def test_its_call_is_an_ordinary_call(played):
    response = await played("anthropic-messages-memory-tool").ask(Request(messages=(user("?"),), delivery="whole"))
    (call,) = response.calls
    assert isinstance(call, ToolCall)
    assert (call.name, json.loads(call.args_json)) == ("memory", {"command": "view", "path": "/memories"})
    assert call.executed_by == "client"


async def test_a_refused_command_goes_back_as_an_error(line, memory):
    looks = {"type": "tool_use", "id": "toolu_1", "name": "memory", "input": {"command": "view", "path": "/etc"}}
    talk = line({"content": [looks], "stop_reason": "tool_use"}, {"content": [{"type": "text", "text": "Ah."}]})
    run = await Agent(talk.model, tools=[memory_tool(memory)]).run("Where do I live?")
    (result,) = (part for message in run.messages for part in message.parts if isinstance(part, ToolResult))
    assert result.outcome == "error"
    (sent,) = talk.bodies[1]["messages"][2]["content"]
    assert sent["is_error"] is True
    assert sent["content"].startswith("Error: The path '/etc' is not inside the memory.")
