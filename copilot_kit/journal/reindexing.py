"""Building lists anew from the records, in the runs of which they say something else."""

from typing import Protocol

from copilot_kit.errors import BrokenRecord
from copilot_kit.journal.auditable import Auditable
from copilot_kit.journal.verify import Report, verify_all


class Reindexable(Auditable, Protocol):
    """A store whose lists can be built anew."""

    async def reindex(self, run_id: str) -> None:
        """Derive what lists show of a run anew from its records, in one transaction.

        Raises `BrokenRecord`, with nothing changed, if they are not as they were written.
        """
        ...


async def reindex(store: Reindexable) -> Report:
    """Build the lists anew of all runs of which they are not what the records say; returns what was found before.

    Refuses, with nothing changed, if any record is not as it was written: lists that agree would only hide it.
    """
    report = await verify_all(store)
    bad = report.first_bad
    if bad is not None and bad.of == "records":
        where = f"Record {bad.seq} of run {bad.run_id!r}" if bad.run_id is not None else "The chain of runs"
        raise BrokenRecord(
            f"{where} is not as it was written: {bad.cause}. Restore the journal from a backup; its lists were left as "
            "they are."
        )
    for run_id in report.differing:
        await store.reindex(run_id)
    return report
