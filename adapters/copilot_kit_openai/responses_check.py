"""Recorded traffic of the Responses API against this adapter: what `copilot-kit adapters check` calls.

`said` is a second reading of an answer, naive on purpose: it shares no code with `responses_answer`.
"""

import json
from typing import TYPE_CHECKING, Any

from copilot_kit.conformance.wire_check import Said
from copilot_kit.model import Model
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.response import StopKind
from copilot_kit_openai.dialects import DIALECTS, Dialect

if TYPE_CHECKING:
    import httpx2

_TO_RUN = {"function_call", "custom_tool_call", "computer_call", "local_shell_call", "apply_patch_call"}
_RUN_THERE = {"web_search_call", "x_search_call", "file_search_call", "code_interpreter_call", "mcp_call", "program"}
_ENDS = {"response.completed", "response.incomplete", "response.failed", "response.cancelled"}
_NOBODY = "http://recorded.invalid"


class ResponsesCheck:
    """The judge's hooks for the Responses API."""

    def claims(self, provider: str, api: str) -> bool:
        """Tell whether this is the Responses API of a known provider."""
        return api == "responses" and provider in DIALECTS

    def parse_request(self, provider: str, api: str, body: dict[str, Any]) -> tuple[str, Request]:
        """Return the model's name and our request."""
        from copilot_kit_openai.responses_parse import parse_request

        del api
        return parse_request(_dialect(provider), body)

    def open(self, provider: str, api: str, model: str, *, path: str, http_client: "httpx2.AsyncClient") -> Model:
        """Return a model that posts to this path; it knows nothing of the model, and so leaves nothing out."""
        from copilot_kit_openai.client import Connection, Endpoint
        from copilot_kit_openai.responses import ResponsesModel

        del api
        connection = Connection(Endpoint(provider, _NOBODY, "recorded"), http_client=http_client)
        return ResponsesModel(
            provider, model, dialect=_dialect(provider), connection=connection, profile=Profile(), path=path
        )

    def said(self, provider: str, api: str, status: int, body: bytes, content_type: str) -> Said:
        """Return what the answer says to somebody who just reads the JSON."""
        del api
        xai = provider == "xai"
        if status >= 400:  # noqa: PLR2004
            return Said(error=_error(status, body.decode("utf-8", "replace")))
        if "event-stream" in content_type or body.lstrip().startswith((b"event:", b"data:", b":")):
            return _streamed(body, xai=xai)
        try:
            answer = json.loads(body)
        except ValueError:
            return Said(error="BadAnswer")
        if not isinstance(answer, dict) or (not isinstance(answer.get("output"), list) and not answer.get("error")):
            return Said(error="BadAnswer")
        if answer.get("status") == "failed" or (answer.get("error") and not isinstance(answer.get("output"), list)):
            return Said(error=_error(None, json.dumps(answer.get("error"))))
        return _whole(answer, answer["output"], xai=xai)


RESPONSES_CHECK = ResponsesCheck()
"""What the package's own check asks about the Responses API."""


def _dialect(provider: str) -> Dialect:
    return DIALECTS[provider]


def _streamed(body: bytes, *, xai: bool) -> Said:
    events = []
    for block in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        lines = [line[5:].strip() for line in block.split(b"\n") if line.startswith(b"data:")]
        if lines and lines != [b"[DONE]"]:
            try:
                events.append(json.loads(b"\n".join(lines)))
            except ValueError:
                return Said(**_so_far(events), error="BadAnswer")
            if events[-1].get("type") in _ENDS | {"error"}:
                break
    last = events[-1] if events else {}
    if last.get("type") in {"error", "response.failed"}:
        fault = last.get("error") or last.get("response", {}).get("error") or last
        return Said(**_so_far(events), error=_error(None, json.dumps(fault)))
    if last.get("type") not in _ENDS:
        return Said(**_so_far(events), error="TransportFailed")
    answer = last.get("response") or {}
    done = {e.get("output_index", n): e["item"] for n, e in enumerate(events)
            if e.get("type") == "response.output_item.done"}  # fmt: skip
    return _whole(answer, answer.get("output") or [done[place] for place in sorted(done)], xai=xai)


def _so_far(events: list[dict[str, Any]]) -> dict[str, Any]:
    def words(kind: str) -> str:
        return "".join(e.get("delta") or "" for e in events if e.get("type") == kind)

    thoughts = words("response.reasoning_summary_text.delta") or words("response.reasoning_text.delta")
    return {
        "text": words("response.output_text.delta"),
        "refusal": words("response.refusal.delta"),
        "reasoning": thoughts,
    }


def _whole(answer: dict[str, Any], output: list[dict[str, Any]], *, xai: bool) -> Said:
    usage = answer.get("usage") or {}
    content = [
        part
        for item in output
        if item.get("type") == "message" and item.get("role") == "assistant"
        for part in item.get("content") or []
    ]
    own = [item for item in output if xai and item.get("type") == "custom_tool_call"]  # xAI's own searches
    output = [item for item in output if item not in own]
    calls = [item for item in output if _is_to_run(item) and item.get("status") != "incomplete"]
    cached = (usage.get("input_tokens_details") or {}).get("cached_tokens")
    read = usage.get("input_tokens")
    refusal = "".join(part["refusal"] for part in content if part.get("type") == "refusal")
    return Said(
        text="".join(part["text"] for part in content if part.get("type") == "output_text"),
        refusal=refusal,
        reasoning="".join(_thought(item) for item in output if item.get("type") == "reasoning"),
        calls=tuple(_call(item) for item in calls),
        provider_calls=sum(_ran_there(item) for item in output) + len(own),
        provider_results=sum(_result_there(item) for item in output),
        stop=_stop(answer, calls=bool(calls), refused=bool(refusal)),
        input=read,
        output=usage.get("output_tokens"),
        cache_read=min(cached, read) if cached is not None and read is not None else cached,
        reasoning_tokens=(usage.get("output_tokens_details") or {}).get("reasoning_tokens"),
    )


def _is_to_run(item: dict[str, Any]) -> bool:
    if item.get("type") == "tool_search_call":
        return item.get("execution") == "client"
    if item.get("type") == "shell_call":
        return (item.get("environment") or {}).get("type") in {None, "local"}
    return item.get("type") in _TO_RUN


def _ran_there(item: dict[str, Any]) -> bool:
    if item.get("type") in {"tool_search_call", "shell_call"}:
        return not _is_to_run(item)
    return item.get("type") in _RUN_THERE


def _result_there(item: dict[str, Any]) -> bool:
    kind = item.get("type")
    if kind not in _RUN_THERE:
        return str(kind).endswith("_output")
    brought = item.get("results") or item.get("outputs") or item.get("error") or item.get("status") == "failed"
    return bool(brought) or (kind == "mcp_call" and item.get("output") is not None)


def _thought(item: dict[str, Any]) -> str:
    full = "".join(part.get("text") or "" for part in item.get("content") or [])
    return full or "\n\n".join(part.get("text") or "" for part in item.get("summary") or [])


def _call(item: dict[str, Any]) -> tuple[str, Any]:
    match item:
        case {"type": "custom_tool_call"}:
            return item["name"], {"input": item.get("input") or ""}
        case {"type": "function_call"}:
            text = item.get("arguments") or ""
            try:
                return item["name"], json.loads(text) if text.strip() else {}
            except ValueError:
                return item["name"], text
        case {"type": "apply_patch_call"}:
            return "apply_patch", item["operation"]
        case {"type": "tool_search_call"}:
            return "tool_search", item["arguments"]
        case {"type": "computer_call", "actions": [*actions]} if item.get("action") is None:
            return "computer", {"actions": actions, "pending_safety_checks": item.get("pending_safety_checks")}
        case _:
            return str(item["type"]).removesuffix("_call"), item["action"]


def _stop(answer: dict[str, Any], *, calls: bool, refused: bool) -> StopKind | None:
    status = answer.get("status")
    reason = (answer.get("incomplete_details") or {}).get("reason")
    if status == "incomplete":
        return "length" if reason == "max_output_tokens" else "refusal" if reason == "content_filter" else "paused"
    if status in {"queued", "in_progress"}:
        return "paused"
    if status == "cancelled":
        return "cancelled"
    return "tool" if calls else "refusal" if refused else "end"


_SIGNS = (
    ("QuotaExceeded", ("insufficient_quota", "spending limit")),
    ("ContextOverflow", ("context_length_exceeded", "context window", "context length")),
    ("Refused", ("content_filter", "content_policy", "usage policies", "moderation_blocked", "cyber_policy")),
    ("Refused", ("bio_policy", "misalignment_policy")),
    ("InvalidRequest", ("invalid_prompt", "invalid_image", "image_too", "invalid_base64_image", "download_image")),
    ("StaleReasoning", ("without its required following item", "encrypted content", "invalid_encrypted_content",
                        "without its required 'reasoning'")),
    ("ModelGone", ("model_not_found", "model not found", "DeploymentNotFound")),
    ("AuthFailed", ("invalid_api_key", "Incorrect API key", "permission_denied")),
    ("Overloaded", ("overloaded", "slow_down", "at capacity")),
    ("RateLimited", ("rate_limit", "Rate limit", "Too Many Requests")),
    ("ProviderFailed", ("server_error", "internal_error", "vector_store_timeout")),
)  # fmt: skip


def _error(status: int | None, text: str) -> str:
    if status is not None and status >= 500:  # noqa: PLR2004
        return "Overloaded" if status in {503, 529} or "overloaded" in text else "ProviderFailed"
    for name, signs in _SIGNS:
        if any(sign.lower() in text.lower() for sign in signs):
            return name
    by_status = {401: "AuthFailed", 402: "QuotaExceeded", 403: "AuthFailed", 404: "ModelGone", 408: "ProviderFailed",
                 429: "RateLimited"}  # fmt: skip
    return by_status.get(status or 0, "InvalidRequest" if status is not None else "ProviderFailed")
