"""Doubling times: the line, its interval, and who was the best of the day."""

import math

import pytest

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.trend import Reach, leading, reach, trend

DAYS, HORIZONS = [0, 200, 420, 600, 830], [4.0, 9.0, 15.0, 37.0, 60.0]


def test_the_line_is_that_of_the_reference_values():
    line = trend(DAYS, HORIZONS)
    assert line.doubling_days == pytest.approx(209.873662, abs=1e-6)
    assert line.r_squared == pytest.approx(0.9851891263, abs=1e-9)
    assert line.slope == pytest.approx(0.0047647713, abs=1e-9)
    assert line.lower is not None
    assert line.upper is not None
    assert line.lower < 209.87 < line.upper


def test_the_interval_is_that_of_the_slope_turned_over():
    line = trend([0, 1, 2, 3], [1.0, 2.0, 4.0, 16.0])  # slope 1.3, error sqrt(0.15 / 5) with two degrees of freedom
    half = 4.302652730 * math.sqrt(0.3 / 2 / 5)
    assert (line.lower, line.upper) == (pytest.approx(1 / (1.3 + half)), pytest.approx(1 / (1.3 - half)))


def test_where_nothing_shows_growth_the_interval_has_no_end():
    line = trend([0, 1, 2, 3], [8.0, 2.0, 8.0, 4.0])
    assert line.upper == math.inf
    assert line.doubling_days < 0


def test_two_points_have_a_line_and_no_interval():
    line = trend([0, 100], [1.0, 4.0])
    assert (line.doubling_days, line.lower, line.upper) == (50.0, None, None)


def test_a_level_line_never_doubles():
    assert trend([0, 1, 2], [3.0, 3.0, 3.0]).doubling_days == math.inf


def test_a_level_is_reached_where_the_line_comes_to_it():
    assert reach(trend([0, 100], [1.0, 4.0]), 8.0) == Reach(pytest.approx(150), None, None)
    assert reach(trend([0, 1], [4.0, 1.0]), 8.0).day == math.inf


def test_the_interval_of_a_forecast_holds_the_levels_that_a_model_of_its_end_may_have():
    line = trend(DAYS, HORIZONS)
    found = reach(line, 2400.0)
    assert found.lower is not None
    assert found.upper is not None
    assert found.lower < found.day < found.upper
    for end in (found.lower, found.upper):  # at each end the level is as far off the line as a new model may be
        spread = line.noise * math.sqrt(1 + 1 / 5 + (end - line.middle) ** 2 / line.square)
        off = math.log2(2400.0) - line.intercept - line.slope * end
        assert abs(off) == pytest.approx(3.182446305 * spread, rel=1e-6)


def test_a_forecast_without_a_trend_has_no_end():
    assert reach(trend([0, 1, 2, 3], [8.0, 2.0, 8.0, 9.0]), 100.0).upper == math.inf


def test_a_level_of_nothing_is_refused():
    with pytest.raises(NotUsable, match="above 0"):
        reach(trend(DAYS, HORIZONS), 0.0)


def test_a_model_leads_unless_one_of_its_day_or_before_was_above_it():
    assert leading([1, 1, 2, 3, 4], [5.0, 4.0, 5.0, 4.9, 6.0]) == [True, False, True, False, True]


@pytest.mark.parametrize(("days", "horizons"), [([1], [1.0]), ([5, 5], [1.0, 2.0]), ([1, 2], [0.0, 1.0])])
def test_a_trend_without_two_days_or_of_nothing_is_refused(days: list[float], horizons: list[float]):
    with pytest.raises(NotUsable):
        trend(days, horizons)
