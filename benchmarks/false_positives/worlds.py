"""Two equal models, simulated: items of all difficulties, repeats, clusters, a stream that someone watches.

Equal means equal on average over the items that a suite could hold. On single items (and in whole clusters) the two may
well differ, each as often the better one: that is what makes repeats and clusters treacherous.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

REPOSITORIES = (231, 75, 44, 34, 32, 22, 22, 19, 10, 8, 2, 1)
"""Sizes of the clusters of SWE-bench Verified: one of twelve holds almost half of the items."""


@dataclass(frozen=True, slots=True)
class World:
    """Where the scores of one simulated run come from."""

    sizes: tuple[int, ...]
    """Items of each cluster; (1,) * n for items that do not belong together."""
    repeats: int = 1
    item_spread: float = 1.0
    """Standard deviation of what tells the two models apart on an item, in logits."""
    cluster_spread: float = 0.0
    """The same for a whole cluster."""
    worse_by: float = 0.0
    """How much lower the second model's rate is on each item, to put the truth on a margin."""

    @property
    def labels(self) -> list[int]:
        """One cluster an item."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes).tolist()

    def run(self, generator: np.random.Generator) -> tuple[Floats, Floats]:
        """Return the outcomes of both models, [item, repeat], in random order within clusters."""
        items = sum(self.sizes)
        hard = generator.normal(0.5, 1.5, size=items)
        rates = [_rates(hard + self._own(generator, items)) for _ in range(2)]
        rates = [self.worse_by + (1 - self.worse_by) * rate for rate in rates]
        rates[1] = rates[1] - self.worse_by
        shape = (items, self.repeats)
        first, second = ((generator.random(shape) < rate[:, np.newaxis]).astype(np.float64) for rate in rates)
        return first, second

    def _own(self, generator: np.random.Generator, items: int) -> Floats:
        """Return what one model finds easier or harder than the other, by item and by cluster."""
        of_cluster = generator.normal(0, self.cluster_spread, size=len(self.sizes))
        return generator.normal(0, self.item_spread, size=items) + np.repeat(of_cluster, self.sizes)


def _rates(logits: Floats) -> Floats:
    return 1 / (1 + np.exp(-logits))
