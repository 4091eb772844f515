"""How far a judge can be trusted, and what is true if it is as good as people have seen it to be.

Agreement beyond chance: Cohen 1960 (kappa), Cohen 1968 (weighted), errors as Fleiss, Cohen and Everitt 1969 found them,
here through each item's influence, which clusters can be summed over. A rate that a judge counted is corrected by its
sensitivity and specificity (Rogan and Gladen 1978), or by the labelled items themselves (prediction-powered inference:
Angelopoulos et al. 2023, arXiv:2301.09633, with the weight of PPI++, arXiv:2311.01453). Both hold only if the labelled
items are a random sample of all items.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from copilot_kit.approval.bounds import Interval, wilson
from copilot_kit_evals.stats.arrays import NOISE, Floats, Labels, NotUsable, cluster_sums, confident, outcomes, vector
from copilot_kit_evals.stats.distributions import normal_quantile, t_quantile
from copilot_kit_evals.stats.means import Estimate, estimate
from copilot_kit_evals.stats.proportions import clustered_rate

Weights: TypeAlias = Literal["none", "linear", "quadratic"]
PLACES = {"left": 1.0, "tie": 0.5, "right": 0.0}
"""What a verdict on a pair counts for the left one."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often two raters agree, and how much of it is beyond chance."""

    kappa: float | None
    """1 at full agreement, 0 at chance; None where both gave all items one category, so that chance explains all."""
    error: float | None
    """None at full agreement: data without a disagreement do not show how rare it is."""
    interval: Interval | None
    agreement: float
    """Share of items with the same category; with weights, nearness counts."""
    agreement_interval: Interval
    expected: float
    """Agreement by chance, from how often each uses each category."""
    n: int


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A judge's 0/1 verdicts against the truth; a rate whose base is empty is None."""

    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int
    sensitivity: float | None
    sensitivity_interval: Interval | None
    specificity: float | None
    specificity_interval: Interval | None


@dataclass(frozen=True, slots=True)
class Corrected:
    """The rate that people would have found, with its standard error and interval."""

    rate: float
    error: float
    interval: Interval
    weight: float | None = None
    """PPI++'s lambda, how much the judge is listened to."""


@dataclass(frozen=True, slots=True)
class PositionBias:
    """How much a judge of pairs leans to the place on the left; a tie is half a vote for each place."""

    judge_left: float
    human_left: float
    lean: Estimate
    """judge - human on the same items: what the quality of the answers on the left does not explain."""
    decided: int
    """Items on which the judge was not tied."""
    decided_left: Interval
    """Wilson's interval of the share of left among them."""


@dataclass(frozen=True, slots=True)
class Preference:
    """How often a judge prefers a model to the reference, from preferences between 1 (reference) and 2 (model)."""

    win_rate: float
    """Mean of preference - 1, between 0 and 1."""
    error: float | None
    """sd / sqrt(n), or clustered; None without spread."""
    interval: Interval | None
    wins: int
    losses: int
    draws: int
    discrete_win_rate: float
    """Wins and half of the draws, over all."""
    n: int


def agreement(
    human: Sequence[Hashable],
    judge: Sequence[Hashable],
    *,
    order: Sequence[Hashable] | None = None,
    weights: Weights = "none",
    clusters: Labels | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Return Cohen's kappa of two raters' categories, item by item the same items.

    order: the categories from lowest to highest, for linear or quadratic weights; others must not appear then.
    clusters: labels of items that hang together, or of one item that several people judged.
    """
    if len(human) != len(judge) or not human:
        raise NotUsable(
            f"There are {len(human)} verdicts of people and {len(judge)} of the judge. Pass one pair an item."
        )
    known = list(order) if order is not None else list(dict.fromkeys([*human, *judge]))
    if strange := {*human, *judge}.difference(known):
        raise NotUsable(
            f"The verdict {next(iter(strange))!r} is not among the categories {known!r}. Name all of them in order."
        )
    if weights != "none" and order is None:
        raise NotUsable(f"Weights {weights!r} need to know the order of the categories. Pass them from low to high.")
    place = {one: number for number, one in enumerate(known)}
    rows, columns = (np.array([place[one] for one in side], dtype=np.int64) for side in (human, judge))
    near = _nearness(len(known), weights)
    table = np.zeros((len(known), len(known)))
    np.add.at(table, (rows, columns), 1 / len(human))
    by_human, by_judge = table.sum(axis=1), table.sum(axis=0)
    same, chance = float((near * table).sum()), float(by_human @ near @ by_judge)
    same = 1.0 if same >= 1 - NOISE else same
    values: Floats = near[rows, columns]
    within = _share_interval(values, clusters, weights, confidence)
    if chance >= 1 - NOISE:
        return Agreement(None, None, None, same, within, chance, len(human))
    kappa = (same - chance) / (1 - chance)
    if same == 1:
        return Agreement(
            kappa, None, Interval((within.lower - chance) / (1 - chance), 1.0), same, within, chance, len(human)
        )
    moved = near @ by_judge
    pull = moved[rows] + (by_human @ near)[columns] - 2 * chance
    influence = (values - same) / (1 - chance) - (1 - same) / (1 - chance) ** 2 * pull
    error, reach = _error(influence, clusters, confidence)
    interval = None if error is None else Interval(max(-1.0, kappa - reach * error), min(1.0, kappa + reach * error))
    return Agreement(kappa, error, interval, same, within, chance, len(human))


def accuracy(human: npt.ArrayLike, judge: npt.ArrayLike, *, confidence: float = 0.95) -> Accuracy:
    """Return sensitivity and specificity of 0/1 verdicts, people being the truth, with Wilson's intervals."""
    truth, said = _same(human, judge)
    hit, miss = int(((truth == 1) & (said == 1)).sum()), int(((truth == 1) & (said == 0)).sum())
    alarm, calm = int(((truth == 0) & (said == 1)).sum()), int(((truth == 0) & (said == 0)).sum())
    ill, well = hit + miss, alarm + calm
    return Accuracy(
        hit, miss, alarm, calm,
        sensitivity=hit / ill if ill else None,
        sensitivity_interval=wilson(hit, ill, confidence=confidence) if ill else None,
        specificity=calm / well if well else None,
        specificity_interval=wilson(calm, well, confidence=confidence) if well else None,
    )  # fmt: skip


def rogan_gladen(raw: float, n: int, known: Accuracy, *, confidence: float = 0.95) -> Corrected:
    """Return the true rate behind a rate that the judge counted on n items that nobody labelled.

    (raw + specificity - 1) / (sensitivity + specificity - 1), kept between 0 and 1, with the error of the delta method.
    A share of 0 or 1 puts (x + 1) / (n + 2) into the error, so that few labels never pass for certainty.
    Raises `NotUsable` for a judge that is no better than a coin on the labelled items: nothing can be learnt from it.
    """
    sick, well = known.true_positive + known.false_negative, known.true_negative + known.false_positive
    if known.sensitivity is None or known.specificity is None or not 0 <= raw <= 1 or n < 1:
        raise NotUsable(
            f"A rate of {raw!r} on {n!r} items cannot be corrected by {sick} positive and {well} negative labels. "
            "Label at least one item of each kind."
        )
    skill = known.sensitivity + known.specificity - 1
    if skill <= NOISE:
        raise NotUsable(
            f"Sensitivity {known.sensitivity:.3f} and specificity {known.specificity:.3f} are no better than a coin, "
            "so that the judge's rate says nothing about the true one. Use another judge, or people."
        )
    rate = (raw + known.specificity - 1) / skill
    variance = (
        _share_variance(raw, n)
        + rate**2 * _share_variance(known.sensitivity, sick)
        + (1 - rate) ** 2 * _share_variance(known.specificity, well)
    ) / skill**2
    error, kept = math.sqrt(variance), min(1.0, max(0.0, rate))
    return Corrected(kept, error, _interval(kept, error, confidence))


def prediction_powered(
    human: npt.ArrayLike,
    judge: npt.ArrayLike,
    unlabelled: npt.ArrayLike,
    *,
    weight: float | None = None,
    confidence: float = 0.95,
) -> Corrected:
    """Return the mean that people would give, from a few labels and the judge's scores of many more items.

    human, judge: scores of the same labelled items (n); unlabelled: the judge's of the others (N). The mean is
    mean(human - w judge) + w mean(unlabelled); w is PPI++'s, cov(human, judge) / ((1 + n / N) var(judge on all)), kept
    between 0 and 1, unless given; 1 is plain PPI and 0 is people alone. The interval is normal: n should be above 30.
    """
    truth, said = vector(human, "human scores", least=2), vector(judge, "judge scores", least=2)
    others = vector(unlabelled, "unlabelled judge scores")
    if len(truth) != len(said):
        raise NotUsable(f"There are {len(truth)} human scores and {len(said)} of the judge. Pass one pair an item.")
    n, many = len(truth), len(others)
    if weight is None:
        pooled = float(np.concatenate([said, others]).var(ddof=1))
        shared = float(np.mean((truth - truth.mean()) * (said - said.mean())))
        weight = min(1.0, max(0.0, shared / ((1 + n / many) * pooled))) if pooled > 0 else 0.0
    rest = truth - weight * said
    mean = float(rest.mean() + weight * others.mean())
    variance = weight**2 * float(others.var()) / many + float(rest.var()) / n
    error = math.sqrt(variance)
    half = normal_quantile((1 + confident(confidence)) / 2) * error
    return Corrected(mean, error, Interval(mean - half, mean + half), weight)


def position_bias(
    human: Sequence[str], judge: Sequence[str], *, clusters: Labels | None = None, confidence: float = 0.95
) -> PositionBias:
    """Return how often people and the judge chose the left one of the same pairs; verdicts are left, right or tie."""
    if len(human) != len(judge) or not human or {*human, *judge} - set(PLACES):
        raise NotUsable(
            "Position bias needs pairs of verdicts that are left, right or tie. Rename or leave out others."
        )
    people, said = ([PLACES[one] for one in side] for side in (human, judge))
    decided = [one for one in judge if one != "tie"]
    lean = estimate(np.subtract(said, people), clusters=clusters, bounds=(-1, 1), confidence=confidence)
    return PositionBias(
        judge_left=float(np.mean(said)),
        human_left=float(np.mean(people)),
        lean=lean,
        decided=len(decided),
        decided_left=wilson(decided.count("left"), len(decided), confidence=confidence),
    )


def swap_consistency(
    first: Sequence[str], swapped: Sequence[str], *, confidence: float = 0.95
) -> tuple[float, Interval]:
    """Return how often a judge stays with an answer when the two change places, with Wilson's interval.

    first: its verdicts in one order; swapped: on the same pairs in the other, as it gave them (left is now the other).
    """
    turned = {"left": "right", "right": "left", "tie": "tie"}
    if len(first) != len(swapped) or not first or {*first, *swapped} - set(turned):
        raise NotUsable(
            "Consistency needs two verdicts a pair, each left, right or tie. Judge all pairs in both orders."
        )
    same = sum(turned[other] == one for one, other in zip(first, swapped, strict=True))
    return same / len(first), wilson(same, len(first), confidence=confidence)


def preference(values: npt.ArrayLike, *, clusters: Labels | None = None, confidence: float = 0.95) -> Preference:
    """Return AlpacaEval's win rate and its error (Dubois et al. 2024, arXiv:2404.04475): 1 reference, 2 model.

    Items without a value must be left out before, and be told of.
    """
    array = vector(values, "preferences")
    found = estimate(array - 1, clusters=clusters, bounds=(0, 1), confidence=confidence)
    wins, draws = int((array > 1.5).sum()), int((array == 1.5).sum())  # noqa: PLR2004  halfway is a draw
    return Preference(
        win_rate=found.mean,
        error=found.error,
        interval=found.interval,
        wins=wins,
        losses=len(array) - wins - draws,
        draws=draws,
        discrete_win_rate=(wins + draws / 2) / len(array),
        n=len(array),
    )


def _nearness(size: int, weights: Weights) -> Floats:
    """Return what each pair of categories counts, from 0 at the ends of the scale to 1 on the diagonal."""
    if weights == "none" or size == 1:
        return np.eye(size)
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) / (size - 1)
    near: Floats = 1 - apart if weights == "linear" else 1 - apart**2
    return near


def _share_interval(values: Floats, clusters: Labels | None, weights: Weights, confidence: float) -> Interval:
    """Return the interval of the share of agreement; of one unit nothing is known."""
    if weights != "none":
        found = estimate(values, clusters=clusters, bounds=(0, 1), confidence=confidence)
        return found.interval or Interval(0.0, 1.0)
    if clusters is None:
        return wilson(int(values.sum()), len(values), confidence=confidence)
    return clustered_rate(values, clusters, confidence=confidence).interval


def _error(influence: Floats, clusters: Labels | None, confidence: float) -> tuple[float | None, float]:
    """Return the standard error of a mean of influences, and how many of it an interval reaches to each side."""
    share = (1 + confident(confidence)) / 2
    if clusters is None:
        return math.sqrt(float(influence @ influence)) / len(influence), normal_quantile(share)
    sums, _ = cluster_sums(influence, clusters)
    if len(sums) == 1:
        return None, 0.0
    square = float(sums @ sums) * len(sums) / (len(sums) - 1)
    return math.sqrt(square) / len(influence), t_quantile(share, len(sums) - 1)


def _same(human: npt.ArrayLike, judge: npt.ArrayLike) -> tuple[Floats, Floats]:
    truth, said = outcomes(human, "human verdicts"), outcomes(judge, "judge verdicts")
    if len(truth) != len(said):
        raise NotUsable(f"There are {len(truth)} human verdicts and {len(said)} of the judge. Pass one pair an item.")
    return truth, said


def _share_variance(share: float, n: int) -> float:
    if share in (0.0, 1.0):
        share = (share * n + 1) / (n + 2)
    return share * (1 - share) / n


def _interval(rate: float, error: float, confidence: float) -> Interval:
    half = normal_quantile((1 + confident(confidence)) / 2) * error
    return Interval(max(0.0, rate - half), min(1.0, rate + half))
