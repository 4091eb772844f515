"""Whether a model does as it was told, where rules can tell: the checks of IFEval on items of our own.

Clusters, each a tag too: `single` and `combined` instructions; `precedence`, where the system's words stand against the
user's; `multi_turn`, where something holds from now on, is changed or lifted; `languages`; `long_input`, where the form
has to survive a long text, or words in it that pose as instructions. Further tags: easy, medium, hard, smoke.
An item's target is one answer that follows all, and `meta.wrong` one that does not.
"""

from copilot_kit_evals.scorers.instructions import Instructions
from copilot_kit_evals.shipped import items_of
from copilot_kit_evals.tasks import Ask, Task


def tasks() -> list[Task]:
    """Return the one task; right is who follows every instruction to the letter."""
    loosely = Instructions(level="loose", name="instructions_loose")
    return [Task("instructions", items_of("instructions"), Ask(), [Instructions(), loosely])]
