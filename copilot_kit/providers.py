"""The installed providers: what opens a model at each of them, by the entry points of their packages."""

import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Final, Protocol

from copilot_kit.errors import MissingExtra, UnknownModel
from copilot_kit.model import Model

if TYPE_CHECKING:
    import httpx2

GROUP: Final = "copilot_kit.models"
_MANY: Final = 8
_ALIKE: Final = 0.8


class OpenModel(Protocol):
    """What an entry point of the group `copilot_kit.models` names, under the provider's name.

    Contract:
    - It opens any model name; whether the provider knows it shows at the first request.
    - It sends nothing; a key that is missing may be reported here or at the first request.
    - `base_url` and `api_key` win over the environment variables of the vendor's own naming.
    - A model that is asked elsewhere than at its provider's own address says so as `server`, a URL.
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


def providers() -> tuple[str, ...]:
    """Return the names of the installed providers, sorted."""
    return tuple(sorted(_entry_points(tuple(sys.path))))


@lru_cache(maxsize=8)
def _entry_points(path: tuple[str, ...]) -> Mapping[str, EntryPoint]:  # noqa: ARG001  what is installed depends on it
    return {point.name: point for point in entry_points(group=GROUP)}


def opener(name: str) -> OpenModel:
    """Return what opens a model of this name.

    Raises `UnknownModel` where no provider is named that is installed, and `MissingExtra` where a package of it is not.
    """
    provider, _, model = name.partition(":")
    point = _entry_points(tuple(sys.path)).get(provider)
    if point is None:
        raise UnknownModel(
            f"Cannot open model {name!r}: {provider!r} is not an installed provider. Write it as 'provider:name', "
            f"with one of the installed providers ({some_providers(provider)})."
        )
    if not model:
        raise UnknownModel(f"Cannot open model {name!r}: after the colon comes the model's name at {provider}.")
    try:
        found: OpenModel = point.load()
    except ModuleNotFoundError as error:
        raise MissingExtra(f"The provider {provider!r}", provider) from error
    return found


def some_providers(wanted: str) -> str:
    """Return words for the installed providers: where they are many, for those that are meant most likely."""
    points = _entry_points(tuple(sys.path))
    if len(points) <= _MANY:
        return listed(sorted(points))
    namesakes = [name for name, point in points.items() if point.module.split(".")[0].endswith(f"_{name}")]
    some = get_close_matches(wanted, points, cutoff=_ALIKE) or sorted(namesakes)
    return f"{listed(some)} and {len(points) - len(some)} more: copilot-kit models list"


def listed(names: Iterable[str]) -> str:
    """Return the names in a row, or `none`."""
    return ", ".join(names) or "none"
