"""What people made of suggestions that they act on elsewhere: figures to choose a model by, never a permission."""

from dataclasses import dataclass
from typing import Final

from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Store

_VERDICTS: Final = ("accepted", "edited", "ignored", "untold")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How suggestions of one agent, by one model under one prompt, were taken."""

    agent: str
    model: str
    prompt_version: str
    accepted: int = 0
    edited: int = 0
    ignored: int = 0
    untold: int = 0
    """Nobody has said yet what became of them."""

    @property
    def accepted_share(self) -> float | None:
        """Which share was used unchanged, of those whose end is known."""
        known = self.accepted + self.edited + self.ignored
        return self.accepted / known if known else None


async def acceptance(store: Store, *, last: int = 1000) -> list[Acceptance]:
    """Return how the suggestions among the last runs were taken, the most frequent first.

    A suggestion whose outcome was told twice counts as it was told last.
    """
    taken: dict[tuple[str, str, str], list[str]] = {}
    suggested = [row.run_id for row in await store.runs(limit=last) if row.purpose == "suggestion"]
    for run_id in suggested:
        state = RunState.of(await store.read(run_id))
        if state.started is not None:  # else it was erased
            verdict = "untold" if state.outcome is None else state.outcome.verdict
            key = (state.started.agent, state.model, state.started.prompt_version)
            taken.setdefault(key, []).append(verdict)
    busiest = sorted(taken.items(), key=lambda item: (-len(item[1]), item[0]))
    return [Acceptance(*key, *map(verdicts.count, _VERDICTS)) for key, verdicts in busiest]
