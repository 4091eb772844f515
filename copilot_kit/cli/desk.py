"""A run and a person at a terminal: ask, decide, go on, until the run ends or the person leaves."""

from typing import Any, TypeVar

from copilot_kit.agent import Agent, Run
from copilot_kit.approval import settle
from copilot_kit.cli.approvals import Desk
from copilot_kit.cli.screen import bold, shown
from copilot_kit.display import MARGIN, block, visible
from copilot_kit.journal.state import CallState
from copilot_kit.records import Received

OutputT = TypeVar("OutputT")


async def attend(agent: Agent[OutputT], run: Run[OutputT], desk: Desk) -> Run[OutputT]:
    """Return the run once nothing more is decided: it ended, was stopped, or what is left was skipped.

    What ran is told as it happens. All proposals of a turn are asked for before any of them runs.
    """
    seen = -1
    while run.status == "waiting":
        entries = await agent.store.read(run.id)
        seen = max(seen, entries[-1].head.seq)
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
        run = await agent.resume(run.id)
        seen = await _tell(agent, run, after=seen)
    return run


async def _tell(agent: Agent[Any], run: Run[Any], *, after: int) -> int:
    """Print what came of the calls since, and return where the journal is now."""
    seq = after
    for entry in await agent.store.read(run.id, after=after):
        seq = entry.head.seq
        if isinstance(entry.body, Received):
            shown(f"  {visible(entry.body.tool)}: {entry.body.state}")
            for line in block(entry.body.result.text, margin=MARGIN):
                shown(line)
    return seq


async def _settled(agent: Agent[Any], run: Run[Any], call: CallState, desk: Desk) -> bool:
    """Ask what became of a call that was begun and whose end nobody saw."""
    shown(bold(f"── {visible(call.call.name)}") + " · begun, and nobody knows whether it was carried out")
    for line in block(call.call.args_json):
        shown(line)
    shown("  d it was done · n it was not · k leave it open")
    while True:
        match await desk.keyboard.key():
            case "d" | "n" as key:
                await settle(agent.store, run.id, call.call.call_id, done=key == "d", by=desk.by)
                return True
            case None | "k":
                return False
            case _:
                pass
