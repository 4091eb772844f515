"""What a budget promises: what does not fit is not sent, however many runs share it."""

import asyncio
from decimal import Decimal

import pytest

from copilot_kit.budget import Budget, Budgeted, OverBudget, listed_price
from copilot_kit.errors import LimitReached, ModelError, Overloaded, TransportFailed
from copilot_kit.events import closing
from copilot_kit.messages import user
from copilot_kit.model import complete
from copilot_kit.request import Request, Settings
from copilot_kit.response import Usage
from copilot_kit.testing import CHECKS, Check, FunctionModel, ScriptedModel, Subject, pause, say

TEN_TOKENS = Request(messages=(user("x" * 40),))


def spending(input_tokens: int, output_tokens: int):
    return [say("Hello."), Usage(input=input_tokens, output=output_tokens)]


async def test_what_was_used_takes_the_place_of_what_was_reserved():
    budget = Budget(tokens=1000)
    await complete(Budgeted(ScriptedModel(spending(70, 5)), budget), TEN_TOKENS)
    assert (budget.spent.tokens, budget.spent.requests) == (75, 1)


async def test_a_call_that_does_not_fit_is_not_made():
    model, budget = ScriptedModel(spending(70, 5), "never asked for"), Budget(tokens=80)
    budgeted = Budgeted(model, budget)
    await complete(budgeted, TEN_TOKENS)
    with pytest.raises(OverBudget, match=r"that would make 85 tokens of 80 allowed") as caught:
        await complete(budgeted, TEN_TOKENS)
    assert isinstance(caught.value, LimitReached)
    assert isinstance(caught.value, ModelError)
    assert (caught.value.limit, caught.value.retryable, len(model.requests)) == ("tokens", False, 1)


async def test_the_longest_answer_asked_for_is_reserved_too():
    request = TEN_TOKENS.model_copy(update={"settings": Settings(max_output_tokens=100)})
    with pytest.raises(OverBudget, match="110 tokens"):
        await complete(Budgeted(ScriptedModel(), Budget(tokens=109)), request)


async def test_calls_at_the_same_time_cannot_both_take_the_last_of_it():
    model = FunctionModel(lambda _: [pause(0.01), *spending(10, 0)])
    budgeted = Budgeted(model, Budget(tokens=25))
    outcomes = await asyncio.gather(*(complete(budgeted, TEN_TOKENS) for _ in range(5)), return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == ["Response"] * 2 + ["OverBudget"] * 3


async def test_requests_are_limited_over_all_models_that_share_it():
    budget = Budget(requests=2)
    one, two = Budgeted(ScriptedModel("a"), budget), Budgeted(ScriptedModel("b", "c"), budget)
    await complete(one, TEN_TOKENS)
    await complete(two, TEN_TOKENS)
    with pytest.raises(OverBudget, match="3 requests of 2"):
        await complete(two, TEN_TOKENS)


async def test_money_is_reserved_and_settled_by_the_price():
    def price(_model: str, usage: Usage) -> Decimal:
        return Decimal("0.01") * ((usage.input or 0) + (usage.output or 0))

    budget = Budget(cost_usd=Decimal("1.00"), price=price)
    budgeted = Budgeted(ScriptedModel(spending(80, 15), "never asked for"), budget)
    await complete(budgeted, TEN_TOKENS)
    assert budget.spent.cost_usd == Decimal("0.95")
    with pytest.raises(OverBudget, match=r"1\.05 cost_usd of 1\.00"):
        await complete(budgeted, TEN_TOKENS)


async def test_the_providers_own_word_on_the_cost_counts_before_the_price_list():
    budget = Budget(cost_usd=Decimal(1))
    answer = [say("Hello."), Usage(input=10, output=1, cost_usd=Decimal("0.25"))]
    await complete(Budgeted(ScriptedModel(answer), budget), TEN_TOKENS)
    assert (budget.spent.cost_usd, budget.spent.unpriced) == (Decimal("0.25"), 0)


async def test_an_unknown_price_is_not_zero_but_a_reason_to_stop():
    budgeted = Budgeted(ScriptedModel(spending(10, 1), "never asked for"), Budget(cost_usd=Decimal(1)))
    await complete(budgeted, TEN_TOKENS)
    with pytest.raises(OverBudget, match="nobody knows its price"):
        await complete(budgeted, TEN_TOKENS)


async def test_an_unknown_price_may_be_allowed():
    budgeted = Budgeted(
        ScriptedModel(spending(10, 1), spending(10, 1)), Budget(cost_usd=Decimal(1), allow_unpriced=True)
    )
    await complete(budgeted, TEN_TOKENS)
    assert (await complete(budgeted, TEN_TOKENS)).text == "Hello."


async def test_time_counts_from_the_first_request():
    ticks = iter([100.0, 100.0, 161.0])
    budgeted = Budgeted(ScriptedModel("a"), Budget(seconds=60, clock=lambda: next(ticks)))
    await complete(budgeted, TEN_TOKENS)
    with pytest.raises(OverBudget, match=r"61\.0 seconds of 60"):
        await complete(budgeted, TEN_TOKENS)


async def test_a_call_that_failed_before_any_output_gives_its_tokens_back():
    budget = Budget(tokens=1000)
    with pytest.raises(Overloaded):
        await complete(Budgeted(ScriptedModel(Overloaded("busy")), budget), TEN_TOKENS)
    assert (budget.spent.tokens, budget.spent.requests) == (0, 1)


async def test_half_an_answer_counts_by_what_was_heard_where_nobody_says():
    budget = Budget(tokens=1000)
    with pytest.raises(TransportFailed):
        await complete(Budgeted(ScriptedModel([say("y" * 20), TransportFailed("cut")]), budget), TEN_TOKENS)
    assert budget.spent.tokens == 15


async def test_an_answer_that_is_closed_early_is_settled():
    budget = Budget(tokens=1000)
    model = Budgeted(ScriptedModel([say("y" * 16), pause()]), budget)
    request = TEN_TOKENS.model_copy(update={"settings": Settings(max_output_tokens=500)})
    async with closing(model.stream(request)) as events:
        for _ in range(3):
            await anext(events)
        assert budget.spent.tokens == 510
    assert budget.spent.tokens == 14


def test_a_listed_model_has_a_price_and_a_stranger_has_none():
    usage = Usage(input=1_000_000, output=0)
    assert listed_price("openai:gpt-4o-mini", usage) == Decimal("0.15")
    assert listed_price("nobody:no-such-model", usage) is None


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_it_keeps_the_contract(check: Check):
    await check(Subject(open=lambda: Budgeted(FunctionModel(lambda _: "Hello."), Budget(tokens=999)), on_wire=False))
