"""A run while it goes on, on standard error: how far it is, what fails, what it costs, what it shows so far."""

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from copilot_kit.cli.screen import counted, money, told
from copilot_kit.display import visible
from copilot_kit_evals.concurrency import Lanes
from copilot_kit_evals.interim import Interims
from copilot_kit_evals.spending import Spending
from copilot_kit_evals.tally import Tally

_A_MINUTE_S, _AN_HOUR_S = 60, 3600
_REDRAWS: Final = 4
_LINE_EVERY_S: Final = 10.0
_SOME: Final = 5
_LONG_S: Final = 8.0
_AS_MANY: Final = 50


class Progress:
    """Shows a run: drawn anew four times a second on a terminal, a line now and then elsewhere."""

    def __init__(self, spending: Spending) -> None:
        self._console = Console(stderr=True)
        self.spending = spending
        """What the run spends."""
        self._tally: Tally | None = None
        self._lanes: Lanes | None = None
        self._begun = time.monotonic()
        self._before: int | None = None
        self._last_line = 0.0
        self._live: Live | None = None
        self._interims: Interims | None = None
        self._told: tuple[int, list[str]] = (0, [])
        self._quiet_until: dict[str, float] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(get_renderable=self._drawn, console=self._console, refresh_per_second=_REDRAWS,
                              transient=True)  # fmt: skip
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()
        if self._tally is not None:
            self._told = (0, [])
            self._say(self._tally)

    def heard(self, tally: Tally, lanes: Lanes) -> None:
        """Take in that an attempt has ended."""
        if self._before is None:
            self._before = tally.ended - 1
        self._tally, self._lanes = tally, lanes
        now = time.monotonic()
        if self._live is None and now - self._last_line > _LINE_EVERY_S:
            self._last_line = now
            self._say(tally)

    def paused(self, model: str, seconds: float, why: str) -> None:
        """Take in that nothing is sent to a model for a while; a person is told of a standstill."""
        now = time.monotonic()
        if seconds >= _LONG_S and now >= self._quiet_until.get(model, 0.0):
            self._quiet_until[model] = now + seconds
            told(f"{visible(model)}: nothing is sent for {span_words(seconds)}: {visible(why)}")

    def _say(self, tally: Tally) -> None:
        told(self._line(tally))
        for line in self._shown(tally):
            told(line)

    def _line(self, tally: Tally) -> str:
        missing = sum(one.missing for one in tally.standings)
        cost = f", {money(self.spending.cost_usd)}" if self.spending.cost_usd or not self.spending.unpriced else ""
        gaps = f", {missing:,} missing" if missing else ""
        return f"{tally.ended:,} of {counted(tally.total, 'attempt')}{gaps}{cost}{self._left(tally)}"

    def _left(self, tally: Tally) -> str:
        made = tally.ended - (self._before or 0)
        left = tally.total - tally.ended
        if made < _SOME or left == 0:
            return ""
        return f", {span_words((time.monotonic() - self._begun) / made * left)} left"

    def _drawn(self) -> RenderableType:
        tally = self._tally
        if tally is None:
            return Text("opening the models …", style="dim")
        bar = ProgressBar(total=max(1, tally.total), completed=tally.ended, width=40)
        shown = (Text(line, style="bold") for line in self._shown(tally))
        return Group(bar, Text(self._line(tally)), self._table(tally), *shown)

    def _table(self, tally: Tally) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("candidate", "done", "failing", "missing", "cost", "at once"):
            table.add_column(name, justify="left" if name == "candidate" else "right")
        limits = self._lanes.limits if self._lanes is not None else {}
        for name, one in zip(tally.candidates, tally.standings, strict=True):
            model = next((c.model for c in tally.order.manifest.candidates if c.name == name), "")
            cost = "?" if one.unpriced and not one.cost_usd else money(one.cost_usd)
            table.add_row(visible(name), f"{one.ended:,}", f"{one.failing:,}", f"{one.missing + one.unscored:,}", cost,
                          str(limits.get(model, "")))  # fmt: skip
        return table

    def _shown(self, tally: Tally) -> list[str]:
        """Return what the finished items show, found anew when there are some more of them."""
        items = tally.items
        if items >= self._told[0] + max(1, self._told[0] // _AS_MANY):
            self._interims = self._interims or Interims(tally)
            self._told = items, [str(one) for one in self._interims.found()[:_SOME]]
        return self._told[1]


def span_words(seconds: float) -> str:
    """Return a time in words: `40 s`, `12 min`, `3.5 h`."""
    if seconds < _A_MINUTE_S:
        return f"{seconds:.0f} s"
    return f"{seconds / _A_MINUTE_S:.0f} min" if seconds < _AN_HOUR_S else f"{seconds / _AN_HOUR_S:.1f} h"
