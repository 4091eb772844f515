"""The protocol's own conformance suite finds nothing to say against our client, where our client takes part."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CLIENT = Path(__file__).with_name("conformance_client.py")


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "passed"), [("initialize", "1/1"), ("tools_call", "1/1"), ("sse-retry", "3/3")])
def test_a_scenario_of_the_suite_passes(conformance: tuple[str, str], local_only: Path, scenario: str, passed: str):
    node, suite = conformance
    root = str(Path(__file__).parents[2])
    env = {**os.environ, "NODE_OPTIONS": f"--import {local_only}", "PYTHONPATH": root}
    command = [node, suite, "client", "--command", f"{sys.executable} {CLIENT}", "--scenario", scenario]
    ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert f"Passed: {passed}, 0 failed, 0 warnings" in ran.stdout + ran.stderr
