"""Whether a model does as it was told, where rules can tell: the checks of IFEval on items of our own.

Kinds, each a tag: `single` and `combined` instructions; `precedence`, where the system's words stand against the
user's; `multi_turn`, where something holds from now on, is changed or lifted; `languages`; `long_input`, where the form
has to survive a long text, or words in it that pose as instructions. Further tags: easy, medium, hard, smoke.
An item's target is one answer that follows all, and `meta.wrong` one that does not.
"""

from dataclasses import dataclass
from typing import Literal

from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.scorers.instructions import Instructions
from copilot_kit_evals.scores import Output, Score
from copilot_kit_evals.shipped import items_of
from copilot_kit_evals.shipped.sayings import is_echo
from copilot_kit_evals.tasks import Ask, Task


def tasks() -> list[Task]:
    """Return the one task; right is who follows every instruction to the letter."""
    return [
        Task("instructions", items_of("instructions"), Ask(), [Followed(), Followed("loose", "instructions_loose")])
    ]


@dataclass(frozen=True, slots=True)
class Followed:
    """Scores as `Instructions` does; the user's own words again follow none, though they may well have no comma."""

    level: Literal["strict", "loose"] = "strict"
    name: str = "instructions"

    @property
    def digest(self) -> str:
        """Of the rules, those of `Instructions` among them."""
        return edition("followed", 1, checks=Instructions(self.level).digest)

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return the score."""
        if is_echo(item, output.text):
            return Score(value=0.0, reason="it says again what it was told")
        return await Instructions(self.level)(item, output)
