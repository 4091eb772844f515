"""The benchmark of evals counts what a kill costs, and says so."""

import pytest

from benchmarks.evals.kills import Killed, Toll, toll


def test_a_run_that_is_killed_loses_and_pays_nothing_twice():
    found = toll((15,), items=30)
    assert found.holds, str(found)
    assert (found.attempts, found.lost, found.made_again, found.paid_twice) == (60, 0, 0, 0)
    assert "finished attempts lost: 0" in str(found)


@pytest.mark.parametrize(
    ("counts", "holds"),
    [((0, 0, 0, 5), True), ((0, 0, 0, 6), False), ((1, 0, 0, 0), False), ((0, 1, 0, 0), False), ((0, 0, 1, 0), False)],
)
def test_what_is_lost_or_paid_twice_is_no_pass(counts: tuple[int, int, int, int], *, holds: bool):
    assert Toll((Killed(frozenset(), billed=15, kept=10),), 60, *counts).holds is holds
