"""frontier.toml with a slot changed and all else as it was, comments and order included."""

import json
import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from copilot_kit.errors import MissingExtra, UsageError
from copilot_kit.records import Stage
from copilot_kit_evals.frontier.promotions import Placement

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

_PLACED: Final = ("model", "base_url", "stage", "overlays")


def placement_in(text: str, slot: str, models: Iterable[str] = ()) -> Placement:
    """Return what the file's text gives of a slot, with the overlays of these models."""
    found = tomllib.loads(text).get("slots", {}).get(slot, {})
    stage = found.get("stage")
    overlays = found.get("overlays", {})
    return Placement(
        model=found.get("model"),
        base_url=found.get("base_url"),
        stage=None if stage is None else Stage.model_validate(stage),
        overlays={name: json.loads(json.dumps(overlays.get(name))) for name in models},
    )


def edited(text: str, slot: str, placement: Placement) -> str:
    """Return the file's text with the slot as the placement says, and the ends of its lines as they are."""
    ends = "\r\n" if text.count("\n") == text.count("\r\n") > 0 else None
    document = _parsed(text if ends is None else text.replace(ends, "\n"))
    slots: Any = document.get("slots", {})
    if slot not in slots:
        raise UsageError(f"There is no [slots.{slot}] in frontier.toml. Write it, with a model or with suites, first.")
    try:
        _place(slots[slot], placement)
        made = document.as_string() if ends is None else document.as_string().replace("\n", ends)
    except (ValueError, TypeError) as error:  # a table within a line, for one
        raise _not_editable(slot) from error
    if not _is_meant(made, text, slot, placement):
        raise _not_editable(slot)
    return made


def _place(table: Any, placement: Placement) -> None:
    stage = None if placement.stage is None else placement.stage.model_dump()
    for name, value in (("model", placement.model), ("base_url", placement.base_url), ("stage", stage)):
        _set(table, name, value)
    for model, overlay in placement.overlays.items():
        _lay(table, model, overlay)


def _not_editable(slot: str) -> UsageError:
    return UsageError(
        f"[slots.{slot}] of frontier.toml is written in a way that cannot be edited here. Write it as a table: "
        f"[slots.{slot}] on a line of its own; nothing was changed."
    )


def prepare(path: Path, text: str, *, mark: str) -> Path:
    """Write the text into a file beside this one, so that it lasts, and return that one; `flip` makes it count."""
    beside = prepared(path, mark)
    with beside.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
        os.fsync(file.fileno())
    flush_folder(path.parent)
    return beside


def prepared(path: Path, mark: str) -> Path:
    """Return where a text is prepared under this mark."""
    return path.with_name(f".{path.name}.{mark}")


def flip(beside: Path, path: Path) -> None:
    """Put a prepared file in the place of the other at once: whoever reads sees the old one or the new one."""
    beside.replace(path)
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _parsed(text: str) -> "TOMLDocument":
    try:
        import tomlkit
    except ModuleNotFoundError as error:
        raise MissingExtra("Editing frontier.toml", "evals") from error
    return tomlkit.parse(text)


def _set(table: Any, name: str, value: Any) -> None:
    if value is None:
        table.pop(name, None)
    elif isinstance(value, dict):
        table[name] = _inline(value)
    elif table.get(name) != value:
        table[name] = value


def _lay(table: Any, model: str, overlay: Any) -> None:
    import tomlkit

    laid = table.get("overlays")
    if overlay is None:
        if laid is not None:
            laid.pop(model, None)
            if not laid:
                table.pop("overlays")
        return
    if laid is None:
        laid = table["overlays"] = tomlkit.table(is_super_table=True)
    if laid.get(model) != overlay:
        laid[model] = _inline(overlay) if isinstance(laid, tomlkit.items.InlineTable) else tomlkit.item(overlay)


def _inline(value: Any) -> Any:
    """Return the value so that it stands in one line."""
    import tomlkit

    if not isinstance(value, dict):
        return tomlkit.item(value)
    inline = tomlkit.inline_table()
    for name, one in value.items():
        inline[name] = _inline(one)
    return inline


def _is_meant(made: str, before: str, slot: str, placement: Placement) -> bool:
    """Tell whether exactly what was meant has changed: a file may be written in ways that editors miss."""
    try:
        old, new = tomllib.loads(before), tomllib.loads(made)
    except tomllib.TOMLDecodeError:
        return False
    kept = [{name: one for name, one in each["slots"][slot].items() if name not in _PLACED} for each in (old, new)]
    others = [{**each, "slots": {**each["slots"], slot: None}} for each in (old, new)]
    return placement_in(made, slot, placement.overlays) == placement and kept[0] == kept[1] and others[0] == others[1]
