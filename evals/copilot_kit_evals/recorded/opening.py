"""A candidate for a slot, opened to be asked what was recorded: only where the slot's data may go."""

from copilot_kit.errors import UsageError
from copilot_kit.model import Model
from copilot_kit.overlays import Overlaid
from copilot_kit.request import Settings
from copilot_kit.retry import Retry
from copilot_kit.slots import open_model, place, slot_of


class NotAllowed(UsageError):
    """A provider that the slot's data may not go to."""

    exit_code = 3


def opened_for(slot: str, candidate: str) -> tuple[Model, Settings]:
    """Return a model with what the slot says of it; raises `NotAllowed` where the slot's data may not go there."""
    found = slot_of(slot)
    if not found.allows(candidate):
        allowed = ", ".join(found.may_send_to or ()) or "none"
        raise NotAllowed(
            f"Data of slot {slot!r} may not go to {candidate.partition(':')[0]!r}: `may_send_to` has {allowed}. "
            "Add the provider there if the people whose data it is allow that."
        )
    placed = place(slot, found, model=candidate)
    opened = open_model(candidate, base_url=placed.base_url)
    model = opened.model if placed.overlay is None else Overlaid(opened.model, placed.overlay)
    return Retry(model), placed.settings
