"""The simulated runs: each answers in words, and the same seed answers the same."""

import numpy as np
import pytest

from benchmarks.false_positives.__main__ import counted, reported
from benchmarks.false_positives.verdicts import CONTRAST, scenarios


@pytest.mark.parametrize("place", range(len(scenarios())))
def test_a_run_asks_for_a_verdict_and_repeats_itself(place):
    first, second = counted(place, 2, seed=1), counted(place, 2, seed=1)
    assert first == second
    assert any(not what.startswith(CONTRAST) for what in first)
    assert all(0 <= count <= 2 for count in first.values())


def test_a_rate_above_five_and_a_half_of_a_hundred_is_too_often_for_a_verdict_only(capsys):
    rows = reported(0, {"exact p": 56, CONTRAST + "something": 300}, 1000)
    assert [(row["rate"], row["verdict"]) for row in rows] == [(0.056, True), (0.3, False)]
    printed = capsys.readouterr().out.splitlines()
    assert "TOO OFTEN" in printed[0]
    assert "TOO OFTEN" not in printed[1]


def test_equal_models_are_equal_on_average():
    from benchmarks.false_positives.worlds import World

    chance = np.random.default_rng(0)
    even, worse = World((1,) * 20_000), World((1,) * 20_000, worse_by=0.05)
    a, b = even.run(chance)
    assert (a - b).mean() == pytest.approx(0, abs=0.02)
    a, b = worse.run(chance)
    assert (a - b).mean() == pytest.approx(0.05, abs=0.02)
