"""What the body of an answer says besides its items: its JSON, its tokens, why it ended."""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from pydantic_core import from_json

from copilot_kit.messages import Part, Text, ToolCall
from copilot_kit.response import Stop, StopKind, Usage
from copilot_kit_openai.responses_items import Item

_WAITING = frozenset({"queued", "in_progress"})
"""Statuses of an answer that is still being made, in the background."""

_LENGTH = frozenset({"max_output_tokens", "max_tokens", "length"})
_TICKS_PER_USD = 10_000_000_000  # xAI counts cost in these
_CALLERS_FAULT = frozenset(
    {
        "invalid_prompt",
        "invalid_image",
        "invalid_image_format",
        "invalid_base64_image",
        "invalid_image_url",
        "image_too_large",
        "image_too_small",
        "image_parse_error",
        "invalid_image_mode",
        "image_file_too_large",
        "unsupported_image_media_type",
        "empty_image_file",
        "failed_to_download_image",
        "image_file_not_found",
        "data_residency_mismatch",
    }
)
_AGAINST_POLICY = frozenset({"bio_policy", "misalignment_policy_violation", "image_content_policy_violation"})


def loads(data: bytes) -> Item:
    """Return the object that these bytes hold; raises `ValueError` for anything else."""
    try:
        value = from_json(data)
    except ValueError:
        value = _mended(json.loads(data))  # half of a surrogate pair, which some gateways cut at
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object was expected, not {type(value).__name__}")  # noqa: TRY004  a fault of data
    return value


def _mended(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_mended(v) for v in value]
        case dict():
            return {key: _mended(v) for key, v in value.items()}
        case _:
            return value


def usage_of(usage: Any) -> Usage:
    """Return the tokens; what was read from the cache and thought is part of the sums, and never more than they."""
    if not isinstance(usage, dict):
        return Usage()
    read, written = (usage.get(f"{side}_tokens_details") for side in ("input", "output"))
    read, written = (details if isinstance(details, dict) else {} for details in (read, written))
    ticks, cost = usage.get("cost_in_usd_ticks"), usage.get("cost")
    cost_usd = Decimal(str(cost)) if isinstance(cost, int | float) else None
    if isinstance(ticks, int):
        cost_usd = Decimal(ticks) / _TICKS_PER_USD
    return Usage(
        input=_count(usage.get("input_tokens")),
        cache_read=_at_most(_count(read.get("cached_tokens")), _count(usage.get("input_tokens"))),
        cache_write=_count(read.get("cache_write_tokens")),
        output=_count(usage.get("output_tokens")),
        reasoning=_count(written.get("reasoning_tokens")),
        cost_usd=cost_usd,
        price_source=None if cost_usd is None else "provider",
    )


def fault_of(error: Any) -> Any:
    """Return an error with the kind that its code stands for, where it tells only the code."""
    if not isinstance(error, dict):
        return error
    kind = error.get("type") if error.get("type") != "error" else None
    if kind is None and error.get("code") in _CALLERS_FAULT:
        kind = "invalid_request_error"
    if kind is None and error.get("code") in _AGAINST_POLICY:
        kind = "content_policy_violation"
    return {**error, "type": kind}


def stop_of(body: Item, status: str, parts: Iterable[Part]) -> Stop:
    """Return why an answer ended: by its status, and by what is in it, because a call ends as `completed` too."""
    details = body.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    raw = reason if isinstance(reason, str) else status or None
    if status == "incomplete":
        kind: StopKind = "length" if reason in _LENGTH else "refusal" if reason == "content_filter" else "paused"
        return Stop(kind=kind, raw=raw, detail=details)
    if status in _WAITING:
        return Stop(kind="paused", raw=raw)
    if status == "cancelled":
        return Stop(kind="cancelled", raw=raw)
    if any(isinstance(part, ToolCall) and part.executed_by == "client" for part in parts):
        return Stop(kind="tool", raw=raw)
    refused = any(isinstance(part, Text) and part.refusal for part in parts)
    return Stop(kind="refusal" if refused else "end", raw=raw)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _at_most(value: int | None, limit: int | None) -> int | None:
    return value if value is None or limit is None else min(value, limit)
