"""The support copilot: one ordinary agent a ticket, with four actions that wait for a person.

The same agent runs on any model. What each ticket narrows is what the desk knows: a refund can only be proposed for
an order that the mail names or that belongs to its sender, and the amounts are those of the order table.
"""

from os import PathLike
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from copilot_kit.agent import Agent
from copilot_kit.approval.gate import Gate
from copilot_kit.approval.previews import mail, payment
from copilot_kit.demo import examples
from copilot_kit.demo.desk import Desk, Order
from copilot_kit.demo.templates import TemplateName, filled
from copilot_kit.demo.tickets import Ticket
from copilot_kit.journal.store import Store
from copilot_kit.messages import Source, Text
from copilot_kit.model import Model
from copilot_kit.outputs import ToolError
from copilot_kit.records import Preview
from copilot_kit.request import Settings
from copilot_kit.tools import Tool, ToolContext, tool

INSTRUCTIONS = "You are a support clerk of a shop. Read the mail and take one action."
_LOCAL = "local:"
_LOCAL_TOKENS = 80
"""A call has fewer; a small model that is asked for words does not stop by itself."""

Reason: TypeAlias = Literal["damaged", "never_arrived", "wrong_item"]


def build_agent(
    ticket: Ticket,
    desk: Desk,
    *,
    model: str | Model = "default",
    store: Store | None = None,
    name: str = "support",
    gate: Gate | str | PathLike[str] | None = None,
) -> Agent[str]:
    """Return the agent for this ticket; start it with `agent.run(task_for(ticket))`.

    name: what its runs are known by; give each ticket's agent its own where several work on one journal.
    """
    asked = model if isinstance(model, str) else model.id
    settings = Settings(max_output_tokens=_LOCAL_TOKENS) if asked.startswith(_LOCAL) else None
    return Agent(model, name=name, instructions=INSTRUCTIONS, tools=support_tools(ticket, desk), store=store,
                 settings=settings, gate=gate)  # fmt: skip


def task_for(ticket: Ticket) -> list[Text]:
    """Return what the agent is asked: the customer's words and name, as untrusted text; what they quote is left out."""
    source = Source(kind="document", ref=f"ticket {ticket.id}", trusted=False)
    return [Text(text=f"{ticket.words}\n{ticket.name}", source=source)]


def support_tools(ticket: Ticket, desk: Desk) -> list[Tool[..., Any]]:
    """Return the actions for this ticket; without an order there is nothing to refund."""
    orders = desk.orders_of(ticket)
    refund = [_refund_tool(ticket, desk, orders)] if orders else []
    return [*refund, _reply_tool(ticket, desk), _escalate_tool(ticket, desk), _close_tool(ticket, desk)]


def _refund_tool(ticket: Ticket, desk: Desk, orders: list[Order]) -> Tool[..., Any]:
    numbers = [order.number for order in orders]
    amounts = list(dict.fromkeys(order.amount_eur for order in orders))
    listed = "; ".join(f"{order.number}: {order.item}, {order.amount_eur:.2f} EUR" for order in orders)
    # As hints to the model and not as types: a person may pay back a part, and the examples name other orders.
    order_field = Field(description=f"One of {listed}", json_schema_extra={"enum": list[Any](numbers)})
    amount_field = Field(
        gt=0, description="What the order cost, in EUR", json_schema_extra={"enum": list[Any](amounts)}
    )

    def paid_back(order: str, amount: float, reason: str) -> Preview:
        bought = next((one for one in orders if one.number == order), None)
        whom = "nobody: no order of this customer" if bought is None else f"{bought.customer} <{bought.email}>"
        what = "" if bought is None else f"{bought.item}, bought for {bought.amount_eur:.2f} EUR, {reason}"
        return payment(f"{amount:.2f}", "EUR", whom, text=what)

    @tool(
        effect="external",
        examples=examples.REFUND,
        version="1",
        roles={"order": "object", "amount": "content"},
        preview=paid_back,
    )
    def refund(
        order: Annotated[str, order_field], amount: Annotated[float, amount_field], reason: Reason, context: ToolContext
    ) -> str:
        """Pay an order back, if the customer asks for the money: goods broken, lost on the way, or wrong."""
        bought = next((one for one in orders if one.number == order), None)
        if bought is None:
            raise ToolError(f"{order} is no order of this customer. Their orders: {', '.join(numbers)}.")
        if amount > bought.amount_eur:
            raise ToolError(f"{amount:.2f} EUR is more than {order} cost: {bought.amount_eur:.2f} EUR.")
        desk.pay_back(ticket, bought, amount=amount, reason=reason, key=context.idempotency_key)
        return f"{amount:.2f} EUR for {order} are on their way back to {bought.customer}."

    return refund


def _reply_tool(ticket: Ticket, desk: Desk) -> Tool[..., Any]:
    one_word: dict[str, Any] = {"pattern": "^[A-Za-z'-]{1,30}$"}  # a hint to the model; a person may write any name
    name_field = Field(min_length=1, description="First name of the customer", json_schema_extra=one_word)

    @tool(
        effect="external",
        examples=examples.REPLY,
        version="1",
        roles={"template": "content", "name": "wording"},
        preview=lambda template, name: mail(ticket.address, *filled(template, name=name)),
    )
    def send_reply(template: TemplateName, name: Annotated[str, name_field], context: ToolContext) -> str:
        """Answer a question by mail: how to sign in again, where the parcel is, or how to get the invoice."""
        subject, body = filled(template, name=name)
        path = desk.send(ticket, to=ticket.address, subject=subject, body=body, key=context.idempotency_key)
        return f"The mail to {ticket.address} is in the outbox as {path.name}."

    return send_reply


def _escalate_tool(ticket: Ticket, desk: Desk) -> Tool[..., Any]:
    @tool(effect="external", examples=examples.ESCALATE, version="1", roles={"team": "destination"})
    def escalate(team: Literal["legal", "safety"], context: ToolContext) -> str:
        """Hand the mail to another team: lawyers and courts to legal, injuries and danger to safety."""
        to = f"{team}@harbour-pine.example"
        desk.send(ticket, to=to, subject=f"Fwd: {ticket.subject}", body=ticket.body, key=context.idempotency_key)
        return f"Ticket {ticket.id} went to the {team} team."

    return escalate


def _close_tool(ticket: Ticket, desk: Desk) -> Tool[..., Any]:
    @tool(
        effect="write", own=True, examples=examples.CLOSE, version="1", roles={"reason": "wording"},
        undo=lambda: desk.reopen(ticket),
    )  # fmt: skip
    def close_ticket(reason: Literal["thanks", "spam"], context: ToolContext) -> str:
        """Close the ticket without an answer: the customer only says thanks, or it is advertising."""
        desk.close(ticket, reason=reason, key=context.idempotency_key)
        return f"Ticket {ticket.id} is closed ({reason})."

    return close_ticket
