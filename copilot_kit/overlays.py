"""What is said differently to one model: a model that wraps a model and changes its requests on their way.

An overlay belongs to a model of a slot. It is laid over each request and never written into the conversation, so that
it goes with the model when the conversation moves on to another one.
"""

from collections.abc import AsyncIterator

from pydantic import Field

from copilot_kit.events import Event
from copilot_kit.messages import Message, Record, Text, system
from copilot_kit.model import Model
from copilot_kit.profile import Profile
from copilot_kit.request import Request, ToolSpec

_ID = "msg_overlay"
FRAMEWORK = "copilot-kit"
"""As `ref` of their source, words of the framework's own in a system message: no instructions, and never replaced."""


def _is_empty(value: object) -> bool:
    return not value


def _is_none(value: object) -> bool:
    return value is None


class Overlay(Record):
    """What a model is told differently, in full."""

    prompt: str = ""
    """Behind the instructions."""
    replaces: bool = False
    """The prompt stands in the place of the instructions, not behind them."""
    tools: dict[str, str] = {}
    """Other descriptions, by the name of the tool."""
    leaves_out: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)
    """Texts that are taken out of the instructions."""
    hides: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)
    """Names of tools that it is not offered."""
    tries: int | None = Field(default=None, ge=0, exclude_if=_is_none)
    """How often an agent lets it try again where its answer has not the form asked for, or its work fails a check;
    None: as the agent says."""

    def __bool__(self) -> bool:
        """Return whether it changes anything."""
        return any((self.prompt, self.replaces, self.tools, self.leaves_out, self.hides, self.tries is not None))

    def over(self, request: Request) -> Request:
        """Return the request as this model gets it; the instructions are the first text of the system message."""
        tools = tuple(
            one.model_copy(update={"description": self.tools[one.name]})
            if isinstance(one, ToolSpec) and one.name in self.tools
            else one
            for one in request.tools
            if not (isinstance(one, ToolSpec) and one.name in self.hides)
        )
        messages = self._shortened(self._told(request.messages))
        return request.model_copy(update={"tools": tools, "messages": messages})

    def _shortened(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        if not self.leaves_out or not messages or messages[0].role != "system":
            return messages
        parts = tuple(
            part.model_copy(update={"text": self._without(part.text)}) if isinstance(part, Text) else part
            for part in messages[0].parts
        )
        return (messages[0].model_copy(update={"parts": parts}), *messages[1:])

    def _without(self, text: str) -> str:
        for one in self.leaves_out:
            text = text.replace(one, "")
        return text

    def _told(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        if not self.prompt and not self.replaces:
            return messages
        if not messages or messages[0].role != "system":
            return (system(self.prompt).model_copy(update={"id": _ID}), *messages) if self.prompt else messages
        first, *rest = messages
        own = next((part for part in first.parts if isinstance(part, Text)), None)
        if own is None or (own.source is not None and own.source.ref == FRAMEWORK):  # nobody has given instructions
            if not self.prompt:
                return messages
            own, said = None, Text(text=f"{self.prompt}\n\n")
        else:
            text = own.text.rstrip("\n")
            told = self.prompt if self.replaces or not text else f"{text}\n\n{self.prompt}"
            parted = own.text[len(text) :] if told else ""  # from the text behind it
            said = own.model_copy(update={"text": told + parted})
        parts = (said, *first.parts) if own is None else tuple(said if one is own else one for one in first.parts)
        return (first.model_copy(update={"parts": parts}), *rest)


class Overlaid:
    """Asks its model with an overlay; `id` and `profile` are the model's own."""

    def __init__(self, model: Model, overlay: Overlay) -> None:
        self._model = model
        self._overlay = overlay

    @property
    def id(self) -> str:
        """The model's name."""
        return self._model.id

    @property
    def profile(self) -> Profile:
        """The model's profile."""
        return self._model.profile

    def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the model's answer to the request with the overlay."""
        return self._model.stream(self._overlay.over(request))
