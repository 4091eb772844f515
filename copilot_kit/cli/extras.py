"""The optional packages of this project: which are declared, and which of them are not installed."""

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution, requires
from typing import Final

_DISTRIBUTION: Final = "copilot-kit"
_REQUIREMENT: Final = re.compile(r"^([A-Za-z0-9._-]+).*; extra == ['\"]([a-z]+)['\"]$")
_OF_SEVERAL: Final = frozenset({"all", "dev"})
_IMPORTED_AS: Final = {"yaml": "pyyaml", "vl_convert": "vl-convert-python"}
"""Modules whose package is called otherwise."""


def not_installed() -> dict[str, tuple[str, ...]]:
    """Return for each extra that serves one purpose the packages that it lacks; empty where it is whole."""
    lacking: dict[str, list[str]] = {}
    for requirement in requires(_DISTRIBUTION) or ():
        found = _REQUIREMENT.match(requirement)
        if found is None or found[2] in _OF_SEVERAL:
            continue
        names = lacking.setdefault(found[2], [])
        if not _is_installed(found[1]):
            names.append(found[1])
    return {extra: tuple(names) for extra, names in lacking.items()}


def extra_with(module: str, lacking: Mapping[str, Sequence[str]]) -> str | None:
    """Return the smallest extra that lacks the package of a module; None if no extra does."""
    top = module.partition(".")[0]
    package = _IMPORTED_AS.get(top, top.replace("_", "-"))
    having = [extra for extra, packages in lacking.items() if package in packages]
    return min(having, key=lambda extra: (len(lacking[extra]), extra), default=None)


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
