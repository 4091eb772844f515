"""Many comparisons at once: adjusted p-values, to be compared with the error rate that the whole list shall keep.

Holm (1979) for gates, where one false alarm is one too many; Benjamini and Hochberg (1995) for lists to look through,
where a share of false alarms is acceptable.
"""

import numpy as np
import numpy.typing as npt

from copilot_kit_evals.stats.arrays import Floats, NotUsable, vector


def holm(p_values: npt.ArrayLike) -> Floats:
    """Return adjusted p-values that keep the chance of any false alarm, in the order given.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p, order = _sorted(p_values)
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return _placed(raised, order)


def benjamini_hochberg(p_values: npt.ArrayLike) -> Floats:
    """Return adjusted p-values that keep the expected share of false alarms among the alarms, in the order given."""
    p, order = _sorted(p_values)
    raised = p[order] * len(p) / np.arange(1, len(p) + 1)
    return _placed(np.minimum.accumulate(raised[::-1])[::-1], order)


def _sorted(p_values: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.intp]]:
    p = vector(p_values, "p-values", least=0)
    outside = p[(p < 0) | (p > 1)]
    if len(outside):
        raise NotUsable(f"A p-value lies between 0 and 1, not at {float(outside[0])!r}. Pass what the tests returned.")
    return p, np.argsort(p, kind="stable")


def _placed(raised: Floats, order: npt.NDArray[np.intp]) -> Floats:
    adjusted = np.empty_like(raised)
    adjusted[order] = np.minimum(raised, 1.0)
    return adjusted
