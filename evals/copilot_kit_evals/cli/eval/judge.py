"""`copilot-kit eval judge`: a judge's verdicts on what people have judged, as a file for `copilot-kit stats judge`."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from copilot_kit.cli.screen import counted, shown, told
from copilot_kit.errors import UsageError

if TYPE_CHECKING:
    from copilot_kit.slots import Opened
    from copilot_kit_evals.answers import Answers


def judge(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)],
    out: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines to write.", show_default=False)],
    *,
    model: Annotated[
        str | None, typer.Option(help="Judges the pairs of RUN/preferences.jsonl, in both orders.")
    ] = None,
    scorer: Annotated[str | None, typer.Option(help="Or: the scores that the run has of this scorer.")] = None,
    task: Annotated[str | None, typer.Option(help="Only scores of this task.")] = None,
    seed: Annotated[int | None, typer.Option(help="That of eval label; else the run's.", min=0)] = None,
    suite: Annotated[
        Path | None, typer.Option(help="A suite with models of its own, by which the judge is known.")
    ] = None,
) -> None:
    """Write what a judge says of the answers that people have judged: the other half of copilot-kit stats judge.

    With --model it goes on with a FILE that is there, and asks for no pair again.

    Example: copilot-kit eval judge runs/suite-1 judge.jsonl --model openai:gpt-5.2
    """
    from copilot_kit_evals.answers import Answers, opened
    from copilot_kit_evals.sending import asked, check_asked_by, limits_of

    if (model is None) == (scorer is None):
        raise UsageError("Name who judges: --model MODEL for pairs, or --scorer NAME for scores that the run has.")
    folder = opened(run)
    answers = Answers(folder)
    answers.refresh()
    if scorer is not None:
        count = _scores(answers, out, scorer, task=task, seed=folder.manifest.seed if seed is None else seed)
        shown(f"{counted(count, 'row')} in {out}")
        return
    judge_model = _opened(str(model), suite)
    manifest = folder.manifest
    check_asked_by((), [asked(judge_model)], limits_of(map(folder.dataset, manifest.tasks), manifest.rule))
    pairs, silent, cost = asyncio.run(_pairs(answers, out, judge_model))
    shown(f"{counted(pairs, 'pair')} in {out}" + (f", ${cost:.4f}" if cost else ""))
    if silent:
        told(f"The judge did not answer in its form for {counted(silent, 'pair')} in one of the two orders.")


def _scores(answers: "Answers", out: Path, scorer: str, *, task: str | None, seed: int) -> int:
    from copilot_kit_evals.people.judge import scored

    rows = [json.dumps(row, ensure_ascii=False) for row in scored(answers, scorer, task=task, seed=seed)]
    out.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return len(rows)


async def _pairs(answers: "Answers", out: Path, opened: "Opened") -> tuple[int, int, Decimal]:
    from copilot_kit.retry import Retry
    from copilot_kit_evals.people.judge import judged_pairs, names_in
    from copilot_kit_evals.people.judgments import JudgmentLog
    from copilot_kit_evals.people.preferences import PREFERENCES, Preference
    from copilot_kit_evals.scorers.judging import Judge

    lines = JudgmentLog(answers.run.path / PREFERENCES, Preference).lines()
    if not lines:
        raise UsageError(f"Nobody has judged pairs of {str(answers.run.path)!r}. Begin: copilot-kit eval prefer RUN")
    known = names_in(out)
    pairs, silent, cost = len(known), 0, Decimal(0)
    with out.open("a", encoding="utf-8") as file:
        async for heard in judged_pairs(answers, lines, Judge(Retry(opened.model), opened.settings), known=known):
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in heard.rows)
            file.flush()
            pairs, silent = pairs + 1, silent + (len(heard.rows) < 2)  # noqa: PLR2004  both orders
            cost += heard.usage.cost_usd or 0
    return pairs, silent, cost


def _opened(name: str, suite: Path | None) -> "Opened":
    from copilot_kit.slots import open_model
    from copilot_kit_evals.suites import load

    own = None if suite is None else load(suite).opening(name)
    return own or open_model(name)
