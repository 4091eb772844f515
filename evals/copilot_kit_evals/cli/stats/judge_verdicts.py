"""What `copilot-kit stats judge` reads: verdicts of people and of a judge on the same items, from two files.

An item may have several human verdicts, and several of the judge; each human one is held against each of the judge's.
Where both files name what stood left and right, a judge that saw the two the other way round is turned first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from copilot_kit.cli.screen import counted, told
from copilot_kit_evals.cli.stats.bt import LEFT, PLACES, RIGHT
from copilot_kit_evals.people.preferences import standing_rows
from copilot_kit_evals.tables import TRUTHS, BadTable, Table

Kind: TypeAlias = Literal["binary", "pair", "scale", "category"]
"""0 or 1; left, right or tie; whole numbers in their order; anything else."""
_ITEM: Final = ("item", "id", "item_id", "task", "task_id", "question_id", "pair_id", "instruction", "index", "prompt")
_MODEL: Final = ("model", "agent", "generator", "generator_2")
_VERDICT: Final = (
    "winner", "verdict", "label", "judgment", "judgement", "preference", "rating", "correct", "resolved", "success",
    "score", "reward", "vote", "human", "judge", "value", "answer",
)  # fmt: skip
_CLUSTER: Final = ("cluster", "prompt", "prompt_id", "question_id", "repo")
_HALF: Final = 1.5
_TURNED: Final = {"left": "right", "right": "left", "tie": "tie"}
_MOST_STEPS: Final = 20
_MOST_CATEGORIES: Final = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """One verdict as its file has it."""

    item: tuple[str, str]
    """The item, and whose answers the verdict is on."""
    text: str
    sides: tuple[str, str] | None
    """What stood left and right."""
    cluster: str | None


@dataclass(frozen=True, slots=True)
class Paired:
    """A human verdict and one of the judge's on the same item."""

    item: tuple[str, str]
    human: str
    judge: str
    """With the sides as the person saw them."""
    turned: bool
    """The judge saw them the other way round."""
    cluster: str | None


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Both files brought together."""

    kind: Kind
    paired: list[Paired]
    only_human: int
    unlabelled: list[str]
    """The judge's verdicts on items that no person judged."""
    both_orders: list[tuple[str, str]]
    """The judge's verdicts on pairs that it saw both ways, as it gave them."""
    cluster: str | None
    """What hangs together: a column's name, `item` where an item has several pairs of verdicts, or nothing."""

    @property
    def clusters(self) -> list[str] | None:
        """Return the label of each pair of verdicts, or None where each stands alone."""
        if self.cluster is None:
            return None
        return [one.item[0] if self.cluster == "item" else one.cluster or "" for one in self.paired]


def gather(human: Table, judge: Table, *, column: str | None, cluster: str | None, threshold: float | None) -> Verdicts:
    """Return the verdicts of both files on the items that they share, in one way of writing them."""
    human, judge = standing_rows(human), standing_rows(judge)
    both_sides = all(table.has(*LEFT) and table.has(*RIGHT) for table in (human, judge))
    if not human.has(*_ITEM) and not judge.has(*_ITEM) and len(human) != len(judge):
        raise BadTable(
            f"{human.name} has {len(human)} rows and {judge.name} {len(judge)}, and no column says which item each is "
            "about. Add a column 'item' to both."
        )
    people = _read(human, column, cluster, sides=both_sides)
    said = _read(judge, column, "", sides=both_sides)
    preferences = all(_is_preference(table, column) for table in (human, judge))
    kind, people, said = _alike((human.name, judge.name), (people, said), threshold, preferences=preferences)
    by_item: dict[tuple[str, str], list[Verdict]] = {}
    for one in said:
        by_item.setdefault(one.item, []).append(one)
    paired = [_pair(one, other, kind) for one in people for other in by_item.get(one.item, ())]
    labelled = {one.item for one in people}
    only_human = len(labelled - by_item.keys())
    if not paired:
        raise BadTable(f"{human.name} and {judge.name} have no item in common. Name items alike in both.")
    if only_human:
        told(f"Left out: {counted(only_human, 'item')} that the judge has not judged.")
    repeated = len({one.item[0] for one in paired}) < len(paired)
    named = _cluster_column(human, cluster)
    return Verdicts(
        kind=kind,
        paired=paired,
        only_human=only_human,
        unlabelled=[one.text for one in said if one.item not in labelled],
        both_orders=_both_orders(by_item) if kind == "pair" else [],
        cluster=named or ("item" if repeated else None),
    )


def _read(table: Table, column: str | None, cluster: str | None, *, sides: bool) -> list[Verdict]:
    """Return the verdicts of a file: one a row, or one a cell where each model has its column."""
    items = table.text(*_ITEM) if table.has(*_ITEM) else [str(place) for place in range(len(table))]
    known = (column,) if column else _VERDICT
    if not table.has(*known) and not column:
        return _wide(table, items)
    texts = table.text(*known)
    places = list(zip(table.text(*LEFT), table.text(*RIGHT), strict=True)) if sides else None
    about = table.text(*_MODEL) if table.has(*_MODEL) else [""] * len(table)
    if places is not None:  # one question may be asked of many pairs
        about = [" ".join(map(repr, sorted(pair))) for pair in places]
    named = _cluster_column(table, cluster)
    groups = None if named is None else table.text(named)
    return [
        Verdict((item, one), text, None if places is None else places[row], None if groups is None else groups[row])
        for row, (item, one, text) in enumerate(zip(items, about, texts, strict=True))
    ]


def _wide(table: Table, items: Sequence[str]) -> list[Verdict]:
    own = table.called(*_ITEM) if table.has(*_ITEM) else None
    models = [name for name in table.columns if name != own]
    cells = {name: table.numbers_or_none(name) for name in models}  # a verdict column of another name would be text
    return [
        Verdict((item, name), repr(value), None, None)
        for name in models
        for item, value in zip(items, cells[name], strict=True)
        if value is not None
    ]


def _cluster_column(table: Table, cluster: str | None) -> str | None:
    if cluster:
        return table.called(cluster)
    item = table.called(*_ITEM) if table.has(*_ITEM) else None
    if cluster == "" or not table.has(*_CLUSTER):
        return None
    found = table.called(*_CLUSTER)
    return None if found == item else found


def _alike(
    names: tuple[str, str], sides: tuple[list[Verdict], list[Verdict]], threshold: float | None, *, preferences: bool
) -> tuple[Kind, list[Verdict], list[Verdict]]:
    """Return of which kind the verdicts of both files are, and both written alike."""
    people, said = sides
    texts = {one.text for side in (people, said) for one in side}
    words = {text.lower() for text in texts}
    numbers = _numbers(texts)
    if words <= PLACES.keys():
        kind: Kind = "pair"
        meaning = {text: PLACES[text.lower()] for text in texts}
    elif numbers is not None and threshold is not None:
        kind, meaning = "binary", {text: str(int(value > threshold)) for text, value in numbers.items()}
    elif numbers is not None:
        kind, meaning = _graded(names, numbers, preferences=preferences)
    elif len(texts) > _MOST_CATEGORIES:
        raise BadTable(
            f"The verdicts of {names[0]} and {names[1]} are {len(texts):,} different words, which are no categories. "
            "Name the column of the verdicts with --column."
        )
    else:
        kind, meaning = "category", {text: text for text in texts}
    return kind, _written(people, meaning), _written(said, meaning)


def _numbers(texts: Iterable[str]) -> dict[str, float] | None:
    found: dict[str, float] = {}
    for text in texts:
        try:
            found[text] = TRUTHS[text.lower()] if text.lower() in TRUTHS else float(text)
        except ValueError:
            return None
    return found


def _is_preference(table: Table, column: str | None) -> bool:
    """Tell whether the verdicts of a file are called preferences, which AlpacaEval writes as 1 and 2, and ties as 0."""
    known = (column,) if column else _VERDICT
    return table.has(*known) and table.called(*known).lower() == "preference"


def _graded(names: tuple[str, str], numbers: dict[str, float], *, preferences: bool) -> tuple[Kind, dict[str, str]]:
    """Return what numbers mean: 0 and 1, AlpacaEval's preferences between 1 and 2, or steps of a scale."""
    values = set(numbers.values())
    if values <= {0.0, 1.0}:
        return "binary", {text: str(int(value)) for text, value in numbers.items()}
    whole = all(value.is_integer() for value in values)
    if (preferences or not whole) and all(1 <= value <= 2 or (preferences and not value) for value in values):  # noqa: PLR2004  its two ends
        told("Read as AlpacaEval's preferences: below 1.5 the left one, above it the right one, 1.5 a tie.")
        return "pair", {
            text: "tie" if value in (0, _HALF) else "left" if value < _HALF else "right"
            for text, value in numbers.items()
        }
    if whole and len(values) <= _MOST_STEPS:
        return "scale", {text: str(int(value)) for text, value in numbers.items()}
    raise BadTable(
        f"The verdicts of {names[0]} and {names[1]} are {len(values)} different numbers, which are no categories. "
        "Say with --threshold above which number a verdict is a yes."
    )


def _written(verdicts: Iterable[Verdict], meaning: dict[str, str]) -> list[Verdict]:
    return [Verdict(one.item, meaning[one.text], one.sides, one.cluster) for one in verdicts]


def _pair(human: Verdict, judge: Verdict, kind: Kind) -> Paired:
    turned = kind == "pair" and human.sides is not None and judge.sides == human.sides[::-1]
    return Paired(human.item, human.text, _TURNED[judge.text] if turned else judge.text, turned, human.cluster)


def _both_orders(by_item: dict[tuple[str, str], list[Verdict]]) -> list[tuple[str, str]]:
    found = []
    for verdicts in by_item.values():
        first = verdicts[0]
        if first.sides is not None:
            other = next((one for one in verdicts if one.sides == first.sides[::-1]), None)
            found += [] if other is None else [(first.text, other.text)]
    return found


def as_seen_by_judge(one: Paired) -> tuple[str, str]:
    """Return the human verdict and the judge's with the sides as the judge saw them."""
    return (_TURNED[one.human], _TURNED[one.judge]) if one.turned else (one.human, one.judge)
