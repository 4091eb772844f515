"""How much a score hangs on the wording."""

import pytest

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.fragility import fragility

CELLS = [[1, 1, 1, 1], [1, 0.5, 1, 0], [0, 0, 0.5, 0], [1, 1, 0.5, 1], [0.5, 0.5, 0.5, 1]]


def test_the_analysis_of_variance_is_that_of_the_reference():
    found = fragility(CELLS)
    assert [found.mean, found.worst_case_mean, found.spread] == pytest.approx([0.65, 0.4, 0.5])
    expected = [0.45, 0.0166666667, 0.1, 0.7777777778]
    measured = [found.ms_item, found.ms_paraphrase, found.ms_error, found.generalizability]
    assert measured == pytest.approx(expected, abs=6e-11)


def test_wording_that_changes_nothing_leaves_no_spread():
    found = fragility([[1, 1], [0, 0], [1, 1]])
    assert (found.spread, found.ms_error, found.generalizability) == (0, 0, 1)


def test_items_that_do_not_differ_have_no_generalizability():
    assert fragility([[1, 0], [1, 0]]).generalizability is None
    assert fragility([[1, 1], [1, 1]]).generalizability is None


def test_wording_that_matters_more_than_items_brings_it_below_0():
    value = fragility([[1, 0], [0, 1], [1, 0.5]]).generalizability
    assert value is not None
    assert value < 0


@pytest.mark.parametrize("cells", [[], [[1, 0]], [[1], [0]], [[1, 0], [1]], [[1, float("nan")], [1, 0]], [1, 0]])
def test_a_table_with_gaps_or_of_one_row_is_refused(cells):
    with pytest.raises(NotUsable):
        fragility(cells)
