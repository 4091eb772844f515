"""Errors come out typed, with what the caller can act on."""

from datetime import UTC, datetime

import httpx2
import pytest

from copilot_kit.errors import (
    AuthFailed,
    BadAnswer,
    ContextOverflow,
    InvalidRequest,
    ModelGone,
    Overloaded,
    ProviderFailed,
    QuotaExceeded,
    RateLimited,
    Refused,
    StaleReasoning,
    TimedOut,
    TransportFailed,
)
from copilot_kit.messages import user
from copilot_kit.request import Request, Settings
from copilot_kit_anthropic.failures import failure

ASK = Request(messages=(user("?"),), delivery="whole")
NOW = datetime(2026, 8, 19, 14, 34, 0, tzinfo=UTC)

RECORDED = {
    "anthropic-messages-error-401": AuthFailed,
    "anthropic-messages-error-401-null-request-id": AuthFailed,
    "anthropic-messages-403-permission": AuthFailed,
    "anthropic-messages-error-404-model": ModelGone,
    "anthropic-messages-400-tool-use-without-result": InvalidRequest,
    "anthropic-messages-error-400-effort": InvalidRequest,
    "anthropic-messages-error-400-empty-content": InvalidRequest,
    "anthropic-messages-error-400-schema-too-many-optional": InvalidRequest,
    "anthropic-messages-error-400-prompt-too-long": ContextOverflow,
    "anthropic-messages-413-request-too-large": ContextOverflow,
    "anthropic-messages-400-invalid-thinking-signature": StaleReasoning,
    "anthropic-messages-429-retry-after-then-ok": RateLimited,
    "anthropic-messages-500-api-error": ProviderFailed,
    "anthropic-messages-529-overloaded-then-ok": Overloaded,
}


@pytest.mark.parametrize(("name", "kind"), RECORDED.items())
@pytest.mark.parametrize("delivery", ["whole", "stream"])
async def test_traps_32_to_34_recorded_errors_are_typed(played, name, kind, delivery):
    failed = await played(name, steps=slice(1)).ask(ASK.model_copy(update={"delivery": delivery}))
    assert type(failed.error) is kind
    assert (failed.error.started, failed.partial) == (False, None)
    assert failed.error.model.startswith("anthropic:")
    assert failed.error.status >= 400


async def test_trap_33_a_prompt_that_is_too_long_is_told_by_its_words(played):
    failed = await played("anthropic-messages-error-400-prompt-too-long").ask(ASK)
    assert "3333404 tokens > 200000 maximum" in str(failed.error)
    assert "Shorten the conversation" in str(failed.error)


async def test_trap_34_a_request_id_of_null_and_an_envelope_without_type_are_read(played):
    failed = await played("anthropic-messages-error-401-null-request-id").ask(ASK)
    assert failed.error.request_id is None
    failed = await played("anthropic-messages-413-request-too-large").ask(ASK)
    assert failed.error.code == "request_too_large"


async def test_trap_34_the_request_id_comes_from_the_body_or_else_from_the_header(played, line):
    failed = await played("anthropic-messages-error-404-model").ask(ASK)
    assert failed.error.request_id == "req_011CdufXo8Y2LVfY2veyuQWG"
    failed = await line(httpx2.Response(500, headers={"request-id": "req_h"}, content=b"")).ask(ASK)
    assert failed.error.request_id == "req_h"


HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, BadAnswer),
        (400, InvalidRequest),
        (403, AuthFailed),
        (409, ProviderFailed),
        (429, RateLimited),
        (502, ProviderFailed),
        (503, Overloaded),
        (529, Overloaded),
    ],
)
@pytest.mark.parametrize("delivery", ["whole", "stream"])
async def test_trap_34_html_of_a_gateway_is_typed_by_its_status(line, status, kind, delivery):
    reply = httpx2.Response(status, headers={"content-type": "text/html"}, content=HTML)
    failed = await line(reply).ask(ASK.model_copy(update={"delivery": delivery}))
    assert type(failed.error) is kind
    assert "502 Bad Gateway" in str(failed.error)


@pytest.mark.parametrize("body", [b"null", b"[]", b"{}", b'"x"', b'{"content": "x"}', b'{"type": "message"}', b"{"])
async def test_a_good_status_without_an_answer_is_a_bad_answer(line, body):
    failed = await line(httpx2.Response(200, content=body)).ask(ASK)
    assert type(failed.error) is BadAnswer


async def test_an_error_with_a_good_status_is_typed(line):
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    failed = await line(httpx2.Response(200, json=body)).ask(ASK)
    assert type(failed.error) is Overloaded


@pytest.mark.parametrize("body", [b"", b"null", b"[1]", b'{"error": null}', b'{"error": {"type": 1}}', b"\xff\xfe"])
async def test_an_error_status_with_any_body_is_typed_by_its_status(body):
    assert type(failure("m", 429, body, {})) is RateLimited


WORDS = [
    ("messages.1.content.0: Invalid `signature` in `thinking` block", StaleReasoning, None),
    ("messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`.", StaleReasoning, None),
    ("messages.5: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified.",
     StaleReasoning, None),
    ("messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation.",
     StaleReasoning, None),
    ("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000", ContextOverflow, None),
    ("Your credit balance is too low to access the Anthropic API.", QuotaExceeded, None),
    ("Output blocked by content filtering policy", Refused, None),
    ("messages.0: all messages must have non-empty content", InvalidRequest, "messages.0"),
    ("tools.0.custom.input_schema: JSON schema is invalid", InvalidRequest, "tools.0.custom.input_schema"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "kind", "param"), WORDS)
def test_trap_33_an_invalid_request_is_sorted_by_its_words(words, kind, param):
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": words}}
    error = failure("m", 400, httpx2.Response(400, json=body).content, {})
    assert type(error) is kind
    assert getattr(error, "param", None) == param


def test_the_context_of_a_llama_server_that_is_exceeded_is_an_overflow():
    body = b'{"error":{"code":400,"message":"the request exceeds the available context size",'
    assert type(failure("m", 400, body + b'"type":"exceed_context_size_error"}}', {})) is ContextOverflow


def test_a_spending_limit_that_is_reached_will_not_heal_by_waiting():
    details = {"error_code": "enforced_spend_limit_reached"}
    body = {"error": {"type": "rate_limit_error", "message": "Limit", "details": details}}
    error = failure("m", 429, httpx2.Response(429, json=body).content, {})
    assert (type(error), error.code, error.retryable) == (QuotaExceeded, "enforced_spend_limit_reached", False)


def test_trap_35_retry_after_is_read_on_errors():
    reset = {
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2026-08-19T14:40:00Z",
    }
    assert failure("m", 429, b"{}", {"retry-after": "31", **reset}, now=NOW).retry_after_s == 31


def test_trap_35_without_it_the_last_reset_of_an_exhausted_limit_counts():
    headers = {
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2026-08-19T14:34:12Z",
        "anthropic-ratelimit-output-tokens-remaining": "0",
        "anthropic-ratelimit-output-tokens-reset": "2026-08-19T14:34:40Z",
        "anthropic-ratelimit-tokens-remaining": "5000",
        "anthropic-ratelimit-tokens-reset": "2026-08-19T14:59:00Z",
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": "RESET-XXX",
    }
    assert failure("m", 429, b"{}", headers, now=NOW).retry_after_s == 40
    assert failure("m", 500, b"{}", headers, now=NOW).retry_after_s is None
    assert failure("m", 400, b"{}", {"retry-after": "5"}).retry_after_s is None


async def test_trap_35_retry_after_beside_a_good_answer_means_nothing(played):
    response = await played("anthropic-messages-stream-web-search").ask(Request(messages=(user("?"),)))
    assert (response.state, response.stop.kind) == ("complete", "end")


@pytest.mark.parametrize(
    ("fault", "kind", "phase"),
    [
        (httpx2.ConnectError("refused"), TransportFailed, None),
        (httpx2.RemoteProtocolError("closed"), TransportFailed, None),
        (httpx2.ConnectTimeout("slow"), TimedOut, "connect"),
        (httpx2.ReadTimeout("slow"), TimedOut, "first_event"),
    ],
)
async def test_what_leaks_through_the_sdk_comes_out_as_ours(line, fault, kind, phase):
    talk = line()

    class Broken(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request):
            talk.sent.append(request)
            raise fault

    talk.model._access._http_client = httpx2.AsyncClient(transport=Broken())
    for delivery in ("whole", "stream"):
        failed = await talk.ask(ASK.model_copy(update={"delivery": delivery}))
        assert type(failed.error) is kind
        assert (failed.error.started, getattr(failed.error, "phase", None)) == (False, phase)
    assert len(talk.sent) == 2


async def test_a_model_that_is_gone_names_its_successor(line):
    body = {"type": "error", "error": {"type": "not_found_error", "message": "model: claude-3-7-sonnet-latest"}}
    failed = await line(httpx2.Response(404, json=body), model="claude-3-7-sonnet-latest").ask(ASK)
    assert (type(failed.error), failed.error.successor) == (ModelGone, "claude-sonnet-4-6")


async def test_no_secret_and_no_whole_prompt_is_in_an_error(line):
    body = {"error": {"type": "invalid_request_error", "message": "x" * 5000}}
    failed = await line(httpx2.Response(400, json=body)).ask(ASK)
    assert len(str(failed.error)) < 500
    assert "key" not in str(failed.error)


async def test_what_is_not_taken_is_refused_before_anything_is_sent(line):
    talk = line()
    settings = Settings(seed=1, on_unsupported="error")
    failed = await talk.ask(ASK.model_copy(update={"settings": settings}))
    assert (type(failed.error), failed.error.param, talk.sent) == (InvalidRequest, "seed", [])
