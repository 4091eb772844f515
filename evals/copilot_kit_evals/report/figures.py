"""The charts of a report by kind: each is a view of numbers that a table of the page holds too."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from copilot_kit_evals.report.charting import Figure
from copilot_kit_evals.report.claims import horizons, ladder_figures, trends
from copilot_kit_evals.report.comparisons import forests, means
from copilot_kit_evals.report.facts import Facts
from copilot_kit_evals.report.spending import costs, latencies

KINDS: Final[Mapping[str, Callable[[Facts], list[Figure]]]] = {
    "forest": forests,
    "means": means,
    "cost": costs,
    "latency": latencies,
    "ladder": ladder_figures,
    "horizon": horizons,
}
"""What makes each kind; a run may have nothing for one, which is an empty list. The trend needs release dates."""
TREND: Final = "trend"


def figures_of(facts: Facts, kind: str, *, released: Mapping[str, date] | None = None) -> list[Figure]:
    """Return the charts of a kind."""
    return trends(facts, released or {}) if kind == TREND else KINDS[kind](facts)
