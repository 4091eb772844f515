"""What `copilot-kit stats bt` does: strengths from a file of votes, which columns it may have, what is printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import typer

from copilot_kit.cli.screen import told
from copilot_kit_evals.cli.sheets import as_json, number, sheet, span
from copilot_kit_evals.people.preferences import standing_rows
from copilot_kit_evals.tables import BadTable, Table

if TYPE_CHECKING:
    from copilot_kit_evals.stats.preferences import Strengths, Ties, Votes

LEFT: Final = ("left", "model_a", "model_left", "model_1", "model_x", "generator_1", "a")
RIGHT: Final = ("right", "model_b", "model_right", "model_2", "model_y", "generator_2", "b")
WINNER: Final = ("winner", "verdict", "preference", "label")
CLUSTER: Final = ("cluster", "prompt", "prompt_id", "question_id", "question", "item")
PLACES: Final = {
    "left": "left", "a": "left", "model_a": "left", "model_1": "left", "model_x": "left", "first": "left",
    "right": "right", "b": "right", "model_b": "right", "model_2": "right", "model_y": "right", "second": "right",
    "tie": "tie", "draw": "tie", "both": "tie", "tie (bothbad)": "tie", "bothbad": "tie", "equal": "tie",
}  # fmt: skip
"""How others write which of two won."""
SMALL_PENALTY: Final = 1e-5
"""Bounds what the votes do not: used where no maximum exists, and said so."""
_MOST_DRAWN: Final = 200_000
_MOST_NAMES: Final = 2000
_INCONCLUSIVE: Final = 2


@dataclass(frozen=True, slots=True)
class Rules:
    """How to rate."""

    ties: "Ties"
    online: bool
    k: float
    anchor: str | None
    cluster: str | None
    penalty: float


def show_strengths(table: Table, *, rules: Rules, json: bool) -> None:
    """Print the strength of each name in the votes; ends with 2 where the votes do not hold together."""
    from copilot_kit_evals.stats.preferences import groups, strengths, win_counts, win_rates

    cast, cluster = read_votes(table, cluster=rules.cluster)
    if rules.anchor is not None and rules.anchor not in cast.names:
        raise BadTable(f"Nobody is called {rules.anchor!r} in {table.name}. Name one of those who were voted on.")
    anchor = None if rules.anchor is None else cast.names.index(rules.anchor)
    apart = groups(cast)
    whole = len(apart) == 1 or rules.penalty > 0
    result = strengths(cast, ties=rules.ties, penalty=rules.penalty if whole else SMALL_PENALTY)
    elo, ends = _ratings(cast, result, anchor, rules)
    counts = win_counts(cast)
    shares, errors, rates = result.shares, result.errors(anchor), win_rates(cast)
    rows: dict[str, dict[str, Any]] = {
        name: {
            "strength": shares[place],
            "elo": elo[place],
            "interval": ends[place] if whole and ends is not None else None,
            "win_rate": rates[place],
            "theta": result.theta[place],
            "standard_error": errors[place] if whole else None,
            "wins": counts[place].sum(),
            "votes": counts[place].sum() + counts[:, place].sum(),
        }
        for place, name in enumerate(cast.names)
    }
    found = {
        "models": rows, "n_votes": len(cast.score), "ties": rules.ties, "nu": result.nu, "cluster": cluster,
        "n_clusters": None if cast.clusters is None else int(cast.clusters.max()) + 1, "groups": len(apart),
        "rating": "online_elo" if rules.online else "bradley_terry", "anchor": rules.anchor,
    }  # fmt: skip
    _show(found, json=json)
    if not whole:
        told(
            f"The votes leave {len(apart)} groups whose distance nothing bounds (one won or lost each vote against the "
            f"rest; the largest has {len(apart[0])} of {len(cast.names)}). The numbers are those of a penalty of "
            f"{SMALL_PENALTY:g} on each strength, and have no interval."
        )
        raise typer.Exit(_INCONCLUSIVE)


def read_votes(table: Table, *, cluster: str | None = None) -> tuple["Votes", str | None]:
    """Return the votes in a table, and the column whose votes hang together; '' takes none."""
    from copilot_kit_evals.stats.preferences import votes

    table = standing_rows(table)
    left, right = table.text(*LEFT), table.text(*RIGHT)
    winners = places(table, (left, right), *WINNER)
    for one, other, line in zip(left, right, table.lines, strict=True):
        if one == other:
            raise BadTable(f"{table.name}, line {line}: {one!r} against itself. A vote is between two names.")
    if (many := len({*left, *right})) > _MOST_NAMES:
        raise BadTable(f"{table.name} has votes on {many:,} names; rate up to {_MOST_NAMES:,}. Are they the models?")
    names = (cluster,) if cluster else CLUSTER
    found = table.called(*names) if cluster or (cluster is None and table.has(*names)) else None
    return votes(left, right, winners, clusters=None if found is None else table.text(found)), found


def places(table: Table, sides: tuple[Sequence[str], Sequence[str]], *names: str) -> list[str]:
    """Return who won each vote as left, right or tie; the winner's own name will do too."""
    column = table.called(*names)
    found = []
    for cell, one, other, line in zip(table.text(column), *sides, table.lines, strict=True):
        won = PLACES.get(cell.lower()) or ("left" if cell == one else "right" if cell == other else None)
        if won is None:
            raise BadTable(
                f"{table.name}, line {line}: {column!r} is {cell[:40]!r}. Write left, right or tie, or who won."
            )
        found.append(won)
    return found


def _ratings(cast: "Votes", result: "Strengths", anchor: int | None, rules: Rules) -> tuple[Any, Any]:
    """Return ratings on the Elo scale and their intervals, of Bradley-Terry or in the order of the votes."""
    from copilot_kit_evals.stats.preferences import online_elo, online_elo_intervals

    if not rules.online:
        return result.elo(anchor), result.intervals(anchor)
    if len(cast.score) > _MOST_DRAWN:
        told(f"No interval: drawing {len(cast.score):,} votes in other orders would take minutes.")
        return online_elo(cast, k=rules.k), None
    return online_elo(cast, k=rules.k), online_elo_intervals(cast, k=rules.k)


def _show(found: dict[str, Any], *, json: bool) -> None:
    if json:
        as_json(found)
        return
    ranked = sorted(found["models"].items(), key=lambda row: -float(row[1]["elo"]))
    sheet(
        ("model", "Elo", "interval", "strength", "win rate", "votes"),
        [
            (name, f"{one['elo']:.1f}", span(one["interval"]), f"{one['strength']:.5f}", f"{one['win_rate']:.3f}",
             number(float(one["votes"])))
            for name, one in ranked
        ],
    )  # fmt: skip
    if found["rating"] == "online_elo":
        told("Elo in the order of the votes: another order gives others. The interval is over votes drawn anew.")
    elif found["cluster"] is not None:
        told(f"Intervals take votes of one {found['cluster']!r} together: {found['n_clusters']} of them.")
