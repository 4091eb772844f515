"""The toy data of the reference values: 12 items in four clusters, three repeats, two models."""

import os
from pathlib import Path
from typing import NamedTuple

import pytest

SHARED = Path(os.environ.get("COPILOT_KIT_SHARED") or Path(__file__).parents[4] / "shared") / "data"


class Toy(NamedTuple):
    a: list[list[int]]
    b: list[list[int]]
    clusters: list[int]


@pytest.fixture
def toy() -> Toy:
    a = ["111", "110", "111", "001", "000", "010", "111", "101", "111", "111", "011", "000"]
    b = ["101", "110", "111", "000", "000", "000", "111", "100", "011", "111", "010", "010"]
    rows = [[[int(mark) for mark in item] for item in model] for model in (a, b)]
    return Toy(rows[0], rows[1], [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])


@pytest.fixture
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"the shared data are not at {SHARED}; name the folder above them in COPILOT_KIT_SHARED")
    return SHARED
