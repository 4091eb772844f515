"""Lets recorded traffic judge this adapter; `said` is a second, naive reading that shares no code with the first.

Claimed is the Messages API at any provider, and Bedrock's `invoke` where the body is a message of this API. Not claimed
are batches, token counts and model lists: they are no conversation with a model, and the model protocol has no place
for them.
"""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import httpx2

from copilot_kit.conformance import Said
from copilot_kit.model import Model
from copilot_kit.request import Request
from copilot_kit.response import StopKind
from copilot_kit_anthropic.messages import MessagesModel
from copilot_kit_anthropic.recorded import request_of

_STOPS: dict[str | None, StopKind | None] = {
    None: None,
    "tool_use": "tool",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "paused",
    "compaction": "paused",
    "refusal": "refusal",
}
_ERRORS_BY_WORDS = (
    ("signature", "StaleReasoning"),
    ("thinking blocks", "StaleReasoning"),
    ("too long", "ContextOverflow"),
    ("context limit", "ContextOverflow"),
    ("context size", "ContextOverflow"),
    ("context window", "ContextOverflow"),
    ("credit balance", "QuotaExceeded"),
    ("content filtering", "Refused"),
)
_ERRORS_BY_TYPE = {
    "authentication_error": "AuthFailed",
    "permission_error": "AuthFailed",
    "billing_error": "QuotaExceeded",
    "rate_limit_error": "RateLimited",
    "overloaded_error": "Overloaded",
    "request_too_large": "ContextOverflow",
    "api_error": "ProviderFailed",
    "timeout_error": "ProviderFailed",
}
_ERRORS_BY_STATUS = {
    401: "AuthFailed",
    402: "QuotaExceeded",
    403: "AuthFailed",
    404: "ModelGone",
    408: "ProviderFailed",
    409: "ProviderFailed",
    413: "ContextOverflow",
    429: "RateLimited",
    503: "Overloaded",
    529: "Overloaded",
}
_FIRST_ERROR, _FIRST_SERVER_ERROR = 400, 500


class MessagesCheck:
    """What `copilot_kit.conformance.WireCheck` asks of the adapter."""

    def claims(self, provider: str, api: str) -> bool:
        """Tell whether this is the Messages API."""
        return api == "messages" or (provider, api) == ("bedrock", "invoke")

    def parse_request(self, provider: str, api: str, body: dict[str, Any]) -> tuple[str, Request]:  # noqa: ARG002
        """Return the model's name and the request of a recorded body."""
        return request_of(provider, body)

    def open(self, provider: str, api: str, model: str, *, path: str, http_client: httpx2.AsyncClient) -> Model:  # noqa: ARG002
        """Return a model that posts to this path over this client."""
        return MessagesModel(
            provider,
            model,
            base_url="https://recorded.invalid",
            api_key="recorded",
            http_client=http_client,
            path=path,
        )

    def said(self, provider: str, api: str, status: int, body: bytes, content_type: str) -> Said:  # noqa: ARG002
        """Return what a raw answer says."""
        if status >= _FIRST_ERROR:
            return Said(error=_error(status, body))
        if "eventstream" in content_type:
            frames = re.findall(rb'"bytes":\s*"([^"]+)"', body)
            return _streamed([base64.b64decode(frame) for frame in frames])
        if "event-stream" in content_type or body.lstrip().startswith((b"event:", b"data:")):
            lines = body.replace(b"\r\n", b"\n").split(b"\n")
            return _streamed([line[5:] for line in lines if line.startswith(b"data:")])
        try:
            value = json.loads(body)
        except ValueError:
            return Said(error="BadAnswer")
        if not isinstance(value, dict) or not isinstance(value.get("content"), list):
            return Said(error=_error(status, body) if b'"error"' in body else "BadAnswer")
        return _said(value["content"], value, value.get("usage") or {})


check = MessagesCheck()


def _error(status: int, body: bytes) -> str:
    try:
        value = json.loads(body)
        stated = value["error"] if isinstance(value.get("error"), dict) else {"message": value.get("error") or ""}
    except (ValueError, AttributeError):
        stated = {}
    kind, words = stated.get("type"), str(stated.get("message") or _message(body)).lower()
    if kind == "not_found_error":
        return "ModelGone" if "model" in words else "InvalidRequest"
    if kind in _ERRORS_BY_TYPE:
        return _ERRORS_BY_TYPE[kind]
    if status < _FIRST_SERVER_ERROR:
        for phrase, name in _ERRORS_BY_WORDS:
            if phrase in words:
                return name
    fallback = "InvalidRequest" if status < _FIRST_SERVER_ERROR else "ProviderFailed"
    return _ERRORS_BY_STATUS.get(status, fallback)


def _message(body: bytes) -> str:
    """Return the message of a body that is an error without saying so, as Bedrock's are."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return ""


def _streamed(events: list[bytes]) -> Said:
    blocks: dict[int, dict[str, Any]] = {}
    frame: dict[str, Any] = {}
    usage: dict[str, Any] = {}
    error: str | None = "TransportFailed"
    for data in events:
        try:
            event = json.loads(data)
        except ValueError:
            error = "TransportFailed" if data is events[-1] else "BadAnswer"
            break
        kind = event.get("type")
        if kind == "message_start":
            frame |= event["message"]
            usage |= event["message"].get("usage") or {}
        elif kind == "content_block_start":
            blocks[event["index"]] = {**event["content_block"], "pieces": ""}
        elif kind == "content_block_delta" and event["index"] in blocks:
            _add(blocks[event["index"]], event["delta"])
        elif kind == "message_delta":
            frame |= event.get("delta") or {}
            usage |= {k: v for k, v in (event.get("usage") or {}).items() if v is not None}
        elif kind == "error":
            error = _error(200 if event["error"].get("type") != "invalid_request_error" else 400, data)
            error = "ProviderFailed" if error == "InvalidRequest" and "type" not in event["error"] else error
            break
        elif kind == "message_stop" and frame.get("stop_reason"):
            error = None
            break
    found = _said([blocks[index] for index in sorted(blocks)], frame, usage)
    return found if error is None else Said(text=found.text, reasoning=found.reasoning, error=error)


def _add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    match delta.get("type"):
        case "text_delta":
            block["text"] = block.get("text", "") + delta["text"]
        case "thinking_delta":
            block["thinking"] = block.get("thinking", "") + delta["thinking"]
        case "input_json_delta":
            block["pieces"] += delta["partial_json"]
        case _:
            pass


def _said(blocks: list[dict[str, Any]], frame: dict[str, Any], usage: dict[str, Any]) -> Said:
    stop = _STOPS.get(frame.get("stop_reason"), "end")
    calls = [block for block in blocks if block["type"] == "tool_use"]
    if stop == "length" and calls and blocks[-1] is calls[-1] and not _is_whole(calls[-1]):
        calls.pop()
    if stop == "end" and calls:
        stop = "tool"
    fresh, read, written = (usage.get(f"{kind}input_tokens") for kind in ("", "cache_read_", "cache_creation_"))
    return Said(
        text="".join(block.get("text") or "" for block in blocks if block["type"] == "text"),
        reasoning="".join(block.get("thinking") or "" for block in blocks if block["type"] == "thinking"),
        calls=tuple((call["name"], _args(call)) for call in calls),
        provider_calls=_count(blocks, lambda kind: kind.endswith("_tool_use")),
        provider_results=_count(blocks, lambda kind: kind.endswith("_tool_result")),
        stop=stop,
        input=None if fresh is None else fresh + (read or 0) + (written or 0),
        output=usage.get("output_tokens"),
        cache_read=read,
        reasoning_tokens=(usage.get("output_tokens_details") or {}).get("thinking_tokens"),
    )


def _count(blocks: list[dict[str, Any]], fits: Callable[[str], bool]) -> int:
    return sum(1 for block in blocks if fits(block["type"]))


def _args(call: dict[str, Any]) -> Any:
    pieces = call.get("pieces") or ""
    if not pieces.strip():
        return call.get("input") or {}
    try:
        return json.loads(pieces)
    except ValueError:
        return pieces


def _is_whole(call: dict[str, Any]) -> bool:
    args = _args(call)
    return isinstance(args, dict) and args != {}
