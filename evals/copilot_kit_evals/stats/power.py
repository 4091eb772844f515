"""How many items a comparison needs, and the smallest difference that a suite can see.

Source: Miller (2024), "Adding Error Bars to Evals" (arXiv 2411.00640), section 5, for scores in general; Connett, Smith
and McHugh (1987) for pairs of 0/1 outcomes; the noncentral t (Cohen 1988) where few pairs make z too hopeful.
The numbers are not rounded: ask for `math.ceil` of them.
"""

import math

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.distributions import noncentral_t_below, normal_quantile, root, t_quantile


def items_needed(  # noqa: PLR0913  the variances are the formula
    delta: float,
    *,
    between: float,
    within_a: float = 0.0,
    within_b: float = 0.0,
    repeats_a: int = 1,
    repeats_b: int = 1,
    alpha: float = 0.05,
    power: float = 0.8,
    design_effect: float = 1.0,
) -> float:
    """Return how many items show a difference of this size between two models that both answer all of them.

    (z_{1 - alpha / 2} + z_power)^2 * (between + within_a / repeats_a + within_b / repeats_b) / delta^2.
    between: variance over items of the difference of expectations (omega^2; for unpaired halves pass the sum of both
    variances). within: mean variance of one repeat around its item's expectation.

    >>> math.ceil(items_needed(0.03, between=1 / 9))
    969
    """
    if delta == 0:
        raise NotUsable("A difference of 0 cannot be seen with any number of items; pass the smallest that matters.")
    spread = _spread(between, within_a, within_b, repeats_a, repeats_b)
    return _z_sum(alpha, power) ** 2 * spread * _effect(design_effect) / delta**2


def smallest_difference(  # noqa: PLR0913  the variances are the formula
    items: float,
    *,
    between: float,
    within_a: float = 0.0,
    within_b: float = 0.0,
    repeats_a: int = 1,
    repeats_b: int = 1,
    alpha: float = 0.05,
    power: float = 0.8,
    design_effect: float = 1.0,
) -> float:
    """Return the smallest difference that so many items show (MDE): the inverse of `items_needed`."""
    if items < 1:
        raise NotUsable(f"A suite has at least one item, not {items!r}.")
    spread = _spread(between, within_a, within_b, repeats_a, repeats_b)
    return _z_sum(alpha, power) * math.sqrt(spread * _effect(design_effect) / items)


def design_effect(cluster_size: float, *, icc: float) -> float:
    """Return by how much clusters of this size multiply the items needed; Kish (1965): 1 + (m - 1) * icc."""
    if cluster_size < 1 or not -1 <= icc <= 1:
        raise NotUsable(f"A cluster holds at least one item and icc lies in [-1, 1], not {cluster_size!r} and {icc!r}.")
    return 1 + (cluster_size - 1) * icc


def pairs_needed(delta: float, *, discordant: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return how many items show a difference of two pass rates by McNemar's test.

    discordant: share of items on which exactly one of the two passes (psi); at least |delta|.
    (z_{1 - alpha / 2} * sqrt(psi) + z_power * sqrt(psi - delta^2))^2 / delta^2.
    """
    if not 0 < abs(delta) <= discordant <= 1:
        raise NotUsable(
            f"A difference of {delta!r} cannot come from a share of {discordant!r} of items that differ; "
            "pass 0 < |delta| <= discordant <= 1."
        )
    alone = normal_quantile(_tail(alpha)) * math.sqrt(discordant)
    return (alone + normal_quantile(_powered(power)) * math.sqrt(discordant - delta**2)) ** 2 / delta**2


def pairs_needed_t(effect: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return how many pairs show a difference of this many of its own standard deviations by the paired t test."""
    if effect == 0:
        raise NotUsable("An effect of 0 cannot be seen with any number of pairs; pass the smallest that matters.")
    size, wanted, tail = abs(effect), _powered(power), _tail(alpha)

    def excess(pairs: float) -> float:
        shift, limit = size * math.sqrt(pairs), t_quantile(tail, pairs - 1)
        seen = 1 - noncentral_t_below(limit, pairs - 1, shift) + noncentral_t_below(-limit, pairs - 1, shift)
        return seen - wanted

    high = 4.0
    while excess(high) < 0:
        high *= 2
    return root(excess, 2.0, high)


def _spread(between: float, within_a: float, within_b: float, repeats_a: int, repeats_b: int) -> float:
    if min(between, within_a, within_b) < 0 or between + within_a + within_b == 0:
        raise NotUsable(
            f"Variances are at least 0 and not all 0, unlike {(between, within_a, within_b)!r}; take them from a pilot."
        )
    if min(repeats_a, repeats_b) < 1:
        raise NotUsable(f"Each item is asked at least once, not {(repeats_a, repeats_b)!r} times.")
    return between + within_a / repeats_a + within_b / repeats_b


def _z_sum(alpha: float, power: float) -> float:
    return normal_quantile(_tail(alpha)) + normal_quantile(_powered(power))


def _tail(alpha: float) -> float:
    if not 0 < alpha < 1:
        raise NotUsable(f"An error rate lies between 0 and 1, not at {alpha!r}. Write 0.05, say.")
    return 1 - alpha / 2


def _powered(power: float) -> float:
    if not 0 < power < 1:
        raise NotUsable(f"A power lies between 0 and 1, not at {power!r}. Write 0.8, say.")
    return power


def _effect(design: float) -> float:
    if not design > 0:
        raise NotUsable(f"A design effect is above 0, not {design!r}; 1 means that items do not belong together.")
    return design
