"""`copilot-kit snap SLOT`: the slot's suites on incumbent and candidate, one verdict, and what follows from it."""

from copilot_kit.errors import UsageError
from copilot_kit_evals.frontier.wanted import Snap


def snap_slot(wanted: Snap) -> int:
    """Snap a slot, print the verdict, and return the exit code: 0 promote, 1 hold, 2 inconclusive, 3 invalid."""
    raise UsageError(f"Slot {wanted.slot!r} cannot be snapped yet.")
