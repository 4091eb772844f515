"""The tools of an MCP server, for an agent: each asks unless the user and the server both say that it only reads."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, overload

from copilot_kit.display import visible
from copilot_kit.effects import ArgumentRole, Effect
from copilot_kit.errors import MissingExtra, UsageError
from copilot_kit.mcp.offer import Offered, clean_names, offered
from copilot_kit.mcp.pins import Change, changes_since, read_pins, write_pins
from copilot_kit.mcp.servers import AnyServer, server_of
from copilot_kit.messages import Source
from copilot_kit.outputs import ToolError, ToolOutput, unsettled
from copilot_kit.tools import Tool, ToolContext, schema_tool

if TYPE_CHECKING:
    from copilot_kit.mcp.connection import Connection

_log = logging.getLogger(__name__)
_LISTING_S = 20.0


@dataclass(frozen=True)
class McpTools(Sequence[Tool[..., Any]]):
    """The tools of one server as they were when it was connected; give them to an agent."""

    tools: tuple[Tool[..., Any], ...]
    changes: tuple[Change, ...] = ()
    """What is not as it was when the server was last accepted; such tools count as external."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Tools that cannot be offered, and why."""
    instructions: str | None = None
    """What the server says of itself; text of others, which no model is shown."""
    accept: Callable[[], None] = field(default=lambda: None, repr=False)
    """Record the server's tools as they are now in the pins; from the next connection on they are not changes."""

    @overload
    def __getitem__(self, index: int) -> Tool[..., Any]: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Tool[..., Any], ...]: ...
    def __getitem__(self, index: int | slice) -> Tool[..., Any] | tuple[Tool[..., Any], ...]:
        return self.tools[index]

    def __len__(self) -> int:
        return len(self.tools)


@dataclass(frozen=True, kw_only=True)
class _Declared:
    """What the user says of a server's tools, by the names that the server gives them."""

    prefix: str
    effects: Mapping[str, Effect]
    roles: Mapping[str, Mapping[str, ArgumentRole]]
    only: Collection[str] | None
    timeout_s: float
    max_result_chars: int


@asynccontextmanager
async def mcp_tools(  # noqa: PLR0913  what a user may say of a server
    server: AnyServer | str,
    *,
    prefix: str = "",
    effects: Mapping[str, Effect] | None = None,
    roles: Mapping[str, Mapping[str, ArgumentRole]] | None = None,
    only: Collection[str] | None = None,
    pins: Path | str | None = None,
    timeout_s: float = 60.0,
    connect_s: float = 30.0,
    max_result_chars: int = 50_000,
) -> AsyncIterator[McpTools]:
    """Yield the tools of an MCP server, connected as long as the block; a URL is one over streamable HTTP.

        async with mcp_tools(StdioServer("mcp-server-filesystem", ["."]), prefix="files",
                             effects={"read_text_file": "read"}) as files:
            agent = Agent(tools=files)

    effects: what its tools do, by the server's names for them. One that is not named is external. `read` holds only
        where the server's annotations say so too, and where the tool has not changed since it was accepted.
    roles: what their arguments are for, by tool and argument.
    only: the tools that are taken; without it all.
    pins: a file that keeps what the tools were. The first connection fills it, `accept()` brings it up to date; what
        has changed in between is in `changes`.
    timeout_s: of each call; an effect that takes longer is of unknown outcome.

    A tool's version is a digest of its name, description, schema and annotations, and of which server it is: what was
    approved for another one is asked anew. The list is read again before each call, and a tool that is not what it was
    does not run. Nothing that the server asks for is given to it: no roots, no sampling, no
    elicitation. Its descriptions and results are text of others.
    """
    try:
        from copilot_kit.mcp.connection import Connection
    except ImportError as error:
        raise MissingExtra("An MCP server", "mcp") from error
    named = server_of(server)
    declared = _Declared(prefix=prefix, effects=effects or {}, roles=roles or {}, only=only, timeout_s=timeout_s,
                         max_result_chars=max_result_chars)  # fmt: skip
    connection = Connection(named, connect_s=connect_s)
    try:
        yield await _toolset(
            connection, declared, label=prefix or named.label, pins=None if pins is None else Path(pins)
        )
    finally:
        await connection.close()


async def _toolset(connection: "Connection", declared: _Declared, *, label: str, pins: Path | None) -> McpTools:
    listing = [offered(entry, connection.identity) for entry in await connection.tools()]
    _check_named(declared, listing)
    digests = {one.name: one.digest for one in listing}
    pinned = None if pins is None else read_pins(pins, label)
    changes = changes_since(pinned, digests)
    if pins is not None and pinned is None:
        write_pins(pins, label, digests)
    for change in changes:
        _log.warning("MCP server %s: tool %s is %s since it was accepted", label, visible(change.tool), change.kind)
    changed = {change.tool for change in changes}
    names = clean_names((one.name for one in listing), declared.prefix)
    tools: list[Tool[..., Any]] = []
    twice = {name for name, count in Counter(one.name for one in listing).items() if count > 1}
    left_out = dict.fromkeys(sorted(twice), "The server lists two tools of this name.")
    for one in listing:
        if one.name in twice or (declared.only is not None and one.name not in declared.only):
            continue
        effect = _effect(one, declared, changed=one.name in changed)
        try:
            tools.append(_tool(connection, one, declared, name=names[one.name], label=label, effect=effect))
        except UsageError as error:
            left_out[one.name] = str(error)
            _log.warning("MCP server %s: tool %s was left out: %s", label, visible(one.name), error)

    def accept() -> None:
        if pins is None:
            raise UsageError(
                "There are no pins to bring up to date. Name their file: mcp_tools(..., pins='pins.json')."
            )
        write_pins(pins, label, digests)

    return McpTools(tuple(tools), changes, left_out, connection.instructions, accept)


def _check_named(declared: _Declared, listing: Sequence[Offered]) -> None:
    known = {one.name for one in listing}
    for what, names in (("effects", declared.effects), ("roles", declared.roles), ("only", declared.only or ())):
        for name in names:
            if name not in known:
                raise UsageError(
                    f"{what}= names {name!r}, which the server does not offer. It offers: "
                    f"{', '.join(visible(one) for one in sorted(known)) or 'nothing'}."
                )
    for one in listing:
        for argument in declared.roles.get(one.name, ()):
            if argument not in one.schema.get("properties", {}):
                raise UsageError(f"roles= names {argument!r} of {one.name!r}, which is no argument of it. Correct it.")
    for name, effect in declared.effects.items():
        if effect not in get_args(Effect):
            raise UsageError(f"effects= says {effect!r} of {name!r}. Write one of {', '.join(get_args(Effect))}.")


def _effect(one: Offered, declared: _Declared, *, changed: bool) -> Effect:
    """Return what the tool does, as far as it is believed: a read only where both say so and nothing has changed."""
    said = declared.effects.get(one.name, "external")
    if changed:
        return "external"
    return "external" if said == "read" and not one.reads_only else said


def _tool(
    connection: "Connection", one: Offered, declared: _Declared, *, name: str, label: str, effect: Effect
) -> Tool[..., Any]:
    source = Source(kind="tool", ref=f"{label}:{visible(one.name)}")

    async def run(arguments: dict[str, Any], context: ToolContext) -> ToolOutput:
        return await _call(connection, one, arguments, context, effect=effect, source=source)

    return schema_tool(
        name,
        one.description,
        one.schema,
        run,
        effect=effect,
        version=one.digest,
        roles=declared.roles.get(one.name),
        timeout_s=declared.timeout_s,
        max_result_chars=declared.max_result_chars,
    )


async def _call(
    connection: "Connection",
    one: Offered,
    arguments: dict[str, Any],
    context: ToolContext,
    *,
    effect: Effect,
    source: Source,
) -> ToolOutput:
    from copilot_kit.mcp.connection import Lost, NotReached
    from copilot_kit.mcp.results import output_of_result

    try:
        await _check_unchanged(connection, one)
        meta = {"copilot-kit/idempotency-key": context.idempotency_key} if context.idempotency_key else {}
        result = await connection.call(one.name, arguments, meta)
    except NotReached as error:
        raise ToolError(f"It did not run. {error}") from error
    except Lost as error:
        if effect == "read":
            raise ToolError(f"No answer came: {error}") from error
        return unsettled(
            f"The server gave no answer ({error}). Whether it took effect is not known. "
            "Do not repeat it before that is settled."
        )
    return output_of_result(result, source)


async def _check_unchanged(connection: "Connection", one: Offered) -> None:
    """Raise ToolError if the server's tool is not, at this moment, the one that was offered and approved."""
    from copilot_kit.mcp.connection import NotReached

    try:
        async with asyncio.timeout(_LISTING_S):
            now = {str(entry.get("name")): entry for entry in await connection.tools()}
    except TimeoutError as error:
        raise NotReached(f"The server did not list its tools within {_LISTING_S:g} s.") from error
    entry = now.get(one.name)
    if entry is None or offered(entry, connection.identity).digest != one.digest:
        what = "is gone from its server" if entry is None else "has changed on its server"
        raise ToolError(f"It did not run: the tool {what} since it was offered here. A person has to connect anew.")
