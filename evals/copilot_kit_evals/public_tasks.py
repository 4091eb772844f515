"""Public sets as tasks: `set:gsm8k=FILE` asks the items of the file as the set's authors do, and scores them so.

Prompts are ours, so that accuracies are near the published ones and not the same; candidates are compared alike.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Final, cast, get_args

from copilot_kit.errors import UsageError
from copilot_kit_evals.public_sets import SETS, Offer, read
from copilot_kit_evals.scorers import named
from copilot_kit_evals.scorers.code import CodeTests
from copilot_kit_evals.scorers.hard_tasks import HardTask
from copilot_kit_evals.scorers.instructions import Instructions
from copilot_kit_evals.scorers.multiple_choice import Choose, MultipleChoice
from copilot_kit_evals.scorers.numerals import Language
from copilot_kit_evals.scorers.tool_calls import ToolCalls
from copilot_kit_evals.scorers.word_problems import WordProblem
from copilot_kit_evals.scores import Scorer
from copilot_kit_evals.tasks import Ask, Solver, Task

_STEPS: Final = "Solve the problem step by step. End with a line that holds only #### and the number."
_CODE: Final = "Complete the function. Answer with the whole function, imports included, in one block of Python."
_THOUGHT: Final = (
    "Think step by step, then end with: So the answer is X. X stands for the answer alone, as it is asked for."
)

_ASKED: Final[Mapping[str, Callable[[Ask], Solver]]] = {
    "bfcl": Offer, "truthfulqa": Choose, "mmlu": Choose, "gpqa": Choose,
}  # fmt: skip
_PROMPTS: Final = {"gsm8k": _STEPS, "mgsm": _STEPS, "humaneval": _CODE, "bbh": _THOUGHT}
_SCORERS: Final[Mapping[str, Callable[[], Scorer]]] = {
    "bfcl": ToolCalls, "ifeval": Instructions, "gsm8k": WordProblem, "mgsm": WordProblem, "humaneval": CodeTests,
    "truthfulqa": MultipleChoice, "mmlu": MultipleChoice, "gpqa": MultipleChoice, "bbh": HardTask,
}  # fmt: skip


def task_of(kind: str, file: str, *, scorer: str | None = None, prompt: str = "") -> Task:
    """Return the task of a public set that lies in a file; raises `UsageError` for an unknown set, or without a file.

    scorer, prompt: instead of the set's own.
    """
    if kind not in SETS:
        near = get_close_matches(kind, SETS, n=2)
        hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"They are {', '.join(SETS)}."
        raise UsageError(f"There is no public set {kind!r} here. {hint}")
    if not file:
        raise UsageError(f"The set {kind!r} is not shipped. Say which file of yours holds it: set:{kind}=FILE")
    dataset = read(kind, file)
    words = prompt or _PROMPTS.get(kind, "")
    makes = _ASKED.get(kind)
    if makes is None:
        solver: Solver = Ask(words)
    else:
        solver = makes(Ask(words)) if words or makes is Offer else Choose()
    return Task(kind, dataset, solver, [named(scorer) if scorer else _scorer(kind, Path(file))])


def _scorer(kind: str, file: Path) -> Scorer:
    """Return the set's scorer; MGSM has a file for each language, `mgsm_de.tsv`, whose numbers are written its way."""
    language = file.stem.rpartition("_")[2]
    if kind == "mgsm" and language in get_args(Language):
        return partial(WordProblem, language=cast("Language", language))()
    return _SCORERS[kind]()
