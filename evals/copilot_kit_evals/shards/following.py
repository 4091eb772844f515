"""Attempts of others as they end, read from their logs."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property

from copilot_kit_evals.attempts import Attempt
from copilot_kit_evals.folder import ATTEMPTS, RunFolder
from copilot_kit_evals.remembering import is_asked_again
from copilot_kit_evals.spending import Spending
from copilot_kit_evals.tally import Tally


class Follower:
    """Puts what others write into the logs of a run's shards into one tally.

    again: outcomes that are asked for once more, and count only then. spending: where costs are added up, for show.
    """

    def __init__(
        self, shards: Sequence[RunFolder], tally: Tally, *, again: AbstractSet[str], spending: Spending | None = None
    ) -> None:
        self._tally = tally
        self._again = again
        self._spending = spending
        self._numbers = {name: number for number, name in enumerate(tally.candidates)}
        self._read = {shard.path / ATTEMPTS: 0 for shard in shards}
        for shard in shards:
            path = shard.path / ATTEMPTS
            self._read[path] = path.stat().st_size if path.exists() else 0
            for attempt in shard.settled():
                self._add(attempt)

    @cached_property
    def _places(self) -> dict[tuple[str, str], int]:
        return self._tally.order.places()

    def follow(self) -> int:
        """Take in what has been written since; return how many attempts that are."""
        count = 0
        for path, offset in self._read.items():
            if not path.exists() or path.stat().st_size <= offset:
                continue
            with path.open("rb") as file:
                file.seek(offset)
                lines = file.read()
            end = lines.rfind(b"\n") + 1
            self._read[path] = offset + end
            for line in lines[:end].splitlines():
                self._add(Attempt.model_validate_json(line))
                count += 1
        return count

    def _add(self, attempt: Attempt) -> None:
        number = self._numbers[attempt.candidate]
        if self._spending is not None:
            model = self._tally.order.manifest.candidates[number].model
            used = [attempt.usage, *(one.usage for one in attempt.scores.values() if one.usage is not None)]
            self._spending.count((model, usage) for usage in used)
        if not is_asked_again(attempt, self._again):
            self._tally.add(attempt, self._places[attempt.task, attempt.item], number)
