"""What the options of `copilot-kit eval run` and `eval plan` say."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Final

from copilot_kit.errors import UsageError
from copilot_kit_evals.candidates import prompt_in
from copilot_kit_evals.cli.progress import Progress
from copilot_kit_evals.interim import Looking
from copilot_kit_evals.manifest import Shard
from copilot_kit_evals.runner import Options
from copilot_kit_evals.spending import Spending
from copilot_kit_evals.suites import SHIPPED, Reference, Suite, load_all, written
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.looks import every, look_of

_SCORER: Final = "scorer"
_PROMPT: Final = "prompt"
"""In `Rule.more`: how a dataset is asked and scored, which does not say so itself."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say."""

    models: tuple[str, ...] = ()
    vary: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    repeats: int | None = None
    scorer: str | None = None
    prompt: Path | None = None
    words: str = ""
    """Instructions in the place of those in the file `prompt`."""
    budget_usd: Decimal | None = None
    budget_tokens: int | None = None
    budget_s: float | None = None
    shard: str | None = None
    seed: int | None = None
    margin: float | None = None
    look_every: int | None = None
    stop_early: bool = False
    most: int | None = None
    retry_errors: bool = False
    on: str | None = None
    shards: int | None = None

    def suite(self, names: Sequence[str]) -> Suite:
        """Return the tasks of all suites that are named, with the tasks and repeats that are wanted."""
        given = [f"--{name}" for name in ("scorer", "prompt") if getattr(self, name) is not None]
        if given and not any(_is_data(name) for name in names):
            raise UsageError(
                f"{' and '.join(given)} is for a dataset or a public set; {', '.join(map(str, names))} says itself how "
                "to ask and score. Leave it out, or vary what is asked: --vary prompt=a.md,b.md"
            )
        words = self.words if self.prompt is None else prompt_in(self.prompt)
        return load_all(names, scorer=self.scorer, prompt=words).chosen(self.tasks).repeated(self.repeats)

    def rule(self, suite: Suite) -> Rule:
        """Return the rule of the verdict: each task must hold; interim looks are fifty or less, unless asked for."""
        items = sum(len(task.dataset) for task in suite.tasks)
        apart = every(items) if self.look_every is None else self.look_every
        words = self.words if self.prompt is None else prompt_in(self.prompt)
        said = {_SCORER: self.scorer, _PROMPT: words or None}
        rule = Rule(look_every=apart, stops=self.stop_early, slices=tuple(task.name for task in suite.tasks),
                    more={name: value for name, value in said.items() if value is not None})  # fmt: skip
        return rule if self.margin is None else rule.model_copy(update={"margin": self.margin})

    def as_begun(self, rule: Rule) -> "Wanted":
        """Return it with the scorer and the instructions that a run was begun with, where no others are given."""
        scorer, words = rule.more.get(_SCORER), rule.more.get(_PROMPT)
        return replace(self, scorer=self.scorer or (str(scorer) if scorer else None), words=str(words or ""))

    def check_goes_on(self) -> None:
        """Raise `UsageError` for what a run that goes on has from its begin."""
        fixed = {"--model": self.models, "--vary": self.vary, "--task": self.tasks, "--repeats": self.repeats,
                 "--shard": self.shard, "--seed": self.seed, "--margin": self.margin,
                 "--look-every": self.look_every, "--stop-early": self.stop_early or None,
                 "--shards": self.shards}  # fmt: skip
        given = [name for name, value in fixed.items() if value not in (None, ())]
        if given:
            raise UsageError(
                f"A run that goes on keeps what it was begun with, and {', '.join(given)} cannot change it. Leave that "
                "out, or begin another run."
            )

    def options(self, rule: Rule, suite: Suite, names: Sequence[str], progress: Progress) -> Options:
        """Return how the run goes."""
        return Options(
            seed=self.seed or 0,
            rule=rule,
            shard=Shard() if self.shard is None else Shard.parse(self.shard),
            suite=written(names),
            spending=progress.spending,
            most=self.most,
            again=frozenset({"cancelled", "infra_error"} if self.retry_errors else {"cancelled"}),
            look=look_of(rule) if rule.stops else Looking(),
            watch=progress.heard,
            paused=progress.paused,
            opening=suite.opening,
        )

    def spending(self) -> Spending:
        """Return the budget."""
        return Spending(cost_usd=self.budget_usd, tokens=self.budget_tokens, seconds=self.budget_s,
                        allow_unpriced=self.budget_usd is None)  # fmt: skip


def _is_data(name: str) -> bool:
    source = Reference.parse(str(name)).source
    return not source.startswith(SHIPPED) and Path(source).suffix != ".py"
