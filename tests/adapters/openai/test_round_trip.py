"""What the adapter sends, it reads again as the same request; what it reads, it sends again as the same body."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_kit.conformance.sameness import differences, normal
from copilot_kit.messages import (
    File,
    Message,
    Text,
    ToolCall,
    ToolResult,
    Wire,
    assistant,
    results,
    system,
    user,
)
from copilot_kit.profile import Profile
from copilot_kit.request import OutputSpec, Request, Settings, ToolSpec
from copilot_kit_openai.chat_parse import parse_request
from copilot_kit_openai.chat_request import ChatEncoder
from copilot_kit_openai.dialects import DIALECTS

PROVIDERS = st.sampled_from(sorted(DIALECTS))
WORDS = st.text(max_size=20)
NAMES = st.text(alphabet="abcdefgh_", min_size=1, max_size=8)
ARGUMENTS = st.dictionaries(NAMES, st.integers() | WORDS, max_size=2).map(json.dumps)
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()


@st.composite
def turns(draw: st.DrawFn) -> list[Message]:
    calls = [ToolCall(call_id=f"{n}abcdefgh", name=draw(NAMES), args_json=draw(ARGUMENTS))
             for n in range(draw(st.integers(0, 2)))]  # fmt: skip
    files = [File(media_type="image/png", data=draw(st.binary(max_size=9)))] if draw(st.booleans()) else []
    asked = user(draw(WORDS), *files)
    if not calls:
        return [asked, assistant(draw(WORDS))]
    told = [ToolResult(call_id=call.call_id, content=(Text(text=draw(WORDS)),)) for call in calls]
    return [asked, assistant(*([draw(WORDS)] if draw(st.booleans()) else []), *calls), results(*told)]


REQUESTS = st.builds(
    Request,
    messages=st.lists(turns(), max_size=3).map(lambda ts: (system("Be brief."), *[m for turn in ts for m in turn])),
    tools=st.lists(st.builds(ToolSpec, name=NAMES, description=st.none() | WORDS, strict=st.booleans(),
                             parameters=st.just({"type": "object", "properties": {}})), max_size=2).map(tuple),
    tool_choice=st.sampled_from([None, "auto", "none", "required", ("add",)]),
    parallel_tools=st.none() | st.booleans(),
    output=st.none() | st.builds(OutputSpec, json_schema=st.just({"type": "object"}), mode=st.just("native"),
                                 strict=st.none() | st.booleans()),
    settings=st.builds(Settings, max_output_tokens=st.none() | st.integers(1, 99), seed=st.none() | st.integers(0, 9),
                       temperature=st.none() | st.floats(0, 2), stop=st.lists(WORDS, max_size=2).map(tuple),
                       effort=st.sampled_from([None, "none", "high"])),
    delivery=st.sampled_from(["stream", "whole"]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(PROVIDERS, REQUESTS)
def test_what_is_sent_is_read_as_a_request_that_is_sent_the_same(provider: str, request: Request) -> None:
    dialect = DIALECTS[provider]
    first = ChatEncoder(dialect, "m", Profile(tools=True)).encode(request).content
    model, read = parse_request(json.loads(first), dialect)
    again = ChatEncoder(dialect, model, Profile(tools=True)).encode(read).content
    assert json.loads(again) == json.loads(first)
    assert Request.model_validate_json(read.model_dump_json()) == read


ASK = {"role": "user", "content": "?"}
CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
FUNCTION = {"type": "function", "function": {"name": "f", "description": "d", "parameters": CLOSED}}
BODIES: list[tuple[str, dict[str, Any]]] = [
    (
        "openai",
        {
            "messages": [ASK],
            "n": 3,
            "logprobs": True,
            "top_logprobs": 2,
            "temperature": 0,
            "top_p": 1,
            "user": "x",
            "store": True,
            "metadata": {"a": "b"},
            "service_tier": "auto",
            "prediction": {"type": "content", "content": "x"},
            "modalities": ["text", "audio"],
            "audio": {"voice": "alloy", "format": "wav"},
            "verbosity": "low",
            "logit_bias": {"50256": -100},
            "prompt_cache_key": "k",
            "safety_identifier": "s",
            "presence_penalty": 0.1,
            "frequency_penalty": 0,
        },
    ),
    (
        "openai",
        {"messages": [ASK], "stop": "x", "max_tokens": 5, "response_format": {"type": "json_object"}, "seed": 3},
    ),
    (
        "openai",
        {
            "messages": [ASK],
            "stop": ["x"],
            "max_completion_tokens": 5,
            "response_format": {"type": "text"},
            "stream": True,
        },
    ),
    (
        "openai",
        {
            "messages": [ASK],
            "stream": True,
            "stream_options": {"include_usage": True, "include_obfuscation": False},
            "reasoning_effort": "xhigh",
        },
    ),
    (
        "openai",
        {
            "messages": [ASK],
            "reasoning_effort": "minimal",
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": CLOSED}},
        },
    ),
    (
        "openai",
        {
            "messages": [ASK],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": CLOSED, "strict": True, "description": "q"},
            },
        },
    ),
    (
        "openai",
        {
            "messages": [ASK],
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": CLOSED, "strict": False}},
        },
    ),
    (
        "openai",
        {
            "messages": [ASK],
            "tools": [
                FUNCTION,
                {
                    "type": "custom",
                    "custom": {
                        "name": "c",
                        "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}},
                    },
                },
            ],
            "tool_choice": {"type": "custom", "custom": {"name": "c"}},
        },
    ),
    (
        "openai",
        {
            "messages": [ASK],
            "tools": [FUNCTION],
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
            "parallel_tool_calls": False,
        },
    ),
    (
        "openai",
        {"messages": [ASK], "tools": [FUNCTION], "tool_choice": {"type": "function", "function": {"name": "f"}}},
    ),
    ("openai", {"messages": [ASK], "functions": [{"name": "f", "parameters": {}}], "function_call": {"name": "f"}}),
    ("openai", {"messages": [ASK], "tools": []}),
    (
        "openai",
        {
            "messages": [ASK],
            "tools": [
                {"type": "function", "function": {"name": "f"}},
                {"type": "function", "function": {"name": "g", "parameters": {}}},
                {
                    "type": "function",
                    "function": {"name": "h", "description": "", "parameters": CLOSED, "strict": True},
                },
            ],
        },
    ),
    (
        "openai",
        {
            "messages": [
                {"role": "developer", "content": "be"},
                {
                    "role": "system",
                    "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                    "name": "sys",
                },
                {"role": "user", "content": "hi", "name": "bob"},
            ]
        },
    ),
    (
        "openai",
        {
            "messages": [
                ASK,
                {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"a": 1}'}},
                {"role": "function", "name": "f", "content": "42"},
            ]
        },
    ),
    (
        "openai",
        {
            "messages": [
                ASK,
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}},
                        {"id": "call_2", "type": "function", "function": {"name": "f", "arguments": "{bad"}},
                    ],
                    "refusal": None,
                    "audio": None,
                    "annotations": [],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "", "name": "f"},
                {
                    "role": "tool",
                    "tool_call_id": "call_2",
                    "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                },
            ]
        },
    ),
    ("openai", {"messages": [ASK, {"role": "assistant", "audio": {"id": "audio_1"}}, ASK]}),
    (
        "openai",
        {
            "messages": [
                ASK,
                {"role": "assistant", "content": [{"type": "text", "text": "x"}, {"type": "refusal", "refusal": "no"}]},
                ASK,
            ]
        },
    ),
    (
        "openai",
        {
            "messages": [
                ASK,
                {"role": "assistant", "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]},
                ASK,
            ]
        },
    ),
    ("openai", {"messages": [ASK, {"role": "assistant", "refusal": "no", "content": None}, ASK]}),
    ("openai", {"messages": [ASK, {"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]}),
    (
        "openai",
        {
            "messages": [
                ASK,
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "c1", "type": "custom", "custom": {"name": "c", "input": 'é "x"\n'}}],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "r"},
            ]
        },
    ),
    (
        "openai",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "x"},
                        {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                        {"type": "image_url", "image_url": {"url": "https://x/y.jpg"}},
                        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
                        {"type": "file", "file": {"file_id": "file-1"}},
                        {
                            "type": "file",
                            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
                        },
                        {"type": "file", "file": {"filename": "a.pdf", "file_data": "AAAA"}},
                        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}},
                    ],
                }
            ]
        },
    ),
    (
        "openai",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": "data:image/PNG;base64,AAA"}},
                        {"type": "image_url", "image_url": "https://x/y"},
                        {"type": "weird", "x": 1},
                    ],
                }
            ]
        },
    ),
    (
        "openai",
        {
            "messages": [
                {"role": "user", "content": ""},
                {"role": "user", "content": []},
                {"role": "assistant", "content": ""},
                {"role": "assistant"},
                {"role": "assistant", "content": None},
            ]
        },
    ),
    (
        "openai",
        {
            "messages": [ASK],
            "web_search_options": {"search_context_size": "low"},
            "max_tokens": None,
            "temperature": None,
        },
    ),
    (
        "openrouter",
        {
            "messages": [ASK],
            "models": ["a"],
            "provider": {"order": ["x"]},
            "transforms": [],
            "usage": {"include": True},
            "reasoning": {"effort": "high"},
            "plugins": [{"id": "web"}],
            "route": "fallback",
            "min_p": 0.1,
            "include_reasoning": True,
        },
    ),
    ("openrouter", {"messages": [ASK], "reasoning": {"effort": "high", "exclude": True}}),
    (
        "openrouter",
        {
            "messages": [ASK],
            "reasoning": {"max_tokens": 1000},
            "max_tokens": 5,
            "stream": True,
            "stream_options": {"include_usage": True},
        },
    ),
    (
        "openrouter",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},
                        {"type": "file", "file": {"filename": "d.pdf", "file_data": "https://x/y.pdf"}},
                        {"type": "video_url", "video_url": {"url": "https://x/v.mp4"}},
                        {
                            "type": "image_url",
                            "image_url": {"url": PNG},
                            "cache_control": {"type": "ephemeral", "ttl": "1h"},
                        },
                    ],
                }
            ],
            "tools": [{**FUNCTION, "cache_control": {"type": "ephemeral"}}],
            "cache_control": {"type": "ephemeral"},
        },
    ),
    (
        "openrouter",
        {
            "messages": [
                ASK,
                {
                    "role": "assistant",
                    "content": "x",
                    "reasoning": "th",
                    "reasoning_details": [
                        {"type": "reasoning.summary", "summary": "s"},
                        {
                            "type": "reasoning.encrypted",
                            "data": "zz",
                            "id": "rs_1",
                            "format": "openai-responses-v1",
                            "index": 0,
                        },
                        {"type": "reasoning.text", "text": "t", "signature": None},
                    ],
                    "tool_calls": [
                        {
                            "id": "x",
                            "type": "function",
                            "index": 0,
                            "function": {"name": "f", "arguments": "{}"},
                            "extra_content": {"google": {"thought_signature": "s"}},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "x", "content": "r"},
            ]
        },
    ),
    (
        "openrouter",
        {
            "messages": [
                ASK,
                {
                    "role": "assistant",
                    "content": "x",
                    "annotations": [{"type": "file", "file": {"hash": "h"}}],
                    "images": [{"type": "image_url", "image_url": {"url": PNG}}],
                },
                ASK,
            ]
        },
    ),
    (
        "mistral",
        {
            "messages": [
                ASK,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": [{"type": "text", "text": "t"}], "closed": True},
                        {"type": "text", "text": "x"},
                    ],
                    "prefix": True,
                    "tool_calls": [],
                },
                ASK,
            ],
            "safe_prompt": False,
            "random_seed": 3,
            "tool_choice": "any",
            "tools": [FUNCTION],
            "reasoning_effort": "none",
        },
    ),
    (
        "mistral",
        {
            "messages": [
                ASK,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": [{"type": "text", "text": "t"}, {"type": "text", "text": "u"}]}
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": "https://x/y.PNG"},
                        {"type": "document_url", "document_url": "https://x/y.pdf"},
                        {"type": "input_audio", "input_audio": "AAAA"},
                        {"type": "reference", "reference_ids": [1]},
                    ],
                },
            ],
            "tool_choice": "required",
            "max_tokens": 3,
            "n": 2,
        },
    ),
    (
        "groq",
        {
            "messages": [ASK, {"role": "assistant", "reasoning": "x", "content": "y"}, ASK],
            "reasoning_format": "parsed",
            "include_reasoning": True,
            "compound_custom": {},
            "citation_options": "enabled",
            "documents": [],
            "max_completion_tokens": 3,
            "max_tokens": 3,
            "tools": [{"type": "browser_search"}],
            "service_tier": "flex",
            "reasoning_effort": "default",
        },
    ),
    (
        "deepseek",
        {
            "messages": [ASK, {"role": "assistant", "content": "a", "prefix": True, "reasoning_content": ""}, ASK],
            "thinking": {"type": "disabled"},
        },
    ),
    ("deepseek", {"messages": [ASK], "thinking": {"type": "enabled"}, "response_format": {"type": "json_object"}}),
    (
        "zai",
        {
            "messages": [ASK],
            "thinking": {"type": "enabled", "clear_thinking": False},
            "tools": [{"type": "web_search", "web_search": {"enable": True}}],
            "do_sample": False,
            "tool_stream": True,
            "stream": True,
        },
    ),
    (
        "perplexity",
        {
            "messages": [ASK],
            "search_domain_filter": ["a"],
            "return_images": True,
            "web_search_options": {},
            "stream": True,
            "response_format": {"type": "json_schema", "json_schema": {"schema": CLOSED}},
        },
    ),
    (
        "ollama",
        {
            "messages": [ASK],
            "think": True,
            "options": {"num_ctx": 1},
            "keep_alive": "5m",
            "max_tokens": 3,
            "stream": True,
        },
    ),
    (
        "vllm",
        {
            "messages": [
                ASK,
                {
                    "role": "assistant",
                    "content": None,
                    "reasoning_content": "r",
                    "reasoning": "q",
                    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}],
                },
            ],
            "chat_template_kwargs": {"enable_thinking": False},
            "guided_json": CLOSED,
            "top_k": 3,
            "structured_outputs": {},
        },
    ),
    (
        "azure",
        {"messages": [ASK], "data_sources": [{"type": "azure_search"}], "max_completion_tokens": 3, "max_tokens": 3},
    ),
    (
        "databricks",
        {
            "messages": [
                ASK,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "x", "signature": "s"}]},
                        {"type": "text", "text": "y"},
                    ],
                },
                ASK,
            ],
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "max_tokens": 2000,
        },
    ),
    ("xai", {"messages": [ASK], "search_parameters": {"mode": "on"}, "deferred": False, "reasoning_effort": "high"}),
    (
        "together",
        {
            "messages": [ASK],
            "repetition_penalty": 1.0,
            "safety_model": "x",
            "stream": True,
            "tool_choice": "auto",
            "tools": [FUNCTION],
        },
    ),
    (
        "fireworks",
        {
            "messages": [ASK],
            "reasoning_history": "preserved",
            "prompt_truncate_len": 1,
            "response_format": {"type": "grammar", "grammar": "g"},
        },
    ),
    (
        "openai",
        {
            "messages": [
                {"role": "tool", "content": None, "tool_call_id": "x"},
                {"role": "tool", "tool_call_id": "y", "content": [{"type": "image_url", "image_url": {"url": PNG}}]},
            ]
        },
    ),
    (
        "openai",
        {
            "messages": [
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "null"}}],
                    "foo": {"a": 1},
                },
                {"role": "user", "content": "x", "cache_control": {"type": "ephemeral"}},
                {"role": "unknown", "content": "q"},
            ],
            "parallel_tool_calls": True,
            "tools": [FUNCTION],
            "tool_choice": "none",
        },
    ),
]


@pytest.mark.parametrize(("provider", "body"), BODIES, ids=[f"{n}-{p}" for n, (p, _) in enumerate(BODIES)])
def test_a_body_of_another_client_is_read_without_loss(provider: str, body: dict[str, Any]) -> None:
    body = {"model": "m", **body}
    model, read = parse_request(body, DIALECTS[provider])
    assert Request.model_validate_json(read.model_dump_json()) == read
    sent = json.loads(ChatEncoder(DIALECTS[provider], model, Profile()).encode(read).content)
    assert list(differences(normal(body, "chat"), normal(sent, "chat"))) == []


def test_a_request_that_was_read_means_something() -> None:
    body = {
        "model": "m",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 9,
        "n": 2,
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {
                "role": "user",
                "name": "bob",
                "content": [
                    {"type": "text", "text": "Look:"},
                    {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                ],
            },
        ],
        "tools": [FUNCTION],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "reasoning_effort": "xhigh",
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": CLOSED, "strict": True}},
    }
    _, read = parse_request(body, DIALECTS["openai"])
    assert (read.delivery, read.tool_choice, read.tools[0].name) == ("stream", ("f",), "f")  # type: ignore[union-attr]
    assert read.settings == Settings(max_output_tokens=9, effort="max", extra={"openai": {"n": 2}})
    assert read.output == OutputSpec(name="x", json_schema=CLOSED, strict=True, mode="native")
    assert [m.role for m in read.messages] == ["system", "user"]
    assert read.messages[1].parts[1] == File(
        media_type="image/png", data=b"\x89PNG",
        wire=Wire(origin="openai.chat", opaque={"form": "image_url", "inner": {"detail": "low"}}))  # fmt: skip
