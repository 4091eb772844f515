"""What an answer cost: the provider's word, else the price list; what is unknown stays unknown."""

from decimal import Decimal

import genai_prices
import pytest

from copilot_kit.messages import assistant
from copilot_kit.prices import priced
from copilot_kit.response import Response, Served, Stop, Usage


def response(provider: str, asked: str, usage: Usage, *, served: str | None = None) -> Response:
    model = Served(asked=asked, provider=provider, served=served)
    return Response(message=assistant("x"), model=model, stop=Stop(kind="end"), usage=usage)


def test_a_known_model_is_priced_with_source_and_date():
    usage = priced(response("anthropic", "claude-sonnet-4-5", Usage(input=1000, output=100))).usage
    assert usage.cost_usd == Decimal("0.0045")  # 3 and 15 dollars a million
    assert usage.price_source is not None
    assert usage.price_source.startswith(f"genai-prices {genai_prices.__version__} of 20")


def test_cache_reads_are_cheaper_and_cache_writes_dearer():
    usage = Usage(input=1000, cache_read=500, cache_write=300, output=0)
    cost = priced(response("anthropic", "claude-sonnet-4-5", usage)).usage.cost_usd
    assert cost == Decimal("0.0006") + Decimal("0.00015") + Decimal("0.001125")


@pytest.mark.parametrize("input_tokens", [1_000, 300_000])
@pytest.mark.parametrize(
    ("provider", "model"),
    [("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-4o"), ("google", "gemini-2.5-pro"), ("groq", "gemma2-9b-it")],
)
def test_the_price_is_the_one_that_genai_prices_computes(provider: str, model: str, input_tokens: int):
    usage = Usage(input=input_tokens, cache_read=200, cache_write=100, output=50)
    theirs = genai_prices.Usage(
        input_tokens=input_tokens, cache_read_tokens=200, cache_write_tokens=100, output_tokens=50
    )
    listed = genai_prices.calc_price(theirs, model, provider_id=provider).total_price
    assert priced(response(provider, model, usage)).usage.cost_usd == listed


def test_what_the_provider_says_it_cost_is_kept():
    said = Usage(input=1, output=1, cost_usd=Decimal("0.25"), price_source="provider")
    assert priced(response("openrouter", "openai/gpt-4o", said)).usage == said


@pytest.mark.parametrize(("provider", "model"), [("openai", "gpt-of-2031"), ("nobody", "x")])
def test_an_unknown_price_stays_unknown(provider: str, model: str):
    usage = Usage(input=10, output=10)
    assert priced(response(provider, model, usage)).usage == usage


def test_unknown_tokens_have_no_price():
    assert priced(response("openai", "gpt-4o", Usage(input=10))).usage.cost_usd is None


def test_the_served_name_is_priced_before_the_asked_one():
    usage = Usage(input=1_000_000, output=0)
    assert priced(response("openai", "gpt-4o", usage, served="gpt-4o-mini")).usage.cost_usd == Decimal("0.15")
    assert priced(response("openai", "gpt-4o", usage, served="no-such-name")).usage.cost_usd == Decimal("2.5")


def test_local_models_cost_nothing_even_where_tokens_are_unknown():
    usage = priced(response("local", "smollm2", Usage())).usage
    assert (usage.cost_usd, usage.price_source) == (Decimal(0), "local")
