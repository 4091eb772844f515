"""pydantic-evals: a coroutine for a model, equality for a scorer; it writes no log, and its report is in memory."""

from pathlib import Path

from measured import report
from pydantic_evals import Case, Dataset
from pydantic_evals.evaluators import EqualsExpected


async def answer(_: str) -> str:
    return "yes"


def harness(items: int, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    cases = [Case(name=f"item-{n:06d}", inputs=f"Question {n}?", expected_output="yes") for n in range(items)]
    dataset = Dataset(name="trivial", cases=cases, evaluators=[EqualsExpected()])
    found = dataset.evaluate_sync(answer, progress=False, max_concurrency=64)
    return sum(case.assertions["EqualsExpected"].value for case in found.cases)


report(harness)
