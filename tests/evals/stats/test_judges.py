"""Judges against people: reference values, and what few labels must not promise."""

import math

import pytest

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.judges import (
    Accuracy,
    accuracy,
    agreement,
    position_bias,
    prediction_powered,
    preference,
    rogan_gladen,
    swap_consistency,
)

HUMAN = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1]
JUDGE = [1, 1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 0]
UNLABELLED = [1, 1, 0, 1, 1, 0, 1, 1, 1, 0] * 20


def test_kappa_and_its_error_are_those_of_the_reference_values():
    found = agreement(HUMAN, JUDGE)
    assert found.kappa == pytest.approx(0.4680851064, abs=1e-10)
    assert found.error == pytest.approx(0.2025771918, abs=1e-9)  # statsmodels cohens_kappa, std_kappa
    assert found.agreement == 0.75
    assert found.expected == pytest.approx(0.53)
    assert found.agreement_interval == pytest.approx((0.5312991224, 0.8881382986), abs=1e-9)


@pytest.mark.parametrize(
    ("weights", "kappa", "error"),
    [
        ("none", 0.5789473684, 0.1700188260),
        ("linear", 0.7087378641, 0.1285582299),
        ("quadratic", 0.8189655172, 0.1018240507),
    ],
)
def test_weighted_kappa_counts_how_near_a_miss_is(weights: str, kappa: float, error: float):
    first, second = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 2, 1], [0, 1, 1, 1, 2, 3, 3, 3, 4, 2, 2, 0]
    found = agreement(first, second, order=range(5), weights=weights)  # type: ignore[arg-type]
    assert found.kappa == pytest.approx(kappa, abs=1e-10)  # scikit-learn 1.9
    assert found.error == pytest.approx(error, abs=1e-9)  # statsmodels 0.15


def test_agreement_is_never_above_1_by_rounding():
    assert agreement([1] * 20, [1] * 20).agreement == 1.0
    assert agreement(list(range(7)) * 3, list(range(7)) * 3).agreement == 1.0


def test_full_agreement_is_not_certainty():
    found = agreement(["a", "b", "a"], ["a", "b", "a"])
    assert (found.kappa, found.error) == (1.0, None)
    assert found.interval is not None
    assert found.interval.lower < 0.5


def test_where_both_always_say_the_same_chance_explains_all():
    found = agreement([1, 1, 1], [1, 1, 1])
    assert (found.kappa, found.interval, found.agreement) == (None, None, 1.0)


def test_many_people_on_one_item_are_not_many_items():
    alone = agreement(HUMAN * 5, JUDGE * 5)
    together = agreement(HUMAN * 5, JUDGE * 5, clusters=list(range(20)) * 5)
    assert alone.error == pytest.approx(0.2025771918 / math.sqrt(5), abs=1e-9)
    assert together.error == pytest.approx(0.2025771918 * math.sqrt(20 / 19), abs=1e-9)
    assert together.agreement_interval.lower < alone.agreement_interval.lower


def test_sensitivity_and_specificity_are_those_of_the_reference_values():
    found = accuracy(HUMAN, JUDGE)
    assert (found.true_positive, found.false_negative, found.false_positive, found.true_negative) == (10, 2, 3, 5)
    assert (found.sensitivity, found.specificity) == (pytest.approx(0.8333333333), 0.625)
    assert found.specificity_interval == pytest.approx((0.3057423946, 0.8631557142), abs=1e-9)


def test_a_kind_that_nobody_labelled_has_no_rate():
    found = accuracy([1, 1], [1, 0])
    assert (found.sensitivity, found.specificity, found.specificity_interval) == (0.5, None, None)
    with pytest.raises(NotUsable, match="at least one item of each kind"):
        rogan_gladen(0.7, 200, found)


def test_rogan_gladen_is_that_of_the_reference_values():
    found = rogan_gladen(0.7, 200, accuracy(HUMAN, JUDGE))
    assert found.rate == pytest.approx(0.7090909091, abs=1e-10)
    assert found.error == pytest.approx(0.2109593453, abs=1e-10)
    assert found.interval.upper == 1.0


def test_a_judge_without_a_miss_in_few_labels_keeps_an_error():
    clean = accuracy([1, 1, 0, 0], [1, 1, 0, 0])
    assert rogan_gladen(1.0, 50, clean).error > 0.1


def test_a_judge_no_better_than_a_coin_corrects_nothing():
    coin = Accuracy(1, 1, 1, 1, 0.5, None, 0.5, None)
    with pytest.raises(NotUsable, match="no better than a coin"):
        rogan_gladen(0.5, 100, coin)


@pytest.mark.parametrize(
    ("weight", "rate", "ends"),
    [
        (None, 0.6235001463, (0.4317170496, 0.815283243)),
        (1.0, 0.65, (0.4229062205, 0.8770937795)),
        (0.0, 0.6, (0.3852967028, 0.8147032972)),
    ],
)
def test_prediction_powered_means_are_those_of_the_reference_values(
    weight: float | None, rate: float, ends: tuple[float, float]
):
    found = prediction_powered(HUMAN, JUDGE, UNLABELLED, weight=weight)
    assert found.rate == pytest.approx(rate, abs=1e-9)
    assert found.interval == pytest.approx(ends, abs=1e-9)
    assert found.weight == pytest.approx(0.4700029265 if weight is None else weight, abs=1e-9)


def test_a_judge_that_knows_nothing_is_not_listened_to():
    assert prediction_powered([1, 0, 1, 0], [1, 1, 1, 1], [1, 1, 1]).weight == 0.0


def test_position_bias_is_what_the_answers_do_not_explain():
    human = ["left", "right", "tie", "right"]
    found = position_bias(human, ["left", "left", "left", "tie"])
    assert (found.judge_left, found.human_left) == (0.875, 0.375)
    assert found.lean.mean == 0.5
    assert (found.decided, found.decided_left.upper) == (3, 1.0)
    assert position_bias(human, human).lean.interval is not None


def test_a_judge_that_stays_with_the_place_is_not_consistent():
    assert swap_consistency(["left", "left", "tie", "right"], ["right", "left", "tie", "right"])[0] == 0.5
    with pytest.raises(NotUsable, match="both orders"):
        swap_consistency(["left"], [])


def test_a_preference_counts_from_one_to_two_and_halfway_is_a_draw():
    found = preference([1.0, 2.0, 1.5, 1.9])
    assert found.win_rate == pytest.approx(0.6)
    assert (found.wins, found.losses, found.draws, found.discrete_win_rate) == (2, 1, 1, 0.625)
    assert found.error == pytest.approx(0.2273030283, abs=1e-9)


def test_a_preference_off_the_scale_is_refused():
    with pytest.raises(NotUsable, match="bounds"):
        preference([0.2, 1.5])


def test_verdicts_that_do_not_pair_up_are_refused():
    with pytest.raises(NotUsable, match="one pair an item"):
        agreement([1, 0], [1])
    with pytest.raises(NotUsable, match="not among the categories"):
        agreement([1, 7], [1, 2], order=(1, 2), weights="linear")
    with pytest.raises(NotUsable, match="order of the categories"):
        agreement([1, 2], [1, 2], weights="linear")
    with pytest.raises(NotUsable, match="left, right or tie"):
        position_bias(["left"], ["up"])
