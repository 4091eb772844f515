"""What an answer cost: by the provider's own word, else by the price list of the `genai-prices` package.

A price that is not known stays None; it is never 0. The list is loaded at the first answer that needs it.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from copilot_kit.response import Response, Served, Usage

LOCAL = "local"
"""The provider whose models run on the user's own machine and cost nothing."""

_MILLION = Decimal(1_000_000)
_THOUSAND = Decimal(1_000)
_VALID_S = 60  # some providers price by the time of day


@dataclass(frozen=True, slots=True)
class _Rate:
    """USD per million tokens: from `above` input tokens on, for all tokens of the answer."""

    above: tuple[tuple[int, Decimal], ...]
    base: Decimal

    def at(self, input_tokens: int) -> Decimal:
        reached = [price for start, price in self.above if input_tokens > start]
        return reached[-1] if reached else self.base


@dataclass(frozen=True, slots=True)
class _Prices:
    input: _Rate
    cache_read: _Rate
    cache_write: _Rate
    output: _Rate
    reasoning: _Rate
    request_usd: Decimal
    source: str


def priced(response: Response) -> Response:
    """Return the response with its cost in US dollars, where the provider named none and the price is known."""
    usage = response.usage
    if usage.cost_usd is not None:
        return response
    if response.model.provider == LOCAL:
        return _with_cost(response, Decimal(0), LOCAL)
    if usage.input is None or usage.output is None:
        return response
    tier = response.extra.get("service_tier")
    prices = _prices_of(response.model, tier if isinstance(tier, str) else None)
    return response if prices is None else _with_cost(response, _cost(usage, prices), prices.source)


def _with_cost(response: Response, cost_usd: Decimal, source: str) -> Response:
    usage = response.usage.model_copy(update={"cost_usd": cost_usd, "price_source": source})
    return response.model_copy(update={"usage": usage})


def _cost(usage: Usage, prices: _Prices) -> Decimal:
    read, cached, written = usage.input or 0, usage.cache_read or 0, usage.cache_write or 0
    said, thought = usage.output or 0, usage.reasoning or 0
    tokens = (
        max(0, read - cached - written) * prices.input.at(read)
        + cached * prices.cache_read.at(read)
        + written * prices.cache_write.at(read)
        + max(0, said - thought) * prices.output.at(read)
        + thought * prices.reasoning.at(read)
    )
    return tokens / _MILLION + prices.request_usd


def _prices_of(model: Served, tier: str | None) -> _Prices | None:
    now = int(time.time()) // _VALID_S
    for name in (model.served, model.asked):
        if name and (found := _looked_up(model.provider, name, tier, now)) is not None:
            return found
    return None


@lru_cache(maxsize=512)
def _looked_up(provider: str, model: str, tier: str | None, minute: int) -> _Prices | None:  # noqa: ARG001  the key
    import genai_prices

    today = datetime.now(tz=UTC)
    try:
        listed: Any = genai_prices.calc_price(
            genai_prices.Usage(input_tokens=0, output_tokens=0),
            model,
            provider_id=provider,
            genai_request_timestamp=today,
            price_context={"service_tier": tier} if tier else None,
        ).model_price
    except LookupError:
        return None
    if listed.input_mtok is None or listed.output_mtok is None:
        return None
    reads, writes = _rate(listed.input_mtok), _rate(listed.output_mtok)
    return _Prices(
        input=reads,
        cache_read=reads if listed.cache_read_mtok is None else _rate(listed.cache_read_mtok),
        cache_write=reads if listed.cache_write_mtok is None else _rate(listed.cache_write_mtok),
        output=writes,
        reasoning=writes if listed.output_reasoning_mtok is None else _rate(listed.output_reasoning_mtok),
        request_usd=(listed.requests_kcount or Decimal(0)) / _THOUSAND,
        source=f"genai-prices {genai_prices.__version__} of {today:%Y-%m-%d}",
    )


def _rate(price: Any) -> _Rate:
    if isinstance(price, Decimal):
        return _Rate(above=(), base=price)
    return _Rate(above=tuple((tier.start, tier.price) for tier in price.tiers), base=price.base)
