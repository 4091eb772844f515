"""What the stub provider answers: the wire shapes of chat completions, responses and messages, whole and streamed."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from benchmarks.agent_loop.conversation import ANSWER, MODELS, TOOLS, Api

Event = dict[str, Any]
Events = Iterator[Event]

_CREATED: Final = 1_790_000_000


class Step(NamedTuple):
    """Where a scripted conversation stands: the reply to give after `done` of `turns` tool calls."""

    turns: int
    chunks: int
    done: int

    @property
    def call(self) -> dict[str, int] | None:
        """The arguments of the next call of `add`, or None when the final text is due."""
        return {"a": self.done, "b": 1} if self.done < self.turns else None

    @property
    def pieces(self) -> list[str]:
        """The final text as it is streamed; neighbours differ, since some clients refuse a repeating stream."""
        return [f"word{n % 89} " for n in range(self.chunks)] or [ANSWER[:2], ANSWER[2:]]

    @property
    def text(self) -> str:
        """The final text."""
        return "".join(self.pieces)


def _halves(text: str) -> tuple[str, str]:
    middle = len(text) // 2
    return text[:middle], text[middle:]


# --- chat completions


def _chat_usage(step: Step) -> dict[str, Any]:
    prompt = 120 + 25 * step.done
    return {
        "prompt_tokens": prompt,
        "completion_tokens": 18,
        "total_tokens": prompt + 18,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _chat_envelope(step: Step, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{step.done:05}",
        "object": kind,
        "created": _CREATED,
        "model": MODELS["chat"],
        "service_tier": "default",
        "system_fingerprint": "fp_stub",
        "choices": choices,
    }


def _chat_call(step: Step, arguments: str) -> dict[str, Any]:
    return {
        "id": f"call_{step.done:05}",
        "type": "function",
        "function": {"name": "add", "arguments": arguments},
    }


def chat_whole(step: Step) -> Event:
    """One chat completion."""
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    if step.call:
        message["tool_calls"] = [_chat_call(step, json.dumps(step.call))]
    else:
        message["content"] = step.text
    finish = "tool_calls" if step.call else "stop"
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return _chat_envelope(step, "chat.completion", [choice]) | {"usage": _chat_usage(step)}


def chat_events(step: Step) -> Events:
    """One chat completion as chunks, usage last."""

    def chunk(delta: dict[str, Any], finish: str | None = None) -> Event:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _chat_envelope(step, "chat.completion.chunk", [choice]) | {"usage": None}

    if step.call:
        call = {"index": 0, **_chat_call(step, "")}
        yield chunk({"role": "assistant", "content": None, "tool_calls": [call]})
        for half in _halves(json.dumps(step.call)):
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": half}}]})
    else:
        yield chunk({"role": "assistant", "content": "", "refusal": None})
        for piece in step.pieces:
            yield chunk({"content": piece})
    yield chunk({}, "tool_calls" if step.call else "stop")
    yield _chat_envelope(step, "chat.completion.chunk", []) | {"usage": _chat_usage(step)}


# --- responses


def _responses_item(step: Step) -> dict[str, Any]:
    if step.call:
        return {
            "type": "function_call",
            "id": f"fc_{step.done:05}",
            "call_id": f"call_{step.done:05}",
            "name": "add",
            "arguments": json.dumps(step.call),
            "status": "completed",
        }
    part = {"type": "output_text", "text": step.text, "annotations": [], "logprobs": []}
    return {
        "type": "message",
        "id": f"msg_{step.done:05}",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


def responses_whole(step: Step) -> Event:
    """One response of the responses API."""
    tokens = 120 + 25 * step.done
    return {
        "id": f"resp_{step.done:05}",
        "object": "response",
        "created_at": _CREATED,
        "status": "completed",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "model": MODELS["responses"],
        "output": [_responses_item(step)],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": TOOLS["responses"] if step.turns else [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 18,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": tokens + 18,
        },
        "user": None,
        "metadata": {},
    }


def responses_events(step: Step) -> Events:
    """One response as numbered events."""
    for number, event in enumerate(_responses_events(step)):
        yield {"type": event["type"], "sequence_number": number, **event}


def _responses_events(step: Step) -> Events:
    whole = responses_whole(step)
    opening = whole | {"status": "in_progress", "output": [], "usage": None}
    item = _responses_item(step)
    yield {"type": "response.created", "response": opening}
    yield {"type": "response.in_progress", "response": opening}
    yield from _responses_call(step, item) if step.call else _responses_text(step, item)
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield {"type": "response.completed", "response": whole}


def _responses_call(step: Step, item: dict[str, Any]) -> Events:
    at = {"item_id": item["id"], "output_index": 0}
    opening = item | {"arguments": "", "status": "in_progress"}
    yield {"type": "response.output_item.added", "output_index": 0, "item": opening}
    for half in _halves(json.dumps(step.call)):
        yield {"type": "response.function_call_arguments.delta", **at, "delta": half}
    finished = {"arguments": item["arguments"], "name": item["name"]}
    yield {"type": "response.function_call_arguments.done", **at, **finished}


def _responses_text(step: Step, item: dict[str, Any]) -> Events:
    at = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    (part,) = item["content"]
    opening = item | {"content": [], "status": "in_progress"}
    yield {"type": "response.output_item.added", "output_index": 0, "item": opening}
    yield {"type": "response.content_part.added", **at, "part": part | {"text": ""}}
    for piece in step.pieces:
        yield {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **at, "part": part}


# --- messages


def _messages_block(step: Step) -> dict[str, Any]:
    if step.call:
        return {"type": "tool_use", "id": f"toolu_{step.done:05}", "name": "add", "input": step.call}
    return {"type": "text", "text": step.text}


def messages_whole(step: Step) -> Event:
    """One reply of the messages API."""
    return {
        "id": f"msg_{step.done:05}",
        "type": "message",
        "role": "assistant",
        "model": MODELS["messages"],
        "content": [_messages_block(step)],
        "stop_reason": "tool_use" if step.call else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 120 + 25 * step.done,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 18,
            "service_tier": "standard",
        },
    }


def messages_events(step: Step) -> Events:
    """One reply of the messages API as events, with the ping that real streams carry."""
    whole = messages_whole(step)
    opening = whole | {"content": [], "stop_reason": None, "usage": whole["usage"] | {"output_tokens": 1}}
    yield {"type": "message_start", "message": opening}
    block = _messages_block(step)
    empty: Event = {"input": {}} if step.call else {"text": ""}
    yield {"type": "content_block_start", "index": 0, "content_block": block | empty}
    yield {"type": "ping"}
    if step.call:
        deltas = [{"type": "input_json_delta", "partial_json": half} for half in _halves(json.dumps(step.call))]
    else:
        deltas = [{"type": "text_delta", "text": piece} for piece in step.pieces]
    for delta in deltas:
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    ending = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ending, "usage": {"output_tokens": 18}}
    yield {"type": "message_stop"}


class Wire(NamedTuple):
    """One API of the stub: where it lives, how to count the tool results in a request, what it answers."""

    path: str
    result_mark: bytes
    named_events: bool
    whole: Callable[[Step], Event]
    events: Callable[[Step], Events]


WIRES: Final[dict[Api, Wire]] = {
    "chat": Wire("/chat/completions", b'"tool_call_id"', False, chat_whole, chat_events),
    "responses": Wire("/responses", b'"function_call_output"', True, responses_whole, responses_events),
    "messages": Wire("/messages", b'"tool_result"', True, messages_whole, messages_events),
}
