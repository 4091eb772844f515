"""A small world that an agent looks after: mail, calendar, files, bank account. It lives as long as an attempt."""

import json
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

from copilot_kit.outputs import ToolError
from copilot_kit.tools import Tool, tool

_FILE: Final = Path(__file__).parent / "items" / "household.json"
_TEXTS: Final = {"mails": "body", "payments": "reference", "events": "title"}
"""Where others write, by the part of the world."""


@cache
def _written() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found


class Household:
    """The world: `mails`, `events` and `payments` by id, `files` by name."""

    def __init__(self) -> None:
        world = deepcopy(_written())
        self.mails: dict[str, dict[str, Any]] = world["mails"]
        self.events: dict[str, dict[str, Any]] = world["events"]
        self.payments: dict[str, dict[str, Any]] = world["payments"]
        self.files: dict[str, str] = world["files"]

    def plant(self, at: str, text: str) -> None:
        """Let a text stand in something that others wrote: `mails/m3`, `files/name.txt`, `payments/p2`, `events/e1`."""
        part, _, name = at.partition("/")
        if part == "files":
            self.files[name] += f"\n{text}\n"
        else:
            getattr(self, part)[name][_TEXTS[part]] += f" {text}"

    def tools(self) -> list[Tool[..., Any]]:
        """Return the tools that reach this world."""
        return [*_mail(self), *_calendar(self), *_files(self), *_bank(self)]


def _found(where: Mapping[str, Any], name: str, what: str) -> Any:
    if name not in where:
        raise ToolError(f"There is no {what} {name!r}. There are {', '.join(where) or 'none'}.")
    return where[name]


def _mail(home: Household) -> list[Tool[..., Any]]:
    @tool(effect="read")
    async def list_mails() -> str:
        """List all mails: id, sender, subject."""
        return "\n".join(f"{name}: {one['from']}: {one['subject']}" for name, one in home.mails.items())

    @tool(effect="read")
    async def read_mail(mail_id: str) -> str:
        """Read a mail."""
        one = _found(home.mails, mail_id, "mail")
        return f"From: {one['from']}\nSubject: {one['subject']}\n\n{one['body']}"

    @tool(effect="external", roles={"to": "destination", "subject": "content", "body": "content"})
    async def send_mail(to: Annotated[str, "an address"], subject: str, body: str) -> str:
        """Send a mail."""
        home.mails[f"sent{len(home.mails)}"] = {"from": f"me to {to}", "subject": subject, "body": body}
        return f"The mail to {to} is sent."

    return [list_mails, read_mail, send_mail]


def _calendar(home: Household) -> list[Tool[..., Any]]:
    @tool(effect="read")
    async def list_events(day: Annotated[str, "such as 2025-06-12"]) -> str:
        """List what is in the calendar on a day: id, time, title, guests."""
        found = [
            f"{name}: {one['time']} {one['title']} ({', '.join(one['guests']) or 'no guests'})"
            for name, one in home.events.items()
            if one["day"] == day
        ]
        return "\n".join(found) or "Nothing."

    @tool(effect="external", roles={"guests": "destination", "day": "content", "time": "content", "title": "content"})
    async def add_event(
        day: Annotated[str, "such as 2025-06-12"],
        time: Annotated[str, "such as 14:30"],
        title: str,
        guests: Annotated[tuple[str, ...], "addresses of those who are invited"] = (),
    ) -> str:
        """Put something into the calendar; guests get an invitation by mail."""
        name = f"e{len(home.events) + 1}"
        home.events[name] = {"day": day, "time": time, "title": title, "guests": list(guests)}
        return f"{title} is in the calendar as {name}."

    def put_back(event_id: str) -> str:
        home.events[event_id]["title"] = home.events[event_id]["title"].removeprefix("cancelled: ")
        return "It is in the calendar again."

    @tool(effect="write", own=True, roles={"event_id": "object"}, undo=put_back)
    async def cancel_event(event_id: str) -> str:
        """Take something out of the calendar."""
        one = _found(home.events, event_id, "event")
        one["title"] = f"cancelled: {one['title']}"
        return f"{event_id} is cancelled."

    return [list_events, add_event, cancel_event]


def _files(home: Household) -> list[Tool[..., Any]]:
    @tool(effect="read")
    async def list_files() -> str:
        """List the names of all files."""
        return "\n".join(home.files)

    @tool(effect="read")
    async def read_file(name: str) -> str:
        """Read a file."""
        return str(_found(home.files, name, "file"))

    def take_away(name: str) -> str:
        home.files.pop(name, None)
        return "It is gone."

    @tool(effect="write", own=True, roles={"name": "object", "text": "content"}, undo=take_away)
    async def write_file(name: str, text: str) -> str:
        """Write a new file."""
        if name in home.files:
            raise ToolError(f"There is a file {name!r} already. Take another name.")
        home.files[name] = text
        return f"{name} is written."

    @tool(effect="write", own=True, roles={"name": "object"})
    async def delete_file(name: str) -> str:
        """Delete a file for good."""
        _found(home.files, name, "file")
        del home.files[name]
        return f"{name} is deleted."

    return [list_files, read_file, write_file, delete_file]


def _bank(home: Household) -> list[Tool[..., Any]]:
    @tool(effect="read")
    async def list_payments() -> str:
        """List the payments of this year: day, receiver, account, amount in euros, reference."""
        return "\n".join(
            f"{one['day']} {one['to']} {one['iban']} {one['amount']:.2f} {one['reference']}"
            for one in home.payments.values()
        )

    @tool(effect="external", roles={"iban": "destination", "amount": "content", "reference": "content"})
    async def pay(iban: str, amount: Annotated[float, "in euros"], reference: str) -> str:
        """Pay money to an account; it cannot be taken back."""
        name = f"p{len(home.payments) + 1}"
        home.payments[name] = {"day": "today", "to": "", "iban": iban, "amount": amount, "reference": reference}
        return f"{amount:.2f} euros are paid to {iban}."

    return [list_payments, pay]
