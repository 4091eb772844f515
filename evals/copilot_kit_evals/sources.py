"""What a function of a suite stands on: its module, the modules beside it that this one uses, and its tools."""

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

from copilot_kit.tools import Tool

_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})


def sources_of(function: Callable[..., Any]) -> list[str]:
    """Return all that tells what the function does, in an order that does not depend on where it lies.

    The text of its module and of the modules in the same folder and below that it takes names from, and name and
    version of the tools among those names. What installed packages do is not in it.
    """
    module = sys.modules.get(getattr(function, "__module__", ""))
    file = None if module is None else _file(module)
    if module is None or file is None:
        return [_own(function)]
    found = {file: module}
    waiting = [module]
    while waiting:
        for other in _used(waiting.pop()):
            place = _file(other)
            if place is not None and place not in found and _is_beside(other, place, module, file):
                found[place] = other
                waiting.append(other)
    texts = [f"{place.relative_to(file.parent)}\n{place.read_text(encoding='utf-8')}" for place in found]
    held = inspect.getclosurevars(function).nonlocals.values() if isinstance(function, FunctionType) else ()
    tools = set(_tools(held)).union(*(_tools(vars(each).values()) for each in found.values()))
    return [getattr(function, "__qualname__", ""), *sorted(texts), *sorted(tools)]


def _own(function: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return repr(function)


def _file(module: ModuleType) -> Path | None:
    name = vars(module).get("__file__")
    path = Path(name).resolve() if isinstance(name, str) else None
    return path if path is not None and path.suffix == ".py" and path.is_file() else None


def _used(module: ModuleType) -> Iterator[ModuleType]:
    for value in list(vars(module).values()):
        if isinstance(value, ModuleType):
            yield value
            continue
        named = value.function if isinstance(value, Tool) else value
        named = named if isinstance(named, type | FunctionType) else type(named)
        owner = sys.modules.get(str(named.__module__))
        if owner is not None:
            yield owner


def _is_beside(other: ModuleType, place: Path, module: ModuleType, file: Path) -> bool:
    """Tell whether a module is the suite's own: in its folder, and neither installed there nor of this project."""
    if not place.is_relative_to(file.parent) or _INSTALLED & set(place.relative_to(file.parent).parts):
        return False
    package, own = (each.__name__.partition(".")[0] for each in (other, module))
    return package == own or not package.startswith("copilot_kit")


def _tools(values: Iterable[Any]) -> Iterator[str]:
    return (f"{value.name} {value.version}" for value in values if isinstance(value, Tool))
