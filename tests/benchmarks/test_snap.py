"""benchmarks.snap: releases in the order of their date, and verdicts with a known truth."""

from pathlib import Path

import pytest

from benchmarks.snap.releases import replayed
from benchmarks.snap.simulated import simulated
from benchmarks.snap.stopping import stopped
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.evidence import Case, Evidence, Mark, Side


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    """Four models on 60 items: fair, poor, good, and one whose published total is wrong."""
    passes = {"fair": lambda n: n % 2 == 0, "poor": lambda n: n % 4 == 0, "good": lambda n: n % 6 > 0,
              "odd": lambda n: n % 3 == 0}  # fmt: skip
    rows = [f"{name},i{n},{int(right(n))},0.5" for name, right in passes.items() for n in range(60)]
    (tmp_path / "results.csv").write_text("model,item,resolved,cost_usd\n" + "\n".join(rows) + "\n")
    (tmp_path / "models.csv").write_text(
        "model,run_date,published_resolved_pct\nfair,2025-01-01,50.0\ngood,2025-03-01,83.3\npoor,2025-02-01,25.0\n"
        "odd,2025-01-15,80.0\n"
    )
    return tmp_path


def test_releases_are_replayed_by_date_and_contradicted_ones_left_out(matrix: Path):
    rows = replayed(matrix, margin=0.03, seed=0)
    assert [(row["incumbent"], row["challenger"], row["verdict"]) for row in rows] == [
        ("fair", "poor", "hold"), ("poor", "good", "promote"), ("fair", "poor", "hold"), ("fair", "good", "promote"),
    ]  # fmt: skip
    assert not any(row["contradicts"] for row in rows)
    assert all(row["agrees_items"] for row in rows)


def test_a_watched_run_ends_where_its_verdict_is_found():
    sides = [
        Side(name, tuple(Mark(scores={"": [score]}) for _ in range(60))) for name, score in (("a", 0.0), ("b", 1.0))
    ]
    log = Evidence(tuple(Case(f"i{n}") for n in range(60)), sides[1], sides[0], sequential=True)
    found = stopped(log, Rule())
    assert (found.items, found.word) == (10, "promote")


@pytest.mark.slow
def test_verdicts_on_drawn_items_are_seldom_wrong(matrix: Path):
    rows = simulated(matrix, 5, margin=0.1, seed=0)
    assert len(rows) == 16
    assert {row["wrong"] for row in rows if row["truth"].startswith(("better", "worse by twice"))} == {0.0}
