"""Limits of a run: turns, tokens, money, time. Waiting for people costs none of them."""

from dataclasses import dataclass
from decimal import Decimal

from copilot_kit.errors import LimitReached, UsageError
from copilot_kit.journal.state import RunState


@dataclass(frozen=True, slots=True)
class Limits:
    """When a run must end. None: no limit."""

    turns: int | None = 50
    """Answers of the model in one go, from a task or a decision to the next wait or end."""
    tokens: int | None = None
    """Input and output of the whole run. An answer whose usage nobody reports ends it: the limit could not be held."""
    cost_usd: Decimal | None = None
    """Of the whole run. An answer of unknown price ends it: the limit could not be held."""
    time_s: float | None = None
    """Working time in one go, waiting for people not included."""

    def __post_init__(self) -> None:
        for name in ("turns", "tokens", "cost_usd", "time_s"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UsageError(f"Limits({name}={value!r}) lets nothing run. Give more than 0, or None for no limit.")


def check(limits: Limits, state: RunState, *, turns: int, worked_s: float) -> None:
    """Raise `LimitReached` if asking the model once more would go beyond a limit."""
    if limits.turns is not None and turns >= limits.turns:
        raise _reached("turns", f"{turns} turns")
    if limits.time_s is not None and worked_s >= limits.time_s:
        raise _reached("time_s", f"{worked_s:.0f} s of work")
    if limits.tokens is not None and state.uncounted:
        raise _not_held("tokens", "usage is not reported")
    if limits.cost_usd is not None and state.unpriced:
        raise _not_held("cost_usd", "price is not known")
    if limits.tokens is not None and state.tokens >= limits.tokens:
        raise _reached("tokens", f"{state.tokens} tokens")
    if limits.cost_usd is not None and state.cost_usd >= limits.cost_usd:
        raise _reached("cost_usd", f"{state.cost_usd} USD")


def _not_held(limit: str, why: str) -> LimitReached:
    return LimitReached(
        f"The limit {limit!r} cannot be held: the model's {why}. Leave Limits({limit}=...) out, use turns or time_s, "
        "or a model that says.",
        limit=limit,
    )


def _reached(limit: str, spent: str) -> LimitReached:
    return LimitReached(
        f"The run was ended after {spent}: its limit {limit!r} was reached. "
        f"Raise Limits({limit}=...) and resume the run, or split the task.",
        limit=limit,
    )
