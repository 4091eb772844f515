"""What an answer says, and which error it is if it is none."""

from decimal import Decimal
from typing import Any

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
)
from copilot_kit.events import Failed
from copilot_kit.messages import Text, user
from copilot_kit.request import Request
from copilot_kit.response import Usage

ASK = Request(messages=(user("?"),), delivery="whole")
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"}


def said(*content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": list(content),
    } | fields


def words(text):
    return {"type": "output_text", "text": text, "annotations": []}


async def test_trap_20_an_answer_of_reasoning_alone_that_used_up_the_tokens_is_legal(line):
    cut = {"output": [THOUGHT], "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    response = await line(cut).ask(ASK)
    assert (response.text, response.stop.kind, response.stop.raw) == ("", "length", "max_output_tokens")
    assert response.stop.detail == {"reason": "max_output_tokens"}


async def test_trap_20_an_answer_of_nothing_is_legal(line):
    response = await line({"output": []}).ask(ASK)
    assert (response.message.parts, response.stop.kind, response.state) == ((), "end", "complete")


async def test_trap_21_a_refusal_is_read_from_the_content(line):
    response = await line({"output": [said({"type": "refusal", "refusal": "I cannot."})]}).ask(ASK)
    (text,) = response.message.parts
    assert (text.text, text.refusal) == ("I cannot.", True)
    assert (response.stop.kind, response.stop.raw) == ("refusal", "completed")


async def test_trap_21_a_filter_that_cuts_the_answer_is_a_refusal(line):
    cut = {"output": [said(words("Well"))], "status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
    response = await line(cut).ask(ASK)
    assert (response.text, response.stop.kind) == ("Well", "refusal")


async def test_trap_21_a_refusal_comes_back_as_a_refusal(line):
    item = said({"type": "refusal", "refusal": "I cannot."})
    turn = (await line({"output": [item]}).ask(ASK)).message
    assert (await line().body(Request(messages=(turn,), delivery="whole")))["input"] == [item]


async def test_trap_25_the_name_asked_for_and_the_name_that_served_are_two_things(line):
    response = await line({"model": "gpt-test-2026-01-01"}).ask(ASK)
    model = response.model
    assert (model.asked, model.served, model.provider) == ("gpt-test", "gpt-test-2026-01-01", "openai")


async def test_trap_31_cached_and_thought_tokens_are_inside_the_sums(line):
    usage = {"input_tokens": 100, "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 40},
             "output_tokens": 50, "output_tokens_details": {"reasoning_tokens": 45}, "total_tokens": 150}  # fmt: skip
    response = await line({"usage": usage}).ask(ASK)
    assert response.usage == Usage(input=100, cache_read=60, cache_write=40, output=50, reasoning=45)


async def test_trap_31_more_cached_than_read_is_clamped(line):
    usage = {"input_tokens": 23, "input_tokens_details": {"cached_tokens": 158}, "output_tokens": 1}
    assert (await line({"usage": usage}).ask(ASK)).usage.cache_read == 23


async def test_trap_31_what_nobody_said_is_not_zero(line):
    assert (await line({"usage": None}).ask(ASK)).usage == Usage()
    partly = (await line({"usage": {"input_tokens": 12, "output_tokens": 8, "total_tokens": 20}}).ask(ASK)).usage
    assert partly == Usage(input=12, output=8)


async def test_xai_names_the_cost_itself(line):
    usage = {"input_tokens": 284, "output_tokens": 348, "cost_in_usd_ticks": 10234000}
    response = await line({"usage": usage}, provider="xai").ask(ASK)
    assert (response.usage.cost_usd, response.usage.price_source) == (Decimal("0.0010234"), "provider")


def error(status, message, *, code=None, kind="invalid_request_error", headers=None):
    body = {"error": {"message": message, "type": kind, "param": "input", "code": code}}
    return httpx2.Response(status, json=body, headers=headers)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(401, "Incorrect API key provided", code="invalid_api_key"), AuthFailed),
        (error(400, "The requested model 'gpt-9' does not exist.", code="model_not_found"), ModelGone),
        (error(400, "Your input exceeds the context window of this model.", code="context_length_exceeded"),
         ContextOverflow),
        (error(400, "Item 'rs_1' of type 'reasoning' was provided without its required following item."),
         StaleReasoning),
        (error(400, "No tool output found for function call call_1."), InvalidRequest),
        (error(429, "You exceeded your current quota", code="insufficient_quota", kind="insufficient_quota"),
         QuotaExceeded),
        (error(429, "Rate limit reached", code="rate_limit_exceeded", kind="tokens"), RateLimited),
        (error(500, "The server had an error", kind="server_error"), ProviderFailed),
        (error(503, "The engine is currently overloaded", kind="server_error"), Overloaded),
        (httpx2.Response(400, json={"code": "invalid-argument", "error": "Incorrect API key provided: x"}), AuthFailed),
        (httpx2.Response(502, text="<html><title>502 Bad Gateway</title></html>"), ProviderFailed),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value.status_code),
)  # fmt: skip
async def test_traps_32_33_34_an_error_has_a_type_by_what_it_says(line, reply, kind):
    failed = await line(reply).ask(ASK)
    assert isinstance(failed, Failed)
    assert type(failed.error) is kind
    assert (failed.error.model, failed.error.started, failed.partial) == ("openai:gpt-test", False, None)


async def test_trap_35_the_wait_of_a_rate_limit_is_read_and_that_of_a_good_answer_is_not(line):
    limited = await line(error(429, "Rate limit reached", code="rate_limit_exceeded",
                               headers={"retry-after-ms": "250"})).ask(ASK)  # fmt: skip
    assert limited.error.retry_after_s == 0.25


async def test_trap_30_an_answer_that_failed_is_an_error_although_it_came_with_200(line):
    body = {"status": "failed", "error": {"code": "server_error", "message": "Something broke."}, "output": []}
    failed = await line(httpx2.Response(200, json={"id": "resp_1"} | body)).ask(ASK)
    assert type(failed.error) is ProviderFailed
    assert failed.error.code == "server_error"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("server_error", ProviderFailed),
        ("rate_limit_exceeded", RateLimited),
        ("invalid_image_url", InvalidRequest),
        ("bio_policy", Refused),
        ("something_new", ProviderFailed),
    ],
)
async def test_trap_30_a_code_alone_tells_who_is_to_act(line, code, kind):
    body = {"status": "failed", "error": {"code": code, "message": "It did not work."}, "output": []}
    assert type((await line(body).ask(ASK)).error) is kind


async def test_trap_36_an_answer_is_read_leniently(line):
    bare = {"output": [said({"type": "output_text", "text": "Hi."}, status=None)], "usage": {"input_tokens": 1},
            "status": None, "model": None, "text": 7, "tools": "none"}  # fmt: skip
    response = await line(bare).ask(ASK)
    assert (response.text, response.usage, response.model.served) == ("Hi.", Usage(input=1), None)


@pytest.mark.parametrize(
    "reply",
    [
        httpx2.Response(200, text="<html>Sign in</html>", headers={"content-type": "text/html"}),
        httpx2.Response(200, text="upstream", headers={"content-type": "application/json"}),
        httpx2.Response(200, json=[1]),
        httpx2.Response(200, json={"object": "chat.completion", "choices": []}),
        httpx2.Response(200, json={"output": [7]}),
        httpx2.Response(200, json={"output": [{"type": "message", "role": "assistant", "content": [3]}]}),
    ],
    ids=["page", "no json", "list", "another api", "items of numbers", "content of numbers"],
)
async def test_trap_34_what_is_no_answer_is_a_bad_answer(line, reply):
    failed = await line(reply).ask(ASK)
    assert isinstance(failed, Failed)
    assert type(failed.error) is BadAnswer


async def test_an_answer_that_is_made_in_the_background_is_paused(line):
    response = await line({"status": "queued", "output": [], "usage": None}).ask(ASK)
    assert (response.stop.kind, response.stop.raw, response.response_id) == ("paused", "queued", "resp_1")


async def test_several_parts_of_a_message_stay_parts(line):
    response = await line({"output": [said(words("a"), words("b"))]}).ask(ASK)
    assert [part.text for part in response.message.parts if isinstance(part, Text)] == ["a", "b"]
    assert response.text == "ab"


async def test_half_of_a_surrogate_pair_does_not_break_an_answer(line):
    body = b'{"status":"completed","output":[{"type":"message","role":"assistant","content":[{"type":"output_text",'
    body += b'"text":"ok \\ud83d"}]}]}'
    reply = httpx2.Response(200, content=body, headers={"content-type": "application/json"})
    assert (await line(reply).ask(ASK)).text == "ok \N{REPLACEMENT CHARACTER}"
