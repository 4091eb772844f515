"""What is left of an erased run beside the journal: proposals in the shadow, and items made of its decisions.

`journal erase` calls `erase` (entry point group `copilot_kit.erasers`). It reaches what these commands wrote from the
folder in which the journal's own folder is; suites that were copied elsewhere, and runs and reports of them, it does
not know.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from copilot_kit.journal.opening import FOLDER
from copilot_kit.journal.store import Store
from copilot_kit_evals.items import Dataset
from copilot_kit_evals.recorded.asking import ITEMS, TUNING
from copilot_kit_evals.recorded.shadowing import ShadowLog

SHADOWS: Final = Path(FOLDER, "shadow")
SUITES: Final = Path(FOLDER, "decision_suites.txt")
"""Folders of items that were made of a journal, a line each."""


async def erase(run_ids: Sequence[str], subject: str | None, store: Store) -> None:  # noqa: ARG001  as all erasers are called
    """Take what is known of these runs out of shadow logs and items that were made from the current folder."""
    for log in sorted(SHADOWS.glob("*.jsonl")):
        ShadowLog(log).forget(set(run_ids))
    for folder in known_suites():
        for name in (TUNING, ITEMS):
            forget_items(folder / name, set(run_ids))


def remember_suite(folder: Path) -> None:
    """Write down where items were made, so that an erasure finds them."""
    if folder.resolve() in known_suites():
        return
    SUITES.parent.mkdir(parents=True, exist_ok=True)
    with SUITES.open("a", encoding="utf-8") as file:
        file.write(f"{folder.resolve()}\n")


def known_suites() -> list[Path]:
    """Return the folders that were written down."""
    return [Path(line) for line in SUITES.read_text(encoding="utf-8").splitlines()] if SUITES.exists() else []


def forget_items(path: Path, run_ids: Collection[str]) -> int:
    """Take the items of these runs out of a file, and return how many; a file without items goes."""
    if not path.is_file():
        return 0
    items = list(Dataset.read(path))
    kept = [item for item in items if item.meta.get("run") not in run_ids]
    if not kept:
        path.unlink()
    elif len(kept) < len(items):
        beside = path.with_name(f"{path.name}.new")
        Dataset.of(kept).write(beside)
        beside.replace(path)
    return len(items) - len(kept)
