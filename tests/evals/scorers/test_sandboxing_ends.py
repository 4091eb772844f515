"""The ends of a sandbox's pipes are closed once, whatever else is open in the process by then."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from copilot_kit_evals.scorers.sandboxing import Bounds, Job, means, run


@pytest.mark.skipif(not means().is_whole, reason="needs user namespaces and Landlock")
def test_runs_at_the_same_time_close_no_file_of_others(tmp_path: Path):
    job = Job(source="def f():\n    return 1\n", entry_point="f", prompt="", test="assert f() == 1\n")
    with (tmp_path / "mine").open("w") as mine, ThreadPoolExecutor(4) as threads:
        endings = [one.ending for one in threads.map(lambda _: run(job, Bounds()), range(12))]
        assert endings == ["passed"] * 12
        assert os.fstat(mine.fileno()).st_size == 0
