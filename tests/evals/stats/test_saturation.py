"""When a suite has nothing left to show."""

import pytest

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.saturation import saturation


def test_a_suite_with_room_and_disagreement_is_alive():
    found = saturation([1, 0, 1, 0, 1], [0, 0, 1, 1, 1], smallest_difference=0.1)
    assert (found.saturated, found.reasons) == (False, ())
    assert (found.headroom, found.informative) == (pytest.approx(0.4), 0.4)


def test_a_suite_without_room_for_a_visible_gain_is_saturated():
    a, b = [1] * 95 + [0] * 5, [0] * 15 + [1] * 85
    found = saturation(a, b, smallest_difference=0.06)
    assert found.saturated
    assert len(found.reasons) == 1
    assert "0.05" in found.reasons[0]


def test_wrong_targets_take_away_from_the_room():
    a, b = [1] * 80 + [0] * 20, [0] * 20 + [1] * 80
    assert not saturation(a, b, smallest_difference=0.15).saturated
    assert saturation(a, b, smallest_difference=0.15, label_noise=0.06).saturated


def test_items_that_tell_nothing_apart_saturate_a_suite_however_much_room_is_left():
    a = [1] * 50 + [0] * 50
    found = saturation(a, [*a[:-5], 1, 1, 1, 1, 1], smallest_difference=0.1)
    assert found.saturated
    assert found.informative == 0.05
    assert "5.0%" in found.reasons[0]


def test_an_item_in_doubt_is_informative_without_disagreement():
    assert saturation([0.5] * 10, [0.5] * 10, smallest_difference=0.1).informative == 1


@pytest.mark.parametrize(
    "asked",
    [
        lambda: saturation([1.5], [1], smallest_difference=0.1),
        lambda: saturation([1], [1], smallest_difference=0),
        lambda: saturation([1], [1], smallest_difference=0.1, label_noise=1),
        lambda: saturation([1], [1, 0], smallest_difference=0.1),
    ],
)
def test_questions_that_make_no_sense_are_refused(asked):
    with pytest.raises(NotUsable):
        asked()
