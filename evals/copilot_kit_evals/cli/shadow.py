"""`copilot-kit shadow`: a candidate beside the model in office; nothing that it proposes is done."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from copilot_kit.cli.journals import JsonOption, StoreOption, at_journal
from copilot_kit.cli.screen import as_json, counted, shown, told
from copilot_kit.display import visible
from copilot_kit.errors import BrokenRecord, UsageError
from copilot_kit_evals.cli.amounts import dollars
from copilot_kit_evals.cli.sheets import plain, sheet

if TYPE_CHECKING:
    from copilot_kit.journal.opening import Journal
    from copilot_kit_evals.recorded.answers import Answered
    from copilot_kit_evals.recorded.shadowing import Agreement, Compared, Shadow, Shadowed, ShadowLog

_FOLDER: Final = Path(".copilot-kit", "shadow")
_ALL: Final = 1_000_000
_LATEST: Final = 1_000
_TOGETHER: Final = 100
"""Runs that are read before their answers are asked about."""
_PAUSE_S: Final = 2.0
_CANDIDATE: Final = "The model that is asked beside the one in office: provider:name."
_AGENT: Final = "Whose tools are offered: module:attribute, as shop.copilot:agent."


def shadow(  # noqa: PLR0913  the options of a command
    slot: Annotated[str, typer.Argument(metavar="SLOT", help="The slot whose runs are shadowed.", show_default=False)],
    *,
    candidate: Annotated[str, typer.Option(help=_CANDIDATE)],
    agent: Annotated[str | None, typer.Option(help=_AGENT)] = None,
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="Of the slot's runs.")] = 0.1,
    store: StoreOption = None,
    once: Annotated[bool, typer.Option("--once", help="What the journal has now, and no waiting for more.")] = False,
    report: Annotated[bool, typer.Option("--report", help="Only compare what was asked so far.")] = False,
    budget_usd: Annotated[str | None, typer.Option(metavar="USD", help="It is asked nothing beyond.")] = None,
    log: Annotated[Path | None, typer.Option(help="Where its proposals are kept; else in .copilot-kit/shadow.")] = None,
    json: JsonOption = False,
) -> None:
    """Ask a candidate what the slot's model was asked, and compare with what people decided. Nothing is done.

    It follows the journal until it is interrupted, and goes on where it stood when it is started again. What the
    candidate proposes is counted apart and earns no trust.

    Example: copilot-kit shadow default --candidate anthropic:claude-next --share 0.1 --agent shop.copilot:agent
    """
    from copilot_kit_evals.recorded.shadowing import ShadowLog

    kept = ShadowLog(log or _FOLDER / f"{_plain(slot)}--{_plain(candidate)}.jsonl")
    asking = None if report else _asking(slot, candidate, agent)
    wanted = _Wanted(slot, candidate, share, dollars(budget_usd), once=once or json)
    found = at_journal(store, lambda journal: _work(journal, kept, asking, wanted), must_exist=True)
    if json:
        as_json(_told(found, kept))
        return
    _show(found, kept)


@dataclass(frozen=True, slots=True)
class _Wanted:
    slot: str
    candidate: str
    share: float
    budget_usd: Decimal | None
    once: bool


def _asking(slot: str, candidate: str, agent: str | None) -> "Shadow":
    from copilot_kit_evals.recorded.offers import load_offers
    from copilot_kit_evals.recorded.opening import opened_for
    from copilot_kit_evals.recorded.shadowing import Shadow

    if agent is None:
        raise UsageError("Name the agent whose tools the candidate is offered: --agent module:attribute.")
    model, settings = opened_for(slot, candidate)
    return Shadow(model, load_offers(agent), settings, candidate, lambda: datetime.now(UTC), time.monotonic)


async def _work(journal: "Journal", log: "ShadowLog", asking: "Shadow | None", wanted: _Wanted) -> "Compared":
    from copilot_kit_evals.recorded.shadowing import compared

    if asking is not None:
        try:
            with log.held():
                await _follow(journal, log, asking, wanted)
        except asyncio.CancelledError:  # interrupted: what it has found so far is shown
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
            told("Stopped.")
    lines = list(log)
    answers = [one async for one in _answers(journal, list(dict.fromkeys(line.run_id for line in lines)))]
    return compared(lines, answers, candidate=wanted.candidate)


async def _follow(journal: "Journal", log: "ShadowLog", asking: "Shadow", wanted: _Wanted) -> None:
    seen = {(one.run_id, one.seq) for one in log if one.candidate == asking.name}
    read: dict[str, int] = {}
    while True:
        rows = [row for row in await journal.runs(limit=_LATEST if read else _ALL) if read.get(row.run_id) != row.seq]
        for place in range(0, len(rows), _TOGETHER):
            some = rows[place : place + _TOGETHER]
            if not await _ask(journal, log, asking, wanted, runs=[row.run_id for row in some], seen=seen):
                told(f"The budget of ${wanted.budget_usd} is spent.")
                return
            read.update((row.run_id, row.seq) for row in some)
        if wanted.once:
            return
        await asyncio.sleep(_PAUSE_S)


async def _ask(
    journal: "Journal", log: "ShadowLog", asking: "Shadow", wanted: _Wanted, *, runs: list[str],
    seen: set[tuple[str, int]]
) -> bool:  # fmt: skip
    """Ask about what is new in these runs; return whether the budget let it ask about all."""
    from copilot_kit_evals.recorded.shadowing import open_turns
    from copilot_kit_evals.recorded.shadowing import shadow as ask_all

    answers = [one async for one in _answers(journal, runs)]
    turns = open_turns(answers, seen, slot=wanted.slot, share=wanted.share, candidate=wanted.candidate)
    new = [one for one in turns if asking.offers.takes(one)]
    count = await ask_all(new, asking, log, budget_usd=wanted.budget_usd, told=_tell)
    seen.update((one.run_id, one.seq) for one in new[:count])
    return count == len(new)


async def _answers(journal: "Journal", run_ids: list[str]) -> "AsyncIterator[Answered]":
    from copilot_kit_evals.recorded.answers import answers_of

    for run_id in run_ids:
        try:
            found = answers_of(await journal.read(run_id))
        except BrokenRecord:
            told(f"Run {run_id} cannot be read and was left out. Look at it with: copilot-kit audit verify")
            continue
        for one in found:
            yield one


def _tell(one: "Shadowed") -> None:
    said = one.failure or "; ".join(f"{call.name} {call.args_json}" for call in one.calls) or "words only"
    told(f"{one.run_id} {one.seq}: {visible(said)[:120]}")


def _told(found: "Compared", log: "ShadowLog") -> dict[str, Any]:
    return {
        "model": found.candidate, "log": str(log.path), "asked": found.asked, "waiting": found.waiting,
        **plain(found.whole), "tools": plain(found.tools), "interval": plain(_interval(found.whole)),
        "cost_usd": None if found.unpriced else float(found.cost_usd),
        "incumbent_cost_usd": None if found.incumbent_unpriced else float(found.incumbent_usd),
        "took_s": _middle(found.took_s), "incumbent_took_s": _middle(found.incumbent_took_s),
        "dropped": found.dropped,
    }  # fmt: skip


def _show(found: "Compared", log: "ShadowLog") -> None:
    if not found.asked:
        shown("Nothing was asked: no run of another model of the slot, among the share, had a call that came before a "
              "person.")  # fmt: skip
        return
    rows = [("all", found.whole), *sorted(found.tools.items())]
    sheet(
        ("tool", "decided", "incumbent accepted", "candidate agrees", "95 %, any time", "mended", "repeated", "unclear",
         "no answer"),
        [[visible(name), str(one.decided), _share(one.incumbent, one.decided), _share(one.candidate, one.decided),
          " to ".join(f"{end:.3f}" for end in _interval(one)), str(one.mended), str(one.repeated), str(one.unclear),
          str(one.failed)] for name, one in rows],
    )  # fmt: skip
    told(f"{counted(found.asked, 'turn')} asked, {found.waiting} of them not decided by anybody yet. "
         "Agreeing is not being accepted: people saw the incumbent's proposals.")  # fmt: skip
    for name, count in sorted(found.dropped.items()):
        told(f"Not sent {counted(count, 'time')}: {visible(name)}")
    if found.unpriced:
        told(f"Of {counted(found.unpriced, 'answer')} of the candidate no price is known; no budget counts them.")
    told(f"Its proposals are in {log.path}")


def _interval(one: "Agreement") -> tuple[float, float]:
    from copilot_kit.approval.bounds import anytime

    return anytime(one.candidate, one.decided)


def _share(count: int, whole: int) -> str:
    return f"{count}/{whole}" if whole else ""


def _middle(values: list[float]) -> float | None:
    return sorted(values)[len(values) // 2] if values else None


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name)
