"""A virtual environment per competitor, made once and kept under one folder."""

import subprocess
import venv
from pathlib import Path
from typing import Final

from benchmarks.agent_loop.competitors import Competitor

ROOT: Final = Path(__file__).resolve().parents[2]


class InstallFailed(Exception):
    """pip could not install a competitor."""


def python_of(folder: Path) -> Path:
    """Interpreter of the environment in `folder`."""
    return folder / "bin" / "python"


def prepare(competitor: Competitor, folder: Path, *, upgrade: bool) -> None:
    """Make the environment in `folder`, or bring it up to date if the requirements changed or `upgrade` is set.

    What is installed is the newest that pip resolves on the day; a stamp in the folder says for what.
    """
    stamp = folder / "installed.txt"
    wanted = _wanted(competitor)
    if stamp.exists() and stamp.read_text() == wanted and not upgrade:
        return
    if not python_of(folder).exists():
        venv.create(folder, with_pip=True)
    requires = [part for line in competitor.requires for part in line.format(root=ROOT).split(" ", 1)]
    command: list[str | Path] = [
        python_of(folder),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--upgrade",
    ]
    done = subprocess.run([*command, *requires], capture_output=True, text=True, check=False)
    if done.returncode:
        message = (
            f"pip could not install {requires!r} into {str(folder)!r}: it says {done.stderr[-600:]!r}. "
            "Look at the network and the package index, or leave this competitor out with --only."
        )
        raise InstallFailed(message)
    stamp.write_text(wanted)


def _wanted(competitor: Competitor) -> str:
    """Text of the stamp: the requirements and, for this repository, its own pyproject.toml."""
    lines = "\n".join(competitor.requires)
    if "{root}" in lines:
        return lines + "\n" + (ROOT / "pyproject.toml").read_text()
    return lines
