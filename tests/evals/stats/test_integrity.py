"""Published totals beside their rows."""

import pytest

from copilot_kit_evals.stats.integrity import check_published
from copilot_kit_evals.stats.matrix import Columns
from copilot_kit_evals.tables import BadTable, Table, read_table


@pytest.fixture
def table(tmp_path):
    def written(name: str, text: str) -> Table:
        path = tmp_path / name
        path.write_text(text)
        return read_table(path)

    return written


@pytest.fixture
def rows(table):
    lines = [f"{model},{item},{int(item < passed)},0.1{item % 10},{item % 7}"
             for model, passed in (("good", 40), ("short", 30), ("wrong", 10)) for item in range(50)]  # fmt: skip
    return table("results.csv", "\n".join(["model,item,resolved,cost_usd,api_calls", *lines]))


def checked(rows: Table, published: Table) -> dict[tuple[str, str], str]:
    found = check_published(rows, published, columns=Columns.of(rows))
    return {(one.model, one.published_column): one.status for one in found.findings}


def test_percentages_means_and_sums_are_checked_each_in_its_own_unit(rows, table):
    published = table(
        "models.csv",
        "model,published_resolved_pct,published_cost_usd_total,published_cost_usd_per_item,published_calls_per_item\n"
        "good,80.0,7.25,0.145,2.94\n",
    )
    assert set(checked(rows, published).values()) == {"agrees"}
    assert len(checked(rows, published)) == 4


def test_rows_that_say_something_else_are_found(rows, table):
    published = table("models.csv", "model,published_resolved_pct,published_cost_usd_total\nwrong,52.8,7.25\n")
    found = check_published(rows, published, columns=Columns.of(rows))
    assert [one.status for one in found.findings] == ["differs", "agrees"]
    (wrong,) = found.wrong("wrong")
    assert (wrong.column, wrong.published, wrong.rows) == ("resolved", 52.8, 50)
    assert wrong.from_rows == pytest.approx(20)
    assert wrong.explanation == "the rows say 20 where 52.8 is published"


def test_an_item_left_out_of_the_denominator_is_told_apart_from_an_error(rows, table):
    published = table("models.csv", "model,published_resolved_pct\nshort,61.22\n")  # 30 of 49
    (found,) = check_published(rows, published, columns=Columns.of(rows)).findings
    assert (found.status, found.from_rows) == ("other_count", 60)
    assert found.explanation == "the sum over 49 and not over 50 items, as if 1 had not counted"


def test_a_difference_of_rounding_is_none_and_of_a_digit_more_is_one(rows, table):
    assert checked(rows, table("p.csv", "model,published_cost_usd_total\ngood,7.3\n")) == {
        ("good", "published_cost_usd_total"): "agrees"
    }
    assert checked(rows, table("p.csv", "model,published_resolved_pct\ngood,80.4\n")) == {
        ("good", "published_resolved_pct"): "differs"
    }


def test_what_cannot_be_checked_is_listed_and_not_passed(rows, table):
    published = table("models.csv", "model,published_resolved_pct,published_latency\ngood,80,3\ngone,50,3\nshort,,2\n")
    found = check_published(rows, published, columns=Columns.of(rows))
    assert [(one.model, one.status) for one in found.findings] == [("good", "agrees"), ("gone", "no_rows")]
    assert found.unchecked == ("published_latency",)
    assert found.unpublished == ("wrong",)


def test_a_plain_score_is_the_mean_of_the_score_column(rows, table):
    assert checked(rows, table("p.csv", "model,published_score\ngood,0.8\n")) == {("good", "published_score"): "agrees"}


def test_only_the_models_asked_for_are_checked(rows, table):
    published = table("models.csv", "model,published_resolved_pct\ngood,80\nwrong,52.8\n")
    found = check_published(rows, published, columns=Columns.of(rows), models=["good"])
    assert [one.model for one in found.findings] == ["good"]


def test_a_model_published_twice_is_refused(rows, table):
    published = table("models.csv", "model,published_resolved_pct\ngood,80\ngood,52.8\n")
    with pytest.raises(BadTable, match="line 3: 'good' is there again"):
        check_published(rows, published, columns=Columns.of(rows))


def test_the_error_of_the_source_of_swe_bench_is_found_and_nothing_else(shared):
    rows = read_table(shared / "swebench_mini" / "results.csv")
    published = read_table(shared / "swebench_mini" / "models.csv")
    found = check_published(rows, published, columns=Columns.of(rows))
    odd = [(one.model, one.column, one.status) for one in found.findings if one.status not in {"agrees", "no_rows"}]
    assert odd == [
        ("Claude 4 Sonnet (20250514)", "resolved", "other_count"),
        ("Claude 3.7 Sonnet (20250219)", "resolved", "differs"),
        ("Llama 4 Maverick Instruct", "resolved", "other_count"),
    ]
    assert sum(one.status == "agrees" for one in found.findings) == 16 * 4 - 3
    assert len({one.model for one in found.findings if one.status == "no_rows"}) == 6
    assert found.unchecked == ()


def test_a_percentage_is_known_where_no_mean_could_be_as_high(rows, table):
    published = table("models.csv", "model,published_resolved\ngood,80\nwrong,52.8\n")
    assert checked(rows, published) == {
        ("good", "published_resolved"): "agrees", ("wrong", "published_resolved"): "differs",
    }  # fmt: skip
    share = table("share.csv", "model,published_resolved\ngood,0.8\nwrong,0.528\n")
    assert checked(rows, share) == checked(rows, published)


def test_a_file_of_which_nothing_can_be_checked_is_no_file_that_agrees(rows, table):
    with pytest.raises(BadTable, match=r"no published number that the rows of results\.csv could be held against"):
        checked(rows, table("models.csv", "model,percent\ngood,80\n"))
    with pytest.raises(BadTable, match="No model has both rows"):
        checked(rows, table("others.csv", "model,published_resolved_pct\nnobody,80\n"))
