"""A swap rehearsed: a recorded run gone through by another model, with recorded results, up to the first divergence.

Nothing runs: as long as the candidate asks for the same calls, it is told what the tools said then. From the first
other call on nobody knows what would have happened, and the rehearsal of that run ends.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from copilot_kit.errors import ModelError
from copilot_kit.messages import Message, ToolCall, ToolResult
from copilot_kit.model import Model, complete
from copilot_kit.request import Request, Settings
from copilot_kit.response import Response
from copilot_kit_evals.recorded.answers import Answered, Recorded
from copilot_kit_evals.recorded.likeness import Action, parsed, wording_of
from copilot_kit_evals.recorded.offers import Offers

Ending: TypeAlias = Literal["whole", "other_calls", "no_calls", "goes_on", "refusal", "error", "no_results"]
"""whole: it did all that was recorded. other_calls: it asked for other calls. no_calls: it answered where the incumbent
had called. goes_on: it called where the incumbent had answered. no_results: the record has no results to go on with."""
_OWN: Final = frozenset({"whole", "no_results"})
"""Endings that say nothing against the candidate."""


@dataclass(slots=True)
class Side:
    """What one model took for the steps that both were asked."""

    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    took_s: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0

    def add(self, response: Response, took_s: float) -> None:
        """Take in an answer."""
        cost = response.usage.cost_usd
        self.cost_usd += cost or 0
        self.unpriced += cost is None
        self.took_s += took_s
        self.tokens_in += response.usage.input or 0
        self.tokens_out += response.usage.output or 0


@dataclass(slots=True)
class Rehearsal:
    """How far a candidate went along with a recorded run."""

    run_id: str
    steps: int
    """Answers that were recorded."""
    same: int = 0
    """Answers, from the first one on, in which the candidate asked for the same."""
    ending: Ending = "whole"
    why: str = ""
    recorded: tuple[str, ...] = ()
    """The incumbent's calls at the divergence, or its words."""
    instead: tuple[str, ...] = ()
    """The candidate's."""
    other_words: int = 0
    """Calls that differed in their words only, and counted as the same."""
    windows: int = 0
    """Windows that closed on the way; each began with what the incumbent had noted."""
    dropped: dict[str, int] = field(default_factory=dict)
    """What the candidate's adapter did not send: settings it does not take, parts that are sealed for another model."""
    incumbent: Side = field(default_factory=Side)
    candidate: Side = field(default_factory=Side)

    @property
    def diverged(self) -> bool:
        """Whether the candidate left the record by its own doing."""
        return self.ending not in _OWN


@dataclass(frozen=True, slots=True)
class Stage:
    """The candidate and how it is asked."""

    model: Model
    offers: Offers
    settings: Settings
    """Of the slot; those of the agent come before."""
    stopwatch: Callable[[], float]


async def rehearse(answers: Sequence[Answered], stage: Stage) -> Rehearsal:
    """Return how far the candidate goes along with the run that these answers are of, oldest first."""
    own = [one for one in answers if not one.path]
    found = Rehearsal(own[0].run_id if own else "", len(own))
    messages: tuple[Message, ...] = ()
    for place, answered in enumerate(own):
        messages = answered.messages if place == 0 else _next(own[place - 1], answered, messages, found)
        if not messages:
            found.ending, found.why = "no_results", "the record has no results of the calls before"
            return found
        response = await _asked(answered, messages, stage, found)
        if response is None or _diverges(answered, response, found):
            return found
        found.same += 1
        messages = (*messages, response.message)
    return found


async def _asked(answered: Answered, messages: tuple[Message, ...], stage: Stage, found: Rehearsal) -> Response | None:
    request = Request(messages=messages, tools=stage.offers.of(answered), output=answered.output,
                      settings=stage.offers.settings(answered).over(stage.settings))  # fmt: skip
    begun = stage.stopwatch()
    try:
        response = await complete(stage.model, request)
    except ModelError as error:
        found.ending, found.why = "error", f"{type(error).__name__}: {error}"
        return None
    found.candidate.add(response, stage.stopwatch() - begun)
    found.incumbent.add(answered.response, answered.took_s)
    for one in response.dropped:
        name = f"{one.kind} {one.name}: {one.reason}"
        found.dropped[name] = found.dropped.get(name, 0) + 1
    return response


def _diverges(answered: Answered, response: Response, found: Rehearsal) -> bool:
    """Tell whether the candidate leaves the record here, and write down how."""
    calls = response.calls
    ending: Ending | None = None
    if response.stop.kind == "refusal":
        ending = "refusal"
    elif answered.calls and not calls:
        ending = "no_calls"
    elif calls and not answered.calls:
        ending = "goes_on"
    elif _paired(answered.calls, calls) is None:
        ending = "other_calls"
    if ending is None:
        found.other_words += sum(
            _action(one).likeness(call) == "other_words" for one, call in _paired(answered.calls, calls) or ()
        )
        return False
    found.ending = ending
    found.recorded = tuple(f"{one.tool} {one.args_json}" for one in answered.calls) or (answered.response.text,)
    found.instead = tuple(f"{one.name} {one.args_json}" for one in calls) or (response.text,)
    return True


def _action(call: Recorded) -> Action:
    arguments = parsed(call.args_json) or {}
    return Action(call.tool, arguments, wording_of(arguments, call.roles))


def _paired(recorded: Sequence[Recorded], calls: Sequence[ToolCall]) -> list[tuple[Recorded, ToolCall]] | None:
    """Return each recorded call with the one that stands for it; None where one has none, or one is too many."""
    if len(recorded) != len(calls):
        return None
    free = list(calls)
    pairs = []
    for one in recorded:
        action = _action(one)
        ranked = sorted(free, key=lambda call: ("same", "other_words", "other").index(action.likeness(call)))
        if not ranked or action.likeness(ranked[0]) == "other":
            return None
        free.remove(ranked[0])
        pairs.append((one, ranked[0]))
    return pairs


def _next(before: Answered, now: Answered, said: tuple[Message, ...], found: Rehearsal) -> tuple[Message, ...]:
    """Return the conversation that the candidate is asked next: its own answer, then the results that were recorded."""
    ids = [message.id for message in now.messages]
    last = before.response.message.id
    if last not in ids or ids[: len(before.messages)] != [message.id for message in before.messages]:
        found.windows += 1  # a window closed in between: the next one began with the incumbent's own notes
        return now.messages
    behind = now.messages[ids.index(last) + 1 :]
    pairs = {one.call_id: call.call_id for one, call in _paired(before.calls, said[-1].calls) or ()}
    answered = {part.call_id for message in behind for part in message.parts if isinstance(part, ToolResult)}
    if not pairs.keys() <= answered:
        return ()
    return (*said, *(_for_candidate(message, pairs) for message in behind))


def _for_candidate(message: Message, pairs: dict[str, str]) -> Message:
    """Return a message of results as one of the candidate's own calls."""
    parts = tuple(
        part.model_copy(update={"call_id": pairs[part.call_id], "wire": None})
        if isinstance(part, ToolResult) and part.call_id in pairs
        else part
        for part in message.parts
    )
    return message.model_copy(update={"parts": parts})
