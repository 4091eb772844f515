"""A run and a person at a terminal: ask, decide, go on, until the run ends or the person leaves."""

import asyncio
from typing import Any, Final, TypeVar

from copilot_kit.agent import Agent, Run
from copilot_kit.approval import settle
from copilot_kit.cli.approvals import Desk
from copilot_kit.cli.screen import bold, dim, folded, shown, told, width
from copilot_kit.display import block, visible
from copilot_kit.journal.thread import CallState
from copilot_kit.records import Received, Requested

OutputT = TypeVar("OutputT")
_LOOK_S: Final = 0.1


async def attend(agent: Agent[OutputT], run: Run[OutputT], desk: Desk) -> Run[OutputT]:
    """Return the run once nothing more is decided: it ended, was stopped, or what is left was skipped.

    What ran is told as it happens. All proposals of a turn are asked for before any of them runs.
    """
    if run.status == "running":  # another process began it, and ended in the middle
        run = await _resumed(agent, run)
    while run.status == "waiting":
        decided = False
        for call in run.unknown:
            decided |= await _settled(agent, run, call, desk)
        for proposal in run.proposals:
            choice = await desk.decide(agent.store, run.id, proposal)
            if choice.verdict == "stop":
                return await run.refresh()
            decided |= choice.verdict != "skip"
        if not decided:
            return run
        run = await _resumed(agent, run)
    return run


async def _resumed(agent: Agent[OutputT], run: Run[OutputT]) -> Run[OutputT]:
    """Go on with the run, and print what comes of its calls while the model still works on its next words."""
    seen = (await agent.store.read(run.id))[-1].head.seq
    work = asyncio.create_task(agent.resume(run.id))
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=_LOOK_S)
            seen = await _tell(agent, run, after=seen)
        return await work
    finally:
        work.cancel()  # of no effect once it is done
        await asyncio.wait({work})


async def _tell(agent: Agent[Any], run: Run[Any], *, after: int) -> int:
    """Print what came of the calls since, and return where the journal is now."""
    seq = after
    for entry in await agent.store.read(run.id, after=after):
        seq = entry.head.seq
        if isinstance(entry.body, Received):
            shown(f"  {visible(entry.body.tool)}: {entry.body.state}")
            for line in block(entry.body.result.text, width=width()):
                shown(line)
        elif isinstance(entry.body, Requested):
            told(dim("  the copilot goes on …"))
    return seq


async def _settled(agent: Agent[Any], run: Run[Any], call: CallState, desk: Desk) -> bool:
    """Ask what became of a call that was begun and whose end nobody saw."""
    shown()
    shown(bold(f"── {visible(call.call.name)}"))
    shown(folded("It was begun, and nobody knows whether it was carried out.", indent="  "))
    for line in block(call.call.args_json, width=width()):
        shown(line)
    shown(folded("d it was done · n it was not · k leave it open", indent="  "))
    while True:
        match await desk.keyboard.key():
            case "d" | "n" as key:
                await settle(agent.store, run.id, call.call.call_id, done=key == "d", by=desk.by)
                return True
            case None | "k":
                return False
            case _:
                pass
