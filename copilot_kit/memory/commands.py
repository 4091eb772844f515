"""The memory tool's six commands as data: what each takes, and the one way in which it is written down.

The arguments are those of Anthropic's memory tool (`memory_20250818`), whose models know them by heart. They are read
leniently and written strictly: nulls and what belongs to another command are left out, and every path is spelt from
`/memories` on, so that one file has one name in rules, on cards and in the journal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from copilot_kit.arguments import compact, parse
from copilot_kit.errors import ToolRefused
from copilot_kit.memory.paths import PREFIX, place_of
from copilot_kit.memory.problems import MemoryProblem
from copilot_kit.schema import Filled, Unfit

ROOT: Final = f"/{PREFIX}"
LAST_LINE: Final = -1
"""As the end of a range: to the end of the file."""
_MOST_BOUNDS = 2


@dataclass(frozen=True, slots=True)
class View:
    """Read a file, or some of its lines, or list a folder."""

    path: str
    lines: tuple[int, int] | None = None
    """First and last, from 1."""


@dataclass(frozen=True, slots=True)
class Create:
    """Write a new file."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Replace:
    """Put one text of a file in the place of another, which it must hold exactly once."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Insert:
    """Put whole lines into a file."""

    path: str
    after: int
    """The line that they follow; 0: at the beginning."""
    text: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a file, or a folder with all that is in it."""

    path: str


@dataclass(frozen=True, slots=True)
class Rename:
    """Give a file or a folder another path."""

    path: str
    new_path: str


Command: TypeAlias = View | Create | Replace | Insert | Delete | Rename

_TAKEN: Final[dict[str, tuple[str, ...]]] = {
    "view": ("path", "view_range"),
    "create": ("path", "file_text"),
    "str_replace": ("path", "old_str", "new_str"),
    "insert": ("path", "insert_line", "insert_text"),
    "delete": ("path",),
    "rename": ("old_path", "new_path"),
}
_MAY_LACK: Final = frozenset({"view_range", "new_str"})

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "command": {"type": "string", "enum": list(_TAKEN), "description": "What to do."},
        "path": {
            "type": "string",
            "description": "The file or folder, for every command but rename. Begins with /memories.",
        },
        "view_range": {
            "type": "array",
            "items": {"type": "integer"},
            "description": "For view of a file: first and last line, from 1; -1 as the last: to the end.",
        },
        "file_text": {"type": "string", "description": "For create: the whole text of the new file."},
        "old_str": {
            "type": "string",
            "description": "For str_replace: the text to replace, exactly as it stands there; it must occur once.",
        },
        "new_str": {"type": "string", "description": "For str_replace: the text to put in its place."},
        "insert_line": {
            "type": "integer",
            "description": "For insert: the line after which the text goes; 0: at the beginning.",
        },
        "insert_text": {"type": "string", "description": "For insert: the lines to put there."},
        "old_path": {"type": "string", "description": "For rename: the file or folder as it is called now."},
        "new_path": {"type": "string", "description": "For rename: its path from now on."},
    },
    "required": ["command"],
}
"""One flat object: small models follow it where they lose their way in alternatives."""


class Arguments:
    """The signature of the tool: a model's arguments in, a command out."""

    parameters: dict[str, Any] = SCHEMA

    def written(self, raw: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """Return the arguments that matter to the command, and their canonical text."""
        checked = _checked(raw)
        return checked, compact(checked)

    def filled(self, canonical: str, context: Any) -> Filled:
        """Return the command, and the context beside it."""
        return (command_of(self.named(canonical)), context), {}

    def named(self, canonical: str) -> dict[str, Any]:
        """Return the arguments by name."""
        try:
            return _checked(parse(canonical))
        except Unfit:
            raise
        except (ValueError, ToolRefused) as error:
            raise Unfit([str(error)]) from error


def command_of(arguments: Mapping[str, Any]) -> Command:
    """Return the command of checked arguments."""
    match arguments:
        case {"command": "view", "path": path, **more}:
            bounds = more.get("view_range")
            return View(path, None if bounds is None else (bounds[0], bounds[1]))
        case {"command": "create", "path": path, "file_text": text}:
            return Create(path, text)
        case {"command": "str_replace", "path": path, "old_str": old, "new_str": new}:
            return Replace(path, old, new)
        case {"command": "insert", "path": path, "insert_line": after, "insert_text": text}:
            return Insert(path, after, text)
        case {"command": "delete", "path": path}:
            return Delete(path)
        case {"command": "rename", "old_path": path, "new_path": new_path}:
            return Rename(path, new_path)
        case _:
            raise Unfit(["there is no such command"])


def _checked(raw: Mapping[str, Any]) -> dict[str, Any]:
    command = raw.get("command")
    if not isinstance(command, str) or command not in _TAKEN:
        raise Unfit([f"command is {command!r}; it is one of {', '.join(_TAKEN)}"])
    given = {"command": command, **{name: raw[name] for name in _TAKEN[command] if raw.get(name) is not None}}
    if command == "rename" and "old_path" not in given and isinstance(raw.get("path"), str):
        given["old_path"] = raw["path"]  # seen of models: `path` stands in all the other commands
    missing = [name for name in _TAKEN[command] if name not in given and name not in _MAY_LACK]
    if missing:
        raise Unfit([f"{name} is missing, which {command} needs" for name in missing])
    checked = {name: _READERS[name](name, value) for name, value in given.items()}
    if command == "str_replace":
        checked.setdefault("new_str", "")
    return {name: value for name, value in checked.items() if value is not None}


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit([f"{name} is no text"])
    return value


def _path(name: str, value: Any) -> str:
    given = _text(name, value)
    if given.strip() in ("", "/", "."):
        return ROOT
    try:
        place = place_of(given)
    except MemoryProblem as problem:
        raise ToolRefused(f"Error: {problem}") from problem
    return f"{ROOT}/{place.path}" if place.parts else ROOT


def _number(name: str, value: Any) -> int:
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unfit([f"{name} is no whole number"])
    return value


def _range(name: str, value: Any) -> list[int] | None:
    """Return both bounds; a first line alone goes to the end, an empty list is none."""
    if not isinstance(value, list) or len(value) > _MOST_BOUNDS:
        raise Unfit([f"{name} is no list of a first and a last line, as [1, 20]"])
    bounds = [_number(name, one) for one in value]
    return [bounds[0], bounds[-1] if len(bounds) == _MOST_BOUNDS else LAST_LINE] if bounds else None


_READERS: Final = MappingProxyType({
    "command": _text,
    "path": _path,
    "view_range": _range,
    "file_text": _text,
    "old_str": _text,
    "new_str": _text,
    "insert_line": _number,
    "insert_text": _text,
    "old_path": _path,
    "new_path": _path,
})  # fmt: skip
