"""Who decides, asks or stops."""

from typing import Literal

from copilot_kit.messages import Record


class Principal(Record):
    """Who decides, and how that is known."""

    id: str
    name: str | None = None
    authenticated: Literal["asserted", "local", "token", "session", "proxy"] = "asserted"
    """asserted: the application says so, and the record says that it does; local: the terminal's own user."""
    groups: tuple[str, ...] = ()
    """What whoever authenticated them says that they belong to; `may_decide` may name `group:finance`."""
