"""Error bodies of the OpenAI family: every envelope comes out as one of our errors, with what to do."""

import json
import time
from typing import Any

import httpx2
import pytest

from copilot_kit.errors import (
    AuthFailed,
    BadAnswer,
    ContextOverflow,
    InvalidRequest,
    ModelError,
    ModelGone,
    Overloaded,
    ProviderFailed,
    QuotaExceeded,
    RateLimited,
    Refused,
    StaleReasoning,
    TimedOut,
    TransportFailed,
    UsageError,
)
from copilot_kit.events import Failed
from copilot_kit.messages import user
from copilot_kit.request import Request, Settings
from copilot_kit_openai import open_model
from copilot_kit_openai.failures import payload_failure, sdk_failure, status_failure

pytestmark = pytest.mark.anyio

ENVELOPES: list[tuple[str, int, Any, type[ModelError]]] = [
    ("openai key", 401, {"error": {"message": "Incorrect API key provided: sk-***.", "type": "invalid_request_error",
                                   "param": None, "code": "invalid_api_key"}}, AuthFailed),
    ("xai key", 400, {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xa***."},
     AuthFailed),
    ("mistral key", 401, {"detail": "Invalid API Key"}, AuthFailed),
    ("gateway denies", 403, "<html><head><title>403 Forbidden</title></head></html>", AuthFailed),
    ("openai model", 404, {"error": {"message": "The model `x` does not exist", "code": "model_not_found"}}, ModelGone),
    ("azure deployment", 404, {"error": {"code": "DeploymentNotFound", "message": "does not exist"}}, ModelGone),
    ("mistral model", 400, {"object": "error", "message": "Invalid model: x", "type": "invalid_model", "code": "1500"},
     ModelGone),
    ("openrouter model", 400, {"error": {"message": "x is not a valid model ID", "code": 400}}, ModelGone),
    ("deepseek model", 400, {"error": {"message": "Model Not Exist", "type": "invalid_request_error"}}, ModelGone),
    ("groq model", 400, {"error": {"message": "The model `x` has been decommissioned",
                                   "code": "model_decommissioned"}}, ModelGone),
    ("openai window", 400, {"error": {"message": "This model's maximum context length is 8192 tokens.",
                                      "code": "context_length_exceeded"}}, ContextOverflow),
    ("llamacpp window", 400, {"error": {"code": 400, "message": "the request exceeds the available context size",
                                        "type": "exceed_context_size_error"}}, ContextOverflow),
    ("openrouter window", 400, {"error": {"code": 400, "message": "The maximum context length is 8 tokens."}},
     ContextOverflow),
    ("groq tokens a minute", 413, {"error": {"message": "Request too large for model `x` on tokens per minute (TPM)",
                                             "type": "tokens", "code": "rate_limit_exceeded"}}, RateLimited),
    ("openai quota", 429, {"error": {"message": "You exceeded your current quota", "type": "insufficient_quota",
                                     "code": "insufficient_quota"}}, QuotaExceeded),
    ("deepseek balance", 402, {"error": {"message": "Insufficient Balance", "type": "unknown_error"}}, QuotaExceeded),
    ("openrouter credits", 402, {"error": {"code": 402, "message": "Insufficient credits"}}, QuotaExceeded),
    ("openai rate", 429, {"error": {"message": "Rate limit reached", "type": "tokens", "code": "rate_limit_exceeded"}},
     RateLimited),
    ("openrouter rate", 429, {"error": {"code": 429, "message": "Provider returned error",
                                        "metadata": {"raw": "slow down"}}}, RateLimited),
    ("mistral rate", 429, {"object": "error", "message": "Requests rate limit exceeded", "type": "rate_limited"},
     RateLimited),
    ("mistral capacity", 429, {"object": "error", "message": "Service tier capacity exceeded for this model.",
                               "type": "service_tier_capacity_exceeded", "code": "3505"}, Overloaded),
    ("busy", 503, {"error": {"message": "The engine is currently overloaded"}}, Overloaded),
    ("huggingface loads", 503, {"error": "Model x is currently loading", "estimated_time": 20.0}, Overloaded),
    ("azure filter", 400, {"error": {"code": "content_filter", "message": "triggering Azure's content management "
                                     "policy", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}, Refused),
    ("openrouter moderation", 403, {"error": {"code": 403, "message": "x requires moderation. Your input was flagged"}},
     Refused),
    ("deepseek reasoning", 400, {"error": {"message": "Missing `reasoning_content` field in the assistant message"}},
     StaleReasoning),
    ("groq call", 400, {"error": {"message": "Failed to call a function.", "code": "tool_use_failed"}}, BadAnswer),
    ("llamacpp format", 500, {"error": {"code": 500, "type": "server_error", "message": "The output "
                              "does not match the expected peg-native format"}}, BadAnswer),
    ("openai schema", 400, {"error": {"message": "Invalid schema for function 'f'", "type": "invalid_request_error",
                                      "param": "tools[0].function.parameters"}}, InvalidRequest),
    ("fastapi", 422, {"detail": [{"loc": ["body", "messages"], "msg": "field required"}]}, InvalidRequest),
    ("mistral fields", 422, {"object": "error", "message": {"detail": [{"loc": ["body"], "msg": "Extra inputs"}]}},
     InvalidRequest),
    ("google list", 400, [{"error": {"code": 400, "message": "Invalid value", "status": "INVALID_ARGUMENT"}}],
     InvalidRequest),
    ("databricks", 400, {"error_code": "BAD_REQUEST", "message": "Bad request: json: unknown field"}, InvalidRequest),
    ("cloudflare", 400, {"success": False, "errors": [{"code": 7003, "message": "No route"}]}, InvalidRequest),
    ("openai fails", 500, {"error": {"message": "The server had an error", "type": "server_error"}}, ProviderFailed),
    ("gateway page", 502, "<html><head><title>502 Bad Gateway</title></head><body>x</body></html>", ProviderFailed),
    ("gateway silence", 504, "", ProviderFailed),
]  # fmt: skip


@pytest.mark.parametrize(("name", "status", "body", "error"), ENVELOPES, ids=[envelope[0] for envelope in ENVELOPES])
def test_trap_32_33_34_every_envelope_is_understood(name: str, status: int, body: Any, error: type[ModelError]) -> None:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    failure = status_failure(status, {"x-request-id": "req_1"}, raw, model="p:m")
    assert type(failure) is error
    assert (failure.status, failure.request_id, failure.model, failure.started) == (status, "req_1", "p:m", False)
    assert str(failure).startswith(f"p:m answered with an error ({status}): ")
    assert "<" not in str(failure)


def test_an_invalid_request_names_the_part_that_is_wrong() -> None:
    body = (
        b'{"error": {"message": "no", "param": "tools[0].function.parameters", "code": "invalid_function_parameters"}}'
    )
    failure = status_failure(400, {}, body, model="p:m")
    assert isinstance(failure, InvalidRequest)
    assert (failure.param, failure.code) == ("tools[0].function.parameters", "invalid_function_parameters")


@pytest.mark.parametrize(
    ("headers", "message", "wait_s"),
    [
        ({"retry-after": "1", "retry-after-ms": "494"}, "x", 0.494),
        ({"retry-after": "2", "retry-after-ms": "0"}, "x", 2.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m0.052s",
          "x-ratelimit-remaining-requests": "9", "x-ratelimit-reset-requests": "6ms"}, "x", 60.052),
        ({}, "Rate limit reached. Please try again in 7m12s. Visit", 432.0),
        ({}, "Rate limit reached. Please try again in 494ms.", 0.494),
        ({}, "Rate limit reached", None),
    ],
)  # fmt: skip
def test_trap_35_the_wait_is_read_from_headers_or_words(
    headers: dict[str, str], message: str, wait_s: float | None
) -> None:
    body = json.dumps({"error": {"message": message}}).encode()
    assert status_failure(429, headers, body, model="p:m").retry_after_s == pytest.approx(wait_s)


def test_an_error_inside_a_stream_says_that_output_had_begun() -> None:
    failure = payload_failure(
        {"message": "overloaded", "type": "overloaded_error"}, model="p:m", started=True, status=200
    )
    assert (type(failure).__name__, failure.started, failure.status) == ("Overloaded", True, 200)


def test_what_is_no_fault_of_a_provider_is_left_alone() -> None:
    assert sdk_failure(KeyError("x"), model="p:m", started=False) is None


@pytest.mark.parametrize(
    ("fault", "error", "phase"),
    [
        (httpx2.ConnectTimeout("x"), TimedOut, "connect"),
        (httpx2.ReadTimeout("x"), TimedOut, "first_event"),
        (httpx2.ConnectError("x"), TransportFailed, None),
        (httpx2.RemoteProtocolError("x"), TransportFailed, None),
    ],
)
async def test_faults_of_the_transport_come_out_as_ours(
    fault: Exception, error: type[ModelError], phase: str | None
) -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        raise fault

    client = httpx2.AsyncClient(transport=httpx2.MockTransport(handle))
    model = open_model("groq", "m", api_key="k", http_client=client)
    events = [event async for event in model.stream(Request(messages=(user("?"),)))]
    assert isinstance(events[-1], Failed)
    assert type(events[-1].error) is error
    assert getattr(events[-1].error, "phase", None) == phase


async def test_a_chunk_that_is_no_json_is_a_bad_answer_with_what_had_come(wire: Any) -> None:
    pieces = [*wire.stream(wire.delta(content="Hi"), done=False).pieces, b"data: {oops}\n\n", b"data: [DONE]\n\n"]
    there = wire.provider("openai", wire.raw(pieces, headers={"content-type": "text/event-stream"}))
    failure = (await there.events(Request(messages=(user("?"),))))[-1]
    assert isinstance(failure, Failed)
    assert (type(failure.error).__name__, failure.partial and failure.partial.text) == ("BadAnswer", "Hi")


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"", b"not json", b"[]", b'{"object": "list"}', b"null"])
@pytest.mark.parametrize("delivery", ["whole", "stream"])
async def test_a_good_status_with_a_body_that_is_no_answer_is_a_failure(wire: Any, body: bytes, delivery: Any) -> None:
    there = wire.provider("openai", wire.raw([body]))
    events = await there.events(Request(messages=(user("?"),), delivery=delivery))
    assert [type(event) for event in events] == [Failed]
    assert type(events[0].error) in {BadAnswer, TransportFailed}


async def test_a_deadline_ends_the_wait_and_closes_the_stream(wire: Any) -> None:
    import anyio

    async def never() -> Any:
        yield wire.stream(wire.delta(content="Hi"), done=False).pieces[0]
        await anyio.sleep(60)

    class Silent(httpx2.AsyncByteStream):
        closed = False

        def __aiter__(self) -> Any:
            return never()

        async def aclose(self) -> None:
            Silent.closed = True

    client = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, stream=Silent())))
    model = open_model("openai-chat", "m", api_key="k", http_client=client)
    begun = time.monotonic()
    events = [e async for e in model.stream(Request(messages=(user("?"),), settings=Settings(deadline_s=0.05)))]
    assert time.monotonic() - begun < 5
    assert isinstance(events[-1], Failed)
    assert isinstance(events[-1].error, TimedOut)
    assert (events[-1].error.phase, events[-1].error.started) == ("deadline", True)
    assert events[-1].partial is not None
    assert events[-1].partial.text == "Hi"
    assert Silent.closed


def test_a_missing_key_names_the_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    with pytest.raises(UsageError, match="GROQ_API_KEY"):
        open_model("groq", "m")
    with pytest.raises(UsageError, match="DATABRICKS_BASE_URL"):
        open_model("databricks", "m", api_key="k")
    with pytest.raises(UsageError, match="openai-compatible"):
        open_model("nobody", "m")


def test_a_local_server_needs_no_key_and_the_other_api_is_a_suffix() -> None:
    assert open_model("ollama", "qwen3").id == "ollama:qwen3"
    assert open_model("openai-chat", "gpt-5", api_key="k").id == "openai-chat:gpt-5"
