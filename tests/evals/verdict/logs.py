"""Small logs, made of what each side scored at each item."""

from collections.abc import Sequence

from copilot_kit_evals.verdict.evidence import Case, Evidence, Mark, Side

Scores = Sequence[float | None]


def side(name: str, scores: Scores, *, cost: float | None = None, seconds: float | None = None) -> Side:
    """None is an attempt without a score."""
    return Side(name, tuple(
        Mark(scores={} if score is None else {"": [score]}, costs=[] if cost is None else [cost * (1 + n % 3)],
             latencies=[] if seconds is None else [seconds * (1 + n % 3)], unpriced=int(cost is None))
        for n, score in enumerate(scores)))  # fmt: skip


def evidence(old: Scores, new: Scores, *, cases: Sequence[Case] = (), sequential: bool = False) -> Evidence:
    named = tuple(cases) or tuple(Case(f"i{n}") for n in range(len(old)))
    return Evidence(named, side("new", new), side("old", old), sequential=sequential)


def flips(wins: int, losses: int, items: int) -> tuple[list[float], list[float]]:
    """Return old and new scores with so many items that only one of them passes; the rest is half right."""
    rest = items - wins - losses
    same = [float(n % 2) for n in range(rest)]
    return [0.0] * wins + [1.0] * losses + same, [1.0] * wins + [0.0] * losses + same


def flipped(wins: int, losses: int, items: int) -> Evidence:
    return evidence(*flips(wins, losses, items))
