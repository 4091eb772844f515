"""What a verdict says: one word, its reasons, the findings it rests on. It is `verdict.json` of a run."""

from typing import Final, Literal, TypeAlias

from pydantic import Field, JsonValue

from copilot_kit.messages import Record

Word: TypeAlias = Literal["promote", "hold", "inconclusive", "invalid"]
"""promote: take the candidate. hold: do not. inconclusive: the items do not decide. invalid: the log is no evidence."""
Kind: TypeAlias = Literal["swap", "launch"]
"""swap: in place of an incumbent. launch: there is none, and the question is whether users may see the candidate."""
Name: TypeAlias = Literal[
    "must_pass", "non_inferiority", "improvement", "reliability", "regressions", "newly_works", "cost", "latency",
    "fragility", "saturation", "missing", "wiring", "crutches", "integrity",
]  # fmt: skip
State: TypeAlias = Literal["pass", "fail", "open", "note"]
"""pass: shown. fail: the opposite is shown. open: not decided by these items. note: told, and decides nothing."""
Ends: TypeAlias = tuple[float | None, float | None]
"""An interval; None is an end that is open."""

EXIT_CODES: Final[dict[Word, int]] = {"promote": 0, "hold": 1, "inconclusive": 2, "invalid": 3}
ALL: Final = "all"
"""The slice of all items."""


class Finding(Record):
    """One thing that was looked at."""

    name: Name
    slice: str = ALL
    """A tag, a task, or `all`."""
    state: State
    text: str
    """One line for a person."""
    figures: dict[str, JsonValue] = {}
    """The numbers behind it."""
    items: tuple[str, ...] = ()
    """The items that show it, where single ones do."""


class Verdict(Record):
    """The answer to "shall we take it?"."""

    format: Literal["copilot-kit-verdict/1"] = "copilot-kit-verdict/1"
    verdict: Word
    kind: Kind = "swap"
    incumbent: str | None
    """None at a launch."""
    candidate: str
    reasons: tuple[str, ...]
    """What decided, in lines for a person, the weightiest first."""
    n_items: int
    """Items with a score of both; of the candidate, at a launch."""
    difference: float | None
    """Mean of candidate - incumbent over these items; at a launch None."""
    interval: Ends | None
    """Of the difference; None where nothing bounds it."""
    p_exact: float | None
    """Two-sided, by sign flips of items: McNemar's exact p for 0/1 scores; None where the run could end early."""
    p: float | None = None
    """What the verdict calls a difference by: the exact p over whole clusters where there are clusters."""
    wins: int
    """Items on which the candidate is better."""
    losses: int
    mean_incumbent: float | None = None
    mean_candidate: float | None = None
    cost_per_success: dict[str, float | None] = Field(default_factory=dict)
    """In US dollars by model; None where a cost is not known or nothing succeeded."""
    cost_usd: dict[str, float | None] = Field(default_factory=dict)
    """What the attempts of each cost in all, as far as it is known."""
    items_needed: int | None
    """How many more items it takes to decide, at the spread seen: 0 where it is decided, None where the log is
    invalid or nobody can tell."""
    margin: float
    sequential: bool = False
    """Whether the evidence is of the kind that may be looked at again and again."""
    findings: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 promote, 1 hold, 2 inconclusive, 3 invalid."""
        return EXIT_CODES[self.verdict]

    def found(self, name: Name) -> tuple[Finding, ...]:
        """Return the findings of this name."""
        return tuple(one for one in self.findings if one.name == name)
