"""Where an MCP server is: a program to start, or an address."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from copilot_kit.errors import UsageError


@dataclass(frozen=True)
class StdioServer:
    """A program that is started and spoken to over its standard input and output.

    Of this process's environment it gets HOME, LOGNAME, PATH, SHELL, TERM and USER, as the protocol's SDK has it, and
    nothing else: no keys. What it writes to standard error is kept apart and shown by nobody.
    """

    command: str
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further variables, such as the one key that this server needs."""
    cwd: Path | None = None

    @property
    def label(self) -> str:
        """What the server is called where it has no name of its own."""
        return Path(self.command).name

    @property
    def place(self) -> str:
        """A digest of what is started: another program, or other arguments, are another server."""
        words = [self.command, *self.args, "" if self.cwd is None else str(self.cwd)]
        return hashlib.sha256(json.dumps(words).encode()).hexdigest()


@dataclass(frozen=True)
class HttpServer:
    """A server that is spoken to over streamable HTTP."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with each request, such as `Authorization`."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{self.url!r} is no address of an MCP server. Write it as 'https://host/mcp'.")
        if parts.username is not None or parts.password is not None:
            raise UsageError("The address of an MCP server holds a password. Pass it in headers= instead.")
        if self.headers and parts.scheme == "http" and not _is_local(parts.hostname):
            raise UsageError(
                f"Headers for {self.url!r} would go over the network as plain text. Use https, or send none."
            )

    @property
    def label(self) -> str:
        """What the server is called where it has no name of its own."""
        return urlsplit(self.url).hostname or self.url

    @property
    def place(self) -> str:
        """A digest of the address."""
        return hashlib.sha256(self.url.encode()).hexdigest()


@dataclass(frozen=True)
class OwnServer:
    """A server of the SDK in this very process, such as `MCPServer("desk")`: no network, no other program."""

    server: Any
    label: str

    @property
    def place(self) -> str:
        """What stands for where it is: its label."""
        return hashlib.sha256(self.label.encode()).hexdigest()


AnyServer: TypeAlias = StdioServer | HttpServer | OwnServer


def server_of(server: AnyServer | str) -> AnyServer:
    """Return the server; text is the address of one."""
    return HttpServer(server) if isinstance(server, str) else server


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
