"""What `copilot-kit eval import` does."""

from collections.abc import Sequence
from pathlib import Path

from copilot_kit.cli.screen import counted, shown, told
from copilot_kit.display import visible
from copilot_kit.errors import UsageError
from copilot_kit_evals.foreign.imports import read, written
from copilot_kit_evals.items import Item


def import_file(source: Path, out: Path, *, kind: str | None, columns: Sequence[str]) -> None:
    """Read what others wrote and write a dataset."""
    try:
        is_there = out.exists()
    except (OSError, ValueError) as error:  # a name that no file can have
        raise UsageError(f"No file can be called {visible(str(out))!r}. Choose another name.") from error
    if is_there:
        raise UsageError(f"There is a file {str(out)!r} already. Choose another name for the dataset.")
    if out.suffix.lower() == ".csv":
        raise UsageError(
            f"A dataset is written as JSON lines, and {str(out)!r} would be read as a table. Name it "
            f"{str(out.with_suffix('.jsonl'))!r}."
        )
    found = read(source, kind=kind, columns=_named(columns))
    count = written(found, out)
    for note in found.notes:
        told(note)
    shown(f"{counted(count, 'item')} in {out}")


def _named(columns: Sequence[str]) -> dict[str, str]:
    named = {}
    for one in columns:
        field, mark, name = one.partition("=")
        if not mark or field not in Item.model_fields:
            raise UsageError(f"--column {one!r} names no field. Write it as FIELD=NAME: input=question, target=answer.")
        named[field] = name
    return named
