"""Models from Python modules of one's own: `python:shop.models:spring` is `spring` in the module `shop.models`.

It may be a `Model`, or a function that takes the whole name and returns one. So a model that no provider has (a
stand-in, a router, one behind a server of one's own) can be in `frontier.toml` without being a package.
"""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from copilot_kit.errors import UnknownModel, UsageError
from copilot_kit.events import Event
from copilot_kit.model import Model
from copilot_kit.profile import Profile
from copilot_kit.request import Request

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True, slots=True)
class Renamed:
    """A model under the name that it was opened by, so that it can be opened by it again."""

    model: Model
    id: str

    @property
    def profile(self) -> Profile:
        """That of the model."""
        return self.model.profile

    def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the model's answer as it comes."""
        return self.model.stream(request)


def open_model(
    provider: str,
    model: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    http_client: "httpx2.AsyncClient | None" = None,  # noqa: ARG001  offered to all; one's own code needs none
) -> Model:
    """Return the model that `module:attribute` names; raises `UnknownModel` where there is none."""
    name = f"{provider}:{model}"
    if base_url or api_key:
        raise UsageError(f"Model {name!r} is made by Python code, which takes no base_url or api_key. Leave them out.")
    module, _, attribute = model.partition(":")
    try:
        found = getattr(_imported(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UnknownModel(
            f"Cannot open model {name!r}: {error}. Write it as 'python:module:attribute', with a module that can be "
            "imported from here."
        ) from error
    made = found if isinstance(found, Model) else found(name) if callable(found) else found
    if not isinstance(made, Model):
        raise UsageError(
            f"Cannot open model {name!r}: {attribute} is {type(made).__name__}. Give a Model, or a function that "
            "takes the name and returns one."
        )
    return made if made.id == name else Renamed(made, name)


def _imported(module: str) -> ModuleType:
    """Return the module: one of the working folder, too, where a program that was installed does not look by itself.

    It looks there last, so that a file there takes the place of nothing else.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if "" in sys.path or error.name not in (module, module.partition(".")[0]):
            raise
    sys.path.append("")
    return import_module(module)
