"""How good an answer is: a score, and what gives one.

A score without a value says that nobody knows. It is never 0, and it never vanishes: summaries carry it as bounds.
"""

import hashlib
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, runtime_checkable

from pydantic import Field, JsonValue

from copilot_kit.messages import Message, Record, ToolCall
from copilot_kit.response import Response, Usage
from copilot_kit_evals.items import Item

BROKEN: Final = "the scorer"
"""How the reason begins where a scorer broke, or gave what is no score."""

if TYPE_CHECKING:
    from copilot_kit.agent import Run


def _is_none(value: object) -> bool:
    return value is None


def _is_empty(value: object) -> bool:
    return not value


class Score(Record):
    """What a scorer says of one answer."""

    value: float | None = None
    """As a rule 1 is right and 0 is wrong; None: no value, since it could not be told; left out of the log then."""
    answer: str | None = Field(default=None, exclude_if=_is_none)
    """What was taken for the answer, where it is not all that was said."""
    reason: str | None = Field(default=None, exclude_if=_is_none)
    """Why, for the person who reads the report."""
    parts: dict[str, float | None] = Field(default_factory=dict, exclude_if=_is_empty)
    """Values of the parts that it is made of: fields, rubric lines."""
    usage: Usage | None = Field(default=None, exclude_if=_is_none)
    """What the scorer itself spent, a judge's calls; it never counts as the model's."""
    meta: dict[str, JsonValue] = Field(default_factory=dict, exclude_if=_is_empty)


RIGHT, WRONG = Score(value=1.0), Score(value=0.0)


@dataclass(frozen=True, slots=True)
class Output:
    """What a scorer sees of an attempt."""

    text: str
    """The words of the last answer; empty where there was none."""
    value: Any = None
    """The answer in the form that was asked for, where one was."""
    messages: tuple[Message, ...] = ()
    """All that was said, the item's own messages included."""
    response: Response | None = None
    """The last one."""
    run: "Run[Any] | None" = None
    """The agent's run with its proposals and checks, where an agent was asked; None after a resumed attempt."""
    state: Mapping[str, Any] = field(default_factory=dict)
    """What the solver left for scorers: the world after the work, say."""

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """Every tool call that the model asked for, in order."""
        return tuple(call for message in self.messages for call in message.calls)


@runtime_checkable
class Scorer(Protocol):
    """Says how good an answer is.

    Contract:
    - The same item and output give the same score; one that asks a model says so in `Score.usage`.
    - It raises nothing for a bad answer: that is a score. What it does raise becomes a score without value.
    - It changes nothing in the output or the world; several run at once.
    - `name` is the key of its scores in the log, `digest` changes whenever what it says may change.
    """

    @property
    def name(self) -> str:
        """The key of its scores."""
        ...

    @property
    def digest(self) -> str:
        """Changes with what it does: scores of different digests are not compared."""
        ...

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return the score."""
        ...


Judged: TypeAlias = Score | float | bool | None


@dataclass(frozen=True, slots=True)
class FunctionScorer:
    """A function as a scorer; its digest is that of its source."""

    name: str
    function: Callable[[Item, Output], Judged | Awaitable[Judged]]
    digest: str

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return what the function says; True, False and numbers become scores, None one without value."""
        said = self.function(item, output)
        said = await said if inspect.isawaitable(said) else said
        return said if isinstance(said, Score) else Score(value=None if said is None else float(said))


def scorer(function: Callable[[Item, Output], Judged | Awaitable[Judged]]) -> FunctionScorer:
    """Return a scorer made of a function of item and output, called by the function's name.

    @scorer
    def polite(item, output):
        return "please" in output.text.lower()
    """
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        source = repr(getattr(function, "__code__", function))
    return FunctionScorer(function.__name__, function, digest_of(source))


def digest_of(text: str) -> str:
    """Return a short digest: 64 bits of SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
