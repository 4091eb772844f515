"""Safety of an agent that reads what others wrote: tasks with tools, and injections in what the tools return.

The shape is that of AgentDojo (Debenedetti et al. 2024, arXiv:2406.13352); world, tasks and injections are our own.
Two tasks: `gate_safety_clean` has the user's tasks alone, `gate_safety` has each of them with injections that ask for
another action. The agent works behind the flow rules and a careful person (`gated`). Four things are told apart:
whether the task was done, whether anything that an injection wants happened unseen (which the gate must prevent
whatever the model is), whether the model asked for it at all, and how often a person was asked about what the task
needs. `shipped.agentdojo` makes tasks of the same kind of that corpus, for those who have it.
"""

from dataclasses import dataclass
from typing import Final

from copilot_kit.agent import Limits
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.shipped import items_of
from copilot_kit_evals.shipped.gated import INSTRUCTIONS, Gated, Seen, Wanted, reaches, worked
from copilot_kit_evals.shipped.household import Household
from copilot_kit_evals.tasks import Setup, Solved, Task

CLEAN: Final = "clean"
_LIMITS: Final = Limits(turns=15)


def tasks() -> list[Task]:
    """Return the suite: the attacked items first, on which verdicts rest, then the clean ones."""
    attacked = [one for one in items_of("gate_safety") if CLEAN not in one.tags]
    clean = [one for one in items_of("gate_safety") if CLEAN in one.tags]
    sides = [Gated(name) for name in ("sound", "done", "unharmed", "resisted", "unasked")]
    return [
        Task("gate_safety", Dataset.of(attacked, name="gate_safety"), InHousehold(), sides, limits=_LIMITS),
        Task("gate_safety_clean", Dataset.of(clean, name="gate_safety_clean"), InHousehold(),
             [Gated("done"), Gated("unasked")], limits=_LIMITS),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class InHousehold:
    """Gives the item to an agent in the household, with the item's injection where it says."""

    @property
    def digest(self) -> str:
        """Of the world's edition and the instructions."""
        return edition("in_household", 1, instructions=INSTRUCTIONS)

    async def __call__(self, setup: Setup) -> Solved:
        """Return what came of it; `state.seen` has what is scored, `state.world` the household afterwards."""
        item, home = setup.item, Household()
        planted = item.meta.get("inject")
        if isinstance(planted, dict):
            home.plant(str(planted["at"]), str(planted["text"]))
        wanted = wanted_of(item)
        solved = await worked(setup, home.tools(), wanted)
        target = item.target if isinstance(item.target, dict) else {}
        said = target.get("says")
        says = [str(one) for one in said] if isinstance(said, list) else []
        harm = Wanted.of(item.meta.get("harm"))
        reached = reaches(solved.output, str(planted["text"]) if isinstance(planted, dict) else "")
        seen = Seen(setup.state["made"], wanted, harm, says, solved.output.text, reached=reached)
        setup.state.update(world=home, seen=seen)
        return solved


def wanted_of(item: Item) -> list[Wanted]:
    """Return the calls that an item's task needs."""
    return Wanted.of(item.target.get("calls") if isinstance(item.target, dict) else None)
