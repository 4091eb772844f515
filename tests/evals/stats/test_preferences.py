"""Bradley-Terry, Davidson and Elo against reference values, and votes that bound nothing."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.preferences import (
    Votes,
    groups,
    online_elo,
    online_elo_intervals,
    strengths,
    votes,
    win_counts,
    win_rates,
)

WINS = [[0, 12, 15, 18], [8, 0, 11, 16], [5, 9, 0, 12], [2, 4, 8, 0]]
TIES = {(0, 1): 5, (0, 2): 3, (1, 2): 6, (2, 3): 4}


def cast(*, ties: bool = False, clusters: bool = False) -> Votes:
    """The votes of the reference values."""
    rows = [(f"m{i}", f"m{j}", "left") for i in range(4) for j in range(4) for _ in range(WINS[i][j])]
    if ties:
        rows += [(f"m{i}", f"m{j}", "tie") for (i, j), count in TIES.items() for _ in range(count)]
    left, right, winner = zip(*rows, strict=True)
    labels = [place // 2 for place in range(len(rows))] if clusters else None
    return votes(left, right, winner, clusters=labels)


def test_strengths_and_ratings_are_those_of_the_reference_values():
    found = strengths(cast())
    assert found.theta == pytest.approx([0.870339, 0.280800, -0.219491, -0.931648], abs=1e-6)
    assert found.elo(0) - 1000 == pytest.approx([0.0, -102.4135, -189.3230, -313.0372], abs=1e-4)
    assert found.elo().mean() == pytest.approx(1000)
    assert found.shares.sum() == pytest.approx(1)
    assert found.shares[0] / found.shares[1] == pytest.approx(math.exp(0.870339 - 0.280800), abs=1e-5)


def test_errors_against_an_anchor_are_those_of_the_sandwich_and_the_anchor_has_none():
    assert strengths(cast()).errors(0) == pytest.approx([0.0, 0.352018, 0.360195, 0.376546], abs=1e-6)
    assert strengths(cast()).intervals(0)[0].tolist() == [1000.0, 1000.0]


def test_a_tie_is_half_a_win_or_davidsons():
    half, own = strengths(cast(ties=True)), strengths(cast(ties=True), ties="davidson")
    assert half.theta - half.theta[0] == pytest.approx([0, -0.50450, -0.95785, -1.65460], abs=1e-5)
    assert own.theta - own.theta[0] == pytest.approx([0, -0.59679, -1.13221, -1.95773], abs=1e-5)
    assert own.nu == pytest.approx(0.34520, abs=1e-5)
    assert half.nu is None


def test_without_ties_davidson_is_bradley_terry():
    assert strengths(cast(), ties="davidson").theta == pytest.approx(strengths(cast()).theta, abs=1e-9)
    assert strengths(cast(), ties="davidson").nu == 0.0


def test_votes_that_hang_together_are_summed_before_they_are_squared():
    alone, together = strengths(cast()), strengths(cast(clusters=True))
    assert together.df == 59
    assert together.theta == pytest.approx(alone.theta)
    assert together.errors()[0] > 1.2 * alone.errors()[0]  # neighbours in the list are alike
    copies = cast()
    twice = Votes(
        copies.names,
        np.repeat(copies.left, 2),
        np.repeat(copies.right, 2),
        np.repeat(copies.score, 2),
        np.repeat(np.arange(120), 2),
    )
    found = strengths(twice)  # each vote copied: nothing has been learnt
    assert found.errors() == pytest.approx(alone.errors() * math.sqrt(120 / 119))


def test_who_stood_left_makes_no_difference():
    one = cast(ties=True)
    other = Votes(one.names, one.right, one.left, 1 - one.score, None)
    assert strengths(other).theta == pytest.approx(strengths(one).theta, abs=1e-12)
    assert strengths(other).errors() == pytest.approx(strengths(one).errors())


def test_online_elo_is_that_of_the_reference_values_and_depends_on_the_order():
    rows = ["left", "left", "tie", "right", "left"]
    assert online_elo(votes(["a"] * 5, ["b"] * 5, rows)) == pytest.approx([1003.864233, 996.135767], abs=1e-6)
    assert online_elo(votes(["a"] * 5, ["b"] * 5, rows[::-1]))[0] != pytest.approx(1003.864233, abs=1e-6)


def test_intervals_of_online_elo_come_from_their_seed():
    ends = online_elo_intervals(cast(), draws=50, seed=3)
    assert ends.tolist() == online_elo_intervals(cast(), draws=50, seed=3).tolist()
    assert ends.tolist() != online_elo_intervals(cast(), draws=50, seed=4).tolist()
    assert ends[0][0] < online_elo(cast())[0]


def test_a_win_rate_is_the_mean_over_the_opponents_that_were_met():
    few = votes(["a", "a", "b"], ["b", "b", "c"], ["left", "tie", "right"])
    assert win_rates(few).tolist() == [0.75, 0.125, 1.0]
    assert win_counts(few).sum() == 3


def test_a_name_that_wins_all_has_no_strength_and_the_groups_say_who():
    one_way = votes(["a", "b", "c", "a"], ["b", "c", "b", "c"], ["left", "left", "left", "left"])
    assert groups(one_way) == [["b", "c"], ["a"]]
    with pytest.raises(NotUsable, match="2 groups"):
        strengths(one_way)
    bounded = strengths(one_way, penalty=1e-5)
    assert np.all(np.isfinite(bounded.theta))
    assert bounded.shares[0] > 0.99


def test_two_islands_are_not_compared():
    apart = votes(["a", "b", "c", "d"], ["b", "a", "d", "c"], ["left"] * 4)
    assert groups(apart) == [["a", "b"], ["c", "d"]]
    with pytest.raises(NotUsable, match="2 groups"):
        strengths(apart)


def test_only_ties_have_no_weight_of_ties():
    ties = votes(["a", "b"], ["b", "a"], ["tie", "tie"])
    assert strengths(ties).theta.tolist() == [0.0, 0.0]
    with pytest.raises(NotUsable, match="Each vote is a tie"):
        strengths(ties, ties="davidson")


@pytest.mark.parametrize(("right", "winner"), [("b", "both"), ("a", "left")])
def test_a_vote_is_for_one_of_two_or_for_none(right: str, winner: str):
    with pytest.raises(NotUsable, match="Vote 1"):
        votes(["a"], [right], [winner])


def test_no_votes_are_refused():
    with pytest.raises(NotUsable, match="no vote"):
        votes([], [], [])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.sampled_from(["left", "right", "tie"])), min_size=1))
def test_at_the_maximum_each_name_wins_as_often_as_expected(rows: list[tuple[int, int, str]]):
    left = [f"m{one}" for one, _, _ in rows]
    right = [f"m{(one + step) % 4}" for one, step, _ in rows]
    found = votes(left, right, [winner for *_, winner in rows])
    if len(groups(found)) > 1:
        return
    theta, wins = strengths(found).theta, win_counts(found)
    expected = (wins + wins.T) / (1 + np.exp(theta[None, :] - theta[:, None]))
    assert wins.sum(axis=1) == pytest.approx(expected.sum(axis=1), abs=1e-6)
