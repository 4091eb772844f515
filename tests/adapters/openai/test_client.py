"""How requests travel: addresses, keys, and the SDK's clients behind the models."""

import asyncio
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from copilot_kit.lanes import REQUESTS_PER_LANE
from copilot_kit.messages import user
from copilot_kit.model import complete
from copilot_kit.request import Request
from copilot_kit_openai import open_model
from copilot_kit_openai.client import Connection, Endpoint, endpoint_for
from copilot_kit_openai.dialects import DIALECTS

pytestmark = pytest.mark.anyio

ASK = Request(messages=(user("?"),), delivery="whole")
BODY = {"id": "1", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "Hi."}}]}


async def seen(provider: str, **options: Any) -> httpx2.Request:
    requests: list[httpx2.Request] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return httpx2.Response(200, json=BODY)

    client = httpx2.AsyncClient(transport=httpx2.MockTransport(handle))
    await complete(open_model(provider, "m", api_key="secret", http_client=client, **options), ASK)
    return requests[0]


@pytest.mark.parametrize(
    ("provider", "base_url", "url"),
    [
        ("openai-chat", None, "https://api.openai.com/v1/chat/completions"),
        ("openai-chat", "https://proxy.invalid/v1/", "https://proxy.invalid/v1/chat/completions"),
        ("azure", "https://x.openai.azure.com", "https://x.openai.azure.com/openai/v1/chat/completions"),
        ("azure", "https://x.invalid/openai/deployments/d", "https://x.invalid/openai/deployments/d/chat/completions"),
        ("ollama", "http://box:11434", "http://box:11434/v1/chat/completions"),
        ("zai", None, "https://api.z.ai/api/paas/v4/chat/completions"),
    ],
)
async def test_requests_go_to_the_address_of_the_provider(
    monkeypatch: pytest.MonkeyPatch, provider: str, base_url: str | None, url: str
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert str((await seen(provider, base_url=base_url)).url) == url


async def test_azure_gets_its_key_in_its_own_header_and_nowhere_else() -> None:
    request = await seen("azure", base_url="https://x.openai.azure.com")
    assert request.headers["api-key"] == "secret"
    assert "authorization" not in request.headers


async def test_the_organization_of_openai_is_told_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    assert (await seen("openai-chat", base_url="https://x.invalid/v1")).headers["openai-organization"] == "org-1"
    assert "openai-organization" not in (await seen("groq")).headers


async def test_the_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_BASE_URL", "http://gpu:9000")
    assert endpoint_for(DIALECTS["vllm"], base_url=None, api_key=None) == Endpoint("vllm", "http://gpu:9000/v1", "none")


def test_an_endpoint_never_shows_its_key() -> None:
    assert "secret" not in repr(Endpoint("openai", "https://x.invalid", "secret"))


def clients(*endpoints: Endpoint) -> list[Any]:
    async def taken() -> list[Any]:
        with ExitStack() as way:
            return [way.enter_context(Connection(endpoint).client()) for endpoint in endpoints]

    return asyncio.run(taken())


def test_models_of_one_endpoint_share_a_client_until_it_is_full() -> None:
    endpoint = Endpoint("openai", "https://shared.invalid/v1", "k")
    first, *full, further = clients(*[endpoint] * (REQUESTS_PER_LANE + 1))
    assert set(full) == {first}
    assert further is not first


def test_a_key_or_an_address_of_its_own_has_a_client_of_its_own() -> None:
    endpoints = [Endpoint("openai", f"https://{name}.invalid/v1", key) for name in "ab" for key in "kl"]
    assert len({id(client) for client in clients(*endpoints)}) == 4


def test_each_event_loop_has_clients_of_its_own() -> None:
    endpoint = Endpoint("openai", "https://loops.invalid/v1", "k")
    (first,), (second,) = clients(endpoint), clients(endpoint)
    assert first is not second
    assert first.is_closed()
