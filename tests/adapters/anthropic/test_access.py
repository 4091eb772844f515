"""Keys, clients and headers: the official SDK's, one client for a loop, and no SDK before the first request."""

import asyncio
import subprocess
import sys

import httpx2
import pytest

from copilot_kit.errors import UsageError
from copilot_kit.messages import user
from copilot_kit.model import Model, complete
from copilot_kit.request import Request
from copilot_kit.testing import CHECKS, Check, Subject
from copilot_kit_anthropic import open_model
from copilot_kit_anthropic.client import Access

ASK = Request(messages=(user("?"),))


def test_opening_a_model_imports_no_sdk():
    code = (
        "import sys; from copilot_kit_anthropic import open_model; open_model('anthropic', 'claude-x');"
        "assert not {'anthropic', 'httpx2'} & set(sys.modules), 'too much was imported'"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=60)


def test_an_opened_model_is_one():
    model = open_model("anthropic", "claude-x", api_key="k")
    assert isinstance(model, Model)
    assert model.id == "anthropic:claude-x"


async def test_the_sdk_authenticates_names_its_version_and_does_not_retry(line):
    talk = line(httpx2.Response(529, json={"error": {"type": "overloaded_error", "message": "x"}}))
    await talk.ask(ASK)
    (sent,) = talk.sent
    assert "key" in sent.headers.get("x-api-key", "") + sent.headers.get("authorization", "")
    assert sent.headers["anthropic-version"]
    assert sent.headers["content-type"] == "application/json"
    assert sent.url.path == "/v1/messages"


async def test_a_missing_key_is_one_line_that_names_the_variable(monkeypatch):
    monkeypatch.delenv("DEEPSEEK_API_KEY", raising=False)
    model = open_model("deepseek", "deepseek-chat", base_url="https://api.deepseek.invalid/anthropic")
    with pytest.raises(UsageError) as missing:
        await complete(model, ASK)
    assert str(missing.value) == (
        "No key for 'deepseek': set the environment variable DEEPSEEK_API_KEY, or pass api_key."
    )
    assert missing.value.exit_code == 64


async def test_a_server_on_this_machine_needs_no_key():
    with Access("llamacpp", base_url="http://127.0.0.1:1/", api_key=None, http_client=None).client() as client:
        assert client.api_key == "none"


async def test_the_key_of_anthropic_is_never_sent_to_another_provider(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    monkeypatch.setenv("OTHER_API_KEY", "theirs")
    with Access("other", base_url="https://other.invalid", api_key=None, http_client=None).client() as client:
        assert client.api_key == "theirs"


def test_one_client_serves_all_models_of_a_loop_address_and_key():
    async def clients() -> list[object]:
        def opened(key: str, url: str) -> object:
            with Access("anthropic", base_url=url, api_key=key, http_client=None).client() as client:
                return client

        return [opened("a", "https://x.invalid"), opened("a", "https://x.invalid"), opened("b", "https://x.invalid"),
                opened("a", "https://y.invalid")]  # fmt: skip

    first, again = asyncio.run(clients()), asyncio.run(clients())
    assert first[0] is first[1]
    assert len({id(client) for client in first}) == 3
    assert all(client is not other for client in first for other in again)


async def test_trap_36_answers_that_the_sdk_s_own_types_would_not_validate_are_read(line):
    odd = {
        "content": [{"type": "text", "text": "Hi"}, {"type": "text"}],
        "usage": None,
        "stop_reason": "just_so",
        "id": 7,
    }
    response = await line(odd).ask(Request(messages=(user("?"),), delivery="whole"))
    assert (response.text, response.stop.kind, response.stop.raw) == ("Hi", "end", "just_so")
    assert (response.response_id, response.usage.input) == (None, None)


async def test_trap_37_the_sdk_takes_a_client_of_httpx2(line):
    assert (await line({"content": [{"type": "text", "text": "Hi"}]}).ask(ASK)).text == "Hi"


def _subject(line, streamed) -> Subject:
    text = ({"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in ("Let ", "me look.")])
    call = (
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}},
        [{"type": "input_json_delta", "partial_json": piece} for piece in ('{"q":', '"x"}')],
    )
    whole = streamed(text, call, stop="tool_use")
    cut = whole[: whole.index(b'{\\"q')]

    def opened(body: bytes) -> Model:
        def answer(request: httpx2.Request) -> httpx2.Response:
            if b'"stream":true' in request.content:
                return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)
            content = [{"type": "text", "text": "Let me look."}, {**call[0], "input": {"q": "x"}}]
            message = {"id": "m", "model": "x", "content": content, "stop_reason": "tool_use", "usage": {}}
            return httpx2.Response(200, json=message)

        client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
        return open_model("anthropic", "claude-sonnet-4-5", http_client=client, api_key="k")

    return Subject(open=lambda: opened(whole), open_cut=lambda: opened(cut))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_it_keeps_the_contract_of_models(line, streamed, check: Check):
    await check(_subject(line, streamed))
