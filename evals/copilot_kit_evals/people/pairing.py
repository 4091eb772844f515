"""Which answers people are asked to compare, in which order, and which one stands left: drawn by a seed.

Pairs come in a random order, so that whatever a rater has judged when they stop is a random sample of the pairs: judge
calibration needs that. Names, costs and lengths have no say in it. The same seed and rater give the same order and the
same sides again, so that a rater goes on where they stopped.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from typing import Final

from copilot_kit.errors import UsageError
from copilot_kit_evals.attempts import Key
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.manifest import seed_of

_GAP: Final = 8
"""Other pairs that stand at least between the two showings of one, where there are so many."""
_PARTS: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Draw:
    """What is drawn from a run."""

    seed: int = 0
    twice: float = 0.0
    """Share of the pairs that is shown a second time, with the sides exchanged."""
    most: int | None = None
    """Pairs; None: all."""
    between: tuple[str, ...] = ()
    """The candidates to compare; none: all."""

    def checked(self, run: RunFolder) -> "Draw":
        """Return it if the run has what is to be compared; raises `UsageError`."""
        names = [one.name for one in run.manifest.candidates]
        for name in self.between:
            if name not in names:
                raise UsageError(f"The run has no candidate {name!r}. It has {', '.join(map(repr, names))}.")
        if len(set(self.between or names)) < 2:  # noqa: PLR2004  a pair
            raise UsageError(f"Two candidates are compared, and here is {(self.between or tuple(names))!r}. Name two.")
        return self


@dataclass(frozen=True, slots=True)
class Pair:
    """Two candidates' answers to the same item, variant and repeat."""

    task: str
    item: str
    variant: str
    repeat: int
    candidates: tuple[str, str]
    """In the order of the manifest, which is not the one in which they are shown."""

    @property
    def keys(self) -> tuple[Key, Key]:
        """The attempts."""
        first, second = (Key(self.task, self.item, self.variant, self.repeat, one) for one in self.candidates)
        return first, second

    @property
    def names(self) -> tuple[str, ...]:
        """What it is drawn by: the repeat is none of it, since it is drawn itself."""
        return (self.task, self.item, self.variant, *sorted(self.candidates))


@dataclass(frozen=True, slots=True)
class Showing:
    """A pair as one rater is shown it."""

    id: str
    pair: Pair
    left: Key
    right: Key
    again: bool = False


def pairs_of(run: RunFolder, draw: Draw) -> list[Pair]:
    """Return every pair that the run plans, in the order of the seed; of several repeats one is drawn."""
    names = [one.name for one in run.manifest.candidates if one.name in draw.between or not draw.between]
    found = []
    for task in run.manifest.tasks:
        for item, _ in run.expected(task):
            for variant in ("", *item.variants) if task.variants else ("",):
                repeat = seed_of(draw.seed, "repeat", task.name, item.id, variant) % task.repeats
                found += [Pair(task.name, item.id, variant, repeat, (one, other))
                          for one, other in combinations(names, 2)]  # fmt: skip
    return sorted(found, key=lambda pair: seed_of(draw.seed, "pair", *pair.names))


def showings(pairs: Iterable[Pair], rater: str, draw: Draw, *, usable: Callable[[Pair], bool]) -> list[Showing]:
    """Return what a rater is shown, in order: of the usable pairs the first ones of the draw, in an order of their own.

    All raters get the same pairs, as far as they come.
    """
    drawn: list[Pair] = []
    for pair in pairs:
        if draw.most is not None and len(drawn) >= draw.most:
            break
        if usable(pair):
            drawn.append(pair)
    drawn.sort(key=lambda pair: seed_of(draw.seed, "order", rater, *pair.names))
    found: list[Showing] = []
    later: list[tuple[int, Showing]] = []
    for place, pair in enumerate(drawn):
        found.append(_showing(pair, rater, draw.seed, again=False))
        if seed_of(draw.seed, "twice", rater, *pair.names) % _PARTS < draw.twice * _PARTS:
            wait = _GAP + seed_of(draw.seed, "wait", rater, *pair.names) % _GAP
            later.append((place + wait, _showing(pair, rater, draw.seed, again=True)))
        found += [one for due, one in later if due == place]
    return found + [one for due, one in sorted(later, key=lambda one: one[0]) if due >= len(drawn)]


def _showing(pair: Pair, rater: str, seed: int, *, again: bool) -> Showing:
    turned = bool(seed_of(seed, "side", rater, *pair.names) & 1) != again
    first, second = pair.keys
    left, right = (second, first) if turned else (first, second)
    name = "\0".join((str(seed), rater, *pair.names, str(pair.repeat), "again" if again else ""))
    return Showing(sha256(name.encode()).hexdigest()[:24], pair, left, right, again)
