"""The worked example of an adapter keeps the contract, and understands recorded traffic of the real server."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import httpx2
import pytest

from copilot_kit import Agent, Principal, complete, tool
from copilot_kit.errors import ModelGone, TransportFailed
from copilot_kit.messages import Reasoning, user
from copilot_kit.request import Request, Settings
from copilot_kit.testing import CHECKS, Check, Subject

FOLDER = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def adapter() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ollama_adapter", FOLDER / "ollama_adapter.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["ollama_adapter"] = module
    spec.loader.exec_module(module)
    return module


def lines(*bodies: dict) -> bytes:
    return "".join(json.dumps(body) + "\n" for body in bodies).encode()


def word(text: str) -> dict:
    return {"model": "m", "message": {"role": "assistant", "content": text}, "done": False}


END = {"model": "m", "done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 3}


def model_of(adapter: ModuleType, *answers: bytes | dict, status: int = 200, seen: list[dict] | None = None):
    queue = list(answers)

    def server(request: httpx2.Request) -> httpx2.Response:
        if seen is not None:
            seen.append(json.loads(request.content))
        body = queue.pop(0) if len(queue) > 1 else queue[0]
        return httpx2.Response(status, content=body if isinstance(body, bytes) else json.dumps(body).encode())

    client = httpx2.AsyncClient(transport=httpx2.MockTransport(server))
    return adapter.open_model("ollama-native", "m", http_client=client)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_it_keeps_the_contract_of_a_model(adapter: ModuleType, check: Check):
    await check(
        Subject(
            open=lambda: model_of(adapter, lines(word("Hello "), word("you."), END)),
            open_cut=lambda: model_of(adapter, lines(word("Hel"))),
        )
    )


async def test_an_agent_works_on_it_like_on_any_other(adapter: ModuleType):
    sent: list[int] = []

    @tool(effect="external")
    def send(ticket: int) -> str:
        sent.append(ticket)
        return "sent"

    call = {"model": "m", "message": {"role": "assistant", "content": "", "tool_calls": [
        {"function": {"name": "send", "arguments": {"ticket": 17}}}]}, "done": False}  # fmt: skip
    seen: list[dict] = []
    model = model_of(adapter, lines(call, END), lines(word("Sent."), END), seen=seen)
    run = await Agent(model, tools=[send]).run("Send 17")
    run = await run.approve(run.proposals[0].id, by=Principal(id="anna"))
    assert (run.output, sent) == ("Sent.", [17])
    assert seen[1]["messages"][-1] == {"role": "tool", "tool_name": "send", "content": "sent"}


async def test_what_it_does_not_take_is_reported(adapter: ModuleType):
    model = model_of(adapter, lines(word("Hi"), END))
    response = await complete(model, Request(messages=(user("Hi"),), settings=Settings(effort="high", temperature=0)))
    assert [(d.kind, d.name) for d in response.dropped] == [("setting", "effort")]


async def test_a_cut_answer_is_a_typed_error_with_what_came(adapter: ModuleType):
    with pytest.raises(TransportFailed) as caught:
        await complete(model_of(adapter, lines(word("Hel"))), Request(messages=(user("Hi"),)))
    assert caught.value.partial.text == "Hel"


def recorded(shared: Path, name: str) -> list[dict]:
    exchange = json.loads((shared / "wire" / "exchanges" / f"ollama-ollama-chat-{name}.json").read_text())
    return exchange["interactions"]


@pytest.mark.parametrize("name", ["text", "ndjson-stream", "tools"])
async def test_it_understands_recorded_answers(adapter: ModuleType, shared: Path, name: str):
    response = recorded(shared, name)[0]["response"]
    raw = "".join(response["chunks"]) if "chunks" in response else json.dumps(response["json"])
    said = [json.loads(line)["message"] for line in raw.splitlines()]
    model = model_of(adapter, raw.encode())
    answer = await complete(model, Request(messages=(user("Hi"),)))
    thoughts = "".join(part.text for part in answer.message.parts if isinstance(part, Reasoning))
    assert answer.text == "".join(message["content"] for message in said)
    assert thoughts == "".join(message.get("thinking", "") for message in said)
    calls = [call["function"]["name"] for message in said for call in message.get("tool_calls", [])]
    assert [call.name for call in answer.calls] == calls


async def test_a_model_that_is_not_there_is_gone_and_says_how_to_fetch_it(adapter: ModuleType, shared: Path):
    body = recorded(shared, "error-404")[0]["response"]["json"]
    with pytest.raises(ModelGone, match="ollama pull"):
        await complete(model_of(adapter, body, status=404), Request(messages=(user("Hi"),)))
