"""The models of an agent: opened by name when first needed, wrapped, and kept."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from copilot_kit.errors import UnknownModel, UsageError
from copilot_kit.journal.state import RunState
from copilot_kit.model import Model
from copilot_kit.records import RunStarted
from copilot_kit.request import Settings
from copilot_kit.retry import Retry
from copilot_kit.slots import open_model

Middleware: TypeAlias = Callable[[Model], Model]
"""Makes a model of a model: `Budgeted`, `Watched`, a recording, one's own."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model ready to be asked, how it was named, and the settings that go with it."""

    model: Model
    slot: str | None
    base_url: str | None
    settings: Settings


_M = TypeVar("_M", bound=str | Model)


def checked(model: _M) -> _M:
    """Return what can be a model: a name, or an object with `id`, `profile` and `stream`; raises `UsageError`."""
    if isinstance(model, str | Model):
        return model
    raise UsageError(f"{model!r} is no model. Give a name as 'provider:name', a slot of frontier.toml, or a Model.")


class Models:
    """What an agent opens: its own model, or another one by name.

    Those opened by name are asked again where that is safe; then each middleware wraps what came before it.
    """

    def __init__(self, own: str | Model, settings: Settings, middleware: Sequence[Middleware]) -> None:
        self.own = checked(own)
        self._settings = settings
        self._middleware = tuple(middleware)
        self._kept: dict[tuple[str, str | None], Chosen] = {}
        self._given: tuple[Model, Chosen] | None = None

    def first(self) -> Chosen:
        """Return the model that new runs begin with."""
        return self.chosen(self.own)

    def chosen(self, model: str | Model) -> Chosen:
        """Return a model by name or slot, or one that was given as an object."""
        if isinstance(model, str):
            return self.named(model)
        if self._given is None or self._given[0] is not model:
            self._given = (model, Chosen(self._wrapped(checked(model)), None, None, self._settings))
        return self._given[1]

    def named(self, name: str, *, base_url: str | None = None) -> Chosen:
        """Return the model of this name or slot."""
        chosen = self._kept.get((name, base_url))
        if chosen is None:
            found = open_model(name, base_url=base_url)
            model = self._wrapped(Retry(found.model))
            chosen = Chosen(model, found.slot, found.base_url, self._settings.over(found.settings))
            self._kept[name, base_url] = chosen
        return chosen

    def of(self, state: RunState) -> Chosen:
        """Return the model that a run goes on with: it keeps its own until it is switched, whatever slots say now.

        An agent that was given a model as an object has nothing else to go on with.
        """
        return self._again(state.model, state.slot, state.base_url)

    def begun(self, started: RunStarted) -> Chosen:
        """Return the model that a nested agent began with, which it keeps."""
        return self._again(started.model, started.slot, started.base_url)

    def _again(self, model: str, slot: str | None, base_url: str | None) -> Chosen:
        if not model or not isinstance(self.own, str):
            return self.first()
        with contextlib.suppress(UnknownModel):  # its slot may have been renamed or taken out
            chosen = self.named(slot or self.own)
            if (chosen.model.id, chosen.base_url) == (model, base_url):
                return chosen
        return self.named(model, base_url=base_url)

    def _wrapped(self, model: Model) -> Model:
        for wrap in self._middleware:
            model = wrap(model)
        return model
