"""A candidate for a slot, opened to be asked what was recorded: only where the slot's data may go."""

from typing import ClassVar

from copilot_kit import sending
from copilot_kit.model import Model
from copilot_kit.overlays import Overlaid
from copilot_kit.request import Settings
from copilot_kit.retry import Retry
from copilot_kit.slots import open_model, place, slot_of


class NotAllowed(sending.NotAllowed):
    """A provider, or a server, that the slot's data may not go to."""

    exit_code: ClassVar[int] = 3


def opened_for(slot: str, candidate: str) -> tuple[Model, Settings]:
    """Return a model with what the slot says of it; raises `NotAllowed` where the slot's data may not go there."""
    try:
        placed = place(slot, slot_of(slot), model=candidate)
        opened = open_model(candidate, base_url=placed.base_url)
        placed.may_send.check(candidate, opened.server)
    except sending.NotAllowed as error:
        raise NotAllowed(str(error)) from error
    model = opened.model if placed.overlay is None else Overlaid(opened.model, placed.overlay)
    return Retry(model), placed.settings
