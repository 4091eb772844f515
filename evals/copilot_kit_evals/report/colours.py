"""Colours of the page and of the charts, by name, for light and for dark; a scheme fills them in."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

Scheme: TypeAlias = Literal["light", "dark"]

LIGHT: Final[Mapping[str, str]] = {
    "ground": "#ffffff", "sheet": "#f7f7f5", "line": "#e3e3de", "edge": "#8a8a82",
    "ink": "#1c1d20", "quiet": "#5c5e66", "accent": "#2a52be",
    "good": "#0b6e4f", "bad": "#b3261e", "within": "#3a5ba0", "open": "#73757d",
    "good-ground": "#e6f2ec", "bad-ground": "#fbeae8", "open-ground": "#f0f0ed", "mark-ground": "#fff1c9",
    "c0": "#4d5058", "c1": "#2a6fdb", "c2": "#c2571a", "c3": "#0b7d62", "c4": "#a23b8f", "c5": "#8a6d00",
    "c6": "#5b4bc4", "c7": "#b3263d",
}  # fmt: skip
DARK: Final[Mapping[str, str]] = {
    "ground": "#15161a", "sheet": "#1c1e23", "line": "#2e3138", "edge": "#7c808a",
    "ink": "#e9e9ec", "quiet": "#a4a7b0", "accent": "#9db7ff",
    "good": "#6fd3ab", "bad": "#ff9a8f", "within": "#9db7f5", "open": "#9a9da6",
    "good-ground": "#17322a", "bad-ground": "#3c1f1d", "open-ground": "#24262c", "mark-ground": "#463a13",
    "c0": "#b9bcc5", "c1": "#7fb0ff", "c2": "#f2a26b", "c3": "#5fd0b0", "c4": "#e397d5", "c5": "#d9bd55",
    "c6": "#b3a8ff", "c7": "#ff93a3",
}  # fmt: skip
_SCHEMES: Final = {"light": LIGHT, "dark": DARK}
_NAME: Final = re.compile(r"var\(--([a-z0-9-]+)\)")
CANDIDATES: Final = 8
"""Colours for candidates; with more of them they come again."""


def named(name: str) -> str:
    """Return the name of a colour as charts and CSS write it."""
    return f"var(--{name})"


def of_candidate(place: int) -> str:
    """Return the colour of a candidate; the incumbent's is grey."""
    return named(f"c{place % CANDIDATES}" if place < CANDIDATES else f"c{1 + (place - 1) % (CANDIDATES - 1)}")


def filled_in(spec: Any, scheme: Scheme) -> Any:
    """Return a chart with the colours themselves in the place of their names, for what knows no CSS."""
    match spec:
        case str(text):
            return _NAME.sub(lambda found: _SCHEMES[scheme].get(found[1], found[0]), text)
        case dict(members):
            return {name: filled_in(value, scheme) for name, value in members.items()}
        case list(values):
            return [filled_in(value, scheme) for value in values]
        case _:
            return spec


def as_css() -> str:
    """Return the colours as CSS: one set of names, by the scheme that the reader's system asks for; paper is light."""
    light, dark = ("".join(f"--{name}:{value};" for name, value in one.items()) for one in (LIGHT, DARK))
    return (
        f":root{{color-scheme:light;{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{color-scheme:dark;{dark}}}}}"
    )
