"""A rule of one's own: small refunds run at once, large ones never, the rest is asked about.

Run it as it is, without a key: python examples/own_rule.py
"""

import asyncio

from copilot_kit import Agent, Gate, tool
from copilot_kit.approval import READS_RUN, GateCall, Ruling
from copilot_kit.records import Reason
from copilot_kit.testing import ScriptedModel, call

SMALL_EUR, LARGE_EUR = 20, 500


@tool(effect="external")
def refund(order: str, amount_eur: float) -> str:
    """Pay an order back."""
    return f"{amount_eur:.2f} EUR for {order} are on their way"


def by_amount(one: GateCall) -> Ruling | None:
    """Judge refunds by their amount; None leaves the call to the other rules, and to the person where none matches."""
    if one.tool != "refund":
        return None
    amount = one.arguments["amount_eur"]  # validated before any rule sees it, so this is the amount that would run
    if not isinstance(amount, int | float) or amount > LARGE_EUR:
        return Ruling("deny", (Reason(code="refund-large", text=f"no copilot pays back more than {LARGE_EUR} EUR"),))
    if amount <= SMALL_EUR:
        return Ruling("allow", (Reason(code="refund-small", text=f"up to {SMALL_EUR} EUR need no one's yes"),))
    return None


async def main() -> None:
    for amount in (12, 80, 900):
        model = ScriptedModel(call("refund", {"order": "HP-1077", "amount_eur": amount}), "That is all I can do.")
        run = await Agent(model, tools=[refund], gate=Gate([READS_RUN, by_amount])).run("The lamp arrived broken.")
        results = [part.text for message in run.messages if message.role == "tool" for part in message.parts]
        print(f"{amount} EUR", run.status, *(results or [why.text for why in run.proposals[0].reasons]), sep=" · ")


asyncio.run(main())
