"""frontier.toml with a slot changed and all else as it was, comments and order included."""

import json
import os
import tomllib
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from copilot_kit.errors import MissingExtra, UsageError
from copilot_kit.records import Stage
from copilot_kit_evals.frontier.hunks import MARK, as_written, plain
from copilot_kit_evals.frontier.promotions import Placement

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

_PLACED: Final = ("model", "base_url", "stage", "overlays")


def placement_in(text: str, slot: str, models: Iterable[str] = ()) -> Placement:
    """Return what the file's text gives of a slot, with the overlays of these models."""
    found = _tables(text).get("slots", {}).get(slot, {})
    stage = found.get("stage")
    overlays = found.get("overlays", {})
    return Placement(
        model=found.get("model"),
        base_url=found.get("base_url"),
        stage=None if stage is None else Stage.model_validate(stage),
        overlays={name: json.loads(json.dumps(overlays.get(name))) for name in models},
    )


def edited(text: str, slot: str, placement: Placement, *, draft: str | None = None) -> str:
    """Return the file's text with the slot as the placement says, all else byte for byte as it is.

    draft: the text as it is probably meant, which counts as far as it says what the placement says.
    """
    if slot not in _tables(text).get("slots", {}):
        raise UsageError(f"There is no [slots.{slot}] in frontier.toml. Write it, with a model or with suites, first.")
    tries = ((text if draft is None else draft, False), (text, False), (text, True))
    made = (_edited(begun, slot, placement, anew=anew) for begun, anew in tries)
    found = next((one for one in made if one is not None and _is_meant(one, text, slot, placement)), None)
    if found is None:  # a table within a line, for one
        raise _not_editable(slot)
    return found


def _edited(text: str, slot: str, placement: Placement, *, anew: bool) -> str | None:
    """Return the text with the slot so, None where an editor cannot. anew: overlays are written anew, not changed."""
    try:
        if placement_in(text, slot, placement.overlays) == placement:
            return text
        document = _parsed(plain(text))
        slots: Any = document["slots"]
        _place(slots[slot], placement, anew=anew)
        return as_written(document.as_string(), text)
    except (ValueError, TypeError, LookupError, AttributeError):  # what the editor of TOML stumbles over
        return None


def _place(table: Any, placement: Placement, *, anew: bool) -> None:
    stage = None if placement.stage is None else placement.stage.model_dump()
    for name, value in (("model", placement.model), ("base_url", placement.base_url), ("stage", stage)):
        _set(table, name, value)
    for model, overlay in placement.overlays.items():
        _lay(table, model, overlay, anew=anew)


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
    elif table.get(name) != value:
        table[name] = _inline(value)


def _change(table: Any, value: Mapping[str, Any]) -> None:
    """Give a table these values, and leave those that it has as they are written."""
    for name in [name for name in table if name not in value]:
        table.remove(name)
    for name, one in value.items():
        if isinstance(one, Mapping) and isinstance(table.get(name), MutableMapping):
            _change(table[name], one)
        else:
            _set(table, name, one)


def _lay(table: Any, model: str, overlay: Any, *, anew: bool) -> None:
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
    if isinstance(laid.get(model), MutableMapping) and not anew:
        _change(laid[model], overlay)
    elif laid.get(model) != overlay:
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
        old, new = _tables(before), _tables(made)
        kept = [_left_alone(each, slot, placement) for each in (old, new)]
    except (tomllib.TOMLDecodeError, KeyError):
        return False
    return placement_in(made, slot, placement.overlays) == placement and kept[0] == kept[1]


def _left_alone(tables: dict[str, Any], slot: str, placement: Placement) -> tuple[Any, ...]:
    """Return all that a change of the slot has nothing to do with."""
    own = tables["slots"][slot]
    overlays = {name: one for name, one in own.get("overlays", {}).items() if name not in placement.overlays}
    rest = {name: one for name, one in own.items() if name not in _PLACED}
    return overlays, rest, {**tables, "slots": {**tables["slots"], slot: None}}


def _tables(text: str) -> dict[str, Any]:
    return tomllib.loads(text.removeprefix(MARK))
