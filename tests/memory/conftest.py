"""A memory with a clock and names of its own."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from copilot_kit.memory.memory import Memory


def counted() -> Callable[[str], str]:
    """Return what makes `change_1`, `change_2` and so on."""
    numbers = itertools.count(1)
    return lambda prefix: f"{prefix}_{next(numbers)}"


def ticking() -> Callable[[], datetime]:
    """Return a clock that goes on by a second at each look."""
    seconds = itertools.count()
    return lambda: datetime(2026, 11, 22, 9, tzinfo=UTC) + timedelta(seconds=next(seconds))


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    """An empty memory in a folder beside which there is room for other things."""
    return Memory(tmp_path / "notes", clock=ticking(), new_id=counted())
