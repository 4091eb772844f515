"""A support copilot over a folder of tickets: it reads, proposes one action a ticket, and waits for a person."""

from copilot_kit.demo.desk import Desk, Order
from copilot_kit.demo.support import build_agent, task_for
from copilot_kit.demo.tickets import Ticket, read_tickets

__all__ = ["Desk", "Order", "Ticket", "build_agent", "read_tickets", "task_for"]
