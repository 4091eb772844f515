"""A task: items, what is done with each, and how the outcome is scored.

    task = Task("capitals", Dataset.read("capitals.jsonl"), Ask("Answer in one word."), [Exact()])

A suite is a Python file that makes tasks; `suites.load` finds them.
"""

import inspect
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, runtime_checkable

from pydantic import Field, JsonValue

from copilot_kit.agent.limits import Limits
from copilot_kit.agent.work import Approver
from copilot_kit.errors import UsageError
from copilot_kit.messages import Record, system
from copilot_kit.model import Model, complete
from copilot_kit.request import AnyTool, OutputSpec, Request, Settings, ToolChoice
from copilot_kit_evals.attempts import Outcome, Trouble
from copilot_kit_evals.candidates import Candidate
from copilot_kit_evals.items import Dataset, Item, conversation
from copilot_kit_evals.scores import Output, Scorer, digest_of
from copilot_kit_evals.sources import sources_of

if TYPE_CHECKING:
    from copilot_kit.agent import Agent, Run

SNAP: Final = "snap"
"""In `Rule.more`: what a snap is of, and what it would change."""
_STEPS: Final = ("done", "waiting", "running")


@dataclass(frozen=True, slots=True)
class Setup:
    """What a solver gets for one attempt; nothing of it is shared with another attempt."""

    item: Item
    variant: str
    repeat: int
    candidate: Candidate
    model: Model
    """The candidate's model: counted, paced, retried, remembered. Every call must go through it."""
    settings: Settings
    """The candidate's over the slot's."""
    seed: int
    """The same for each candidate at this item, variant and repeat."""
    limits: Limits = field(default_factory=Limits)
    """The task's, of one attempt."""
    folder: Path | None = None
    """An empty folder with the item's files, gone after the attempt; None for an item without files."""
    approver: Approver | None = None
    """The task's person, if it has one; its time is counted apart."""
    state: dict[str, Any] = field(default_factory=dict)
    """For scorers: what they find as `Output.state`."""
    tries: int | None = None
    """How often the candidate may try again where its answer or work was not accepted; None: as the solver says."""

    def prompt(self, own: str) -> str:
        """Return the candidate's prompt, or else the solver's own."""
        return own if self.candidate.prompt is None else self.candidate.prompt

    def allows(self, tool: str) -> bool:
        """Tell whether the candidate may use the tool of this name."""
        return self.candidate.tools is None or tool in self.candidate.tools


@dataclass(frozen=True, slots=True)
class Solved:
    """What a solver made of an item."""

    output: Output
    outcome: Outcome = "ok"
    trouble: Trouble | None = None
    keeps_messages: bool = False
    """Whether the messages are worth a transcript: not where item and answer are all there is."""


@runtime_checkable
class Solver(Protocol):
    """Does the work of an item with a candidate's model.

    Contract:
    - It asks the model only through `setup.model`; the same setup leads to the same first request.
    - It raises `ModelError` and `LimitReached` as they come; the runner knows what they mean.
    - It may be cancelled at any await, and leaves nothing running then.
    - `digest` changes whenever what it does changes.
    """

    @property
    def digest(self) -> str:
        """Changes with what it does: attempts of different digests are not compared."""
        ...

    async def __call__(self, setup: Setup) -> Solved:
        """Return what came of it."""
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to the bare model: instructions, then the item's input.

    template: how an input becomes the user's words: `{input}`, or the members of an object.
    """

    prompt: str = ""
    template: str | None = None
    settings: Settings = field(default_factory=Settings)
    output: OutputSpec | None = None
    tools: tuple[AnyTool, ...] = ()
    tool_choice: ToolChoice | None = None

    @property
    def digest(self) -> str:
        """Over all that is sent beside the item."""
        parts = [one.model_dump_json() for one in (self.settings, *self.tools, *([self.output] if self.output else []))]
        return digest_of(json.dumps([self.prompt, self.template, self.tool_choice, parts]))

    async def __call__(self, setup: Setup) -> Solved:
        """Return the answer."""
        request = self.request(setup)
        response = await complete(setup.model, request)
        messages = (*request.messages, response.message)
        value = _parsed(response.text) if self.output is not None else None
        output = Output(text=response.text, value=value, messages=messages, response=response, state=setup.state)
        return Solved(output, "refusal" if response.stop.kind == "refusal" else "ok")

    def request(self, setup: Setup) -> Request:
        """Return what is asked."""
        item = setup.item
        said = conversation(item.asked(setup.variant), template=self.template, item_id=item.id)
        prompt = setup.prompt(self.prompt)
        first = (system(prompt).model_copy(update={"id": "msg_prompt"}),) if prompt else ()
        return Request(
            messages=(*first, *said),
            tools=tuple(tool for tool in self.tools if setup.allows(getattr(tool, "name", ""))),
            tool_choice=self.tool_choice,
            output=self.output,
            settings=setup.settings.over(self.settings) if self.settings.model_fields_set else setup.settings,
        )


AgentFactory: TypeAlias = "Callable[[Setup], Agent[Any] | Awaitable[Agent[Any]]]"


@dataclass(frozen=True, slots=True)
class Assign:
    """The item as a task for an agent, which the factory makes anew for each attempt, around `setup.model`.

    def support(setup):
        return Agent(setup.model, tools=[find_order], instructions=setup.prompt(PROMPT), settings=setup.settings)

    What the agent may not do alone waits, and is then part of the answer: `output.run.proposals`.
    """

    factory: AgentFactory
    template: str | None = None

    @property
    def digest(self) -> str:
        """Over the factory's module, the modules beside it that this one uses, and their tools."""
        return digest_of(json.dumps([sources_of(self.factory), self.template]))

    async def __call__(self, setup: Setup) -> Solved:
        """Return what the agent made of it."""
        made = self.factory(setup)
        agent = await made if inspect.isawaitable(made) else made
        agent.limits = replace(agent.limits, turns=_fewest(agent.limits.turns, setup.limits.turns))
        if setup.tries is not None:
            for one in agent.agents:
                if one is agent or one.model is setup.model:  # another one's tries are its own model's affair
                    one.output_tries = one.check_tries = setup.tries
        said = conversation(setup.item.asked(setup.variant), template=self.template, item_id=setup.item.id)
        if len(said) != 1 or said[0].role != "user":
            raise UsageError(
                f"Item {setup.item.id!r} is a conversation of {len(said)} turns; an agent is given one task. "
                "Write the input as one text, or use Ask."
            )
        return _solved(await agent.run(said[0].text, approver=setup.approver), setup)


def _fewest(own: int | None, task: int | None) -> int | None:
    return task if own is None else own if task is None else min(own, task)


def _solved(run: "Run[Any]", setup: Setup) -> Solved:
    output = Output(text=run.text, value=run.output, messages=run.messages, response=run.response, run=run,
                    state=setup.state)  # fmt: skip
    if run.status == "stopped":
        return Solved(output, "rejected_by_person", keeps_messages=True)
    if run.status not in _STEPS:
        failure = run.failure
        trouble = Trouble(kind="failed", text="") if failure is None else Trouble(kind=failure.error,
                                                                                  text=failure.message)  # fmt: skip
        return Solved(output, "model_failure", trouble, keeps_messages=True)
    refused = run.response is not None and run.response.stop.kind == "refusal"
    return Solved(output, "refusal" if refused else "ok", keeps_messages=True)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Task:
    """Items, what is done with them, and what scores it. Names are unique in a suite."""

    name: str
    dataset: Dataset
    solver: Solver
    scorers: Sequence[Scorer]
    """The first one is what verdicts rest on."""
    repeats: int = 1
    """How often each item (and variant) is asked; repeats say more of an item, never of other items."""
    limits: Limits = field(default_factory=Limits)
    """Of one attempt. Turns hold for agents, the others for every solver; waiting for a turn or a person is free."""
    seed: int = 0
    variants: bool = True
    """Whether the items' variants are asked too."""
    bounds: tuple[float, float] = (0.0, 1.0)
    """What a score can be at least and at most: missing ones lie between."""
    approver: Callable[[Setup], Approver] | None = None
    """Makes the person of an attempt."""
    margin: float | None = None
    """How much worse counts as no worse, in units of the score; None: the rule's."""

    def __post_init__(self) -> None:
        names = [one.name for one in self.scorers]
        if not names or len(set(names)) < len(names):
            raise UsageError(
                f"Task {self.name!r} has the scorers {names!r}. Give it at least one, each by its own name."
            )
        if self.repeats < 1 or not self.bounds[0] < self.bounds[1]:
            raise UsageError(
                f"Task {self.name!r} has {self.repeats!r} repeats and scores between {self.bounds!r}. "
                "Repeats are 1 or more, and the lower bound comes first."
            )


class Rule(Record):
    """How a verdict will be found; fixed in the manifest before the first attempt.

    The runner stores it and looks where it says; what is found then is `verdict.judging`'s business.
    """

    alpha: float = Field(default=0.05, gt=0, lt=1)
    """How often a model that is worse by the margin may be taken for one that is not, and the like."""
    confidence: float = Field(default=0.95, gt=0, lt=1)
    margin: float = Field(default=0.03, ge=0)
    """How much worse counts as no worse."""
    margins: dict[str, float] = Field(default_factory=dict)
    """Other ones, by tag or task."""
    slices: tuple[str, ...] | None = None
    """Tags and tasks on which the candidate may not be worse either; None: each that there is."""
    slice_margin: float | None = Field(default=None, ge=0)
    """Of slices that `margins` does not name; None: `margin`."""
    gain: Literal["any", "quality", "none"] = "any"
    """What a candidate that is no worse must bring: anything (better, cheaper or faster), better answers, or nothing,
    as when the incumbent retires."""
    gain_ratio: float = Field(default=0.9, gt=0, le=1)
    """Cheaper, or faster, is at most this ratio of cost per success, or of latency."""
    pass_score: float = 1.0
    """The score from which on an attempt has passed: for must-pass items, reliability and parked items."""
    required_reliability: float | None = Field(default=None, gt=0, lt=1)
    """Of every item that names none of its own."""
    max_missing: float = Field(default=0.25, ge=0, le=1)
    """Share of missing attempts beyond which a log is no evidence."""
    parked: tuple[str, ...] = ()
    """Items set aside as too hard or too expensive: tried again, and no part of the comparison."""
    crutches: dict[str, str] = Field(default_factory=dict)
    """What a further candidate goes without, by its name: it is the candidate with this left out."""
    line: tuple[tuple[float, float], ...] = ()
    """Earlier releases of the candidate's line: day and mean score on these items."""
    line_day: float | None = None
    """The candidate's day on the same scale."""
    tries_before: int = Field(default=0, ge=0)
    """Earlier runs on these items that came to a verdict: the best of many tries looks better than it is."""
    look_every: int = Field(default=0, ge=0)
    """Finished items between two interim looks; 0: none."""
    stops: bool = False
    """A look may end the run: the verdict then rests on evidence that allows for it, which takes more items."""
    more: dict[str, JsonValue] = Field(default_factory=dict)
    """What else is fixed beforehand."""

    @property
    def slot(self) -> str | None:
        """The slot that a snap asks for; None: the run is of no slot."""
        snap = self.more.get(SNAP)
        return str(snap.get("slot")) if isinstance(snap, dict) else None

    def margin_of(self, part: str) -> float:
        """Return the margin of a slice."""
        return self.margins.get(part, self.margin if self.slice_margin is None else self.slice_margin)
