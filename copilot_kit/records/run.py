"""What a run writes of its course: how it began, what came in, what was asked and answered, how it ended."""

from typing import Literal, TypeAlias

from pydantic import Field, JsonValue

from copilot_kit.messages import Message, Record
from copilot_kit.overlays import Overlay
from copilot_kit.records.principal import Principal
from copilot_kit.request import UNSET, OutputSpec, Settings
from copilot_kit.response import Response, Usage

RunStatus: TypeAlias = Literal["running", "waiting", "done", "failed", "stopped"]

CANCELLED = "Cancelled"
"""The error of an answer that its caller stopped listening to."""


def _is_none(value: object) -> bool:
    return value is None


class Step(Record):
    """One level of nesting: the agent that acts, and the call of its parent that started it (None at the top)."""

    agent: str
    call_id: str | None = None


class Failure(Record):
    """An error as it is kept: its class, its words, and what a reader needs to go on."""

    error: str
    message: str
    started: bool = False

    @property
    def is_cancelled(self) -> bool:
        """Nothing failed: the caller stopped listening, and the run can be taken on as if its owner had died."""
        return self.error == CANCELLED


class RunStarted(Record):
    """A run begins: the agent, its prompt's version and the model it was given."""

    kind: Literal["run_started"] = "run_started"
    agent: str
    prompt_version: str
    model: str
    slot: str | None = None
    base_url: str | None = None
    """Where it is served, if not at the provider's own address."""
    title: str = ""
    """First words of the task, for lists."""
    subject: str | None = None
    """Whom its data is about, so that it can be erased."""
    purpose: Literal["task", "suggestion"] = "task"
    """suggestion: a person acts on it elsewhere; nothing but reads runs."""
    by: Principal | None = None
    """Who asked for it."""
    memory: str | None = None
    """The folder of notes that it works with, from the root of the file system on."""
    overlay: Overlay | None = Field(default=None, exclude_if=_is_none)
    """What the slot has this model told beside the instructions; `prompt_version` is over both."""
    settings: Settings | None = Field(default=None, exclude_if=_is_none)
    """What the slot says of how it answers, which `prompt_version` is over, too; None: no slot, or nothing recorded."""


class MessageAdded(Record):
    """A message came from outside the model: instructions, the user's words."""

    kind: Literal["message_added"] = "message_added"
    message: Message


class ModelSwitched(Record):
    """From here on another model answers."""

    kind: Literal["model_switched"] = "model_switched"
    model: str
    slot: str | None = None
    base_url: str | None = None
    """Where it is served, if not at the provider's own address."""
    by: Principal | None = None
    overlay: Overlay | None = Field(default=None, exclude_if=_is_none)
    settings: Settings | None = Field(default=None, exclude_if=_is_none)
    prompt_version: str | None = Field(default=None, exclude_if=_is_none)
    """Of what this model reads, where that differs from what the run began with."""


class Requested(Record):
    """The model is asked. Messages are named, never repeated."""

    kind: Literal["requested"] = "requested"
    model: str
    first: str
    last: str
    """Ids of the first and the last message that were sent."""
    tools_digest: str
    settings: Settings = Field(default_factory=lambda: UNSET)
    output: OutputSpec | None = None


class Responded(Record):
    """The model answered, wholly or partly."""

    kind: Literal["responded"] = "responded"
    response: Response
    took_s: float
    first_event_s: float | None = None
    failure: Failure | None = None
    """Why the answer is partial."""


class Interrupted(Record):
    """The run broke off without an answer: the model gave nothing, or a limit was reached. It can be resumed."""

    kind: Literal["interrupted"] = "interrupted"
    model: str
    failure: Failure
    took_s: float = 0.0


class Checked(Record):
    """A check of the task was made."""

    kind: Literal["checked"] = "checked"
    name: str
    passed: bool
    evidence: str = ""
    """What was found, as the model is told it."""
    at: Literal["answer", "window"]
    """The milestone: an answer, or the end of a window."""
    usage: Usage | None = None
    """Of a model that was asked for it."""


class RunStopped(Record):
    """A person or the application stopped the run; nothing pending will run."""

    kind: Literal["run_stopped"] = "run_stopped"
    by: Principal
    text: str | None = None


class RunEnded(Record):
    """The run came to an end of its own."""

    kind: Literal["run_ended"] = "run_ended"
    status: Literal["done", "failed"]
    failure: Failure | None = None
    output: JsonValue = None
