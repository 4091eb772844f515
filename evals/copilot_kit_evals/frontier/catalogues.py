"""What is known of providers' models: their lifecycle, and which others of their line there are.

Three sources: what the adapters' tables say of a model, the public list of prices that is installed (`genai-prices`),
and, where there is a key, what the provider itself lists today. Names are read, never compared with a list of ours: the
numbers in a name are its version, the rest is its line.
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from copilot_kit.errors import CopilotError
from copilot_kit.profile import Lifecycle
from copilot_kit.slots import open_model

if TYPE_CHECKING:
    import httpx2

_DAY: Final = re.compile(r"(?<![0-9])20[0-9]{2}-[01][0-9]-[0-3][0-9](?![0-9])|(?<![0-9])[0-9]{4,8}(?![0-9])")
"""Days, and not versions: 2024-11-20, 20250219, 0613."""
_PLAIN: Final = frozenset({"latest"})
_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Names of a provider's models, as far as somebody lists them."""

    provider: str
    names: frozenset[str]
    deprecated: frozenset[str] = frozenset()
    live: bool = False
    """The provider itself says so, today."""


@dataclass(frozen=True, slots=True)
class Service:
    """Where a provider lists its models."""

    key: str
    base: str
    url: str
    header: str
    prefix: str = ""
    more: tuple[tuple[str, str], ...] = ()


SERVICES: Final[Mapping[str, Service]] = {
    "openai": Service("OPENAI_API_KEY", "OPENAI_BASE_URL", "https://api.openai.com/v1", "authorization", "Bearer "),
    "anthropic": Service("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "https://api.anthropic.com", "x-api-key", "",
                         (("anthropic-version", "2023-06-01"),)),
}  # fmt: skip
"""Both list under /v1/models, as objects with an id."""


def line_of(name: str) -> tuple[frozenset[str], tuple[int, ...]]:
    """Return the line that a model's name belongs to, and its version: `claude-sonnet-4-5` is 4.5 of claude sonnet."""
    tokens = [one for one in re.split(r"[^a-z0-9]+", _DAY.sub("", name.lower())) if one]
    numbers = [one for one in tokens if one.isdecimal()]
    words = [one for one in tokens if not one.isdecimal() and one not in _PLAIN]
    return frozenset(words), tuple(map(int, numbers))


def lists(catalogue: Catalogue, name: str) -> bool:
    """Tell whether a catalogue has a model; where the name is one without a day, dated copies of it count, too."""
    if name in catalogue.names:
        return True
    return _DAY.search(name) is None and any(line_of(one) == line_of(name) for one in catalogue.names)


def newer(name: str, catalogue: Catalogue) -> list[str]:
    """Return the models of the same line with a higher version, the newest first; dated copies of one are one."""
    line, version = line_of(name)
    found: dict[tuple[int, ...], str] = {}
    for other in sorted(catalogue.names - catalogue.deprecated, key=len, reverse=True):
        its_line, its_version = line_of(other)
        if its_line == line and its_version > version:
            found[its_version] = other  # the shortest name stays
    return [found[key] for key in sorted(found, reverse=True)]


def listed(provider: str) -> Catalogue | None:
    """Return what the installed list of prices says of a provider's models; None where it does not know it."""
    from genai_prices.data import providers

    for one in providers:
        if one.id == provider:
            names = frozenset(model.id for model in one.models)
            return Catalogue(provider, names, frozenset(model.id for model in one.models if model.deprecated))
    return None


def asked(provider: str, client: "httpx2.Client | None" = None) -> Catalogue | None:
    """Return what the provider lists today; None without a key. Raises `httpx2.HTTPError` where it does not answer."""
    import httpx2

    service = SERVICES.get(provider)
    key = None if service is None else os.environ.get(service.key)
    if service is None or not key:
        return None
    base = (os.environ.get(service.base) or service.url).rstrip("/")
    url = f"{base}/models" if base.endswith("/v1") else f"{base}/v1/models"
    headers = {service.header: f"{service.prefix}{key}", **dict(service.more)}
    params = {"limit": "1000"} if service.more else {}
    with client or httpx2.Client(timeout=_TIMEOUT_S) as http:
        answer = http.get(url, headers=headers, params=params)
        answer.raise_for_status()
        data: Any = answer.json()
    return Catalogue(provider, frozenset(str(one["id"]) for one in data["data"]), live=True)


def lifecycle_of(model: str) -> Lifecycle:
    """Return what the model's adapter knows of its life; nothing where it cannot be opened here."""
    with suppress(CopilotError):
        return open_model(model).model.profile.lifecycle
    return Lifecycle()
