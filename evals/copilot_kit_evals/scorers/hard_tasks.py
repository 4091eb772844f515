"""Answers of BIG-Bench Hard, by the very rule that its published accuracies rest on.

Suzgun et al. 2022 (arXiv:2210.09261): asked for the answer alone, the stripped text must be the target; after a chain
of thought, what stands behind `the answer is ` without one final full stop must be it. Nothing is forgiven: `(b)` is
not `(B)`. What it cannot score: answers in a form of their own; other scorers read those.
"""

from dataclasses import dataclass
from typing import Final, Literal

from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.scorers.matching import targets_of
from copilot_kit_evals.scores import Output, Score

MARK: Final = "the answer is "


@dataclass(frozen=True, slots=True)
class HardTask:
    """Right if the answer is exactly the target; `form` says whether it stands alone or ends a chain of thought."""

    form: Literal["direct", "thought"] = "thought"
    name: str = "bbh"

    @property
    def digest(self) -> str:
        """Of the rule."""
        return edition("bbh", 1, form=self.form)

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return 1 or 0; an answer without the mark is wrong, and marked so."""
        said = output.text.strip() if self.form == "direct" else answer_of(output.text)
        if said is None:
            return Score(value=0.0, reason=f"nothing stands behind {MARK.strip()!r}", meta={"unparsed": True})
        return Score(value=float(said in targets_of(item)), answer=said)


def answer_of(text: str) -> str | None:
    """Return what stands behind the mark; None without one."""
    _, mark, behind = text.partition(MARK)
    return behind.strip().removesuffix(".") if mark else None
