"""Names of local models, and a llama.cpp server at a URL."""

import json
from pathlib import Path

import httpx2
import pytest

from copilot_kit.errors import AuthFailed, ModelGone, Overloaded, ProviderFailed, UsageError
from copilot_kit.messages import user
from copilot_kit.model import complete
from copilot_kit.request import Request
from copilot_kit_local.opening import is_path, open_model

pytestmark = pytest.mark.anyio
HELLO = Request(messages=(user("hello"),))


def stream_of(*chunks: dict[str, object], end: bool = True) -> bytes:
    lines = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
    return b"".join([*lines, b"data: [DONE]\n\n" if end else b""])


def server_with(answer: httpx2.Response, seen: list[httpx2.Request] | None = None) -> httpx2.AsyncClient:
    def handle(request: httpx2.Request) -> httpx2.Response:
        if seen is not None:
            seen.append(request)
        return answer

    return httpx2.AsyncClient(transport=httpx2.MockTransport(handle))


async def test_a_url_opens_a_llama_server() -> None:
    seen: list[httpx2.Request] = []
    body = stream_of({"choices": [{"delta": {"content": "hi"}}]}, {"choices": [{"delta": {}, "finish_reason": "stop"}]})
    client = server_with(httpx2.Response(200, content=body), seen)
    model = open_model("local", "http://127.0.0.1:8080/v1", http_client=client)
    response = await complete(model, HELLO)
    assert response.text == "hi"
    assert str(seen[0].url) == "http://127.0.0.1:8080/v1/chat/completions"
    assert json.loads(seen[0].content)["cache_prompt"] is False


@pytest.mark.parametrize(("status", "expected"), [(401, AuthFailed), (503, Overloaded)])
async def test_what_the_server_refuses_is_typed(status: int, expected: type[Exception]) -> None:
    error = {"error": {"code": status, "message": "no", "type": "x"}}
    model = open_model("local", "http://s.test", http_client=server_with(httpx2.Response(status, json=error)))
    with pytest.raises(expected):
        await complete(model, HELLO)


async def test_a_server_that_is_not_llama_is_typed() -> None:
    model = open_model("local", "http://s.test", http_client=server_with(httpx2.Response(502, text="<html>")))
    with pytest.raises(ProviderFailed, match=r"local:http://s\.test failed: <html>"):
        await complete(model, HELLO)


async def test_a_missing_file_is_said_at_the_first_request(tmp_path: Path) -> None:
    model = open_model("local", str(tmp_path / "none.gguf"))
    with pytest.raises(ModelGone, match="There is no file"):
        await complete(model, HELLO)


async def test_weights_that_are_not_here_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_KIT_CACHE", str(tmp_path))
    with pytest.raises(ModelGone, match="Run: copilot-kit models pull gemma3-270m"):
        await complete(open_model("local", "gemma3-270m"), HELLO)


async def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="Cannot find weights 'llama9'"):
        await complete(open_model("local", "llama9"), HELLO)


def test_paths_are_told_from_names() -> None:
    assert [is_path(name) for name in ("smollm2", "a.gguf", "/a/b", "~/x.gguf")] == [False, True, True, True]
