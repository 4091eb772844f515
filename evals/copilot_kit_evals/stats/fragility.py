"""How much a score hangs on the wording: items asked in several paraphrases, as a two-way analysis of variance.

Source: generalizability theory, Cronbach et al. (1972); Brennan (2001). One cell is the mean over the repeats of one
item in one paraphrase, so that the error holds interaction and chance together.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from copilot_kit_evals.stats.arrays import NOISE, Floats, NotUsable, vector


@dataclass(frozen=True, slots=True)
class Fragility:
    """What wording does to the scores."""

    mean: float
    worst_case_mean: float
    """Mean over items of the worst paraphrase: what an unlucky user of each item gets."""
    spread: float
    """Mean over items of best minus worst paraphrase."""
    ms_item: float
    ms_paraphrase: float
    ms_error: float
    generalizability: float | None
    """Share of the variance of item means that is about items, (ms_item - ms_error) / ms_item; None where items do not
    differ. Below 0 where wording moves scores more than items do."""


def fragility(cells: npt.ArrayLike) -> Fragility:
    """Return the fragility of scores[item, paraphrase], at least two of each, none missing."""
    scores = _table(cells)
    items, paraphrases = scores.shape
    mean = float(scores.mean())
    of_items, of_paraphrases = scores.mean(axis=1), scores.mean(axis=0)
    rest = scores - of_items[:, np.newaxis] - of_paraphrases[np.newaxis, :] + mean
    ms_item = paraphrases * float(((of_items - mean) ** 2).sum()) / (items - 1)
    ms_paraphrase = items * float(((of_paraphrases - mean) ** 2).sum()) / (paraphrases - 1)
    ms_error = float((rest**2).sum()) / ((items - 1) * (paraphrases - 1))
    known = ms_item > NOISE * float(np.abs(scores).max()) ** 2
    return Fragility(
        mean=mean,
        worst_case_mean=float(scores.min(axis=1).mean()),
        spread=float(np.ptp(scores, axis=1).mean()),
        ms_item=ms_item,
        ms_paraphrase=ms_paraphrase,
        ms_error=ms_error,
        generalizability=(ms_item - ms_error) / ms_item if known else None,
    )


def _table(cells: npt.ArrayLike) -> Floats:
    try:
        scores = np.asarray(cells, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise NotUsable(f"The scores are no table of numbers: {error}. Pass one row an item, equally long.") from error
    if scores.ndim != 2 or min(scores.shape) < 2:  # noqa: PLR2004
        raise NotUsable(
            f"The scores have the shape {scores.shape!r}; at least two items (rows) in two paraphrases (columns) "
            "are wanted."
        )
    vector(scores.ravel(), "scores")
    return scores
