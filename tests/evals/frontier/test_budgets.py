"""A budget that ends a snap leaves it undecided: what was not asked is no missing data, and the run can go on."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from copilot_kit_evals.cli.snap_slot import snap_slot
from copilot_kit_evals.frontier.wanted import Snap
from copilot_kit_evals.verdict.verdicts import Verdict

PRICED = """
from decimal import Decimal
from copilot_kit.response import Usage
from copilot_kit.testing import FunctionModel, say


def model(name, knows):
    def answer(request):
        number = int(request.messages[-1].text)
        if name == "stub:lost":
            raise RuntimeError("the answer was lost")
        return [str(2 * number if number < knows else 0), Usage(input=10, output=1, cost_usd=Decimal("0.01"))]

    return FunctionModel(answer, id=name)


models = {"stub:old": model("stub:old", 90), "stub:new": model("stub:new", 120), "stub:lost": model("stub:lost", 0)}
"""


def snapped(**options: object) -> int:
    return snap_slot(Snap(slot="default", by="anna", **{"out": Path("run"), **options}))  # type: ignore[arg-type]


def verdict() -> Verdict:
    return Verdict.model_validate_json(Path("run/verdict.json").read_bytes())


@pytest.fixture
def priced(project: Path) -> Path:
    suite = project / "suite.py"
    suite.write_text(suite.read_text() + PRICED)
    return project


@pytest.mark.parametrize(
    ("budget", "flag", "said"),
    [
        ({"budget_usd": Decimal("0.001")}, "--budget-usd …", "cost_usd of 0.001 allowed"),
        ({"budget_tokens": 5}, "--budget-tokens …", "tokens of 5 allowed"),
        ({"budget_s": 1e-9}, "--budget-minutes …", "seconds of 1e-09 allowed"),
    ],
)
def test_a_budget_below_one_pair_is_told_as_the_reason_with_the_way_to_go_on(
    priced: Path, capsys: pytest.CaptureFixture[str], budget: dict[str, object], flag: str, said: str
):
    before = (priced / "frontier.toml").read_text()
    assert snapped(to="stub:new", **budget) == 2
    found = verdict()
    assert found.verdict == "inconclusive"
    assert found.reasons[0].startswith("the budget of the run is spent: stub:")
    assert found.reasons[0].endswith(said)
    assert found.reasons[1].startswith("the run ended when 1")
    assert (found.items_needed or 0) >= 119
    assert f"it goes on: copilot-kit snap default --resume run {flag}" in capsys.readouterr().err
    assert (priced / "frontier.toml").read_text() == before
    assert snapped(resume=Path("run"), out=None) == 0


def test_a_budget_that_ends_half_way_tells_what_is_seen_and_promotes_nothing(
    priced: Path, capsys: pytest.CaptureFixture[str]
):
    assert snapped(to="stub:new", budget_usd=Decimal("1.20"), json=True) == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["stopped"], told["promotion"]) == ("inconclusive", "budget", None)
    assert told["goes_on"] == "copilot-kit snap default --resume run --budget-usd …"
    assert 40 < told["n_items"] <= 60
    assert snapped(resume=Path("run"), out=None) == 0
    assert (verdict().verdict, verdict().n_items) == ("promote", 120)


def test_a_must_pass_item_that_failed_holds_the_candidate_however_little_was_asked(priced: Path):
    suite = priced / "suite.py"
    suite.write_text(suite.read_text().replace("target=str(2 * n))", "target=str(2 * n), must_pass=True)"))
    suite.write_text(suite.read_text().replace('model("stub:new", 120)', 'model("stub:new", 60)'))
    assert snapped(to="stub:new", budget_usd=Decimal("0.50")) == 1
    assert "of 25 must-pass items failed" in verdict().reasons[0]


def test_answers_that_were_lost_are_missing_data_whatever_the_budget(priced: Path):
    assert snapped(to="stub:lost", budget_usd=Decimal("0.30"), concurrency=1) == 3
    assert verdict().verdict == "invalid"


def test_a_log_says_the_same_of_an_unfinished_run_as_the_snap_did(priced: Path):
    from copilot_kit_evals.cli.snap_logs import Logged, snap_logs

    assert snapped(to="stub:new", budget_usd=Decimal("0.001")) == 2
    assert snap_logs(Logged((Path("run"),), "stub:old", "stub:new")) == 2


def test_a_first_model_is_not_judged_by_what_nobody_asked_it(priced: Path):
    (priced / "frontier.toml").write_text('[slots.default]\nsuites = ["suite.py"]\nrequired_reliability = 0.9\n')
    assert snapped(to="stub:new", budget_usd=Decimal("0.001")) == 2
    assert snapped(resume=Path("run"), out=None) == 0


def test_a_large_suite_that_may_end_early_is_as_open(priced: Path):
    suite = priced / "suite.py"
    suite.write_text(suite.read_text().replace("range(120)", "range(240)"))
    assert snapped(to="stub:new", budget_usd=Decimal("0.001")) == 2
    assert verdict().items_needed == 240
