"""`copilot-kit audit`: who decided what, what they saw and what ran; and whether the journal is what was written."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from copilot_kit.cli import screen
from copilot_kit.cli.audit_lines import audit_lines
from copilot_kit.cli.audit_trail import as_json, trail_of
from copilot_kit.cli.journals import JsonOption, StoreOption, at_journal, found_run
from copilot_kit.cli.screen import counted, shown, told, width
from copilot_kit.display import clipped
from copilot_kit.errors import JournalError, UsageError
from copilot_kit.journal import Journal

if TYPE_CHECKING:
    from copilot_kit.journal.auditable import Anchor
    from copilot_kit.journal.opening import Journal as Opened


class _RunOrCommand(TyperGroup):
    """A group whose first word may also be a run."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RunOrCommand,
    help="Who decided what and what ran: `audit RUN`; whether the journal is what was written: `audit verify`."
    "\n\nExample: copilot-kit audit 4zx9",
    no_args_is_help=True,
)


@app.command("run")
def audit_run(
    run_id: Annotated[str, typer.Argument(help="As `runs list` shows it; its beginning or end is enough.")],
    *,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Tell of each call of a run who asked, who decided, what they saw, what ran and what came of it.

    `copilot-kit audit RUN` is short for it.

    Example: copilot-kit audit 4zx9
    """

    async def audited(journal: Journal) -> None:
        trail = trail_of(await journal.read(await found_run(journal, run_id)))
        if json:
            screen.as_json(as_json(trail))
            return
        for line in audit_lines(trail, width=width()):
            shown(line)

    at_journal(store, audited)


@app.command("verify")
def audit_verify(
    *,
    head: Annotated[str | None, typer.Option(metavar="SEQ:HASH", help="As an earlier check said it.")] = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> int:
    """Check every record of every run against its chain, and lists against records: anything edited is found.

    So is what was removed or put elsewhere, and a list, or a count that trust stands on, that says something else than
    the records do.
    What was cut off the very end, runs and all, is found only with the head that an earlier check gave: keep it
    elsewhere and give it with --head.
    Exits with 1 if anything is not as it was written.

    Example: copilot-kit audit verify --json
    """

    async def verified(journal: "Opened") -> dict[str, Any]:
        from copilot_kit.journal.verify import Place, Report, verify_all

        try:
            report = await verify_all(journal, anchor=None if head is None else _anchor(head))
        except JournalError as error:  # so damaged that it cannot even be read: that too is a finding
            report = Report(ok=False, records=0, runs=0, first_bad=Place(None, 0, str(error)))
        return asdict(report)

    found = at_journal(store, verified, must_exist=True)
    if json:
        screen.as_json(found)
    elif found["ok"]:
        erased = sum(map(len, found["erased"].values()))
        less = f", {erased:,} of them erased, on the record" if erased else ""
        said = f"{counted(found['records'], 'record')} of {counted(found['runs'], 'run')}"
        shown(f"ok: {said}, as they were written{less}")
        if found["head"] is not None:
            told(f"head {found['head']['seq']}:{found['head']['hash']}")
    else:
        for line in _bad_lines(found):
            shown(f"not ok: {line}")
        if found["first_bad"]["of"] == "lists":
            from copilot_kit.journal.verify import REBUILD

            told(f"In {counted(len(found['differing']), 'run')} lists are not what the records say; {REBUILD}")
    return 0 if found["ok"] else 1


def _anchor(head: str) -> "Anchor":
    from copilot_kit.journal.auditable import Anchor

    seq, _, link = head.partition(":")
    if not seq.isdecimal() or not link:
        raise UsageError(f"{head!r} is no head of a journal. Write it as `audit verify` says it: SEQ:HASH.")
    return Anchor(int(seq), link)


def _bad_lines(found: dict[str, Any]) -> list[str]:
    """Return what is wrong with records, and then each place where a list says something else than they do."""
    bad = found["first_bad"]
    lines = [] if bad["of"] == "lists" else [_place(bad)]
    return [*lines, *map(difference_line, found["differences"])]


def difference_line(found: dict[str, Any]) -> str:
    """Return a line about a list that says something else than the records."""
    from copilot_kit.journal.agreement import Difference

    return f"run {clipped(found['run_id'], 60)}: {clipped(str(Difference(**found)), 400)}"


def _place(bad: dict[str, Any]) -> str:
    where = f"record {bad['seq']} of {clipped(bad['run_id'], 60)}" if bad.get("run_id") else "the chain of runs"
    return f"{where}: {clipped(bad['cause'], 400)}"
