"""A model that takes over step by step: watched, raised by people, and taken back by itself when people accept less."""

import asyncio
import logging
from dataclasses import dataclass

from copilot_kit.errors import Conflict, JournalError, UsageError
from copilot_kit.journal.index import Journal
from copilot_kit_evals.frontier.acceptance import ALPHA, Acceptance, acceptance, cases_of
from copilot_kit_evals.frontier.ledger import Ledger, ask_people_anew, id_of, take_back
from copilot_kit_evals.frontier.promotions import Promotion, of_slot

_LOG = logging.getLogger(__name__)
KEEPER = "copilot-kit frontier"
"""Who takes back what people accept less of."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a model that takes over stands."""

    slot: str
    old: str
    new: str
    share: float
    found: Acceptance
    change: str
    """Hash of the slot's last change, on which this was found."""


async def standing(ledger: Ledger, slot: str, journal: Journal, *, alpha: float = ALPHA) -> Standing | None:
    """Return how the model that takes over a slot stands against the old one; None where none does."""
    changes = of_slot(await ledger.promotions(), slot)
    now = await ledger.placement(slot)
    begun = [one for one in changes if one.kind == "stage"]
    if now.stage is None or now.model is None:
        return None
    if not begun:
        raise UsageError(
            f"Slot {slot!r} has a stage that nobody promoted, so that it is not known since when. Begin it with: "
            f"copilot-kit snap {slot} --share {now.stage.share:g}"
        )
    old, new = id_of(now.model), id_of(now.stage.to)
    cases = await cases_of(journal, slot=slot, old=old, new=new, since=begun[-1].at)
    found = acceptance(cases, alpha=alpha)
    return Standing(slot, now.model, now.stage.to, now.stage.share, found, changes[-1].hash)


async def looked_after(ledger: Ledger, slot: str, journal: Journal, *, alpha: float = ALPHA) -> Promotion | None:
    """Take the new model back if people are shown to accept less of it, and return that; None: all goes on."""
    found = await standing(ledger, slot, journal, alpha=alpha)
    if found is None or not found.found.fell:
        return None
    try:
        promotion = await take_back(ledger, slot, by=KEEPER, reason=str(found.found), fell=True, follows=found.change)
    except Conflict:  # somebody was faster: another one who looks after it, or a person; the next look is at that
        return None
    await ask_people_anew(ledger, promotion, journal)
    return promotion


async def look_after(ledger: Ledger, slot: str, journal: Journal, *, every_s: float, alpha: float = ALPHA) -> Promotion:
    """Look again and again until the model is taken back, and return that; ends with an error when none takes over.

    A store that does not answer is asked again at the next look. To run beside a worker, as `keep_going` is:
    `asyncio.create_task(look_after(open_ledger(), "default", store, ...))`.
    """
    while True:
        try:
            promotion = await looked_after(ledger, slot, journal, alpha=alpha)
            if promotion is not None:
                return promotion
            is_over = (await ledger.placement(slot)).stage is None
        except (JournalError, OSError) as error:
            _LOG.warning("slot %s: nobody looked after it this time: %s", slot, error)
            is_over = False
        if is_over:
            raise UsageError(f"In slot {slot!r} no model takes over any more. See: copilot-kit frontier")
        await asyncio.sleep(every_s)
