"""What is outside of the model: the records, the ledger that counts what was really booked, and the agent on them."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.long_task.task import Task
from copilot_kit.agent import Agent
from copilot_kit.agent.limits import Limits
from copilot_kit.approval import READS_RUN, Gate, rule
from copilot_kit.context.window import Window
from copilot_kit.memory.memory import Memory
from copilot_kit.model import Model
from copilot_kit.tools import ToolContext, tool

RUN_ID = "run_1"
MOST_TURNS = 400
"""Between two words of the user; a window in which the work gets nowhere ends the run so."""
INSTRUCTIONS = "You are a clerk. You keep exact notes and book exactly once."


@dataclass(frozen=True, slots=True)
class Office:
    """The folder of one run of the task: ledger, readings, notes, journal."""

    folder: Path
    task: Task

    @property
    def notes(self) -> Path:
        """The memory."""
        return self.folder / "notes"

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.folder / "journal.db"

    def note(self, file: str, **fields: Any) -> None:
        """Append a line that stays, whoever dies."""
        descriptor = os.open(self.folder / file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{json.dumps(fields)}\n".encode())
        os.close(descriptor)

    def noted(self, file: str) -> list[dict[str, Any]]:
        """Return all lines of a file."""
        path = self.folder / file
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def stands_in_notes(self, record: int) -> bool:
        """Tell whether the facts of a record are in the notes now."""
        line = re.compile(rf"^{record} \| ", re.MULTILINE)
        return any(line.search(path.read_text()) for path in self.notes.rglob("*.md"))


@tool(effect="read")
def read_record(record: int, context: ToolContext) -> str:
    """Read the file of a record."""
    office: Office = context.deps
    office.note("readings", record=record, call=context.call_id, noted=office.stands_in_notes(record))
    found = office.task.records.get(record)
    return f"There is no record {record}." if found is None else found.text


def _is_booked(context: ToolContext) -> bool:
    """Look into the ledger whether a call that was cut off booked."""
    office: Office = context.deps
    return any(line["call"] == context.call_id for line in office.noted("ledger"))


@tool(effect="external", check=_is_booked)
def book(record: int, account: str, amount: str, context: ToolContext) -> str:
    """Book a record's amount on an account; each call is one more booking."""
    office: Office = context.deps
    office.note("ledger", record=record, account=account, amount=amount, call=context.call_id)
    return f"Record {record} is booked on account {account}."


VERSIONS = [one.version for one in (read_record, book)]
"""Read once, before any fork: a tool whose source changed while the bench runs would be asked about anew."""


def agent_in(office: Office, model: Model, store: Any, window: Window | None) -> Agent[str]:
    """Return the agent that works in this office."""
    return Agent(
        model,
        tools=[read_record, book],
        instructions=INSTRUCTIONS,
        name="clerk",
        gate=Gate([READS_RUN, rule("allow", tool="book")]),
        limits=Limits(turns=MOST_TURNS),
        store=store,
        deps=office,
        memory=Memory(office.notes),
        window=window,
    )
