"""Limits in tokens, money, requests and time that many runs share: reserved before each call, settled after it."""

import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from copilot_kit.encoding import EncodedMessages
from copilot_kit.errors import LimitReached, ModelError
from copilot_kit.events import Ended, Event, Failed, PartDelta, closing
from copilot_kit.messages import Message, Reasoning, Text, ToolCall, ToolResult
from copilot_kit.model import Model
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.response import Response, Served, Stop, Usage

Price: TypeAlias = Callable[[str, Usage], Decimal | None]
"""What so many tokens of a model (`provider:model`) cost in USD; None where nobody knows."""

_CHARS_PER_TOKEN = 4


def listed_price(model: str, usage: Usage) -> Decimal | None:
    """Return the price by the public list; None for a model that is not in it."""
    from copilot_kit.prices import priced

    provider, _, name = model.partition(":")
    counted = usage.model_copy(update={"input": usage.input or 0, "output": usage.output or 0})
    asked = Response(
        message=Message(id="msg_none", role="assistant", parts=()),
        model=Served(asked=name, provider=provider),
        stop=Stop(kind="end"),
        usage=counted,
    )
    return priced(asked).usage.cost_usd


class OverBudget(LimitReached, ModelError):
    """The call was not made: it would go over a limit that runs share. Nothing was sent."""

    def __init__(self, message: str, *, limit: str, model: str) -> None:
        super().__init__(message, limit=limit)
        self.model = model


@dataclass(slots=True)
class Spent:
    """What has been used of a budget, or is reserved for a call on its way."""

    tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    requests: int = 0
    unpriced: int = 0
    """Answers whose price nobody knew; they are not in `cost_usd`."""


class Budget:
    """What may be spent in all; None is no limit. May be shared between runs, models and threads.

    With a limit in USD, a model without a known price is stopped after its first answer, unless `allow_unpriced`.
    `seconds` count from the first request. Without `price` the public list is asked.
    """

    def __init__(
        self,
        *,
        tokens: int | None = None,
        cost_usd: Decimal | None = None,
        requests: int | None = None,
        seconds: float | None = None,
        price: Price | None = None,
        allow_unpriced: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = tokens
        self._cost_usd = cost_usd
        self._requests = requests
        self._seconds = seconds
        self._price = price or listed_price
        self._allow_unpriced = allow_unpriced
        self._clock = clock
        self._begun_s: float | None = None
        self._lock = threading.Lock()
        self.spent = Spent()

    @property
    def counts_tokens(self) -> bool:
        """Whether a limit depends on how long a conversation is."""
        return self._tokens is not None or self._cost_usd is not None

    def reserve(self, model: str, expected: Usage) -> Usage:
        """Set this aside for a call and return what was set aside; raises `OverBudget` if it does not fit."""
        cost = None if self._cost_usd is None else self._cost(model, expected)
        with self._lock:
            self._begun_s = self._clock() if self._begun_s is None else self._begun_s
            spent = self.spent
            self._check(model, "requests", spent.requests + 1, self._requests)
            self._check(model, "tokens", spent.tokens + _tokens(expected), self._tokens)
            self._check(model, "cost_usd", spent.cost_usd + (cost or 0), self._cost_usd)
            self._check(model, "seconds", self._clock() - self._begun_s, self._seconds)
            if self._cost_usd is not None and spent.unpriced and cost is None and not self._allow_unpriced:
                raise OverBudget(
                    f"{model} was not asked: the limit is {self._cost_usd} USD, and nobody knows its price. "
                    "Give the budget a price, or allow_unpriced=True.",
                    limit="cost_usd",
                    model=model,
                )
            spent.requests += 1
            spent.tokens += _tokens(expected)
            spent.cost_usd += cost or 0
        return expected.model_copy(update={"cost_usd": cost})

    def settle(self, model: str, reserved: Usage, used: Usage) -> None:
        """Put what was really used in the place of what was reserved."""
        cost = used.cost_usd if used.cost_usd is not None else self._cost(model, used)
        with self._lock:
            self.spent.tokens += _tokens(used) - _tokens(reserved)
            self.spent.cost_usd += (cost or 0) - (reserved.cost_usd or 0)
            self.spent.unpriced += cost is None

    def _cost(self, model: str, usage: Usage) -> Decimal | None:
        return Decimal(0) if _tokens(usage) == 0 else self._price(model, usage)

    def _check(self, model: str, limit: str, wanted: float | Decimal, most: float | Decimal | None) -> None:
        if most is not None and wanted > most:
            raise OverBudget(
                f"{model} was not asked: that would make {wanted} {limit} of {most} allowed. "
                "Raise the limit of the budget, or stop here.",
                limit=limit,
                model=model,
            )


class Budgeted:
    """Answers as the wrapped model does while the budget lasts; then fails with `OverBudget` without asking it.

    Reserved are the tokens of the conversation (four characters a token) and `max_output_tokens`, where set;
    otherwise what `expected_output` says, asked before each call.
    """

    def __init__(self, model: Model, budget: Budget, *, expected_output: Callable[[], int] = lambda: 0) -> None:
        self._model = model
        self._budget = budget
        self._expected_output = expected_output
        self._lengths: EncodedMessages[int] = EncodedMessages()

    @property
    def id(self) -> str:
        """The wrapped model's name."""
        return self._model.id

    @property
    def profile(self) -> Profile:
        """The wrapped model's profile."""
        return self._model.profile

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the wrapped model's events, or one `Failed`."""
        try:
            reserved = self._budget.reserve(self._model.id, self._expected(request))
        except OverBudget as over:
            yield Failed(over)
            return
        heard: int = 0
        used: Usage | None = None
        try:
            async with closing(self._model.stream(request)) as events:
                async for event in events:
                    match event:
                        case PartDelta(_, text, args_json):
                            heard += len(text or args_json or "")
                        case Ended(response):
                            used = response.usage
                        case Failed(error, partial):
                            used = _used(error, partial.usage if partial else None)
                        case _:
                            pass
                    yield event
        finally:
            self._budget.settle(self._model.id, reserved, _known(used or Usage(), reserved, heard))

    def _expected(self, request: Request) -> Usage:
        if not self._budget.counts_tokens:
            return Usage()
        characters = sum(self._lengths.lookup(message, "length", _length) for message in request.messages)
        return Usage(
            input=characters // _CHARS_PER_TOKEN, output=request.settings.max_output_tokens or self._expected_output()
        )


def _used(error: ModelError, usage: Usage | None) -> Usage:
    """Return what a failed call used; one that failed before any output used nothing."""
    return usage or Usage() if error.started else Usage(input=0, output=0)


def _known(used: Usage, reserved: Usage, heard: int) -> Usage:
    """Return the usage with estimates where the provider said nothing."""
    estimates = {"input": reserved.input or 0, "output": heard // _CHARS_PER_TOKEN}
    return used.model_copy(update={name: n for name, n in estimates.items() if getattr(used, name) is None})


def _tokens(usage: Usage) -> int:
    return (usage.input or 0) + (usage.output or 0)


def _length(message: Message) -> int:
    return sum(_part_length(part) for part in message.parts)


def _part_length(part: object) -> int:
    match part:
        case Text(text=text) | Reasoning(text=str(text)):
            return len(text)
        case ToolCall(args_json=args_json, name=name):
            return len(args_json) + len(name)
        case ToolResult(content=content):
            return sum(_part_length(inner) for inner in content)
        case _:
            return 0
