"""Strengths from votes between two at a time: Bradley-Terry, Davidson's ties, and Elo.

Bradley and Terry 1952: i beats j with the chance 1 / (1 + exp(theta_j - theta_i)); a tie counts as half a win for each
(as LMArena does it). Davidson 1970 gives ties a chance of their own: win, loss and tie are as likely as
exp(delta / 2), exp(-delta / 2) and nu, where delta is theta_i - theta_j. Both are maximum likelihood, by Newton's way.

Errors are those of the sandwich (Huber 1967; clustered as in Liang and Zeger 1986): votes on one prompt, or by one
person, are alike, and are summed before they are squared. Strengths on the Elo scale are 1000 + 400 / ln 10 * theta.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from scipy import sparse  # type: ignore[import-untyped]

from copilot_kit_evals.stats.arrays import Codes, Floats, Labels, NotUsable, codes
from copilot_kit_evals.stats.distributions import normal_quantile, t_quantile

Ties: TypeAlias = Literal["half", "davidson"]

SCORES: Final = {"left": 1.0, "tie": 0.5, "right": 0.0}
ELO_PER_NAT: Final = 400 / math.log(10)
START: Final = 1000.0
_STEPS: Final = 200
_HALVINGS: Final = 40
_DONE: Final = 1e-18


@dataclass(frozen=True, slots=True)
class Votes:
    """Votes in their order, one entry each."""

    names: tuple[str, ...]
    left: Codes
    """Places in `names`."""
    right: Codes
    score: Floats
    """Of the left one: 1, 0.5 or 0."""
    clusters: Codes | None
    """Votes of one number hang together; None: each stands alone."""


@dataclass(frozen=True, slots=True)
class Strengths:
    """What the votes say about each name, in the order of `Votes.names`."""

    theta: Floats
    """Natural logarithm of the strength, with a mean of 0."""
    covariance: Floats
    """Of theta, by the sandwich, shape (names, names)."""
    nu: float | None
    """Davidson's weight of ties; None where a tie is half a win."""
    df: float
    """Clusters less 1, for the t distribution; infinite without clusters."""

    @property
    def shares(self) -> Floats:
        """Return exp(theta), scaled to the sum 1."""
        weight = np.exp(self.theta - self.theta.max())
        shares: Floats = weight / weight.sum()
        return shares

    def elo(self, anchor: int | None = None) -> Floats:
        """Return strengths on the Elo scale; the anchor, or else the mean of all, is at 1000."""
        zero = 0.0 if anchor is None else float(self.theta[anchor])
        scaled: Floats = START + ELO_PER_NAT * (self.theta - zero)
        return scaled

    def errors(self, anchor: int | None = None) -> Floats:
        """Return standard errors of theta against the anchor, or else against the mean of all."""
        spread = np.diag(self.covariance)
        if anchor is not None:
            spread = spread + spread[anchor] - 2 * self.covariance[anchor]
        found: Floats = np.sqrt(np.maximum(spread, 0))
        return found

    def intervals(self, anchor: int | None = None, *, confidence: float = 0.95) -> Floats:
        """Return both ends for each name on the Elo scale, shape (names, 2)."""
        share = (1 + confidence) / 2
        reach = normal_quantile(share) if math.isinf(self.df) else t_quantile(share, self.df)
        half = ELO_PER_NAT * reach * self.errors(anchor)
        at = self.elo(anchor)
        return np.stack([at - half, at + half], axis=1)


def votes(left: Sequence[str], right: Sequence[str], winner: Sequence[str], *, clusters: Labels | None = None) -> Votes:
    """Return votes whose winners are `left`, `right` or `tie`; names stand in the order of their first vote.

    Raises `NotUsable` for another winner, for a name against itself, and where there is no vote.
    """
    if not left:
        raise NotUsable("There is no vote. Strengths need votes between two names each.")
    for place, (one, other, won) in enumerate(zip(left, right, winner, strict=True), 1):
        if won not in SCORES or one == other:
            raise NotUsable(
                f"Vote {place} is {won!r} between {one!r} and {other!r}. "
                "A vote is left, right or tie, between two different names."
            )
    names = tuple(dict.fromkeys(name for pair in zip(left, right, strict=True) for name in pair))
    number = {name: place for place, name in enumerate(names)}
    return Votes(
        names=names,
        left=np.array([number[name] for name in left], dtype=np.int64),
        right=np.array([number[name] for name in right], dtype=np.int64),
        score=np.array([SCORES[one] for one in winner], dtype=np.float64),
        clusters=None if clusters is None else codes(clusters, len(left))[0],
    )


def win_counts(cast: Votes) -> Floats:
    """Return how often the row beat the column, a tie being half; shape (names, names)."""
    counts = np.zeros((len(cast.names), len(cast.names)))
    np.add.at(counts, (cast.left, cast.right), cast.score)
    np.add.at(counts, (cast.right, cast.left), 1 - cast.score)
    return counts


def win_rates(cast: Votes) -> Floats:
    """Return for each name the mean, over the opponents it met, of its share of wins against them."""
    counts = win_counts(cast)
    met = counts + counts.T
    shares = np.divide(counts, met, out=np.zeros_like(counts), where=met > 0)
    rates: Floats = shares.sum(axis=1) / np.maximum((met > 0).sum(axis=1), 1)
    return rates


def groups(cast: Votes) -> list[list[str]]:
    """Return the names in groups within which each is tied to each by a chain of wins; the largest group first.

    With one group strengths exist (Ford 1957). With more, nothing bounds the distance between two of them.
    """
    beaten = sparse.csr_array(win_counts(cast) > 0)
    count, member = sparse.csgraph.connected_components(beaten, directed=True, connection="strong")
    found = [[name for name, one in zip(cast.names, member, strict=True) if one == group] for group in range(count)]
    return sorted(found, key=len, reverse=True)


def strengths(cast: Votes, *, ties: Ties = "half", penalty: float = 0.0) -> Strengths:
    """Return the strengths of greatest likelihood, less penalty / 2 * sum of theta ** 2, with their errors.

    Raises `NotUsable` where they do not exist: without a penalty, the votes must chain all names together both ways.
    """
    if penalty < 0 or not math.isfinite(penalty):
        raise NotUsable(f"A penalty of {penalty!r} cannot be used. Write 0 or a little more, such as 1e-5.")
    if not penalty and len(apart := groups(cast)) > 1:
        raise NotUsable(
            f"These votes leave {len(apart)} groups whose distance nothing bounds: some name won, or lost, all of its "
            "votes against the rest. Add votes, leave such names out, or give a penalty such as 1e-5."
        )
    if ties == "davidson" and bool(np.all(cast.score == SCORES["tie"])):
        raise NotUsable("Each vote is a tie, so that a weight of ties has no bound. Let a tie be half a win.")
    own_ties = ties == "davidson" and bool(np.any(cast.score == SCORES["tie"]))
    pairs = _pairs(cast)
    theta, log_nu = _newton(pairs, len(cast.names), own_ties=own_ties, penalty=penalty)
    covariance, df = _sandwich(cast, pairs, (theta, log_nu), own_ties=own_ties, penalty=penalty)
    nu = None if ties == "half" else math.exp(log_nu) if own_ties else 0.0
    return Strengths(theta, covariance, nu, df)


def online_elo(cast: Votes, *, k: float = 4.0, start: float = START) -> list[float]:
    """Return ratings after the votes in their order; other orders of the same votes give others (Elo 1978).

    Each vote moves k * (score - expected), where 400 points are a factor of ten in the odds.
    """
    ratings = [start] * len(cast.names)
    for one, other, score in zip(cast.left.tolist(), cast.right.tolist(), cast.score.tolist(), strict=True):
        expected = 1 / (1 + 10 ** ((ratings[other] - ratings[one]) / 400))
        move = k * (score - expected)
        ratings[one] += move
        ratings[other] -= move
    return ratings


def online_elo_intervals(
    cast: Votes, *, k: float = 4.0, start: float = START, draws: int = 200, seed: int = 0, confidence: float = 0.95
) -> Floats:
    """Return both ends for each name over votes drawn anew in a random order, shape (names, 2).

    They hold the chance of the votes and the chance of their order; the ratings of one order may lie at their edge.
    """
    drawn = np.random.default_rng(seed).integers(cast.score.size, size=(cast.score.size, draws))
    ratings = np.full((len(cast.names), draws), start)
    column = np.arange(draws)
    for row in drawn:
        one, other = cast.left[row], cast.right[row]
        expected = 1 / (1 + 10 ** ((ratings[other, column] - ratings[one, column]) / 400))
        move = k * (cast.score[row] - expected)
        ratings[one, column] += move
        ratings[other, column] -= move
    tail = (1 - confidence) / 2
    ends: Floats = np.quantile(ratings, (tail, 1 - tail), axis=1).T
    return ends


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The votes, counted for each two names that met."""

    one: Codes
    other: Codes
    won: Floats
    lost: Floats
    tied: Floats

    @property
    def n(self) -> Floats:
        return self.won + self.lost + self.tied


def _pairs(cast: Votes) -> _Pairs:
    size = len(cast.names)
    turned = cast.left > cast.right
    score = np.where(turned, 1 - cast.score, cast.score)
    key = np.minimum(cast.left, cast.right) * size + np.maximum(cast.left, cast.right)
    keys, place = np.unique(key, return_inverse=True)
    won, lost, tied = (
        np.bincount(place, (score == one).astype(np.float64), keys.size).astype(np.float64) for one in (1.0, 0.0, 0.5)
    )
    return _Pairs(keys // size, keys % size, won, lost, tied)


def _newton(pairs: _Pairs, size: int, *, own_ties: bool, penalty: float) -> tuple[Floats, float]:
    """Return theta and log nu."""
    at: Floats = np.zeros(size + own_ties)
    loss = _loss(pairs, at, own_ties=own_ties, penalty=penalty)
    for _ in range(_STEPS):
        slope = _slope(pairs, at, own_ties=own_ties, penalty=penalty)
        step = np.linalg.solve(_bend(pairs, at, own_ties=own_ties, penalty=penalty, fixed=True), slope)
        fraction = 1.0
        for _ in range(_HALVINGS):
            there = at - fraction * step
            new = _loss(pairs, there, own_ties=own_ties, penalty=penalty)
            if new <= loss:
                break
            fraction /= 2
        else:  # as low as numbers go
            break
        at, loss = there, new
        if float(step @ slope) < _DONE * max(1.0, abs(loss)):
            break
    theta = at[:size] - at[:size].mean()
    return theta, float(at[size]) if own_ties else -math.inf


def _levels(pairs: _Pairs, at: Floats, *, own_ties: bool) -> tuple[Floats, float]:
    delta = at[pairs.one] - at[pairs.other]
    return delta, float(at[-1]) if own_ties else -math.inf


def _chances(delta: Floats, log_nu: float) -> tuple[Floats, Floats]:
    """Return the chances of win and of tie."""
    win = np.exp(-np.logaddexp(np.logaddexp(0, -delta), log_nu - delta / 2))
    tie = np.exp(log_nu - np.logaddexp(np.logaddexp(delta / 2, -delta / 2), log_nu)) if log_nu > -math.inf else 0 * win
    return win, tie


def _loss(pairs: _Pairs, at: Floats, *, own_ties: bool, penalty: float) -> float:
    delta, log_nu = _levels(pairs, at, own_ties=own_ties)
    total = np.logaddexp(np.logaddexp(delta / 2, -delta / 2), log_nu)
    likely = (pairs.won - pairs.lost) * delta / 2 + (pairs.tied * log_nu if own_ties else 0) - pairs.n * total
    size = at.size - own_ties
    return -float(likely.sum()) + penalty / 2 * float(at[:size] @ at[:size])


def _slope(pairs: _Pairs, at: Floats, *, own_ties: bool, penalty: float) -> Floats:
    delta, log_nu = _levels(pairs, at, own_ties=own_ties)
    win, tie = _chances(delta, log_nu)
    left = pairs.n * (win + tie / 2) - pairs.won - pairs.tied / 2
    size = at.size - own_ties
    slope: Floats = np.zeros(at.size)
    np.add.at(slope, pairs.one, left)
    np.add.at(slope, pairs.other, -left)
    slope[:size] += penalty * at[:size]
    if own_ties:
        slope[-1] = float((pairs.n * tie - pairs.tied).sum())
    return slope


def _bend(pairs: _Pairs, at: Floats, *, own_ties: bool, penalty: float, fixed: bool) -> Floats:
    """Return the second derivatives; `fixed` holds the sum of theta, which the votes leave open."""
    delta, log_nu = _levels(pairs, at, own_ties=own_ties)
    win, tie = _chances(delta, log_nu)
    lean = win + tie / 2 - 0.5
    spread = pairs.n * ((1 - tie) / 4 - lean**2)
    size = at.size - own_ties
    bend = np.zeros((at.size, at.size))
    np.add.at(bend, (pairs.one, pairs.one), spread)
    np.add.at(bend, (pairs.other, pairs.other), spread)
    np.add.at(bend, (pairs.one, pairs.other), -spread)
    np.add.at(bend, (pairs.other, pairs.one), -spread)
    bend[:size, :size] += penalty * np.eye(size) + (1 / size if fixed else 0)
    if own_ties:
        both = -pairs.n * lean * tie
        cross = np.bincount(pairs.one, both, at.size) - np.bincount(pairs.other, both, at.size)
        bend[-1, :] = bend[:, -1] = cross
        bend[-1, -1] = float((pairs.n * tie * (1 - tie)).sum())
    return bend


def _sandwich(
    cast: Votes, pairs: _Pairs, fitted: tuple[Floats, float], *, own_ties: bool, penalty: float
) -> tuple[Floats, float]:
    """Return the covariance of theta and the degrees of freedom."""
    theta, log_nu = fitted
    at = np.append(theta, log_nu) if own_ties else theta
    win, tie = _chances(theta[cast.left] - theta[cast.right], log_nu)
    left = cast.score - win - tie / 2
    where, row = [cast.left, cast.right], cast.clusters
    values = [left, -left]
    if own_ties:
        where.append(np.full(cast.left.size, theta.size))
        values.append((cast.score == SCORES["tie"]) - tie)
    rows = np.arange(cast.left.size) if row is None else row
    count = int(rows.max()) + 1
    cells = (np.concatenate(values), (np.tile(rows, len(where)), np.concatenate(where)))
    sums = sparse.coo_array(cells, shape=(count, at.size)).tocsr()
    meat = (sums.T @ sums).toarray()
    if row is not None:
        meat *= count / (count - 1) if count > 1 else math.nan
    bread = np.linalg.pinv(_bend(pairs, at, own_ties=own_ties, penalty=penalty, fixed=False), hermitian=True)
    covariance = (bread @ meat @ bread)[: theta.size, : theta.size]
    return covariance, math.inf if row is None else float(count - 1)
