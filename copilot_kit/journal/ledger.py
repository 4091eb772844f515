"""One append inside a transaction: the version check, the records, and what lists show of the run."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BindParameter, delete, insert, select, update
from sqlalchemy import bindparam as bind
from sqlalchemy.engine import Dialect

from copilot_kit.errors import Conflict, NotOwner
from copilot_kit.journal.rows import cells_of, micros, path_text
from copilot_kit.journal.store import GENESIS, Draft, Entry, Sealed, seal
from copilot_kit.journal.tables import LEASES, PAYLOADS, RECORDS, RUNS, WAITING, text_of
from copilot_kit.journal.tally import Kind, Tally
from copilot_kit.journal.writer import Cursor


class Statements:
    """The writer's statements as text in the words of this database."""

    def __init__(self, dialect: Dialect) -> None:
        run = (RUNS.c.tenant == bind("t"), RUNS.c.run_id == bind("r"))
        lease = (LEASES.c.tenant == bind("t"), LEASES.c.run_id == bind("r"))
        of_kind = (WAITING.c.tenant == bind("t"), WAITING.c.run_id == bind("r"), WAITING.c.kind == bind("k"))
        kept = [c.name for c in RUNS.c if c.name not in {"tenant", "run_id"}]
        stand: dict[str, BindParameter[object]] = {name: bind(f"new_{name}") for name in kept}
        free = update(LEASES).where(*lease, LEASES.c.epoch == bind("e")).values(owner=bind("o"), until_us=bind("u"))

        self.run = text_of(select(*[RUNS.c[name] for name in kept]).where(*run), dialect, "t", "r")
        self.add_run = text_of(insert(RUNS), dialect, *RUNS.c.keys())
        self.keep_run = text_of(update(RUNS).where(*run).values(stand), dialect, *[f"new_{n}" for n in kept], "t", "r")
        self.add_record = text_of(insert(RECORDS), dialect, *RECORDS.c.keys())
        self.add_payload = text_of(insert(PAYLOADS), dialect, *PAYLOADS.c.keys())
        self.epoch = text_of(select(LEASES.c.epoch).where(*lease), dialect, "t", "r")
        self.lease = text_of(select(LEASES.c.epoch, LEASES.c.owner, LEASES.c.until_us).where(*lease), dialect, "t", "r")
        self.drop_lease = text_of(delete(LEASES).where(*lease), dialect, "t", "r")
        self.add_lease = text_of(insert(LEASES), dialect, *LEASES.c.keys())
        self.free_lease = text_of(free, dialect, "o", "u", "t", "r", "e")
        self.wait = text_of(insert(WAITING), dialect, *WAITING.c.keys())
        self.settle = text_of(delete(WAITING).where(*of_kind, WAITING.c.id == bind("i")), dialect, "t", "r", "k", "i")
        self.settle_all = text_of(delete(WAITING).where(*of_kind), dialect, "t", "r", "k")
        self.settle_at = text_of(
            delete(WAITING).where(*of_kind, WAITING.c.path == bind("p")), dialect, "t", "r", "k", "p"
        )


class Ledger:
    """One append inside a transaction: checks first, then the records, then the run's row and what waits."""

    def __init__(self, say: Statements, cursor: Cursor, tenant: str, run_id: str) -> None:
        self._say = say
        self._cursor = cursor
        self._key = (tenant, run_id)

    def add(self, drafts: Sequence[Draft], after: int, epoch: int, at: datetime) -> list[Entry]:
        """Add the drafts; see `Store`."""
        say, cursor, key = self._say, self._cursor, self._key
        cursor.execute(say.run, key)
        row = cursor.fetchone()
        tally = Tally() if row is None else Tally(*row[1:8])
        seq, prev = (-1, GENESIS) if row is None else row[9:]
        self._check(seq, after, epoch)
        sealed = self._seal(drafts, seq, prev, epoch, at)
        if not sealed:
            return []
        cursor.executemany(say.add_record, [cells_of(one.head) for one in sealed])
        cursor.executemany(say.add_payload, [(*key, s.head.seq, s.salt, s.payload) for s in sealed])
        at_us = micros(at)
        for draft, one in zip(drafts, sealed, strict=True):
            tally.take(draft.body, path_text(draft.path), _Waiting(say, cursor, (*key, one.head.seq)), at_us=at_us)
        last = sealed[-1].head
        stand = (tally.status, tally.agent, tally.title, tally.ended, int(tally.broken), tally.pending, tally.unknown,
                 tally.started_us or at_us, at_us, last.seq, last.hash)  # fmt: skip
        if row is None:
            cursor.execute(say.add_run, (*key, *stand))
        else:
            cursor.execute(say.keep_run, (*stand, *key))
        return [Entry(one.head, draft.body) for draft, one in zip(drafts, sealed, strict=True)]

    def _check(self, seq: int, after: int, epoch: int) -> None:
        run_id = self._key[1]
        if epoch:
            self._cursor.execute(self._say.epoch, self._key)
            newest = self._cursor.fetchone()
            if newest is None or newest[0] != epoch:
                raise NotOwner(f"Run {run_id!r} was taken over by another owner. Let it finish, or resume it there.")
        if seq != after:
            raise Conflict(f"Run {run_id!r} is at record {seq}, not {after}. Read it again and retry.")

    def _seal(self, drafts: Sequence[Draft], seq: int, prev: str, epoch: int, at: datetime) -> list[Sealed]:
        tenant, run_id = self._key
        sealed: list[Sealed] = []
        for draft in drafts:
            seq += 1
            one = seal(draft, tenant=tenant, run_id=run_id, seq=seq, epoch=epoch, at=at, prev=prev)
            sealed.append(one)
            prev = one.head.hash
        return sealed


class _Waiting:
    """What of one run waits, as of one record; see `copilot_kit.journal.tally.Waiting`."""

    def __init__(self, say: Statements, cursor: Cursor, at: tuple[str, str, int]) -> None:
        self._say = say
        self._cursor = cursor
        self._key, self._seq = at[:2], at[2]

    def add(self, kind: Kind, item: str, path: str) -> int:
        known = self.remove(kind, item)
        self._cursor.execute(self._say.wait, (*self._key, kind, item, path, self._seq))
        return 1 - known

    def remove(self, kind: Kind, item: str) -> int:
        self._cursor.execute(self._say.settle, (*self._key, kind, item))
        return self._cursor.rowcount

    def clear(self, kind: Kind, path: str | None = None) -> int:
        if path is None:
            self._cursor.execute(self._say.settle_all, (*self._key, kind))
        else:
            self._cursor.execute(self._say.settle_at, (*self._key, kind, path))
        return self._cursor.rowcount
