"""What the support desk knows and keeps: orders, an outbox folder, a ledger of refunds, a list of closed tickets."""

import csv
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from copilot_kit.demo.tickets import Ticket

ORDERS = Path(__file__).parent / "orders.csv"
_ORDER_NUMBER = re.compile(r"\bHP-\d{4}\b")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS refunds (key TEXT PRIMARY KEY, ticket TEXT, order_no TEXT, amount_eur REAL, reason TEXT);
CREATE TABLE IF NOT EXISTS closed (key TEXT PRIMARY KEY, ticket TEXT, reason TEXT);
"""


@dataclass(frozen=True, slots=True)
class Order:
    """One row of the order table."""

    number: str
    customer: str
    email: str
    item: str
    amount_eur: float


class Desk:
    """A folder that actions write to: `outbox/` for mail, `desk.sqlite` for refunds and closed tickets."""

    def __init__(self, folder: Path, *, orders: Path = ORDERS) -> None:
        self.folder = folder
        with orders.open(encoding="utf-8", newline="") as file:
            rows = [Order(r["order"], r["customer"], r["email"], r["item"], float(r["amount_eur"]))
                    for r in csv.DictReader(file)]  # fmt: skip
        self.orders = {order.number: order for order in rows}

    def orders_of(self, ticket: Ticket) -> list[Order]:
        """Return the orders that the mail names, else those of its sender; none that the table does not hold."""
        named = dict.fromkeys(_ORDER_NUMBER.findall(f"{ticket.subject}\n{ticket.body}"))
        found = [self.orders[number] for number in named if number in self.orders]
        return found or [order for order in self.orders.values() if order.email == ticket.address]

    def send(self, ticket: Ticket, *, to: str, subject: str, body: str, key: str) -> Path:
        """Put a mail into the outbox; with the same key it is the same mail."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "support@harbour-pine.example", to, subject
        mail["Message-ID"] = f"<{key}@harbour-pine.example>"
        mail.set_content(body)
        path = self.folder / "outbox" / f"{ticket.id}-{key[-12:]}.eml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(mail.as_bytes())
        return path

    def pay_back(self, ticket: Ticket, order: Order, *, amount: float, reason: str, key: str) -> None:
        """Write a refund into the ledger; with the same key it is the same refund."""
        self._write(
            "INSERT OR IGNORE INTO refunds VALUES (?, ?, ?, ?, ?)", key, ticket.id, order.number, amount, reason
        )

    def close(self, ticket: Ticket, *, reason: str, key: str) -> None:
        """Write a ticket into the list of closed ones."""
        self._write("INSERT OR IGNORE INTO closed VALUES (?, ?, ?)", key, ticket.id, reason)

    def reopen(self, ticket: Ticket) -> str:
        """Take a ticket off the list of closed ones."""
        self._write("DELETE FROM closed WHERE ticket = ?", ticket.id)
        return f"Ticket {ticket.id} is open again."

    def _write(self, statement: str, *values: str | float) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.folder / "desk.sqlite")) as database, database:
            database.executescript(_SCHEMA)
            database.execute(statement, values)
