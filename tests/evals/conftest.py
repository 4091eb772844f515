"""The command line in this process, and the folder of published data where it is there."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.cli.program import run


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out, parse_constant=_no_number)


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


@pytest.fixture
def copilot(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs a command as the shell would."""

    def ended(*words: str | Path) -> Ended:
        code = run([str(word) for word in words])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return ended


@pytest.fixture
def published() -> Path:
    """The folder with data and results that others published."""
    folder = Path(os.environ.get("COPILOT_KIT_SHARED") or Path(__file__).parents[3] / "shared") / "data"
    if not (folder / "metr_horizon" / "task_counts.csv").is_file():
        pytest.skip(f"needs published data: no metr_horizon in {folder}; set COPILOT_KIT_SHARED to the folder above it")
    return folder
