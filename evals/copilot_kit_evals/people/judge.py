"""What a judge says of the very answers that people have judged: a table to hold against theirs.

    copilot-kit stats judge RUN/preferences.jsonl judge.jsonl

Pairs are put before a model in both orders, a row each, so that its leaning to a place and its agreement with itself
can be told. Scores that a run has already are taken from its log, a row for each item and candidate: those that nobody
has labelled, too, since corrected rates rest on them.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from copilot_kit.errors import UsageError
from copilot_kit.response import Usage
from copilot_kit_evals.answers import Answers, told
from copilot_kit_evals.attempts import Key
from copilot_kit_evals.folder import BadRun
from copilot_kit_evals.people.labelling import Sample, keys_of
from copilot_kit_evals.people.preferences import Preference, standing
from copilot_kit_evals.scorers.judging import Judge
from copilot_kit_evals.scorers.pairwise import Compared, Side, compare

_AT_ONCE: Final = 4
_TURNED: Final[dict[Side, Side]] = {"left": "right", "right": "left", "tie": "tie"}


@dataclass(frozen=True, slots=True)
class Heard:
    """What a judge said of one pair."""

    rows: tuple[dict[str, Any], ...]
    """Both orders, as it saw them; fewer where it did not answer."""
    usage: Usage


async def judged_pairs(
    answers: Answers, lines: Sequence[Preference], judge: Judge, *, known: frozenset[tuple[str, ...]] = frozenset()
) -> AsyncIterator[Heard]:
    """Yield what the judge says of each pair that people have judged; those whose rows are known are not asked again.

    Raises `BadRun` where an answer is no longer the one that was judged.
    """
    pairs = {_named(one): one for one in reversed(standing(lines))}
    wanted = [one for name, one in pairs.items() if name not in known]
    lane = asyncio.Semaphore(_AT_ONCE)

    async def heard(one: Preference) -> Heard:
        async with lane:
            return await _heard(answers, one, judge)

    tasks = [asyncio.create_task(heard(one)) for one in wanted]
    try:
        for task in asyncio.as_completed(tasks):
            yield await task
    finally:
        for task in tasks:
            task.cancel()


def names_in(path: Path) -> frozenset[tuple[str, ...]]:
    """Return the pairs that have rows of both orders in a file that `judged_pairs` led to."""
    seen: dict[tuple[str, ...], int] = {}
    for line in path.read_bytes().split(b"\n")[:-1] if path.exists() else ():
        try:
            row = json.loads(line)
            name = (row["item"], row["variant"], *sorted((row["left"], row["right"])))
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{str(path)!r} holds something else. Name a file that is not there yet.") from error
        seen[name] = seen.get(name, 0) + 1
    return frozenset(name for name, count in seen.items() if count > 1)


def scored(answers: Answers, scorer: str, *, task: str | None, seed: int) -> Iterator[dict[str, Any]]:
    """Yield what a scorer of the run said, a row for each item and candidate; of repeats the one that people see.

    Raises `UsageError` for a scorer that no task has.
    """
    run = answers.run
    known = [one.name for one in run.manifest.tasks if scorer in one.scorers and task in {None, one.name}]
    if not known:
        names = sorted({name for one in run.manifest.tasks for name in one.scorers})
        raise UsageError(f"The run has no scores of {scorer!r} there. Its scorers are {', '.join(names)}.")
    answers.refresh()
    for key in keys_of(run, Sample(seed=seed, task=task)):
        attempt = answers.attempt(key.digest) if key.task in known and not key.variant else None
        score = None if attempt is None else attempt.scores.get(scorer)
        if score is not None and score.value is not None:
            yield {"item": key.item, "model": key.candidate, "value": score.value}


async def _heard(answers: Answers, one: Preference, judge: Judge) -> Heard:
    item_id = one.item.removeprefix(f"{one.task}/") if len(answers.run.manifest.tasks) > 1 else one.item
    keys = [Key(one.task, item_id, one.variant, one.repeat, name) for name in (one.left, one.right)]
    if [answers.words(key) for key in keys] != [one.left_answer, one.right_answer]:
        raise BadRun(
            f"An answer to {one.item!r} is no longer the one that {one.rater!r} judged. Judge that pair again, or take "
            "the run as it was."
        )
    item = answers.item(one.task, item_id)
    asked = item.model_copy(update={"input": item.asked(one.variant)})
    left, right = (told(answers.answer(key)) for key in keys)
    found = await compare(judge, asked, left, right)
    return Heard(tuple(_rows(one, found, judge)), found.usage)


def _rows(one: Preference, found: Compared, judge: Judge) -> Iterator[dict[str, Any]]:
    about = {"item": one.item, "cluster": one.cluster, "variant": one.variant, "judge": judge.model.id}
    if found.plain is not None:
        yield {**about, "left": one.left, "right": one.right, "winner": found.plain}
    if found.swapped is not None:
        yield {**about, "left": one.right, "right": one.left, "winner": _TURNED[found.swapped]}


def _named(one: Preference) -> tuple[str, ...]:
    return (one.item, one.variant, *sorted((one.left, one.right)))
