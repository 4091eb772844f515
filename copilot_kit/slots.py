"""Models by name: `provider:model`, or a slot of `frontier.toml`.

    [slots.default]
    model = "anthropic:claude-sonnet-4-5"
    settings = { effort = "low", max_output_tokens = 2000 }

The file is looked for in the working folder and upward, or where COPILOT_KIT_FRONTIER says. Names of models are data:
one that nobody here has heard of is passed on to its provider.
"""

import os
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError

from copilot_kit.errors import MissingExtra, UnknownModel, UsageError
from copilot_kit.messages import Record
from copilot_kit.model import Model
from copilot_kit.request import Settings

if TYPE_CHECKING:
    import httpx2

FILE_NAME = "frontier.toml"
FILE_VARIABLE = "COPILOT_KIT_FRONTIER"
GROUP = "copilot_kit.models"
_MANY = 8
_ALIKE = 0.8


class Slot(Record):
    """A model under a name of the project's own, with the settings that go with it."""

    model: str
    """As provider:model."""
    base_url: str | None = None
    """Another server that speaks the provider's language."""
    settings: Settings = Settings()


class Frontier(Record):
    """What a `frontier.toml` says."""

    slots: dict[str, Slot] = {}


@dataclass(frozen=True, slots=True)
class Opened:
    """A model ready to be asked, and what its slot says of it."""

    model: Model
    settings: Settings = field(default_factory=Settings)
    slot: str | None = None
    base_url: str | None = None


class OpenModel(Protocol):
    """What an entry point of the group `copilot_kit.models` names, under the provider's name.

    Contract:
    - It opens any model name; whether the provider knows it shows at the first request.
    - It sends nothing; a key that is missing may be reported here or at the first request.
    - `base_url` and `api_key` win over the environment variables of the vendor's own naming.
    """

    def __call__(
        self,
        provider: str,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        http_client: "httpx2.AsyncClient | None" = None,
    ) -> Model:
        """Return the model."""
        ...


def open_model(
    name: str,
    *,
    base_url: str | None = None,
    folder: Path | None = None,
    api_key: str | None = None,
    http_client: "httpx2.AsyncClient | None" = None,
) -> Opened:
    """Return the model of this name.

    base_url: another server that speaks the provider's language; for a slot, its own is the default.
    folder: where the search for `frontier.toml` begins.
    api_key: wins over the one in the environment.
    http_client: used in place of the adapter's own; the caller closes it.
    Raises UnknownModel where neither a provider nor a slot answers to the name.
    """
    slot = _slot(name, folder) if ":" not in name else None
    full = name if slot is None else slot.model
    url = base_url if slot is None else base_url or slot.base_url
    provider, _, model = full.partition(":")
    opened = _opener(full)(provider, model, base_url=url, api_key=api_key, http_client=http_client)
    if slot is None:
        return Opened(model=opened, base_url=url)
    return Opened(model=opened, settings=slot.settings, slot=name, base_url=url)


def _slot(name: str, folder: Path | None) -> Slot:
    path = find_frontier(folder)
    slots = read_frontier(path).slots if path is not None else {}
    slot = slots.get(name)
    if slot is None:
        raise UnknownModel(_no_slot(name, slots, path))
    if ":" not in slot.model:
        raise UsageError(
            f"Slot {name!r} of {path} names the model {slot.model!r}: write it as 'provider:name', with one of the "
            f"installed providers ({_some('')})."
        )
    return slot


def find_frontier(folder: Path | None = None) -> Path | None:
    """Return the `frontier.toml` that counts here, None if there is none."""
    named = os.environ.get(FILE_VARIABLE)
    if named and folder is None:
        if not Path(named).is_file():
            raise UsageError(f"{FILE_VARIABLE} names {named!r}, which is no file. Correct it, or unset it.")
        return Path(named)
    start = (folder or Path.cwd()).absolute()
    return next((path for place in (start, *start.parents) if (path := place / FILE_NAME).is_file()), None)


def read_frontier(path: Path) -> Frontier:
    """Return what the file says; raises UsageError that names the file and the place."""
    try:
        return Frontier.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}. Correct it there.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise UsageError(
            f"{path}: {place!r} is wrong: {first['msg']}. A slot has 'model' and, if you like, 'base_url' and "
            f"'settings' with {_listed(Settings.model_fields)}."
        ) from error


def providers() -> tuple[str, ...]:
    """Return the names of the installed providers, sorted."""
    return tuple(sorted(_entry_points(tuple(sys.path))))


@lru_cache(maxsize=8)
def _entry_points(path: tuple[str, ...]) -> Mapping[str, EntryPoint]:  # noqa: ARG001  what is installed depends on it
    return {point.name: point for point in entry_points(group=GROUP)}


def _opener(name: str) -> OpenModel:
    provider, _, model = name.partition(":")
    point = _entry_points(tuple(sys.path)).get(provider)
    if point is None:
        raise UnknownModel(
            f"Cannot open model {name!r}: {provider!r} is not an installed provider. Write it as 'provider:name', "
            f"with one of the installed providers ({_some(provider)})."
        )
    if not model:
        raise UnknownModel(f"Cannot open model {name!r}: after the colon comes the model's name at {provider}.")
    try:
        opener: OpenModel = point.load()
    except ModuleNotFoundError as error:
        raise MissingExtra(f"The provider {provider!r}", provider) from error
    return opener


def _no_slot(name: str, slots: Mapping[str, Slot], path: Path | None) -> str:
    if name.endswith(".gguf"):
        return f"Cannot open model {name!r}: a file of weights is opened as 'local:{name}'."
    ask = f"write it as 'provider:name', with one of the installed providers ({_some('')})"
    if path is None:
        return (
            f"Cannot open model {name!r}: {ask}, or make a {FILE_NAME} with a [slots.{name}] that names a model; "
            "there is none in this folder or above."
        )
    return f"Cannot open model {name!r}: {ask}, or with a slot of {path} ({_listed(slots)})."


def _some(wanted: str) -> str:
    """Return the installed providers, where they are many those that are meant most likely."""
    points = _entry_points(tuple(sys.path))
    if len(points) <= _MANY:
        return _listed(sorted(points))
    namesakes = [name for name, point in points.items() if point.module.split(".")[0].endswith(f"_{name}")]
    some = get_close_matches(wanted, points, cutoff=_ALIKE) or sorted(namesakes)
    return f"{_listed(some)} and {len(points) - len(some)} more: copilot-kit models list"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
