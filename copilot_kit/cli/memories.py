"""Which memory a command looks into, named in one way by all of them, and which models count as in use."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from copilot_kit.cli.approvals import this_person
from copilot_kit.display import visible
from copilot_kit.errors import UsageError
from copilot_kit.slots import find_frontier, read_frontier

if TYPE_CHECKING:
    from copilot_kit.memory.entries import Author, Entry
    from copilot_kit.memory.memory import Memory

USUAL: Final = "notes"
_HISTORY: Final = Path(".copilot-kit", "history.jsonl")

RootOption = Annotated[
    str | None,
    typer.Option("--root", metavar="FOLDER", help=f"The memory; else {USUAL}/, or the only one in this folder."),
]
ModelsOption = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME", help="A model that is in use, besides those of frontier.toml."),
]


def open_memory(root: str | None) -> "Memory":
    """Return the memory that is meant; looking makes none where there is none."""
    from copilot_kit.memory.memory import Memory

    if root is not None:
        if not Path(root).is_dir():
            raise UsageError(f"There is no folder {visible(repr(root))}. Name the memory's own folder with --root.")
        return Memory(root)
    here = sorted(path.parent.parent for path in Path().glob(f"*/{_HISTORY}") if path.is_file())
    if Path(_HISTORY).is_file():
        here.append(Path())
    usual = Path(USUAL)
    if usual in here or (not here and usual.is_dir()):
        return Memory(usual)
    if len(here) == 1:
        return Memory(here[0])
    if here:
        names = ", ".join(visible(str(path)) for path in here)
        raise UsageError(f"There are {len(here)} memories here: {names}. Name one with --root.")
    raise UsageError(
        f"There is no memory in this folder. Name one with --root, or give an agent one: Agent(..., memory={USUAL!r})."
    )


def check_history(root: str | None) -> None:
    """Raise `UsageError` for a folder that is named and has no history: a repair would begin one, of any folder."""
    if root is not None and not (Path(root) / _HISTORY).is_file():
        raise UsageError(
            f"{visible(repr(root))} has no memory's history, so there is nothing to repair. Name the memory's own "
            "folder with --root, or leave --repair out to look only."
        )


def models_in_use(named: list[str] | None) -> frozenset[str] | None:
    """Return the names of the models that are asked now; None where neither a slot nor anybody names one."""
    path = find_frontier()
    slots = () if path is None else read_frontier(path).slots.values()
    return frozenset({*(slot.model for slot in slots if slot.model), *(named or ())}) or None


def me() -> "Author":
    """Return the terminal's own user, as the author of a change."""
    from copilot_kit.memory.entries import Author

    return Author(kind="person", id=this_person().id)


def found_entry(memory: "Memory", name: str) -> "Entry":
    """Return the one change of this name; a part that only one has will do."""
    entries = memory.history()
    alike = [one for one in entries if one.id == name] or [
        one for one in entries if one.id.endswith(name) or one.id.startswith((name, f"change_{name}"))
    ]
    if len(alike) == 1 and name:
        return alike[0]
    told_of = f"{len(alike)} changes are called so" if alike and name else "there is none in this memory"
    raise UsageError(f"Cannot find change {name!r}: {told_of}. List them with: copilot-kit memory history")
