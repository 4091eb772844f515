"""The story of a release day is told to its end: hold, invalid, promote, and back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from copilot_kit_evals.verdict.verdicts import Verdict

EXAMPLE = Path(__file__).parents[2] / "examples" / "frontier_day"


@pytest.mark.slow
def test_it_runs_as_printed_and_every_verdict_is_the_one_that_is_told(tmp_path: Path) -> None:
    work = tmp_path / "day"
    told = subprocess.run(
        [sys.executable, str(EXAMPLE), "--work", str(work)], capture_output=True, text=True, timeout=300,
        env={**os.environ, "COPILOT_KIT_FRONTIER": ""}, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    words = {name: Verdict.model_validate_json((work / "runs" / name / "verdict.json").read_bytes())
             for name in ("summer", "miswired", "autumn")}  # fmt: skip
    assert {name: one.verdict for name, one in words.items()} == {
        "summer": "hold",
        "miswired": "invalid",
        "autumn": "promote",
    }
    assert "which was rejected: this wants" in words["summer"].reasons[0]
    assert "probably wired wrongly" in words["miswired"].reasons[0]
    assert "The next ticket: python:releases:autumn proposes" in told.stdout
    assert 'model = "python:releases:spring"' in (work / "frontier.toml").read_text()
    assert len((work / "frontier.lock.jsonl").read_text().splitlines()) == 2
