"""The verdict on the run of a snap, with what parked items show."""

from typing import Final

from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.frontier.trial import is_launch
from copilot_kit_evals.verdict.evidence import Evidence
from copilot_kit_evals.verdict.gains import newly_works
from copilot_kit_evals.verdict.unfinished import verdict_of_runs
from copilot_kit_evals.verdict.verdicts import Verdict

PARKED: Final = "parked"
"""The folder, within that of the run, of the run of parked items."""


def verdict_in(folder: RunFolder) -> Verdict:
    """Return the verdict on a snap's run, from its log and the rule that was fixed before it."""
    manifest = folder.manifest
    names = [one.name for one in manifest.candidates]
    incumbent, candidate = (None, names[0]) if is_launch(manifest.rule) else (names[0], names[1])
    verdict = verdict_of_runs(Evidence.of_run(folder, incumbent, candidate), [folder], manifest.rule)
    if not (folder.path / PARKED).is_dir():
        return verdict
    again = Evidence.of_run(RunFolder(folder.path / PARKED), incumbent, candidate)
    return verdict.model_copy(update={"findings": (*verdict.findings, *newly_works(again, manifest.rule))})
