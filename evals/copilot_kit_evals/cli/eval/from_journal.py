"""`copilot-kit eval from-journal`: what people decided at the gate, as items."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from copilot_kit.cli.journals import JsonOption, StoreOption, at_journal
from copilot_kit.cli.screen import as_json, counted, shown, told
from copilot_kit.display import visible
from copilot_kit.errors import BrokenRecord, UnknownModel, UsageError

if TYPE_CHECKING:
    from copilot_kit.journal.opening import Journal
    from copilot_kit_evals.recorded.answers import Answered
    from copilot_kit_evals.recorded.decisions import Made
    from copilot_kit_evals.recorded.offers import Offers


def from_journal(  # noqa: PLR0913  the options of a command
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where items and suite.py go.", show_default=False)],
    *,
    agent: Annotated[str, typer.Option(help="Whose tools are offered: module:attribute, as shop.copilot:agent.")],
    store: StoreOption = None,
    tool: Annotated[list[str] | None, typer.Option(help="Only decisions about this tool; may be repeated.")] = None,
    slot: Annotated[str | None, typer.Option(help="Only runs whose model was opened by this slot.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Only answers from this moment on (UTC).")] = None,
    tuning: Annotated[float, typer.Option(min=0, max=0.9, help="Share of the cases that only tune prompts.")] = 0.3,
    memory: Annotated[
        Path | None, typer.Option(help="A memory: decisions that its accepted notes were made from only tune.")
    ] = None,
    redact: Annotated[
        str | None, typer.Option(help="module:function, called with each text; returns what may be kept of it.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make a suite of what people approved, edited, rejected and took back.

    Approved and edited calls are what a candidate should propose, rejected and undone ones what it must not. Keys and
    tokens are left out by themselves; more by --redact. Run it again when more was decided: what tunes never judges
    later, with a smaller --tuning neither, as long as it is the same folder.

    Example: copilot-kit eval from-journal evals/decisions --agent shop.copilot:agent
    """
    from copilot_kit_evals.recorded.asking import tuning_clusters, write_suite
    from copilot_kit_evals.recorded.decisions import items_of
    from copilot_kit_evals.recorded.decisions import since as from_then_on
    from copilot_kit_evals.recorded.erasing import remember_suite
    from copilot_kit_evals.recorded.offers import load_offers

    offers = load_offers(agent)
    clean = None if redact is None else _function(redact)
    moment = None if since is None else since.replace(tzinfo=since.tzinfo or UTC)
    answers, slots, broken = at_journal(store, lambda journal: _read(journal, offers), must_exist=True)
    places = _places({one for several in slots.values() for one in several})
    made = items_of(from_then_on(answers, moment, slot=slot), redact=clean, tuning_share=tuning,
                    tuned=_tuned(memory), tuned_clusters=tuning_clusters(out), tools=tuple(tool or ()),
                    tools_of=lambda one: offers.digest(offers.of(one)),
                    may_send=lambda run_id: {one: places[one] for one in slots[run_id]})  # fmt: skip
    if not made.judging and not made.tuning:
        raise UsageError(f"Nobody has decided a call of agent {offers.name or agent!r} in this journal yet. "
                         f"Decide some with: copilot-kit inbox{_left_as_it_was(out)}")  # fmt: skip
    if not made.judging and not out.exists():
        raise UsageError(
            f"All {counted(len(made.tuning), 'item')} would tune and none would judge, and what tunes once never "
            "judges in the same folder. Give each run the subject that it is about, for there to be several cases, or "
            "leave none for tuning: --tuning 0. Nothing was written."
        )
    remember_suite(out)
    write_suite(out, made.judging, made.tuning, offers.kept)
    if offers.changed:
        told(f"Since {counted(len(offers.changed), 'run')} the agent's tools have changed; today's are offered.")
    _tell(made, out, broken, json=json)


async def _read(journal: "Journal", offers: "Offers") -> tuple[list["Answered"], dict[str, set[str]], list[str]]:
    """Return the answers of all runs of the agent, the slots that each run was of, and the ids of unreadable runs."""
    from copilot_kit_evals.recorded.answers import answers_of

    found: list[Answered] = []
    slots: dict[str, set[str]] = {}
    broken: list[str] = []
    for run_id in dict.fromkeys([row.run_id for row in await journal.calls(limit=_MOST)]):
        try:
            answers = answers_of(await journal.read(run_id))
        except BrokenRecord:
            broken.append(run_id)
            continue
        slots[run_id] = {one.slot for one in answers if one.slot is not None and not one.path}
        found += [one for one in answers if one.calls and (one.path or offers.takes(one))]
    return found, slots, broken


def _places(slots: Collection[str]) -> dict[str, tuple[str, ...] | None]:
    """Return where data of each slot may go now; nowhere where frontier.toml does not know the slot."""
    from copilot_kit.slots import slot_in

    found: dict[str, tuple[str, ...] | None] = {}
    for slot in sorted(slots):
        try:
            found[slot] = slot_in(slot).may_send_to
        except UnknownModel:
            found[slot] = ()
            told(f"frontier.toml has no slot {visible(slot)}, so that nobody can say where data of its runs may go: "
                 f"no model is asked them. Bring [slots.{visible(slot)}] back and make the items again.")  # fmt: skip
    return found


_MOST: Final = 1_000_000


def _left_as_it_was(out: Path) -> str:
    return f". {out} was left as it is; remove it if it holds what was erased." if out.exists() else ""


def _tuned(memory: Path | None) -> Collection[tuple[str, str]]:
    if memory is None:
        return ()
    from copilot_kit.memory.settled import settled

    return {case for one in settled(memory) if one.verdict == "accepted" for case in one.cases}


def _function(name: str) -> Callable[[str], str]:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"Cannot load {name!r}: {error}. Name a function as module:function.") from error
    if not callable(found):
        raise UsageError(f"{name!r} is {type(found).__name__}, no function. Name one that takes and returns a text.")
    return found  # type: ignore[no-any-return]  # what it returns shows when it is called


def _tell(made: "Made", out: Path, broken: list[str], *, json: bool) -> None:
    if json:
        as_json({"folder": str(out), "items": len(made.judging), "tuning": len(made.tuning),
                 "decisions": made.decisions, "repeated": made.repeated, "contradicted": made.contradicted,
                 "nested": made.nested, "undecided": made.undecided, "held": made.held, "cases": made.clusters,
                 "broken_runs": broken})  # fmt: skip
        return
    ways = ", ".join(f"{count} {way}" for way, count in sorted(made.decisions.items()))
    shown(f"{counted(len(made.judging), 'item')} that judge, {len(made.tuning)} that tune ({ways}) in {out}")
    left = {"equal to others": made.repeated, "overruled by a later decision": made.contradicted,
            "of agents within agents": made.nested, "that nobody decided": made.undecided}  # fmt: skip
    if any(left.values()):
        told("Left out: " + ", ".join(f"{count} {what}" for what, count in left.items() if count) + ".")
    if made.held:
        told(f"{counted(made.held, 'item')} would judge by this --tuning and tuned before: a prompt may have been made "
             "from them, so they stay where they are.")  # fmt: skip
    if made.clusters == 1 and len(made.judging) + len(made.tuning) > 1:
        told("All of them are about one case: the same subject, or none and the same first words. They cannot be "
             "parted, and count as one. Give each run the subject that it is about.")  # fmt: skip
    for run_id in broken:
        told(f"Run {run_id} cannot be read and was left out. Look at it with: copilot-kit audit verify")
    told(f"Ask a candidate: copilot-kit eval run {out / 'suite.py'} --model provider:name")
