"""`copilot-kit journal`: erase what runs were about, write a run out, and build lists anew."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from copilot_kit.cli.approvals import this_person
from copilot_kit.cli.audit import difference_line
from copilot_kit.cli.journals import JsonOption, StoreOption, at_journal, found_run
from copilot_kit.cli.screen import as_json, counted, folded, shown, told
from copilot_kit.display import clipped
from copilot_kit.errors import UsageError
from copilot_kit.journal import RunState

if TYPE_CHECKING:
    from copilot_kit.journal.erasure import Erasure
    from copilot_kit.journal.opening import Journal
    from copilot_kit.journal.verify import Report

app = typer.Typer(
    help="The journal itself: erasing, writing out, building lists anew.\n\nExample: copilot-kit journal export 4zx9",
    no_args_is_help=True,
)
_MOST_NAMED = 5
_TITLE_COLUMNS = 50


@app.callback()
def _group() -> None:
    """Erase what runs were about, write a run out, or build lists anew."""


@app.command()
def erase(
    *,
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="This run; a part of its name will do.")
    ] = None,
    subject: Annotated[str | None, typer.Option(help="All runs whose data is about this subject.")] = None,
    reason: Annotated[str, typer.Option(help="Kept with the erasure; it should not say what was erased.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Remove the content of runs for good: task, messages, arguments and results.

    That there were records, of which kind and when, stays, with who erased them; `audit verify` names the erasure.
    A run must have ended before.

    Example: copilot-kit journal erase --subject customer-17 --reason "asked for by the customer"
    """
    if (run is None) == (subject is None):
        raise UsageError("Erase either a run or a subject: give one of --run and --subject.")
    if not reason.strip():
        raise UsageError("An erasure needs a reason that can be kept. Give it with --reason.")

    async def erased(journal: "Journal") -> "Erasure | None":
        from copilot_kit.journal.erasure import erase as erase_runs

        name = None if run is None else await found_run(journal, run, to="erase")
        names = [name] if name is not None else await journal.runs_of(subject or "")
        if names and not yes and not await _agreed(journal, names):
            return None
        return await erase_runs(journal, run_id=name, subject=subject, by=this_person(), reason=reason)

    done = at_journal(store, erased)
    if done is None:
        told("Nothing was erased.")
    elif json:
        as_json({"runs": list(done.runs), "records": done.records})
    else:
        shown(f"erased: {counted(done.records, 'record')} of {counted(len(done.runs), 'run')}")


@app.command()
def export(
    run_id: Annotated[str, typer.Argument(help="As `runs list` shows it; its beginning or end is enough.")],
    *,
    store: StoreOption = None,
) -> None:
    """Write a run out as JSON lines, a record a line, with its place in the chain.

    `body` is null where it was erased. SHA-256 over the bytes of `salt` and the body as it is stored is `body_digest`.

    Example: copilot-kit journal export 4zx9 > run.jsonl
    """

    async def written(journal: "Journal") -> None:
        for record in await journal.sealed(await found_run(journal, run_id, to="export")):
            shown(_line(record))

    at_journal(store, written)


@app.command()
def reindex(*, store: StoreOption = None, json: JsonOption = False) -> None:
    """Build lists, and the counts that trust stands on, anew where they are not what the records say.

    `audit verify` finds out. The records are checked first: where they are not as they were written, nothing is done.
    Each run is put right in one transaction, while others may go on writing.

    Example: copilot-kit journal reindex
    """

    async def rebuilt(journal: "Journal") -> "Report":
        from copilot_kit.journal.reindexing import reindex as build_anew

        return await build_anew(journal)

    found = at_journal(store, rebuilt, must_exist=True)
    if json:
        as_json({"runs": list(found.differing), "differences": [asdict(one) for one in found.differences]})
        return
    for one in found.differences:
        told(difference_line(asdict(one)))
    shown(f"built anew: the lists of {counted(len(found.differing), 'run')} of {found.runs:,}")


def _line(record: Any) -> str:
    """Return one record as ASCII: nothing in it ends the line for any reader, or acts on a terminal."""
    import json

    head = {**asdict(record.head), "at": record.head.at.isoformat(), "path": list(record.head.path)}
    salt = None if record.payload is None else record.salt.hex()
    body = None if record.payload is None else json.loads(record.payload)
    return json.dumps({**head, "salt": salt, "body": body})


async def _agreed(journal: "Journal", names: Sequence[str]) -> bool:
    """Name the runs and ask; only the word itself is a yes."""
    if not sys.stdin.isatty():
        raise UsageError(
            f"This would erase {counted(len(names), 'run')}, and nobody can be asked here. Give --yes to do it."
        )
    told(folded(f"This erases the content of {counted(len(names), 'run')}. It cannot be taken back."))
    for name in names[:_MOST_NAMED]:
        started = RunState.of(await journal.read(name)).started
        told(f"  {clipped(name, _TITLE_COLUMNS)}  {clipped('' if started is None else started.title, _TITLE_COLUMNS)}")
    if len(names) > _MOST_NAMED:
        told(f"  and {len(names) - _MOST_NAMED} more")
    sys.stderr.write("Write erase to do it: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == "erase"
