"""What `copilot-kit eval plan` prints."""

from collections.abc import Sequence
from pathlib import Path

from copilot_kit.cli.screen import as_json, counted, told
from copilot_kit.display import visible
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.cli.eval.options import Wanted
from copilot_kit_evals.cli.sheets import number, sheet
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.manifest import Shard
from copilot_kit_evals.plan import plan
from copilot_kit_evals.sending import check_planned


def show_plan(names: Sequence[str], wanted: Wanted, *, like: Path | None, json: bool) -> None:
    """Print what a run would be."""
    suite, candidates = wanted.suite(names), candidates_of(wanted.models, wanted.vary)
    check_planned(suite.tasks, candidates, suite.opening)
    found = plan(
        suite.tasks,
        candidates,
        rule=wanted.rule(suite),
        shard=Shard() if wanted.shard is None else Shard.parse(wanted.shard),
        like=None if like is None else RunFolder(like),
    )
    if json:
        as_json(found)
        return
    sheet(
        ("task", "items", "clusters", "attempts", "smallest difference", "margin", "items needed"),
        [[visible(one["task"]), f"{one['items']:,}", f"{one['clusters']:,}", f"{one['attempts']:,}",
          number(one["smallest_difference"]), number(one["margin"]), f"{one['items_needed'] or 0:,}"]
         for one in found["tasks"]],
    )  # fmt: skip
    for one in found["tasks"]:
        told(f"{visible(one['task'])}: {one['spread']}. Cost: {one['cost_basis']}.")
    cost = found["cost_usd"]
    told(f"{counted(found['attempts'], 'attempt')}, expected cost "
         f"{'unknown: no price is known of a model' if cost is None else f'${cost:.2f}'}.")  # fmt: skip
