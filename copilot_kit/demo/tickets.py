"""Tickets as mails in text files: headers, an empty line, the words."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from copilot_kit.errors import UsageError

TICKETS = Path(__file__).parent / "tickets"
DEVELOPMENT = Path(__file__).parent / "development"
"""The tickets on which prompts and examples were tried; the others were not looked at for that."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One mail of a customer."""

    id: str
    sender: str
    subject: str
    date: str
    body: str

    @property
    def name(self) -> str:
        """Return the sender's name, without the address."""
        return self.sender.partition("<")[0].strip()

    @property
    def address(self) -> str:
        """Return where an answer goes."""
        return self.sender.rpartition("<")[2].rstrip(">").strip()

    @property
    def words(self) -> str:
        """Return what the customer wrote, without the mail that it answers."""
        lines = (line.strip() for line in self.body.splitlines() if not line.startswith(">"))
        return "\n".join(line for line in lines if line)


def read_tickets(folder: Path = TICKETS, *, wrong: Callable[[UsageError], None] | None = None) -> list[Ticket]:
    """Return the tickets of a folder in order of their file names; raises `UsageError` for a file that is none.

    wrong: is given such errors, and the other tickets are returned.
    """
    if not folder.is_dir():
        raise UsageError(f"There is no folder {str(folder)!r}. Give one with tickets as .md or .txt files.")
    found = []
    for path in sorted(folder.iterdir()):
        try:
            found += [_read(path)] if path.suffix in (".md", ".txt") else []
        except UsageError as error:
            if wrong is None:
                raise
            wrong(error)
    return found


def _read(path: Path) -> Ticket:
    try:
        head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"Cannot read ticket {str(path)!r}: {error}. Save it as UTF-8 text, or take it away."
        ) from error
    headers = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    if "From" not in headers:
        raise UsageError(f"{str(path)!r} is no ticket: it must begin with 'From: ', 'Subject: ' and 'Date: ' lines.")
    return Ticket(path.stem, headers["From"], headers.get("Subject", ""), headers.get("Date", ""), body.strip())
