"""Who is measured, in which environment, and how one measurement is made."""

import json
import os
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
HERE: Final = Path(__file__).resolve().parent / "competitors"


@dataclass(frozen=True, slots=True)
class Harness:
    """One harness: its title, its script, and what pip installs for it; nothing for the one that is here."""

    title: str
    script: str
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Took:
    """One run."""

    items: int
    cpu_s: float
    wall_s: float
    rss_mib: float
    bytes: int
    right: int


HARNESSES: Final = {
    "copilot_kit": Harness("copilot-kit", "copilot_kit_run.py"),
    "inspect_ai": Harness("inspect-ai", "inspect_ai_run.py", ("inspect-ai",)),
    "pydantic_evals": Harness("pydantic-evals", "pydantic_evals_run.py", ("pydantic-evals",)),
}


def python_of(name: str, folder: Path) -> str:
    """Interpreter of a harness; its environment is made once, with the newest releases of that day."""
    requires = HARNESSES[name].requires
    if not requires:
        return sys.executable
    python = folder / name / "bin" / "python"
    if not python.exists():
        venv.create(folder / name, with_pip=True)
    if subprocess.run([python, "-c", f"import {name}"], capture_output=True, check=False).returncode:
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requires]
        subprocess.run(command, check=True)
    return str(python)


def measure(name: str, python: str, items: int) -> Took:
    """One run in a process and folder of its own; raises if an attempt was not right."""
    paths = f"{HERE}{os.pathsep}{ROOT}{os.pathsep}{ROOT / 'evals'}"
    environment = {**os.environ, "PYTHONPATH": paths, "LOGFIRE_IGNORE_NO_CONFIG": "1", "DO_NOT_TRACK": "1"}
    with tempfile.TemporaryDirectory(prefix="eval-benchmark-") as folder:
        command = [python, str(HERE / HARNESSES[name].script), str(items), f"{folder}/run"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        raise RuntimeError(f"{name} failed with {items} items: {done.stderr[-2000:]}")
    took = Took(**json.loads(done.stdout.strip().splitlines()[-1]))
    if took.right != items:
        raise RuntimeError(f"{name} got {took.right} of {items} right; the figures would say nothing")
    return took
