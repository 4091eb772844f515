"""The models of an agent: opened by name when first needed, wrapped, and kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from copilot_kit.errors import UnknownModel, UsageError
from copilot_kit.journal.opening import default_store
from copilot_kit.journal.slots import SlotMoves
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Store
from copilot_kit.model import Model
from copilot_kit.overlays import Overlaid, Overlay
from copilot_kit.records import RunStarted
from copilot_kit.request import Settings
from copilot_kit.retry import Retry
from copilot_kit.slots import Placed, Slot, find_frontier, open_model, place, slot_in, store_of

Middleware: TypeAlias = Callable[[Model], Model]
"""Makes a model of a model: `Budgeted`, `Watched`, a recording, one's own."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model ready to be asked, how it was named, and what goes with it."""

    model: Model
    slot: str | None
    base_url: str | None
    settings: Settings
    overlay: Overlay | None = None
    """Laid over what `model` is asked."""


_M = TypeVar("_M", bound=str | Model)


def checked(model: _M) -> _M:
    """Return what can be a model: a name, or an object with `id`, `profile` and `stream`; raises `UsageError`."""
    if isinstance(model, str | Model):
        return model
    raise UsageError(f"{model!r} is no model. Give a name as 'provider:name', a slot of frontier.toml, or a Model.")


class Models:
    """What an agent opens: its own model, or another one by name.

    Those opened by name are asked again where that is safe; then each middleware wraps what came before it. A slot is
    looked at anew each time, so that new runs get the model that it has by then.
    """

    def __init__(
        self, own: str | Model, settings: Settings, middleware: Sequence[Middleware], *, moves: SlotMoves | None = None
    ) -> None:  # fmt: skip
        self.own = checked(own)
        self._settings = settings
        self._middleware = tuple(middleware)
        self.moves = SlotMoves() if moves is None else moves
        self._kept: dict[tuple[str, str | None], Model] = {}
        self._given: tuple[Model, Chosen] | None = None

    async def refresh(self, store: Store, *others: str | Model | None) -> None:
        """Take in what a journal says of slots: the one that frontier.toml names, else this one.

        others: models that will be asked besides the agent's own; where none of all is a slot, nothing is read.
        """
        if not any(isinstance(one, str) and ":" not in one for one in (self.own, *others)):
            return
        path = find_frontier()
        named = None if path is None else store_of(path)
        await self.moves.catch_up(store if named is None else default_store(named))

    def first(self, run_id: str = "") -> Chosen:
        """Return the model that a new run begins with."""
        if isinstance(self.own, str) and ":" not in self.own:
            return self._placed(place(self.own, self._slot(self.own), run_id=run_id))
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
        if ":" not in name:
            return self._placed(place(name, self._slot(name)))
        return Chosen(self._model(name, base_url), None, base_url, self._settings)

    def of(self, state: RunState) -> Chosen:
        """Return the model that a run goes on with: it keeps its own until it is switched, whatever slots say now.

        An agent that was given a model as an object has nothing else to go on with.
        """
        return self._again(state.model, state.slot, state.base_url, state.overlay)

    def begun(self, started: RunStarted) -> Chosen:
        """Return the model that a nested agent began with, which it keeps."""
        return self._again(started.model, started.slot, started.base_url, started.overlay)

    def present(self, chosen: Chosen) -> str:
        """Return the model that new runs of a run's slot get now: its own, as long as some of them do."""
        slot = self._known(chosen.slot)
        if chosen.slot is None or slot is None:
            return chosen.model.id
        ids = [one.model.id for one in self._now(chosen.slot, slot)]
        return chosen.model.id if chosen.model.id in ids or not ids else ids[0]

    def overlay_now(self, chosen: Chosen) -> Overlay | None:
        """Return what the slot has a run's model told now, which the run may have begun without."""
        slot = self._known(chosen.slot)
        if chosen.slot is None or slot is None:
            return chosen.overlay
        return place(chosen.slot, slot, model=chosen.model.id).overlay

    def _again(self, model: str, slot: str | None, base_url: str | None, overlay: Overlay | None) -> Chosen:
        if not model or not isinstance(self.own, str):
            return self.first()
        name = slot or self.own
        found = None if ":" in name else self._known(name)
        now = [self.named(name)] if ":" in name else [] if found is None else self._now(name, found)
        for one in now:
            if (one.model.id, one.base_url, one.overlay) == (model, base_url, overlay):
                return one
        if slot is not None and found is not None:
            return self._placed(Placed(slot, model, base_url, place(slot, found, model=model).settings, overlay))
        # Its slot may have been renamed or taken out, or it never had one.
        return self._laid(Chosen(self._model(model, base_url), None, base_url, self._settings), overlay)

    def _now(self, name: str, slot: Slot) -> list[Chosen]:
        """Return what new runs of a slot may begin with: its model, and one that is taking over."""
        names = [slot.model, None if slot.stage is None else slot.stage.to]
        return [self._placed(place(name, slot, model=one)) for one in names if one is not None]

    def _known(self, name: str | None) -> Slot | None:
        try:
            return None if name is None else self._slot(name)
        except UnknownModel:
            return None

    def _slot(self, name: str) -> Slot:
        slot, move = slot_in(name), self.moves.of(name)
        return slot if move is None else slot.moved(move)

    def _placed(self, placed: Placed) -> Chosen:
        settings = self._settings.over(placed.settings)
        model = self._model(placed.model, placed.base_url)
        return self._laid(Chosen(model, placed.slot, placed.base_url, settings), placed.overlay)

    def _laid(self, chosen: Chosen, overlay: Overlay | None) -> Chosen:
        if overlay is None:
            return chosen
        model = Overlaid(chosen.model, overlay)
        return Chosen(model, chosen.slot, chosen.base_url, chosen.settings, overlay)

    def _model(self, name: str, base_url: str | None) -> Model:
        model = self._kept.get((name, base_url))
        if model is None:
            model = self._kept[name, base_url] = self._wrapped(Retry(open_model(name, base_url=base_url).model))
        return model

    def _wrapped(self, model: Model) -> Model:
        for wrap in self._middleware:
            model = wrap(model)
        return model
