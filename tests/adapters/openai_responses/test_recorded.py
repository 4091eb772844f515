"""Everything that was recorded of the Responses API, both ways; and the contract of every model."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_kit.conformance import check_recording, recordings
from copilot_kit.conformance.sameness import differences, normal
from copilot_kit.events import Ended, Failed, PartEnd, PartStart, parts_of
from copilot_kit.messages import user
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.response import Response
from copilot_kit.testing import CHECKS, Check, Subject
from copilot_kit_openai.dialects import DIALECTS
from copilot_kit_openai.responses_answer import AnswerReader, Asked
from copilot_kit_openai.responses_check import RESPONSES_CHECK
from copilot_kit_openai.responses_parse import parse_request
from copilot_kit_openai.responses_request import RequestEncoder, Sent

SAID = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "Hello there.", "annotations": []}]}  # fmt: skip
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": '{"q":"x"}',
        "status": "completed"}  # fmt: skip


async def test_every_recorded_exchange_is_sent_and_understood_as_it_was(shared):
    checks = {"openai": RESPONSES_CHECK}
    found = [await check_recording(r, checks) for r in recordings(shared / "wire") if "responses" in r.api]
    assert [f"{v.id}: {v.reason}" for v in found if v.status == "failed"] == []
    # Fetching a background answer and compacting are no answers of a model.
    assert sorted(v.id for v in found if v.status == "not_claimed") == [
        "openai-responses-background",
        "openai-responses-previous-response-id",
    ]
    assert sum(v.status == "passed" for v in found) >= 45


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("items", [[SAID], [CALL], [SAID, CALL]], ids=["words", "call", "both"])
async def test_the_contract_of_every_model_holds(check: Check, line, streamed, items):
    between = {
        "message": [{"type": "response.output_text.delta", "delta": d} for d in ("Hello ", "there.")],
        "function_call": [{"type": "response.function_call_arguments.delta", "delta": d} for d in ('{"q"', ':"x"}')],
    }
    stream = streamed(*[(item, between[item["type"]]) for item in items])

    class Both(httpx2.AsyncByteStream):
        def __init__(self, body):
            self.body = body

        async def __aiter__(self):
            yield self.body

    def opened(body=stream):
        def answer(request: httpx2.Request) -> httpx2.Response:
            if json.loads(request.content).get("stream"):
                return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Both(body))
            whole = {"id": "resp_1", "status": "completed", "model": "gpt-test-2026", "output": items}
            return httpx2.Response(200, json=whole | {"usage": {"input_tokens": 3, "output_tokens": 2}})

        client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
        return RESPONSES_CHECK.open("openai", "responses", "gpt-test", path="/v1/responses", http_client=client)

    await check(Subject(open=opened, open_cut=lambda: opened(stream[: len(stream) // 2])))


# Request bodies as clients write them: read as ours and encoded again, they say the same.

_WORD = st.text(alphabet='abc ü\N{GRINNING FACE}"\\\n', max_size=8)
_NAME = st.sampled_from(["look", "find", "sql"])
_ID = st.text(alphabet="abc123", min_size=1, max_size=5)
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | _WORD, lambda inner: st.lists(inner, max_size=2), max_leaves=4
)


def _some(fields: dict[str, st.SearchStrategy[Any]], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(fields, optional=more)


def _is(word: str) -> st.SearchStrategy[str]:
    return st.just(word)


_HEARD = st.one_of(
    _some({"type": _is("input_text"), "text": _WORD}, prompt_cache_breakpoint=st.just({"mode": "explicit"})),
    _some({"type": _is("input_image"), "image_url": st.sampled_from(
        ["https://a.test/x.png", "https://a.test/x", "data:image/png;base64,iVBORw==", "data:image/png;base64,iVBORx=="]
    )}, detail=st.sampled_from(["low", "high"])),
    _some({"type": _is("input_image"), "file_id": _ID}, detail=st.just("auto")),
    _some({"type": _is("input_file"), "file_data": st.sampled_from(
        ["data:text/csv;base64,YSxi", "data:image/png;base64,iVBORw==", "YSxi", "data:audio/wav;base64,UklGRg=="]
    )}, filename=st.sampled_from(["a.csv", "b"])),
    _some({"type": _is("input_file"), "file_url": st.just("https://a.test/x.pdf")}),
    _some({"type": _is("input_file"), "file_id": _ID}, filename=_is("x.png")),
    _some({"type": _is("input_audio"), "input_audio": st.just({"data": "UklGRg==", "format": "wav"})}),
    _some({"type": _is("input_smell"), "ppm": st.integers()}),
)  # fmt: skip
_SPOKEN = st.one_of(
    _some({"type": _is("output_text"), "text": _WORD}, annotations=st.sampled_from(
        [[], [{"type": "url_citation", "url": "https://a.test", "start_index": 0, "end_index": 1}]]
    ), logprobs=st.just([])),
    _some({"type": _is("refusal"), "refusal": _WORD}),
)  # fmt: skip
_OUTPUT = st.one_of(_WORD, st.lists(_HEARD, min_size=1, max_size=3))
_ITEM = st.one_of(
    _some({"role": st.sampled_from(["user", "system", "developer"]),
           "content": st.one_of(_WORD, st.lists(_HEARD, min_size=1, max_size=3))}, type=_is("message")),
    _some({"role": _is("assistant"), "content": st.one_of(_WORD, st.lists(_SPOKEN, min_size=1, max_size=3))},
          type=_is("message"), id=_ID, status=_is("completed"), phase=_is("commentary")),
    _some({"type": _is("reasoning"), "summary": st.sampled_from([[], [{"type": "summary_text", "text": "s"}]])},
          id=_ID, encrypted_content=st.one_of(st.none(), _WORD), content=st.just([])),
    _some({"type": _is("function_call"), "call_id": _ID, "name": _NAME,
           "arguments": st.sampled_from(["{}", '{"q": 1}', '{"q":', "[]"])}, id=_ID, status=_is("completed")),
    _some({"type": _is("function_call_output"), "call_id": _ID, "output": _OUTPUT}, id=_ID, status=_is("completed")),
    _some({"type": _is("custom_tool_call"), "call_id": _ID, "name": _NAME, "input": _WORD}, id=_ID),
    _some({"type": _is("custom_tool_call_output"), "call_id": _ID, "output": _OUTPUT}),
    _some({"type": st.sampled_from(["web_search_call", "computer_call", "shell_call", "apply_patch_call"]),
           "id": _ID}, call_id=_ID, action=st.just({"type": "x"}), status=_is("completed")),
    _some({"type": st.sampled_from(["shell_call_output", "computer_call_output", "local_shell_call_output",
                                    "apply_patch_call_output", "tool_search_output", "program_output"])},
          id=_ID, call_id=_ID, output=_JSON, status=st.sampled_from(["completed", "failed"])),
    _some({"type": st.sampled_from(["item_reference", "compaction", "mcp_approval_response", "additional_tools",
                                    "hologram", "mcp_list_tools"])}, id=_ID, value=_JSON),
)  # fmt: skip
_TOOL = st.one_of(
    _some({"type": _is("function"), "name": _NAME, "parameters": st.just({"type": "object", "properties": {}})},
          strict=st.booleans(), description=_WORD, defer_loading=st.booleans()),
    _some({"type": _is("custom"), "name": _NAME}, format=st.just({"type": "grammar", "syntax": "lark"})),
    _some({"type": st.sampled_from(["web_search", "mcp", "computer_use_preview", "code_interpreter"])}, x=_JSON),
)  # fmt: skip
_FORMAT = st.one_of(
    st.just({"type": "json_object"}),
    _some({"type": _is("json_schema"), "name": _NAME, "schema": st.just({"type": "object"})}, strict=st.booleans(),
          description=_WORD),
)  # fmt: skip
_BODY = _some(
    {"model": _is("gpt-test"), "input": st.one_of(_WORD, st.lists(_ITEM, max_size=7))},
    instructions=_WORD,
    tools=st.lists(_TOOL, max_size=3),
    tool_choice=st.sampled_from(["auto", "none", "required", {"type": "function", "name": "look"},
                                 {"type": "mcp", "server_label": "s"}, {"type": "custom", "name": "sql"}]),
    stream=st.booleans(),
    store=st.booleans(),
    include=st.just(["reasoning.encrypted_content"]),
    reasoning=st.sampled_from([{}, {"effort": "low"}, {"effort": "xhigh", "summary": "auto"}, {"effort": "beyond"}]),
    text=_some({}, format=_FORMAT, verbosity=_is("low")),
    temperature=st.sampled_from([0.0, 1.0]),
    top_p=st.just(0.5),
    max_output_tokens=st.just(16),
    parallel_tool_calls=st.booleans(),
    previous_response_id=_ID,
    background=st.booleans(),
    prompt=st.just({"id": "pmpt_1", "variables": {"a": 1}}),
    metadata=st.just({"a": "b"}),
    truncation=_is("auto"),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(body=_BODY, provider=st.sampled_from(["openai", "azure"]))
def test_a_request_that_was_read_says_the_same_when_it_is_written_again(body, provider):
    from copilot_kit.profile import Profile
    from copilot_kit_openai.responses_request import RequestEncoder

    dialect = DIALECTS[provider]
    model, request = parse_request(dialect, body)
    assert Request.model_validate_json(request.model_dump_json()) == request
    sent = RequestEncoder(dialect, model, Profile()).encode(request)
    assert list(differences(normal(body, "responses"), normal(json.loads(sent.content), "responses"))) == []
    assert sent.dropped == ()


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": {"id": "pmpt_1", "version": "4", "variables": {"question": "Why?"}}},
        {"input": "Why?"},
        {"model": "gpt-test", "input": ["Invalid content"]},
        {"model": "gpt-test", "input": {"role": "user"}, "tools": []},
    ],
)
def test_a_request_without_a_model_or_without_turns_is_written_again_as_it_came(body):
    from copilot_kit.profile import Profile
    from copilot_kit_openai.responses_request import RequestEncoder

    model, request = parse_request(DIALECTS["openai"], body)
    assert Request.model_validate_json(request.model_dump_json()) == request
    sent = json.loads(RequestEncoder(DIALECTS["openai"], model, Profile()).encode(request).content)
    assert list(differences(normal(body, "responses"), normal(sent, "responses"))) == []


# Answers as the API gives them: sent back, they are what came; damaged, they end in one typed event.

_DONE = {"id": _ID, "status": _is("completed")}
_ANSWERED = st.one_of(
    _some(_DONE | {"type": _is("message"), "role": _is("assistant"), "content": st.lists(_SPOKEN, max_size=3)},
          phase=_is("final_answer")),
    _some(_DONE | {"type": _is("function_call"), "call_id": _ID, "name": _NAME,
                   "arguments": st.sampled_from(["{}", '{"q":"ü"}', '{"q":'])}, namespace=_NAME),
    _some(_DONE | {"type": _is("custom_tool_call"), "call_id": _ID, "name": _NAME, "input": _WORD}),
    _some(_DONE | {"type": st.sampled_from(["web_search_call", "computer_call", "shell_call", "hologram"])},
          action=st.just({"type": "x"}), call_id=_ID, value=_JSON),
    _some(_DONE | {"type": _is("mcp_call"), "name": _NAME, "arguments": _is("{}")}, output=_WORD, error=_WORD),
    _some({"type": _is("reasoning"), "id": _ID, "summary": st.sampled_from([[], [{"type": "summary_text",
          "text": "s"}]])}, encrypted_content=_WORD, content=st.sampled_from([[], [{"type": "reasoning_text",
          "text": "t"}]])),
)  # fmt: skip


def _whole(items):
    body = {"id": "resp_1", "status": "completed", "model": "gpt-test", "output": items}
    return json.dumps(body).encode()


def _reader():
    sent = Sent(b"", {}, (), None)
    return AnswerReader(Asked("openai:gpt-test", "gpt-test", "openai", "openai.responses", sent))


@settings(max_examples=150, deadline=None)
@given(items=st.lists(_ANSWERED, max_size=6))
def test_an_answer_that_is_sent_back_is_the_answer_that_came(items):
    while items and items[-1]["type"] == "reasoning":
        items.pop()  # reasoning that nothing followed does not go back
    events = _reader().whole(_whole(items))
    response = events[-1].response
    assert parts_of(events) == response.message.parts
    assert Response.model_validate_json(response.model_dump_json()) == response
    sent = RequestEncoder(DIALECTS["openai"], "gpt-test", Profile()).encode(Request(messages=(response.message,)))
    assert json.loads(sent.content)["input"] == items
    assert sent.dropped == ()


_JUNK = st.sampled_from(["null", "7", '""', '"x"', "[]", "{}", "[null]", '{"a": 1}', "true"]).map(json.loads)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_stream_ends_in_one_typed_event_and_leaves_no_part_open(data, shared):
    name = data.draw(st.sampled_from(["stream-parallel-tools", "stream-web-search", "stream-tool-round-trip"]))
    recording = json.loads((shared / "wire" / "exchanges" / f"openai-responses-{name}.json").read_text())
    chunks = [json.loads(c.partition("data: ")[2]) for c in recording["interactions"][0]["response"]["chunks"]]
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = data.draw(st.sampled_from(chunks))
        while place:
            key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
                place[key] = data.draw(_JUNK)
                break
            place = place[key]
    stream = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    events = asyncio.run(_played(stream))
    assert [type(e) for e in events if isinstance(e, Ended | Failed)] == [type(events[-1])]
    if isinstance(events[-1], Ended):
        begun = [e.index for e in events if isinstance(e, PartStart)]
        assert sorted(begun) == sorted(e.index for e in events if isinstance(e, PartEnd))
    elif events[-1].partial is not None:
        assert events[-1].partial.message.calls == ()


async def _played(stream):
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=stream)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
        model = RESPONSES_CHECK.open("openai", "responses", "m", path="/v1/responses", http_client=client)
        return [event async for event in model.stream(Request(messages=(user("?"),)))]
