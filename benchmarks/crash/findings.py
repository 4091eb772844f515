"""What is found in the journal when all is over, against what happened outside of it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.crash.lives import Scene
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Entry
from copilot_kit.journal.verify import verify_all, verify_run
from copilot_kit.records import Decided, Decision, Intended, Received


@dataclass(slots=True)
class Findings:
    """What was counted, and what must be nought."""

    runs: int = 0
    effects: int = 0
    decisions: int = 0
    shown_unknown: int = 0
    """Calls whose outcome a person was asked about: mostly processes that were killed inside a tool."""
    double_effects: list[str] = field(default_factory=list)
    lost_decisions: list[str] = field(default_factory=list)
    silent_unknowns: list[str] = field(default_factory=list)
    broken_journals: list[str] = field(default_factory=list)

    @property
    def bad(self) -> int:
        """How many promises were broken."""
        return sum(map(len, (self.double_effects, self.lost_decisions, self.silent_unknowns, self.broken_journals)))


def find(scene: Scene, runs: int) -> Findings:
    """Return what is found."""
    return asyncio.run(_find(scene, runs))


async def _find(scene: Scene, runs: int) -> Findings:
    store = scene.open()
    found = Findings()
    effects = Counter((line["run"], line["call"]) for line in scene.noted("effects"))
    found.effects = sum(effects.values())
    found.double_effects = [f"{run} {call}: {times} times" for (run, call), times in effects.items() if times > 1]
    decided: dict[str, list[str]] = {}
    for line in scene.noted("decisions"):
        found.decisions += 1
        decided.setdefault(line["run"], []).append(line["proposal"])
    for number in range(runs):
        run_id = f"run_{number}"
        entries = await store.read(run_id)
        if not entries:
            continue
        found.runs += 1
        await _check_journal(found, store, run_id, entries)
        _check_calls(found, run_id, entries, {call: n for (run, call), n in effects.items() if run == run_id})
        _check_decisions(found, run_id, entries, decided.get(run_id, []))
    found.broken_journals += [f"{one.run_id}: {one}" for one in (await verify_all(store)).differences]
    await store.close()
    return found


async def _check_journal(found: Findings, store: Any, run_id: str, entries: Sequence[Entry]) -> None:
    verified = await verify_run(store, run_id)
    state = RunState.of(entries)
    if not verified.ok:
        found.broken_journals.append(f"{run_id}: {verified.first_bad}")
    if state.status != "done":
        found.broken_journals.append(f"{run_id} ends as {state.status}")


def _check_calls(found: Findings, run_id: str, entries: Sequence[Entry], effects: dict[str, int]) -> None:
    """Look whether each call that was begun has an end that is true, or was shown to a person."""
    receipts: dict[str, list[Received]] = {}
    for entry in entries:
        if isinstance(entry.body, Received):
            receipts.setdefault(entry.body.call_id, []).append(entry.body)
    intended = {entry.body.call_id for entry in entries if isinstance(entry.body, Intended)}
    for call_id in intended | effects.keys():
        ends = receipts.get(call_id, [])
        shown = any(one.state == "unknown" for one in ends)
        found.shown_unknown += shown
        settled = bool(ends) and ends[-1].settled_by is not None
        told = bool(ends) and (ends[-1].state == "done") == (call_id in effects)
        if call_id not in intended or (shown and not settled) or not (told or shown):
            words = [f"{one.state}{'*' * (one.settled_by is not None)}" for one in ends]
            found.silent_unknowns.append(f"{run_id} {call_id}: {effects.get(call_id, 0)} effects, receipts {words}")


def _check_decisions(found: Findings, run_id: str, entries: Sequence[Entry], acknowledged: Sequence[str]) -> None:
    """Look whether each acknowledged decision is on record, the first on its proposal, and was acted on."""
    kept: dict[str, Decision] = {}
    for entry in entries:
        if isinstance(entry.body, Decided):
            kept.setdefault(entry.body.decision.proposal_id, entry.body.decision)
    state = RunState.of(entries)
    ended = {entry.body.call_id for entry in entries if isinstance(entry.body, Received)}
    for proposal_id in acknowledged:
        asked = state.proposals.get(proposal_id)
        if proposal_id not in kept or asked is None or asked.proposal.call_id not in ended:
            found.lost_decisions.append(f"{run_id} {proposal_id}")
    twice = [one for one, times in Counter(acknowledged).items() if times > 1]
    found.lost_decisions += [f"{run_id} {one}: acknowledged twice" for one in twice]
