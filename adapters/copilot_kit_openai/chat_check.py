"""A second, naive reading of chat completions: it shares nothing with the adapter's own, so that it can disagree."""

import json
from dataclasses import replace
from typing import Any

from copilot_kit.conformance import Said
from copilot_kit.response import StopKind

_SENDS_DONE = {"openai", "azure", "github-copilot", "openrouter", "groq", "mistral", "deepseek", "xai", "together",
               "fireworks", "cerebras", "moonshot"}  # fmt: skip


def said_in_chat(provider: str, status: int, body: bytes, content_type: str) -> Said:
    """Return what an answer says: text, reasoning, calls, why it ended, tokens; or the class of error that it is."""
    if status >= 400:  # noqa: PLR2004
        return Said(error=_error(status, body.decode(errors="replace")))
    if "event-stream" in content_type or body.lstrip().startswith((b"data:", b"event:", b":")):
        return _streamed(provider, body)
    try:
        answer = json.loads(body)
    except ValueError:
        return Said(error="BadAnswer")
    if answer.get("error"):
        return Said(error=_error(None, json.dumps(answer["error"])))
    if not answer.get("choices"):
        return Said(error="BadAnswer")
    choice = answer["choices"][0]
    if choice.get("error"):
        return Said(error=_error(None, json.dumps(choice["error"])))
    return _read(choice.get("message") or {}, choice.get("finish_reason"), _usage(answer))


def _streamed(provider: str, body: bytes) -> Said:
    message: dict[str, Any] = {"content": "", "calls": {}}
    finish, usage, done, error = None, None, False, None
    text = body.decode(errors="replace").replace("\r\n", "\n")
    for line in text.split("\n"):
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or not data:
            continue
        if data == "[DONE]":
            done = True
            break
        try:
            chunk = json.loads(data)
        except ValueError:
            error = "BadAnswer" if text.rstrip("\n").partition(data)[2] else None
            break
        if told := chunk.get("error"):
            error = _error(told.get("status_code") if isinstance(told, dict) else None, json.dumps(told))
            break
        usage = _usage(chunk) or usage
        for choice in chunk.get("choices") or []:
            if choice.get("error"):
                error = _error(None, json.dumps(choice["error"]))
            if choice.get("index", 0) == 0:
                _add(message, choice.get("delta") or {})
                finish = choice.get("finish_reason") or finish
    cut = (finish is None and not (done and usage)) or (provider in _SENDS_DONE and not done)
    message["tool_calls"] = [] if error or cut else list(message["calls"].values())
    said = _read(message, finish, usage)
    return replace(said, error=error or ("TransportFailed" if cut else None))


def _add(message: dict[str, Any], delta: dict[str, Any]) -> None:
    content = delta.get("content")
    for part in content if isinstance(content, list) else [{"type": "text", "text": content or ""}]:
        message["parts"] = [*message.get("parts", []), part]
        message["content"] = message["parts"]
    for name in ("reasoning", "reasoning_content", "reasoning_text", "refusal"):
        if delta.get(name):
            message[name] = message.get(name, "") + delta[name]
    message["reasoning_details"] = [*message.get("reasoning_details", []), *(delta.get("reasoning_details") or [])]
    for tool in delta.get("executed_tools") or []:
        message.setdefault("executed", {})[tool.get("index", 0)] = tool
        message["executed_tools"] = list(message["executed"].values())
    for number, piece in enumerate(delta.get("tool_calls") or []):
        _add_call(message["calls"], piece, number)
    if legacy := delta.get("function_call"):
        _add_call(message["calls"], {"function": legacy}, 0)
    if spoken := (delta.get("audio") or {}).get("transcript"):
        message["audio"] = {"transcript": message.get("audio", {}).get("transcript", "") + spoken}


def _add_call(calls: dict[Any, Any], piece: dict[str, Any], number: int) -> None:
    key = number if piece.get("index") is None else piece["index"]
    wire_id = piece.get("id")
    if key in calls and wire_id and calls[key]["id"] not in {None, wire_id}:
        key = wire_id  # a server that gives every call the same index, or none
    if piece.get("index") is None and not wire_id and calls:
        key = list(calls)[-1]
    call = calls.setdefault(key, {"id": wire_id, "type": piece.get("type"), "function": {"name": "", "arguments": ""},
                                  "custom": {"name": "", "input": ""}})  # fmt: skip
    for part in ("function", "custom"):
        for name, value in (piece.get(part) or {}).items():
            if name == "name":  # whole from the first on, and repeated by some
                call[part][name] = call[part][name] or value or ""
            elif name in call[part]:
                call[part][name] += value or ""


def _read(message: dict[str, Any], finish: str | None, usage: dict[str, Any] | None) -> Said:
    text, thought = _words(message.get("content"))
    detailed = "".join(d.get("text") or d.get("summary") or "" for d in message.get("reasoning_details") or [])
    thought += message.get("reasoning_content") or message.get("reasoning") or message.get("reasoning_text") or detailed
    calls = tuple(_call(call) for call in message.get("tool_calls") or [])
    if finish == "length":  # a call that was cut is none
        calls = tuple(call for call in calls if not isinstance(call[1], str))
    if (legacy := message.get("function_call")) and legacy["name"]:  # some send an empty one
        calls = (*calls, (legacy["name"], _parsed(legacy.get("arguments"))))
    if audio := message.get("audio"):
        text += audio.get("transcript") or ""
    executed = message.get("executed_tools") or []
    figures = usage or {}
    read, details = figures.get("prompt_tokens"), figures.get("prompt_tokens_details") or {}
    cached = next((value for value in (details.get("cached_tokens"), figures.get("prompt_cache_hit_tokens"),
                                       figures.get("cached_tokens"), figures.get("cache_read_input_tokens"))
                   if value is not None), None)  # fmt: skip
    thinking = (figures.get("completion_tokens_details") or {}).get("reasoning_tokens")
    thinking = figures.get("reasoning_tokens") if thinking is None else thinking
    written = figures.get("completion_tokens")
    if thinking and written is not None and figures.get("total_tokens") == read + written + thinking:
        written += thinking
    return Said(
        text=text,
        refusal=message.get("refusal") or "",
        reasoning=thought,
        calls=calls,
        provider_calls=len(executed),
        provider_results=sum(1 for tool in executed if tool.get("output") is not None),
        stop=_stop(finish, refused=bool(message.get("refusal")), called=bool(calls)),
        input=read,
        output=written,
        cache_read=min(cached, read) if cached is not None and read is not None else cached,
        reasoning_tokens=min(thinking, written) if thinking is not None and written is not None else thinking,
    )


def _words(content: Any) -> tuple[str, str]:
    if isinstance(content, str):
        return content, ""
    text = thought = ""
    for part in content or []:
        if part.get("type") == "text":
            text += part["text"]
        elif part.get("type") == "thinking":
            thought += "".join(piece.get("text", "") for piece in part["thinking"])
        elif part.get("type") == "reasoning":
            thought += "".join(piece.get("text", "") for piece in part["summary"])
    return text, thought


def _call(call: dict[str, Any]) -> tuple[str, Any]:
    if call.get("type") == "custom":
        return call["custom"]["name"], {"input": call["custom"]["input"]}
    return call["function"]["name"], _parsed(call["function"].get("arguments"))


def _parsed(arguments: Any) -> Any:
    if not isinstance(arguments, str):
        return arguments or {}
    try:
        return json.loads(arguments) if arguments.strip() else {}
    except ValueError:
        return arguments


def _stop(finish: str | None, *, refused: bool, called: bool) -> StopKind:
    if finish in {"length", "max_tokens", "model_length", "model_context_window_exceeded"}:
        return "length"
    if refused or finish in {"content_filter", "sensitive"}:
        return "refusal"
    return "tool" if called else "end"


def _usage(answer: dict[str, Any]) -> dict[str, Any] | None:
    usage = answer.get("usage") or (answer.get("x_groq") or {}).get("usage")
    return usage if isinstance(usage, dict) else None


_SIGNS = (
    ("QuotaExceeded", ("insufficient_quota", "nsufficient balance", "no credits", "exceeded_current_quota")),
    ("RateLimited", ("tokens per minute",)),
    ("ContextOverflow", ("context_length_exceeded", "maximum context length", "context window",
                         "exceed_context_size_error", "exceeded model token limit", "prompt is too long",
                         "reduce the length of the messages")),
    ("Refused", ("content_filter", "requires moderation", "usage policy", "data_inspection_failed",
                 "content_policy_violation")),
    ("StaleReasoning", ("`reasoning_content`", "thought_signature", "invalid_encrypted_content")),
    ("InvalidRequest", ("only supported in v1/",)),
    ("ModelGone", ("model_not_found", "deploymentnotfound", "invalid_model", "not a valid model", "model not exist",
                   "decommissioned", "model_not_supported", "not supported by provider", "invalid model")),
    ("AuthFailed", ("incorrect api key", "invalid_api_key")),
    ("BadAnswer", ("tool_use_failed", "json_validate_failed", "does not match the expected peg")),
    ("Overloaded", ("service_tier_capacity_exceeded", "overloaded")),
)  # fmt: skip
_STATUSES = {401: "AuthFailed", 402: "QuotaExceeded", 403: "AuthFailed", 404: "ModelGone", 408: "ProviderFailed",
             409: "ProviderFailed", 429: "RateLimited", 503: "Overloaded", 529: "Overloaded"}  # fmt: skip
_ALSO_AT_500 = ("BadAnswer", "Overloaded")


def _error(status: int | None, text: str) -> str:
    said = text.lower()
    for name, signs in _SIGNS:
        if any(sign in said for sign in signs) and (status is None or status < 500 or name in _ALSO_AT_500):  # noqa: PLR2004
            return name
    if status is None:
        status = _status_told(text)
    if status in _STATUSES:
        return _STATUSES[status]
    return "ProviderFailed" if status >= 500 else "InvalidRequest"  # noqa: PLR2004


def _status_told(text: str) -> int:
    """Return the status that an error inside a good answer names for itself."""
    told = json.loads(text)
    if not isinstance(told, dict):
        return 500
    code = next((told[name] for name in ("status_code", "status", "code") if isinstance(told.get(name), int)), None)
    if code is not None:
        return int(code)
    return 400 if told.get("type") == "invalid_request_error" else 500
