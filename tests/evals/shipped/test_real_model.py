"""Shipped suites on SmolLM2 itself: a few items each, asked, scored and summarised; slow."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from copilot_kit_evals.suites import load
from tests.evals.conftest import Ended

pytest.importorskip("xllamacpp")
from copilot_kit_local.catalogue import weights_named
from copilot_kit_local.engine import close_engines
from copilot_kit_local.weights import find

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find(weights_named("smollm2")) is None, reason="needs: copilot-kit models pull smollm2"),
]


@pytest.fixture(autouse=True)
def engines() -> Iterator[None]:
    yield
    close_engines()


def test_a_small_model_gets_some_of_the_easy_items_and_not_all(copilot: Callable[..., Ended], tmp_path: Path):
    names = ["suite:tool_calling@right_tool", "suite:extraction@person"]
    assert all(load(name).tasks for name in names)
    ended = copilot("eval", "run", *names, "--model", "local:smollm2", "--out", tmp_path / "run", "--json",
                    "--concurrency", "1")  # fmt: skip
    assert ended.code == 0, ended.err
    for task in ended.json["tasks"].values():
        (candidate,) = task["candidates"].values()
        assert set(candidate["outcomes"]) == {"ok"}
        first = next(iter(candidate["scorers"].values()))["all"]
        assert first["missing"] == 0
        assert 0.05 < first["mean"] < 0.95
