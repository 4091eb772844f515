"""Long logs, read without losing a row."""

import math

import pytest

from copilot_kit.errors import UsageError
from copilot_kit_evals.stats.comparison import compare
from copilot_kit_evals.stats.matrix import Columns, attempts, pair
from copilot_kit_evals.tables import BadTable, Table, read_table


@pytest.fixture
def table(tmp_path):
    def written(text: str) -> Table:
        path = tmp_path / "results.csv"
        path.write_text(text)
        return read_table(path)

    return written


LOG = "model,item,repo,resolved,cost_usd\na,1,x,1,0.1\na,2,x,0,0.2\nb,2,x,1,0.3\nb,1,x,0,0.4\n"


def test_usual_names_of_columns_are_known(table):
    assert Columns.of(table(LOG)) == Columns("model", "item", "resolved", cluster="repo", cost="cost_usd")


def test_columns_can_be_named_and_left_out(table):
    log = table("model,item,repo,site,resolved,graded\na,1,x,y,1,0.5\n")
    assert Columns.of(log, score="graded", cluster="site").score == "graded"
    assert Columns.of(log, score="graded", cluster="site").cluster == "site"
    assert Columns.of(log, cluster="").cluster is None


def test_a_column_that_is_not_there_is_named_with_those_that_are(table):
    with pytest.raises(BadTable, match=r"'graded'.*'resolved'"):
        Columns.of(table(LOG), score="graded")
    with pytest.raises(BadTable, match="'score'"):
        Columns.of(table("model,item,points\na,1,3\n"))


def test_scores_are_aligned_by_item_and_not_by_row(table):
    log = table(LOG)
    found = pair(log, "a", "b", columns=Columns.of(log))
    assert found.items == ("1", "2")
    assert [list(found.a.scores), list(found.b.scores)] == [[1, 0], [0, 1]]
    assert [list(found.a.costs), list(found.b.costs)] == [[0.1, 0.2], [0.4, 0.3]]
    assert found.clusters == ("x", "x")


def test_an_item_of_one_model_only_is_missing_for_the_other(table):
    log = table("model,item,score\na,1,1\na,2,0\nb,1,0\nb,3,1\nc,4,1\n")
    found = pair(log, "a", "b", columns=Columns.of(log))
    assert found.items == ("1", "2", "3")
    assert list(found.a.scores)[:2] == [1, 0]
    assert math.isnan(list(found.a.scores)[2])
    assert found.elsewhere == 1
    compared = compare(found.a, found.b)
    assert (compared.n_items, compared.missing_a, compared.missing_b) == (1, 1, 1)
    assert compared.with_missing is not None


def test_an_empty_score_is_missing_and_no_failure(table):
    log = table("model,item,score\na,1,\na,2,1\nb,1,1\nb,2,1\n")
    found = pair(log, "a", "b", columns=Columns.of(log))
    assert math.isnan(next(iter(found.a.scores)))


def test_repeats_are_averaged_by_item_where_a_column_tells_them_apart(table):
    log = table("model,item,trial,score\na,1,0,1\na,1,1,0\na,1,2,\na,1,3,1\nb,1,0,1\n")
    found = pair(log, "a", "b", columns=Columns.of(log))
    assert list(found.a.scores) == [pytest.approx(2 / 3)]
    assert list(found.a.seen) == [0.75]
    assert [one.score for one in attempts(log, "a", columns=Columns.of(log))["1"]] == [1, 0, None, 1]


def test_an_item_scored_again_is_no_repeat_unless_the_table_says_so(table):
    log = table("model,item,score\na,1,0\na,1,1\nb,1,0\n")
    with pytest.raises(BadTable, match=r"line 3: item '1' of 'a' is scored again"):
        pair(log, "a", "b", columns=Columns.of(log))
    log = table("model,item,trial,score\na,1,0,0\na,1,0,1\nb,1,0,0\n")
    with pytest.raises(BadTable, match="line 3"):
        pair(log, "a", "b", columns=Columns.of(log))


def test_an_unknown_model_is_named_with_those_that_are_known(table):
    log = table(LOG)
    with pytest.raises(UsageError, match=r"no model 'gpt'. It has 'a', 'b'\."):
        pair(log, "gpt", "b", columns=Columns.of(log))
    with pytest.raises(UsageError, match="two different"):
        pair(log, "a", "a", columns=Columns.of(log))


def test_a_score_that_is_no_number_is_named_with_its_line(table):
    log = table("model,item,score\na,1,good\nb,1,1\n")
    with pytest.raises(BadTable, match=r"line 2.*'good'"):
        pair(log, "a", "b", columns=Columns.of(log))


def test_an_item_in_two_clusters_or_none_is_refused_and_other_models_do_not_matter(table):
    log = table("model,item,repo,score\na,1,x,1\nb,1,y,1\n")
    with pytest.raises(BadTable, match="line 3: item '1' is in cluster 'y', where another row says 'x'"):
        pair(log, "a", "b", columns=Columns.of(log))
    log = table("model,item,repo,score\na,1,,1\nb,1,y,1\n")
    with pytest.raises(BadTable, match="line 2: item '1' is in cluster ''"):
        pair(log, "a", "b", columns=Columns.of(log))
    log = table("model,item,repo,score\na,1,x,1\nb,1,x,1\nc,2,,1\n")
    assert pair(log, "a", "b", columns=Columns.of(log)).clusters == ("x",)


def test_costs_that_are_not_all_known_are_not_known(table):
    log = table("model,item,trial,cost,score\na,1,0,0.5,1\na,1,1,,1\na,2,0,0.5,1\nb,1,0,,1\nb,2,0,,1\n")
    found = pair(log, "a", "b", columns=Columns.of(log))
    assert math.isnan(next(iter(found.a.costs)))
    assert list(found.a.costs)[1] == 0.5
    assert found.b.costs is None
