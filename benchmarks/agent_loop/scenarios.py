"""What is measured, and the figures that come out of it, with the target of each."""

from dataclasses import dataclass
from typing import Final, Literal

from benchmarks.agent_loop.conversation import Api

FLOOR: Final = "httpx2"
OURS: Final = "copilot_kit"

Kind = Literal["turns", "crowd", "stream"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A load put on a competitor: `runs` runs of `turns` tool calls, or `runs` streams of `chunks` pieces."""

    name: str
    kind: Kind
    runs: int
    warm: int
    turns: int = 0
    chunks: int = 0

    @property
    def requests(self) -> int:
        """Requests that one run makes: one per tool call and one for the answer."""
        return self.turns + 1

    @property
    def units(self) -> int:
        """What the CPU time is divided by: model requests, or the pieces of the streams."""
        return self.runs * (self.chunks or self.requests)


@dataclass(frozen=True, slots=True)
class Job:
    """One measurement that a worker is asked for."""

    scenario: Scenario
    api: Api
    url: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: CPU seconds of the client process per unit of its scenario."""

    competitor: str
    scenario: str
    api: Api
    round: int
    cpu_s: float
    wall_s: float
    errors: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Import:
    """What one fresh interpreter spent on an import."""

    competitor: str
    statement: str
    round: int
    cpu_s: float
    rss_mib: float


FULL: Final = (
    Scenario("turns", "turns", runs=10, warm=3, turns=10),
    Scenario("stream", "stream", runs=3, warm=1, chunks=2000),
    Scenario("crowd", "crowd", runs=500, warm=1, turns=10),
    Scenario("long", "turns", runs=1, warm=0, turns=400),
)
QUICK: Final = (
    Scenario("turns", "turns", runs=4, warm=1, turns=10),
    Scenario("stream", "stream", runs=1, warm=0, chunks=2000),
    Scenario("crowd", "crowd", runs=10, warm=0, turns=10),
    Scenario("long", "turns", runs=1, warm=0, turns=30),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the table: a scenario's CPU time in a unit, and as a ratio that has a target.

    `against` says what the ratio is taken to, in the same round and API: the same scenario of the hand-written loop,
    or the competitor's own runs of 10 turns (per model request).
    """

    title: str
    scenario: str
    unit: str
    per_s: float
    against: Literal["floor", "own"]
    at_most: float
    is_target: bool = True


FIGURES: Final = (
    Figure("runs of 10 tool turns, one at a time", "turns", "ms a run", 11e3, "floor", 2.0),
    Figure("a streamed text of 2,000 chunks", "stream", "us a chunk", 1e6, "floor", 2.0),
    Figure("runs at once in one process", "crowd", "ms a run", 11e3, "floor", 1.0),
    Figure("runs at once, against one at a time", "crowd", "ms a run", 11e3, "own", 1.5, is_target=False),
    Figure("a long run, against runs of 10 turns", "long", "ms a turn", 1e3, "own", 1.5),
)
IMPORT_CPU_S: Final = 0.15
IMPORT_RSS_MIB: Final = 40.0
