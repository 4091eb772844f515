"""Who may decide: ids of people, and groups that whoever authenticated them says they belong to."""

from collections.abc import Iterable

from copilot_kit.records import Principal

GROUP = "group:"
"""Begins the name of a group in `may_decide`."""


def entitled(by: Principal, may_decide: Iterable[str]) -> bool:
    """Return whether this person may decide; where nobody is named, everybody may."""
    named = tuple(may_decide)
    return not named or by.id in named or any(f"{GROUP}{group}" in named for group in by.groups)
