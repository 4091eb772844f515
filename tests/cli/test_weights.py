"""Weights of local models are listed and pulled through entry points; nobody imports an adapter."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STORE = """
from dataclasses import dataclass
from pathlib import Path

@dataclass
class Weights:
    name: str = "tiny"
    title: str = "Tiny, Q4"
    size_bytes: int = 2_000_000
    about: str = "says little"
    license: str = "MIT"

CATALOGUE = (Weights(),)
PLACE = Path("tiny.gguf").absolute()

def find(entry):
    return PLACE if PLACE.exists() else None

def pull(entry, *, accept_terms=False, progress=None):
    for done in (0, 1_000_000, 2_000_000):
        progress("download", done, entry.size_bytes)
    PLACE.write_text("weights")
    return PLACE
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "weights-site"
    (site / "tiny-1.0.dist-info").mkdir(parents=True)
    (site / "tiny-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    (site / "tiny-1.0.dist-info" / "entry_points.txt").write_text("[copilot_kit.weights]\ntiny = tiny_weights\n")
    (site / "tiny_weights.py").write_text(STORE)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(__import__("sys").modules, "tiny_weights", raising=False)


def test_weights_are_pulled_once_and_then_here(copilot: Callable[..., Any], tiny: None, own_folder: Path):
    def state() -> str | None:
        rows = copilot("models", "list", "--json").json["weights"]
        return next(row["path"] for row in rows if row["name"] == "tiny")  # type: ignore[no-any-return]

    assert state() is None
    ended = copilot("models", "pull", "tiny")
    assert (ended.code, ended.out) == (0, f"{own_folder / 'tiny.gguf'}\n")
    assert state() == str(own_folder / "tiny.gguf")
    assert copilot("models", "pull", "local:tiny", "--json").json == {"name": "tiny", "path": state()}


def test_the_doctor_says_how_to_pull_what_is_missing(copilot: Callable[..., Any], tiny: None):
    found = {one["about"]: one for one in copilot("doctor", "--json").json["findings"]}
    assert found["weights tiny"]["detail"] == "pull it with: copilot-kit models pull tiny"
