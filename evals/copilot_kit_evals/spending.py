"""What a run may spend in all: reserved before each call, settled after it, and counted on when a run goes on."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final

from copilot_kit.budget import Budget, Budgeted, OverBudget, listed_price
from copilot_kit.events import Ended, Event, Failed
from copilot_kit.model import Model
from copilot_kit.prices import LOCAL
from copilot_kit.response import Usage
from copilot_kit_evals.candidates import Prices
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.remembering import paid, scored, worked_s

_UNKNOWN_OUTPUT: Final = 1_000
"""Tokens reserved for an answer as long as none has come and the request does not limit it."""
_SHARED: Final = ("cost_usd", "tokens")
_JUDGE: Final = "scorer"
_PROBE: Final = Usage(input=1, output=1)


class Spending:
    """The budget of a run, over all of its sessions. None is no limit. Time is what the run was at work.

    Where requests do not limit their answers, as much is reserved for one as the longest so far had. For a model whose
    answers name their price while no list does, as much as the dearest so far; and its first one is awaited alone.
    prices: those that users gave, by model; all others are looked up in the public list.
    """

    def __init__(
        self,
        *,
        cost_usd: Decimal | None = None,
        tokens: int | None = None,
        seconds: float | None = None,
        prices: Mapping[str, Prices] | None = None,
        allow_unpriced: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._given = dict(prices or {})
        self._dearest: dict[str, Decimal] = {}
        self._unlisted: set[str] = set()
        self._first: dict[str, asyncio.Lock] = {}
        self._flying = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._worked_s = 0.0
        self._begun_s: float | None = None
        self._clock = clock
        self._watches_time = seconds is not None
        self._watches_money = cost_usd is not None and not allow_unpriced
        self._budget = Budget(cost_usd=cost_usd, tokens=tokens, seconds=seconds, price=self._price,
                              allow_unpriced=allow_unpriced, clock=self._at_work_s)  # fmt: skip
        self._longest: int | None = None
        self.over: OverBudget | None = None
        """Why the run must end, once it must."""
        self.unpriced_scores = 0
        """Scores that cost nobody knows what."""
        self.limits = {name: str(value) for name, value in (("cost_usd", cost_usd), ("tokens", tokens),
                                                            ("seconds", seconds)) if value is not None}  # fmt: skip

    @property
    def cost_usd(self) -> Decimal:
        """What was spent and is reserved, as far as prices are known."""
        return self._budget.spent.cost_usd

    @property
    def tokens(self) -> int:
        """What was spent and is reserved."""
        return self._budget.spent.tokens

    @property
    def unpriced(self) -> int:
        """Answers whose price nobody knows."""
        return self._budget.spent.unpriced

    def goes_on(self, folder: RunFolder) -> None:
        """Take in what earlier sessions of the run have spent."""
        self.count(paid(folder))
        for usage in scored(folder):
            self.judged(usage)
        if self._watches_time:
            self._worked_s = worked_s(folder)

    def _at_work_s(self) -> float:
        """Return how long the run was at work, for the budget, which takes the first answer for the begin."""
        if self._begun_s is None:
            self._begun_s = self._clock()
            return 0.0
        return self._worked_s + self._clock() - self._begun_s

    def count(self, used: Iterable[tuple[str, Usage]]) -> None:
        """Take in what was paid for before, by model."""
        for model, usage in used:
            nothing = Usage(input=0, output=0, cost_usd=Decimal(0))
            self._budget.settle(model, nothing, usage)
            self._see(model, usage)

    def judged(self, used: Usage) -> None:
        """Take in what a scorer spent; it is known only afterwards, and stops the calls that come then."""
        nothing = Usage(input=0, output=0, cost_usd=Decimal(0))
        self._budget.settle(_JUDGE, nothing, used if used.cost_usd is not None else used.model_copy(
            update={"cost_usd": Decimal(0)}))  # fmt: skip
        self.unpriced_scores += used.cost_usd is None

    def first(self, model: str) -> asyncio.Lock | None:
        """Return what a call of this model must hold while nobody knows what one costs; None where somebody does."""
        if not self._watches_money or self._price(model, _PROBE) is not None:
            return None
        return self._first.setdefault(model, asyncio.Lock())

    def begin(self) -> None:
        """Take in that a call is on its way."""
        self._flying += 1

    def end(self) -> None:
        """Take in that it is over; what was reserved for it and not spent is free again."""
        self._flying -= 1
        self._wake()

    async def room(self, over: OverBudget) -> bool:
        """Wait until a call that is on its way has ended, since it may leave room; False if none is, or time is up."""
        if self.over is not None or self._flying == 0 or over.limit not in _SHARED:
            return False
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting
        return True

    def _wake(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    def wrap(self, model: Model) -> Model:
        """Return the model, asked only while the budget lasts."""
        return Budgeted(model, self._budget, expected_output=self._expected)

    def heard(self, model: str, event: Event) -> None:
        """Take in how a call ended."""
        match event:
            case Ended(response):
                self._see(model, response.usage)
            case Failed(OverBudget() as over):
                self.over = over
                self._wake()
            case _:
                pass

    def _see(self, model: str, usage: Usage) -> None:
        if usage.output is not None:
            self._longest = max(self._longest or 0, usage.output)
        if usage.cost_usd is not None:
            self._dearest[model] = max(self._dearest.get(model, Decimal(0)), usage.cost_usd)

    def _expected(self) -> int:
        return _UNKNOWN_OUTPUT if self._longest is None else self._longest

    def _price(self, model: str, usage: Usage) -> Decimal | None:
        if model.startswith(f"{LOCAL}:"):
            return Decimal(0)
        if model in self._unlisted:
            return self._dearest.get(model)
        counted = usage.model_copy(update={"input": usage.input or 0, "output": usage.output or 0})
        given = self._given.get(model)
        listed = listed_price(model, counted) if given is None else given.cost(counted)
        if listed is None:
            self._unlisted.add(model)
        return self._dearest.get(model) if listed is None else listed
