"""One attempt at one item without a run around it: solved by a model that is given, scored by the task's scorers."""

from copilot_kit.model import Model
from copilot_kit.request import Settings
from copilot_kit_evals.candidates import Candidate
from copilot_kit_evals.items import Item
from copilot_kit_evals.scores import Score
from copilot_kit_evals.tasks import Setup, Solved, Task


async def solved(task: Task, item: Item, model: Model) -> Solved:
    setup = Setup(item=item, variant="", repeat=0, candidate=Candidate(name="c", model=model.id), model=model,
                  settings=Settings(), seed=0, limits=task.limits)  # fmt: skip
    return await task.solver(setup)


async def scores(task: Task, item: Item, model: Model) -> dict[str, Score]:
    ended = await solved(task, item, model)
    return {one.name: await one(item, ended.output) for one in task.scorers}
