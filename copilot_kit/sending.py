"""Where data of a slot may go: to the providers that its `may_send_to` names, and to the servers.

An entry with a dot or a colon is a server (`llm.acme.example`, `gpu:8000`), any other one a provider. A model is asked
where its provider is at home, and then its provider is enough; or at another address, by a `base_url` or a variable of
the environment, and then the server must be named, too. A server on this machine need not be: nothing leaves it.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from copilot_kit.errors import UsageError

_PORTS: Final = {"http": 80, "https": 443}
_NOW: Final = "its may_send_to has"
_ADD: Final = "Add the {what} there if the people whose data it is allow that."


class NotAllowed(UsageError):
    """Data of a slot would go where the slot does not let it go; nothing was sent."""


@dataclass(frozen=True, slots=True)
class MaySend:
    """Where data of one slot may go."""

    slot: str
    to: tuple[str, ...] | None
    """Providers and servers; None: anywhere."""
    said: str = _NOW
    """Words for who says so, in front of the list."""
    then: str = _ADD
    """What to do about it."""

    def allows(self, model: str, server: str | None = None) -> bool:
        """Tell whether a model may be asked, at this address if it is not its provider's own."""
        return self._refused(model, server) is None

    def check(self, model: str, server: str | None = None) -> None:
        """Raise `NotAllowed` if a model may not be asked, at this address if it is not its provider's own."""
        refused = self._refused(model, server)
        if refused is None:
            return
        what, where = refused
        raise NotAllowed(
            f"Data of slot {self.slot!r} may not go to {where!r}{'' if what == 'provider' else f', for {model!r}'}: "
            f"{self.said} {', '.join(self.to or ()) or 'none'}. {self.then.format(what=what)}"
        )

    def _refused(self, model: str, server: str | None) -> tuple[str, str] | None:
        """Return what is not named: the kind of it, and its name."""
        if self.to is None:
            return None
        provider = model.partition(":")[0]
        if provider not in self.to:
            return "provider", provider
        if server is None or is_here(server):
            return None
        names = _names(server)
        named = {one.lower() for one in self.to if is_server(one)}
        return None if named & set(names) else ("server", names[-1])


def is_server(entry: str) -> bool:
    """Tell whether an entry of `may_send_to` names a server, and not a provider."""
    return "." in entry or ":" in entry


def wrong_entry(entries: Sequence[str]) -> str | None:
    """Return the first entry that names neither a provider nor a server, such as a whole address."""
    return next((one for one in entries if not one or "/" in one or "@" in one or one != one.strip()), None)


def is_here(server: str) -> bool:
    """Tell whether an address is this machine's own."""
    host, _ = _place(server)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _names(server: str) -> list[str]:
    """Return what an address is called in a list: with its port, and without."""
    host, port = _place(server)
    whole = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return [whole, *([host] if is_server(host) else [])]


def _place(server: str) -> tuple[str, int]:
    """Return host and port of an address; one that cannot be read is a host of that name, which nobody can list."""
    try:
        parts = urlsplit(server)
        return parts.hostname or server, parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return server, 0


def server_of(model: object) -> str | None:
    """Return the address at which a model says that it is asked; None: its provider's own, or it does not say."""
    server = getattr(model, "server", None)
    return server if isinstance(server, str) else None


def alternatives_of(model: object) -> list[tuple[str, str | None]]:
    """Return who else may be asked in the place of a model, such as those of a `Fallback`, and where."""
    found: list[tuple[str, str | None]] = []
    for one in getattr(model, "alternatives", ()):
        found += [(one.id, server_of(one)), *alternatives_of(one)]
    return found


@dataclass(slots=True)
class Hold:
    """What holds for all models that are asked in a block, and who was refused by it first."""

    limits: tuple[MaySend, ...]
    refused: NotAllowed | None = None


_HELD: Final[ContextVar[Hold | None]] = ContextVar("sending_held", default=None)


@contextmanager
def held(limits: Sequence[MaySend]) -> Iterator[Hold]:
    """Let no model be asked in this block, and in tasks that begin in it, that one of the slots does not allow.

    It holds for what is asked through `complete`, by agents, and by the adapters of this package; what was refused is
    kept, for whoever caught the error may not have known what it was.
    """
    hold = Hold(tuple(limits))
    token = _HELD.set(hold)
    try:
        yield hold
    finally:
        _HELD.reset(token)


def check_asked(model: str, server: str | None = None) -> None:
    """Raise `NotAllowed` if this model may not be asked here and now; to be called before anything is sent."""
    hold = _HELD.get()
    if hold is None:
        return
    try:
        for limit in hold.limits:
            limit.check(model, server)
    except NotAllowed as error:
        hold.refused = hold.refused or error
        raise
