"""`copilot-kit snap --from-logs`: the verdict on runs, tables and logs that are there already."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from copilot_kit.cli.screen import told
from copilot_kit.errors import UsageError
from copilot_kit_evals.cli.long_tables import Chosen, as_long
from copilot_kit_evals.cli.verdict_sheet import show
from copilot_kit_evals.folder import BadRun, RunFolder
from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.integrity import check_published
from copilot_kit_evals.stats.matrix import MODEL, Columns
from copilot_kit_evals.tables import BadTable, Table, read_table
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.evidence import Evidence
from copilot_kit_evals.verdict.file import keep
from copilot_kit_evals.verdict.judging import verdict_of
from copilot_kit_evals.verdict.matrices import of_table
from copilot_kit_evals.verdict.runs import of_runs, rule_of
from copilot_kit_evals.verdict.unfinished import verdict_of_runs
from copilot_kit_evals.verdict.verdicts import Finding, Verdict

_INSPECT: Final = ".eval"


@dataclass(frozen=True, slots=True)
class Logged:
    """What a person asked of logs."""

    paths: tuple[Path, ...]
    incumbent: str | None
    candidate: str
    score: str | None = None
    cluster: str | None = None
    published: Path | None = None
    margin: float | None = None
    required: float | None = None
    json: bool = False


def snap_logs(asked: Logged) -> int:
    """Print the verdict on logs and return its exit code; the verdict of a single run is kept in its folder."""
    try:
        verdict, home = _judged(asked)
    except (BadTable, BadRun, NotUsable) as error:
        verdict, home = _unreadable(asked, str(error)), None
    show(verdict, as_json_text=asked.json)
    if home is not None:
        try:
            told(f"Kept in {keep(verdict, home)}.")
        except OSError as error:
            told(f"Not kept: {str(home)!r} cannot be written ({error.strerror}).")
    return verdict.exit_code


def _judged(asked: Logged) -> tuple[Verdict, Path | None]:
    folders = [path for path in asked.paths if path.is_dir() and not any(path.glob(f"*{_INSPECT}"))]
    if folders and len(folders) < len(asked.paths):
        raise UsageError("Runs and files cannot be mixed. Export the runs (copilot-kit eval export RUN FILE) first.")
    if not folders:
        return snap_of(asked), None
    if asked.published is not None or asked.score is not None or asked.cluster is not None:
        raise UsageError("--published, --score and --cluster are for tables; a run says these things itself.")
    runs = [RunFolder(path) for path in folders]
    own = rule_of(runs[-1])
    rule = _rule(own, asked)
    evidence = of_runs(runs, asked.incumbent, asked.candidate, rule)
    if asked.margin is not None and asked.margin != own.margin:
        note = f"The margin of {own.margin:g} that was fixed before the run was changed to {asked.margin:g} after it."
        evidence = replace(evidence, notes=(*evidence.notes, note))
    return verdict_of_runs(evidence, runs, rule), folders[0] if len(folders) == 1 and asked.margin is None else None


def _rule(rule: Rule, asked: Logged) -> Rule:
    changes: dict[str, float] = {}
    if asked.margin is not None:
        changes["margin"] = asked.margin
    if asked.required is not None:
        changes["required_reliability"] = asked.required
    return rule.model_copy(update=changes)


def snap_of(asked: Logged, table: Table | None = None) -> Verdict:
    """Return the verdict on tables; table: what the files hold, where it was read already."""
    table = _joined([_read(path) for path in asked.paths]) if table is None else table
    if not table.has(*MODEL):
        table = as_long(table, Chosen(score=asked.score, cluster=asked.cluster))
        asked = replace(asked, score=None, cluster="cluster" if asked.cluster else asked.cluster)
    columns = Columns.of(table, score=asked.score, cluster=asked.cluster)
    evidence = of_table(table, asked.incumbent, asked.candidate, columns=columns, required=asked.required)
    if asked.margin is not None and asked.margin > 1 and evidence.bounded:
        raise UsageError(
            f"--margin {asked.margin:g} is more than everything, where scores are between 0 and 1. "
            f"Write {asked.margin / 100:g} for {asked.margin:g} points."
        )
    if asked.published is not None:
        evidence = _checked(evidence, table, read_table(asked.published), columns)
    return verdict_of(evidence, _rule(Rule(), asked))


def _read(path: Path) -> Table:
    if path.suffix == _INSPECT:
        from copilot_kit_evals.foreign.inspect_logs import table_of

        return table_of(path)
    return read_table(path)


def _joined(tables: Sequence[Table]) -> Table:
    """Return the rows of all tables under the columns that all of them have."""
    first, *others = tables
    if not others:
        return first
    names = [name for name in first.columns if all(name in one.columns for one in others)]
    columns = {name: [cell for one in tables for cell in one.columns[name]] for name in names}
    return Table(" and ".join(one.name for one in tables), columns, [line for one in tables for line in one.lines])


def _checked(evidence: Evidence, table: Table, published: Table, columns: Columns) -> Evidence:
    """Return the evidence with what the published totals say of its rows."""
    models = [side.name for side in (evidence.incumbent, evidence.candidate) if side is not None]
    checked = check_published(table, published, columns=columns, models=models)
    wrong = [f"published totals contradict the rows of {one.model!r}: {one.column}: {one.explanation}"
             for one in checked.findings if one.status == "differs"]  # fmt: skip
    notes = [f"{one.published_column} of {one.model!r}: {one.explanation}" for one in checked.findings
             if one.status == "other_count"]  # fmt: skip
    unknown = [model for model in models if model in checked.unpublished]
    notes += [f"Nothing is published of {model!r}, so that its rows are not checked." for model in unknown]
    return replace(evidence, problems=(*evidence.problems, *wrong), notes=(*evidence.notes, *notes))


def _unreadable(asked: Logged, why: str) -> Verdict:
    return Verdict(
        verdict="invalid",
        kind="launch" if asked.incumbent is None else "swap",
        incumbent=asked.incumbent,
        candidate=asked.candidate,
        reasons=(why,),
        n_items=0,
        difference=None,
        interval=None,
        p_exact=None,
        wins=0,
        losses=0,
        items_needed=None,
        margin=Rule().margin if asked.margin is None else asked.margin,
        findings=(Finding(name="integrity", state="fail", text=why),),
    )
