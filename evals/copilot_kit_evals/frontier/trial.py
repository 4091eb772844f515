"""What a snap compares: the slot as it is and as it would be, on the slot's suites, under a rule fixed beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import JsonValue, ValidationError

from copilot_kit.errors import Conflict, UsageError
from copilot_kit.overlays import Overlay
from copilot_kit.request import Settings
from copilot_kit.slots import Slot, SlotOverlay, place, slot_of
from copilot_kit_evals.candidates import Candidate, prompt_in, setting_of
from copilot_kit_evals.frontier.catalogues import lifecycle_of
from copilot_kit_evals.frontier.earlier import line_before, tries_before
from copilot_kit_evals.frontier.ledger import Ledger, placed
from copilot_kit_evals.frontier.promotions import Placement
from copilot_kit_evals.frontier.wanted import Snap
from copilot_kit_evals.items import Dataset
from copilot_kit_evals.recorded.asking import NextStep
from copilot_kit_evals.suites import SET, SHIPPED, Suite, load_all
from copilot_kit_evals.tasks import SNAP, Ask, Rule, Task
from copilot_kit_evals.verdict.looks import every

ENOUGH_TO_LOOK: Final = 200
"""Items below which a run is not stopped by what it has shown: evidence that may be looked at again and again takes
more items to decide, and so few cost little (docs/verdicts.md has figures)."""
SOON_DAYS: Final = 60
"""An incumbent that retires within so many days need not be beaten, only equalled."""


@dataclass(frozen=True, slots=True)
class Trial:
    """All that a snap runs and what it would change."""

    slot: str
    suites: tuple[str, ...]
    suite: Suite
    parked: tuple[Task, ...]
    """Items set aside, tried again with each candidate, all of them."""
    candidates: tuple[Candidate, ...]
    """The incumbent first, if there is one; then the candidate; then the candidate without each crutch."""
    rule: Rule
    before: Placement
    after: Placement


async def trial_of(ledger: Ledger, wanted: Snap) -> Trial:
    """Return what a snap compares. Raises `UsageError` for a candidate that cannot be one of this slot."""
    now = await ledger.placement(wanted.slot)  # first: it finishes what a dead process began
    slot = slot_of(wanted.slot, ledger.frontier)
    model = wanted.to or slot.model
    if model is None or ":" not in model:
        raise UsageError(f"Say which model slot {wanted.slot!r} is to have: --to provider:name, not {wanted.to!r}.")
    before = await ledger.placement(wanted.slot, (model,))
    if (now.model, now.stage) != (before.model, before.stage) or slot.model != before.model:
        raise Conflict(f"Slot {wanted.slot!r} is being changed right now. Look at it and begin anew.")
    if before.stage is not None:
        raise UsageError(
            f"In slot {wanted.slot!r} {before.stage.to} is taking over. End that first: copilot-kit frontier advance "
            f"{wanted.slot} --share 1, or copilot-kit snap {wanted.slot} --back"
        )
    entry, label = _varied(before.overlays[model], wanted.vary)
    after = placed(before, model, {model: entry}, wanted.share)
    if (after.model, after.overlays, after.stage) == (before.model, before.overlays, before.stage):
        raise _nothing_new(wanted.slot, model)
    beside = slot.model_copy(update={"model": None}) if wanted.launch else slot
    names = _suites(slot, wanted, ledger.home)
    suite = load_all(names).repeated(wanted.repeats)
    would = _tried(_moved(slot, after, model), suite)
    candidates = _candidates(wanted.slot, beside, would, model, label, home=ledger.frontier)
    if beside.model is not None and candidates[0].digest == candidates[1].digest:
        raise _nothing_new(wanted.slot, " ".join([model, *wanted.vary]))
    parked = parked_of(suite, slot, ledger.home)
    _check_slices(slot, suite)
    if beside.model is None:
        _check_says_enough(slot, suite)
    rule = _rule(beside, wanted, suite, candidates, parked)
    tries = tries_before(wanted.slot, wanted.runs, suite.tasks)
    rule = rule.model_copy(update={**await _line(ledger, wanted.slot, model, suite), "tries_before": tries})
    more: dict[str, JsonValue] = {SNAP: {"slot": wanted.slot, "before": _told(before), "after": _told(after),
                                          "launch": beside.model is None}}  # fmt: skip
    return Trial(wanted.slot, names, suite, parked, tuple(candidates),
                 rule.model_copy(update={"more": more}), before, after)  # fmt: skip


def _nothing_new(slot: str, what: str) -> UsageError:
    return UsageError(f"Slot {slot!r} has {what} already. Name another model with --to, or a change: --vary.")


def _check_slices(slot: Slot, suite: Suite) -> None:
    """Raise `UsageError` for a slice that no item is in: it would guard nothing, and nothing would be promoted."""
    tags = {tag for task in suite.tasks for item in task.dataset for tag in item.tags}
    known = tags | {task.name for task in suite.tasks}
    unknown = next((name for name in slot.slices or () if name not in known), None)
    if unknown is not None:
        near = get_close_matches(unknown, known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(sorted(known))}."
        raise UsageError(f"No item of the suites has the tag {unknown!r}, which the slot's 'slices' name. {hint}")


def _check_says_enough(slot: Slot, suite: Suite) -> None:
    """Raise `UsageError` for a launch of which nothing says what is good enough, before anything is asked."""
    if slot.required_reliability is not None:
        return
    items = (item for task in suite.tasks for item in task.dataset)
    if not any(item.must_pass or item.required_reliability is not None for item in items):
        raise UsageError(
            "Nothing says what is good enough for users: give the slot a required_reliability, such as 0.98, or items "
            "their own, or mark some as must_pass. Nothing was asked."
        )


async def _line(ledger: Ledger, slot: str, model: str, suite: Suite) -> dict[str, Any]:
    """Return what the rule says of the candidate's line: its day, and how earlier releases did on these items."""
    day = lifecycle_of(model).released
    if day is None:
        return {}
    runs = [ledger.home / one.evidence.run for one in await ledger.promotions()
            if one.slot == slot and one.evidence is not None]  # fmt: skip
    line = line_before(model, runs, suite.tasks, released=lambda name: lifecycle_of(name).released)
    return {"line": line, "line_day": float(day.toordinal())}


def placements_of(rule: Rule) -> tuple[Placement, Placement] | None:
    """Return what a run says it was about: what its slot had, and what it would get; None if it was of no slot."""
    snap = rule.more.get(SNAP)
    if not isinstance(snap, dict):
        return None
    return Placement.model_validate(snap["before"]), Placement.model_validate(snap["after"])


def is_launch(rule: Rule) -> bool:
    """Tell whether a run is of a candidate alone: its slot had no model, or one that nobody can ask any more."""
    snap = rule.more.get(SNAP)
    found = placements_of(rule)
    return isinstance(snap, dict) and found is not None and snap.get("launch", found[0].model is None) is True


def _told(placement: Placement) -> JsonValue:
    told: JsonValue = placement.model_dump(mode="json")
    return told


def _varied(overlay: JsonValue, vary: Sequence[str]) -> tuple[JsonValue, str]:
    """Return the overlay with what is varied, as frontier.toml has it, and words for it."""
    if not vary:
        return overlay, ""
    entry: dict[str, Any] = dict(overlay) if isinstance(overlay, dict) else {}
    for one in vary:
        name, _, value = one.partition("=")
        if name == "prompt" and value:
            entry = {key: kept for key, kept in entry.items() if key != "prompt_file"}
            entry |= {"prompt": prompt_in(Path(value)).strip(), "replaces": True}
        elif name == "tools" and value:
            entry["tools"] = {**entry.get("tools", {}), **_descriptions(Path(value))}
        elif name == "hides" and value:
            entry["hides"] = value.split("+")
        elif name == "tries" and value:
            entry["tries"] = setting_of(value)
        elif name in Settings.model_fields and value:
            entry["settings"] = {**entry.get("settings", {}), name: setting_of(value)}
        else:
            raise UsageError(
                f"Cannot vary {one!r} in a slot: write prompt=FILE, tools=FILE (TOML: other descriptions, by the names "
                "of tools), hides=NAME+NAME (tools that it is not offered), tries=N, or a setting with its value, such "
                "as effort=low."
            )
    try:
        SlotOverlay.model_validate(entry)
    except ValidationError as error:
        raise UsageError(f"--vary {' '.join(vary)} does not fit: {error.errors()[0]['msg']}. Correct it.") from error
    return entry, " ".join(f"{one.partition('=')[0]}={Path(one.partition('=')[2]).name}" for one in vary)


def _descriptions(file: Path) -> dict[str, Any]:
    """Return descriptions of tools by their names; raises `UsageError` for a file that is no TOML."""
    import tomllib

    try:
        return tomllib.loads(prompt_in(file))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f'{str(file)!r} is no TOML: {error}. Write a line for each tool: find_order = "…"') from error


def _moved(slot: Slot, after: Placement, model: str) -> Slot:
    """Return the slot as it would be with the candidate for all."""
    overlays = {name: one for name, one in slot.overlays.items() if name != model}
    if after.overlays.get(model) is not None:
        overlays[model] = SlotOverlay.model_validate(after.overlays[model])
    return slot.model_copy(update={"overlays": overlays})


def _tried(slot: Slot, suite: Suite) -> Slot:
    """Return the slot without crutches that nothing in the suite leans on: only agents try again."""
    if not all(isinstance(task.solver, Ask | NextStep) for task in suite.tasks):
        return slot
    crutches = {name: one for name, one in slot.crutches.items() if one.prompt or one.tools}
    return slot.model_copy(update={"crutches": crutches})


def check_evaluated(ledger: Ledger, name: str, after: Placement, evaluated: Candidate) -> None:
    """Raise `Conflict` if the candidate is not what was evaluated: its words or settings were edited meanwhile."""
    slot = slot_of(name, ledger.frontier)
    model = evaluated.model
    now = _candidate(name, _moved(slot, after, model), model, evaluated.name, ledger.frontier)
    changed = [one for one in ("overlay", "settings", "base_url") if getattr(now, one) != getattr(evaluated, one)]
    if changed:
        raise Conflict(
            f"What slot {name!r} has go with {model} was changed since it was evaluated: {', '.join(changed)}. Nothing "
            "was promoted; evaluate what it is now."
        )


def _candidates(name: str, old: Slot, new: Slot, model: str, label: str, *, home: Path) -> list[Candidate]:
    found = [] if old.model is None else [_candidate(name, old, old.model, old.model, home)]
    own = f"{model} {label}".strip()
    if found and own == found[0].name:
        own = f"{model} changed"
    candidate = _candidate(name, new, model, own, home)
    without = [
        candidate.model_copy(update={"name": f"{own} without {crutch}", "overlay": one.without(candidate.overlay)})
        for crutch, one in new.crutches.items()
    ]
    return [*found, candidate, *without]


def _candidate(slot_name: str, slot: Slot, model: str, name: str, home: Path) -> Candidate:
    given = place(slot_name, slot, model=model, folder=home)
    overlay: Overlay | None = given.overlay
    return Candidate(name=name, model=model, settings=given.settings, overlay=overlay, base_url=given.base_url)


def _suites(slot: Slot, wanted: Snap, home: Path) -> tuple[str, ...]:
    """Return the suites: those of the command line as they are, those of the slot as seen from its file."""
    if wanted.suites:
        return wanted.suites
    if not slot.suites:
        raise UsageError(
            f"Slot {wanted.slot!r} has no suites. Write in frontier.toml, under [slots.{wanted.slot}]: suites = "
            '["suite.py"], or name one with --suite.'
        )
    return tuple(one if one.startswith((SHIPPED, SET)) else str(home / one) for one in slot.suites)


def parked_of(suite: Suite, slot: Slot, home: Path) -> tuple[Task, ...]:
    """Return the tasks of the slot's parked items: asked as the task asks that their meta names, or as the first."""
    if slot.parked is None:
        return ()
    parked = Dataset.read(home / slot.parked)
    tasks = []
    for task in suite.tasks:
        lines = [line for line, item in zip(parked.lines, parked, strict=True)
                 if item.meta.get("task", suite.tasks[0].name) == task.name]  # fmt: skip
        if lines:
            dataset = Dataset(lines, name=parked.name, folder=parked.folder)
            tasks.append(replace(task, dataset=dataset))
    return tuple(tasks)


def _gain(incumbent: str | None) -> Literal["any", "none"]:
    """Return what a candidate must bring: nothing more than being no worse where the incumbent is about to go."""
    retires = None if incumbent is None else lifecycle_of(incumbent).retires
    leaves = retires is not None and (retires - datetime.now(UTC).date()).days <= SOON_DAYS
    return "none" if leaves else "any"


def _rule(
    slot: Slot, wanted: Snap, suite: Suite, candidates: Sequence[Candidate], parked: Sequence[Task]
) -> Rule:  # fmt: skip
    items = sum(len(task.dataset) for task in suite.tasks)
    margin = slot.margin if wanted.margin is None else wanted.margin
    own = candidates[0 if slot.model is None else 1].name
    crutches = {one.name: one.name.removeprefix(f"{own} without ") for one in candidates
                if one.name.startswith(f"{own} without ")}  # fmt: skip
    swap = slot.model is not None
    stops = swap and items >= ENOUGH_TO_LOOK
    slices = tuple(task.name for task in suite.tasks) if slot.slices is None else slot.slices
    rule = Rule(look_every=every(items) if stops else 0, stops=stops, gain=_gain(slot.model),
                slices=slices, margins=slot.margins,
                parked=tuple(item for task in parked for item in task.dataset.ids),
                crutches=crutches, required_reliability=slot.required_reliability)  # fmt: skip
    return rule if margin is None else rule.model_copy(update={"margin": margin})
