"""The rows of one run's calls and of what of it waits, inside the transaction of an append."""

from copilot_kit.journal.calls import Call, Kind
from copilot_kit.journal.cells import call_cells, item_cells, plain
from copilot_kit.journal.rows import bytes_of
from copilot_kit.journal.statements import Statements
from copilot_kit.journal.store import body_of
from copilot_kit.journal.tally import Item
from copilot_kit.journal.writer import Cursor
from copilot_kit.records import Intended, Proposed


class Shelf:
    """See `copilot_kit.journal.tally.Waiting` and `copilot_kit.journal.calls.Calls`."""

    def __init__(self, say: Statements, cursor: Cursor, key: tuple[str, str]) -> None:
        self._say = say
        self._cursor = cursor
        self._key = key
        self.counts = True
        """Whether its calls count for trust: those of a suggestion do not."""

    def call(self, call_id: str) -> Call | None:
        """Return a call."""
        self._cursor.execute(self._say.call, (*self._key, call_id))
        row = self._cursor.fetchone()
        if row is None:
            return None
        *cells, undoable, _ = row
        return Call(*(call_id, *cells, bool(undoable)))

    def call_of(self, proposal_id: str) -> str | None:
        """Return the id of the call that a pending proposal is about."""
        self._cursor.execute(self._say.call_of, (*self._key, "proposal", proposal_id))
        row = self._cursor.fetchone()
        return None if row is None else str(row[0])

    def keep(self, call: Call, *, new: bool) -> None:
        """Keep a call as it stands now."""
        cells = call_cells(call, counts=self.counts).values()
        if new:
            self._cursor.execute(self._say.add_call, (*self._key, call.call_id, *cells))
        else:
            self._cursor.execute(self._say.keep_call, (*cells, *self._key, call.call_id))

    def cancel(self) -> None:
        """Turn all pending calls into cancelled ones."""
        self._cursor.execute(self._say.cancel_calls, ("cancelled", *self._key, "pending"))

    def arguments(self, call: Call) -> str:
        """Return the arguments of a call from the record that has them."""
        self._cursor.execute(self._say.body, (*self._key, call.seq))
        row = self._cursor.fetchone()
        payload = None if row is None else bytes_of(row[0])
        if payload is None:
            return ""
        try:
            body = body_of(payload)
        except ValueError:  # refused by whoever reads the run; here it is only not found by a search
            return ""
        match body:
            case Proposed(proposal=proposal):
                return proposal.arguments
            case Intended(arguments=arguments):
                return arguments
            case _:
                return ""

    def add(self, item: Item) -> int:
        """Add something that waits."""
        known = self.remove(item.kind, item.id)
        self._cursor.execute(self._say.wait, (*self._key, item.kind, item.id, *item_cells(item).values()))
        return 1 - known

    def remove(self, kind: Kind, item: str) -> int:
        """Remove what no longer waits."""
        self._cursor.execute(self._say.settle, (*self._key, kind, item))
        return self._cursor.rowcount

    def clear(self, kind: Kind, path: str | None = None) -> int:
        """Remove all of a kind, or all at one path."""
        if path is None:
            self._cursor.execute(self._say.settle_all, (*self._key, kind))
        else:
            self._cursor.execute(self._say.settle_at, (*self._key, kind, path))
        return self._cursor.rowcount

    def assign(self, proposal_id: str, to: str | None) -> None:
        """Say who is to decide a proposal."""
        name = None if to is None else plain(to)
        self._cursor.execute(self._say.assign, (name, *self._key, "proposal", proposal_id))
