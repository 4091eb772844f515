"""inspect-ai: a model of its own kind that always says the same, its exact scorer, its log.

Its `mockllm` would do, but counts tokens with a vocabulary that it fetches from the network.
"""

from pathlib import Path
from typing import Any

import inspect_ai
from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelAPI, ModelOutput, get_model, modelapi
from inspect_ai.scorer import exact
from inspect_ai.solver import generate
from measured import report


@modelapi(name="same")
class Same(ModelAPI):
    """Always says the same."""

    async def generate(self, *_: Any, **__: Any) -> ModelOutput:
        return ModelOutput.from_content(model="same/model", content="yes")

    def max_connections(self) -> int:
        return 64


def harness(items: int, folder: Path) -> int:
    samples = [Sample(id=f"item-{n:06d}", input=f"Question {n}?", target="yes") for n in range(items)]
    task = Task(dataset=MemoryDataset(samples), solver=generate(), scorer=exact(), name="trivial")
    [log] = inspect_ai.eval(task, model=get_model("same/model"), log_dir=str(folder), display="none")
    if log.status != "success" or log.results is None:
        raise RuntimeError(f"inspect-ai ended with {log.status!r}: {log.error!r}")
    return round(log.results.scores[0].metrics["mean"].value * items)


report(harness)
