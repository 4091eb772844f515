"""The tools of a play: each keeps what it did, out there, where nothing can be taken back unseen."""

import asyncio
from functools import cache
from typing import Annotated, Any

from pydantic import Field

from benchmarks.simulation.invariants import check_effect
from benchmarks.simulation.world import Effect, World
from copilot_kit.arguments import compact
from copilot_kit.outputs import ToolError
from copilot_kit.tools import Tool, ToolContext, tool


class Ticks:
    """Counts: a default that is another one each time somebody asks for it."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> int:
        self.count += 1
        return self.count


TICKS = Ticks()


async def _act(name: str, version: str, context: ToolContext, **arguments: Any) -> str:
    world: World = context.deps
    await world.seam(f"{name} before its effect")
    late = world.late(context.run_id)
    effect = Effect(context.run_id, context.call_id, name, version, compact(arguments), context.idempotency_key, late)
    world.effects.append(effect)
    world.tell(f"EFFECT {name} {effect.arguments} of {context.call_id}{' (late)' if late else ''}")
    await check_effect(world, effect)
    await world.seam(f"{name} after its effect")
    return f"{name} is done"


async def _unjot(text: str, context: ToolContext) -> str:
    world: World = context.deps
    await world.seam("undoing")
    call = (context.run_id, context.call_id)
    if call in world.undone:
        raise world.broken(f"{context.call_id} was undone twice")
    world.undone.append(call)
    world.tell(f"UNDONE {text!r} of {context.call_id}")
    await world.seam("having undone")
    return "forgotten"


async def _ordered(item: str, context: ToolContext) -> bool | None:
    world: World = context.deps
    await world.seam("checking")
    if world.happens(0.3):
        return None
    world.tell(f"checks the order of {item}")
    return world.happened(context.run_id, context.call_id)


@cache
def tools_of(version: int) -> tuple[Tool[..., Any], ...]:
    """Return the tools in one of their versions; the world is handed to each call."""
    declared = str(version)

    @tool(effect="read", version=declared)
    async def look(q: str, context: ToolContext) -> str:
        """Look something up."""
        await context.deps.seam("looking")
        return f"{q} of {context.call_id}"

    @tool(effect="external", version=declared)
    async def send(
        to: str, context: ToolContext, amount: int = 5, stamp: Annotated[int, Field(default_factory=TICKS)] = ...
    ) -> str:
        """Send something."""
        return await _act("send", declared, context, to=to, amount=amount, stamp=stamp)

    @tool(effect="write", version=declared, own=True, undo=_unjot)
    async def jot(text: str, context: ToolContext) -> str:
        """Write something down."""
        return await _act("jot", declared, context, text=text)

    @tool(effect="external", version=declared)
    async def wipe(context: ToolContext) -> str:
        """Do what is never allowed."""
        return await _act("wipe", declared, context)

    @tool(effect="external", version=declared, timeout_s=3.0, check=_ordered)
    async def order(item: str, context: ToolContext) -> str:
        """Order something from a shop that fails now and then."""
        if context.deps.happens(0.2):
            raise ToolError("The shop is closed.")
        done = await _act("order", declared, context, item=item)
        if context.deps.happens(0.2):
            await asyncio.sleep(10.0)
        return done

    return look, send, jot, wipe, order
