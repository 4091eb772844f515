"""What is not as it was written: the record of promotions, the runs that it rests on, their verdicts, and the slots."""

from copilot_kit.errors import CopilotError
from copilot_kit.journal.index import Journal
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.frontier.ledger import Ledger
from copilot_kit_evals.frontier.lock import FILE_NAME, lock_of, read_lock
from copilot_kit_evals.frontier.promotions import VERDICT, Fault, Promotion, chain_faults, evidence_fault
from copilot_kit_evals.frontier.shared import StoreLedger
from copilot_kit_evals.frontier.trial import check_evaluated, placements_of
from copilot_kit_evals.frontier.verdict import verdict_in
from copilot_kit_evals.frontier.witness import missing
from copilot_kit_evals.verdict.verdicts import Verdict


async def faults_of(
    ledger: Ledger, journal: Journal | None, *, repair: bool = False
) -> tuple[list[Promotion], list[Fault]]:  # fmt: skip
    """Return the promotions, and all that is not as it was written.

    journal: of the slot's runs, which knows what was promoted. repair: finish what a process that died has begun.
    """
    faults = await ledger.faults(repair=repair)
    promotions = await ledger.promotions()
    faults += await _held_against(ledger, journal)
    faults += chain_faults(promotions)
    for one in promotions:
        found = evidence_fault(one, ledger.home) or _verdict_fault(one, ledger)
        faults += [] if found is None else [found]
    for one in {one.slot: one for one in promotions}.values():
        changed = _changed_since(one, ledger)
        faults += [] if changed is None else [changed]
    return promotions, sorted(faults, key=lambda one: (-1 if one.n is None else one.n, not one.fails))


async def _held_against(ledger: Ledger, journal: Journal | None) -> list[Fault]:
    """Return what the file's record lacks of what a journal knows; slots that a journal keeps now may have had one."""
    lines = read_lock(lock_of(ledger.frontier))
    witness = ledger.store if isinstance(ledger, StoreLedger) else journal
    found = [] if witness is None else await missing(witness, lines, ledger.frontier)
    if not isinstance(ledger, StoreLedger):
        return found
    return [one.model_copy(update={"n": None, "text": f"{FILE_NAME}, promotion {one.n}: {one.text}"})
            for one in [*chain_faults(lines), *found]]  # fmt: skip


def _verdict_fault(one: Promotion, ledger: Ledger) -> Fault | None:
    """Return what is wrong with the verdict that a promotion names, found anew from its run."""
    if one.evidence is None:
        return None
    folder = RunFolder(ledger.home / one.evidence.run)
    found = placements_of(folder.manifest.rule)
    if found is None or (found[1].model, found[1].overlays) != (one.after.model, one.after.overlays):
        return Fault(n=one.n, slot=one.slot, text=f"its run {one.evidence.run} was of another change")
    verdict = verdict_in(folder)
    if verdict.verdict != one.evidence.verdict:
        text = f"its run says {verdict.verdict} when it is judged anew, and {one.evidence.verdict} was written"
        return Fault(n=one.n, slot=one.slot, text=text)
    return None


def _changed_since(one: Promotion, ledger: Ledger) -> Fault | None:
    """Return what a slot's model is told otherwise than when it was evaluated; only told, since people may do so."""
    if one.evidence is None or VERDICT not in one.evidence.files or evidence_fault(one, ledger.home) is not None:
        return None
    folder = RunFolder(ledger.home / one.evidence.run)
    verdict = Verdict.model_validate_json((folder.path / VERDICT).read_bytes())
    evaluated = next((each for each in folder.manifest.candidates if each.name == verdict.candidate), None)
    try:
        if evaluated is not None:
            check_evaluated(ledger, one.slot, one.after, evaluated)
    except CopilotError as error:
        return Fault(n=one.n, slot=one.slot, text=str(error).partition(". ")[0], fails=False)
    return None
