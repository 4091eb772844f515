"""The models of an agent: opened by name when first needed, wrapped, and kept."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
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
from copilot_kit.sending import NotAllowed, alternatives_of, server_of
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
    said: Settings | None = None
    """What its slot says of how it answers, which `settings` has under the agent's own; None: it has no slot."""
    server: str | None = None
    """Where it is asked, if that is not its provider's own address."""


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
        self._kept: dict[tuple[str, str | None], tuple[Model, str | None]] = {}
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
            given = Chosen(self._wrapped(checked(model)), None, None, self._settings, server=server_of(model))
            self._given = (model, given)
        return self._given[1]

    def named(self, name: str, *, base_url: str | None = None) -> Chosen:
        """Return the model of this name or slot."""
        if ":" not in name:
            return self._placed(place(name, self._slot(name)))
        model, server = self._model(name, base_url)
        return Chosen(model, None, base_url, self._settings, server=server)

    def given(self, model: str | Model, *, slots: Iterable[str | None]) -> Chosen:
        """Return a model that is given data of these slots: it reviews the work, or goes on with a run.

        Raises `NotAllowed` where a slot does not let them go there.
        """
        return self._held(self.chosen(model), slots, others=alternatives_of(model))

    def of(self, state: RunState) -> Chosen:
        """Return the model that a run goes on with: it keeps its own until it is switched, whatever slots say now.

        An agent that was given a model as an object has nothing else to go on with. Raises `NotAllowed` where a slot
        that the run was of does not let its data go there.
        """
        chosen = self._again(state.model, state.slot, state.base_url, state.overlay, state.settings)
        return self._held(chosen, state.slots, others=alternatives_of(self.own))

    def begun(self, started: RunStarted) -> Chosen:
        """Return the model that a nested agent began with, which it keeps."""
        return self._again(started.model, started.slot, started.base_url, started.overlay, started.settings)

    def present(self, chosen: Chosen) -> str:
        """Return the model that new runs of a run's slot get now: its own, as long as some of them do."""
        slot = self._known(chosen.slot)
        if chosen.slot is None or slot is None:
            return chosen.model.id
        ids = [one.model.id for one in self._now(chosen.slot, slot)]
        return chosen.model.id if chosen.model.id in ids or not ids else ids[0]

    def said_now(self, chosen: Chosen) -> tuple[Overlay | None, Settings | None]:
        """Return what the slot has a run's model told now, and how it is to answer; the run may have begun without."""
        slot = self._known(chosen.slot)
        if chosen.slot is None or slot is None:
            return chosen.overlay, chosen.said
        placed = place(chosen.slot, slot, model=chosen.model.id)
        return placed.overlay, placed.settings

    def _held(
        self, chosen: Chosen, slots: Iterable[str | None], *, others: Sequence[tuple[str, str | None]] = ()
    ) -> Chosen:  # fmt: skip
        for name in slots:
            owner = self._known(name)
            if name is not None and owner is not None:
                for model, server in ((chosen.model.id, chosen.server), *others):
                    owner.may_send(name).check(model, server)
        return chosen

    def _again(
        self, model: str, slot: str | None, base_url: str | None, overlay: Overlay | None, said: Settings | None
    ) -> Chosen:  # fmt: skip
        if not model or not isinstance(self.own, str):
            return self.first()
        name = slot or self.own
        found = None if ":" in name or slot is None else self._known(name)
        now = [self.named(name)] if ":" in name else [] if found is None else self._now(name, found)
        for one in now:
            if (one.model.id, one.base_url, one.overlay) == (model, base_url, overlay) and said in (None, one.said):
                return one
        if slot is not None and found is not None:
            settings = place(slot, found, model=model).settings if said is None else said
            return self._placed(Placed(slot, model, base_url, settings, overlay, found.may_send(slot)))
        # Its slot may have been renamed or taken out, or it never had one.
        settings = self._settings if said is None else self._settings.over(said)
        opened, server = self._model(model, base_url)
        return self._laid(Chosen(opened, None, base_url, settings, server=server), overlay)

    def _now(self, name: str, slot: Slot) -> list[Chosen]:
        """Return what new runs of a slot may begin with: its model, and one that is taking over, where data may go."""
        found = []
        for one in (slot.model, None if slot.stage is None else slot.stage.to):
            with suppress(NotAllowed):
                found += [] if one is None else [self._placed(place(name, slot, model=one))]
        return found

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
        model, server = self._model(placed.model, placed.base_url)
        placed.may_send.check(placed.model, server)
        chosen = Chosen(model, placed.slot, placed.base_url, settings, said=placed.settings, server=server)
        return self._laid(chosen, placed.overlay)

    def _laid(self, chosen: Chosen, overlay: Overlay | None) -> Chosen:
        if overlay is None:
            return chosen
        return replace(chosen, model=Overlaid(chosen.model, overlay), overlay=overlay)

    def _model(self, name: str, base_url: str | None) -> tuple[Model, str | None]:
        """Return a model, and where it is asked if that is not its provider's own address."""
        if (name, base_url) not in self._kept:
            opened = open_model(name, base_url=base_url)
            self._kept[name, base_url] = (self._wrapped(Retry(opened.model)), opened.server)
        return self._kept[name, base_url]

    def _wrapped(self, model: Model) -> Model:
        for wrap in self._middleware:
            model = wrap(model)
        return model
