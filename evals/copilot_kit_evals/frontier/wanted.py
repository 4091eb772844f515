"""What `copilot-kit snap SLOT` is told."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

RUNS: Final = Path("runs")


@dataclass(frozen=True, slots=True)
class Snap:
    """One snap of a slot: to another model, to other words or settings for the same one, or back."""

    slot: str
    to: str | None = None
    """As provider:model; None: the slot's own model, with what `vary` says."""
    vary: tuple[str, ...] = ()
    """What else the candidate is: `prompt=b.md`, `tools=b.toml`, `hides=find+count`, `tries=0`, `effort=low`."""
    launch: bool = False
    """Judge the candidate alone, as a slot's first model is: the incumbent cannot be asked any more."""
    back: bool = False
    """Take back the last promotion; nothing is evaluated."""
    dry_run: bool = False
    """Judge, and change nothing."""
    plan: bool = False
    """Tell what it would take; nothing is asked of any model."""
    share: float | None = None
    """On promote, only this share of new runs takes the candidate, to begin with."""
    suites: tuple[str, ...] = ()
    """In the place of the slot's own, as `eval run` takes them."""
    repeats: int | None = None
    margin: float | None = None
    budget_usd: Decimal | None = None
    budget_tokens: int | None = None
    budget_s: float | None = None
    seed: int = 0
    concurrency: int | None = None
    out: Path | None = None
    """The folder of the run; None: one in `runs`, named by slot and time."""
    resume: Path | None = None
    """Go on with the run in this folder."""
    by: str | None = None
    """Who promotes; None: the user of this machine."""
    store: str | None = None
    """The journal whose waiting proposals are asked anew; None: that of [frontier], if it names one."""
    json: bool = False

    @property
    def runs(self) -> Path:
        """Where the run is going to lie, beside those of earlier snaps."""
        return RUNS if self.out is None else self.out.parent
