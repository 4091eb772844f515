"""The writer's statements as text in the words of its database, compiled once."""

from sqlalchemy import BindParameter, ColumnElement, Table, delete, func, insert, null, select, update
from sqlalchemy import bindparam as bind
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement

from copilot_kit.journal.rows import READ
from copilot_kit.journal.tables import CALLS, CLAIMS, HEADS, LEASES, PAYLOADS, RECORDS, RUNS, WAITING, text_of

_RUN = [c.name for c in RUNS.c if c.name not in {"tenant", "run_id"}]
_CALL = [c.name for c in CALLS.c if c.name not in {"tenant", "run_id", "call_id"}]


class Statements:
    """What an append, a lease and a claim say to the database; each takes its values in the order of the columns."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        run, lease, claim = _where(RUNS, "run_id"), _where(LEASES, "run_id"), _where(CLAIMS, "id")
        free = update(LEASES).where(*lease, LEASES.c.epoch == bind("b_epoch"))

        epoch = select(LEASES.c.epoch).where(LEASES.c.tenant == bind("a_tenant"), LEASES.c.run_id == bind("a_run_id"))
        self.run = self._text(
            select(epoch.scalar_subquery(), *[RUNS.c[name] for name in _RUN]).where(*run),
            "a_tenant", "a_run_id", "b_tenant", "b_run_id",
        )  # fmt: skip
        self.add_run = self._text(insert(RUNS), *RUNS.c.keys())
        self.keep_run = self._keep(RUNS, _RUN, "run_id")
        self.add_record = self._text(insert(RECORDS), *RECORDS.c.keys())
        self.add_payload = self._text(insert(PAYLOADS), *PAYLOADS.c.keys())
        self.epoch = self._text(select(LEASES.c.epoch).where(*lease), "b_tenant", "b_run_id")
        self.lease = self._text(
            select(LEASES.c.epoch, LEASES.c.owner, LEASES.c.until_us).where(*lease), "b_tenant", "b_run_id"
        )
        self.drop_lease = self._text(delete(LEASES).where(*lease), "b_tenant", "b_run_id")
        self.add_lease = self._text(insert(LEASES), *LEASES.c.keys())
        self.free_lease = self._text(
            free.values(owner=bind("n_owner"), until_us=bind("n_until")),
            "n_owner", "n_until", "b_tenant", "b_run_id", "b_epoch",
        )  # fmt: skip
        self.claim = self._text(select(CLAIMS.c.by, CLAIMS.c.until_us).where(*claim), "b_tenant", "b_id")
        self.add_claim = self._text(insert(CLAIMS), *CLAIMS.c.keys())
        self.drop_claim = self._text(delete(CLAIMS).where(*claim), "b_tenant", "b_id")
        self.drop_own_claim = self._text(
            delete(CLAIMS).where(*claim, CLAIMS.c.by == bind("b_by")), "b_tenant", "b_id", "b_by"
        )
        self.drop_old_claims = self._text(
            delete(CLAIMS).where(CLAIMS.c.tenant == bind("b_tenant"), CLAIMS.c.until_us < bind("b_until")),
            "b_tenant", "b_until",
        )  # fmt: skip
        # Where writers to other runs go on meanwhile, the chain over all runs needs a lock of its own.
        self.lock_links = "SELECT pg_advisory_xact_lock(%s)" if dialect.name == "postgresql" else ""
        newest = select(func.max(HEADS.c.nr)).where(HEADS.c.tenant == bind("b_tenant"))
        link = select(HEADS.c.nr, HEADS.c.hash).where(HEADS.c.tenant == bind("a_tenant"))
        self.last_link = self._text(link.where(HEADS.c.nr == newest.scalar_subquery()), "a_tenant", "b_tenant")
        self.add_link = self._text(insert(HEADS), *HEADS.c.keys())
        self._lists()

    def _lists(self) -> None:
        kind = _where(WAITING, "run_id", "kind")
        item = (*kind, WAITING.c.id == bind("b_id"))
        call = _where(CALLS, "run_id", "call_id")
        of_run = _where(CALLS, "run_id")
        payload = _where(PAYLOADS, "run_id", "seq")
        self.wait = self._text(insert(WAITING), *WAITING.c.keys())
        self.settle = self._text(delete(WAITING).where(*item), *_TO_ITEM)
        self.settle_all = self._text(delete(WAITING).where(*kind), *_TO_KIND)
        self.settle_at = self._text(delete(WAITING).where(*kind, WAITING.c.path == bind("b_path")), *_TO_KIND, "b_path")
        self.call_of = self._text(select(WAITING.c.call_id).where(*item), *_TO_ITEM)
        self.assign = self._text(update(WAITING).where(*item).values(assigned_to=bind("n_to")), "n_to", *_TO_ITEM)
        self.call = self._text(
            select(*[CALLS.c[name] for name in _CALL]).where(*call), "b_tenant", "b_run_id", "b_call_id"
        )
        self.add_call = self._text(insert(CALLS), *CALLS.c.keys())
        self.keep_call = self._keep(CALLS, _CALL, "run_id", "call_id")
        self.cancel_calls = self._text(
            update(CALLS).where(*of_run, CALLS.c.state == bind("b_state")).values(state=bind("n_state")),
            "n_state", "b_tenant", "b_run_id", "b_state",
        )  # fmt: skip
        self.body = self._text(select(PAYLOADS.c.body).where(*payload), "b_tenant", "b_run_id", "b_seq")
        self.blank = self._text(
            update(PAYLOADS).where(*payload).values(salt=null(), body=null()), "b_tenant", "b_run_id", "b_seq"
        )
        self.records = self._text(READ, "t", "r", "after")
        self.drop_run, self.drop_waiting, self.drop_calls = [
            self._text(delete(table).where(*_where(table, "run_id")), "b_tenant", "b_run_id")
            for table in (RUNS, WAITING, CALLS)
        ]

    def _keep(self, table: Table, columns: list[str], *key: str) -> str:
        stand: dict[str, BindParameter[object]] = {name: bind(f"n_{name}") for name in columns}
        statement = update(table).where(*_where(table, *key)).values(stand)
        return self._text(statement, *[f"n_{name}" for name in columns], "b_tenant", *[f"b_{name}" for name in key])

    def _text(self, statement: ClauseElement, *names: str) -> str:
        return text_of(statement, self._dialect, *names)


_TO_KIND = ("b_tenant", "b_run_id", "b_kind")
_TO_ITEM = (*_TO_KIND, "b_id")


def _where(table: Table, *names: str) -> list[ColumnElement[bool]]:
    return [table.c[name] == bind(f"b_{name}") for name in ("tenant", *names)]
