"""What the chat API's many servers say of tokens and money, as one `Usage`."""

from decimal import Decimal
from typing import Any

from copilot_kit.response import Usage


def usage_of(told: dict[str, Any]) -> Usage:
    """Return the usage; a figure that is not there stays unknown.

    Cached tokens are a part of the input and never more than it (one server reports 158 of 23). One provider counts
    reasoning beside the output and not inside it: there the total gives it away.
    """
    read, written = _int(told.get("prompt_tokens")), _int(told.get("completion_tokens"))
    details, output_details = _dict(told, "prompt_tokens_details"), _dict(told, "completion_tokens_details")
    cached = _first(details.get("cached_tokens"), told.get("prompt_cache_hit_tokens"), told.get("cached_tokens"),
                    told.get("cache_read_input_tokens"))  # fmt: skip
    stored = _first(details.get("cache_write_tokens"), told.get("cache_creation_input_tokens"))
    thought = _first(output_details.get("reasoning_tokens"), told.get("reasoning_tokens"))
    total = _int(told.get("total_tokens"))
    if read is not None and written is not None and thought and total == read + written + thought:
        written += thought
    cost = _cost(told)
    return Usage(
        input=read,
        cache_read=_at_most(cached, read),
        cache_write=_at_most(stored, read),
        output=written,
        reasoning=_at_most(thought, written),
        cost_usd=cost,
        price_source=None if cost is None else "provider",
    )


def _cost(told: dict[str, Any]) -> Decimal | None:
    cost = told.get("cost")
    if isinstance(cost, dict):
        cost = cost.get("total_cost")
    if not isinstance(cost, int | float) or isinstance(cost, bool) or cost < 0:
        return None
    whole = Decimal(repr(cost))
    if told.get("is_byok"):  # the upstream's bill comes on top, on the caller's own account there
        upstream = _dict(told, "cost_details").get("upstream_inference_cost")
        if isinstance(upstream, int | float):
            whole += Decimal(repr(upstream))
    return whole


def _dict(told: dict[str, Any], name: str) -> dict[str, Any]:
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def _int(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return int(value)


def _first(*values: Any) -> int | None:
    return next((found for value in values if (found := _int(value)) is not None), None)


def _at_most(value: int | None, whole: int | None) -> int | None:
    return value if value is None or whole is None else min(value, whole)
