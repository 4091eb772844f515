"""A copilot reads a ticket, proposes a reply, is sent back with a reason, and has its second try corrected and sent.

Run it as it is, without a key: python examples/first_copilot.py
With a real model, write its name in the place of `MODEL`, as in "anthropic:claude-sonnet-5".
"""

import asyncio

from copilot_kit import Agent, Principal, tool
from copilot_kit.testing import ScriptedModel, call

TICKETS = {17: "Where is my parcel? It was to come on Monday. Ada"}
MODEL = ScriptedModel(
    call("read_ticket", {"ticket": 17}),
    call("send_reply", {"ticket": 17, "body": "It will come."}),
    call("send_reply", {"ticket": 17, "body": "Dear Ada, we are sorry. It comes on Friday."}),
    "Ada knows now.",
)


@tool(effect="read")  # changes nothing, so it runs without a question
def read_ticket(ticket: int) -> str:
    """Return what the customer wrote."""
    return TICKETS[ticket]


@tool(effect="external")  # leaves the house, so a person must say yes
def send_reply(ticket: int, body: str) -> str:
    """Send a reply to the customer."""
    return f"sent to the customer of ticket {ticket}: {body}"


async def main() -> None:
    anna = Principal(id="anna")
    agent = Agent(MODEL, tools=[read_ticket, send_reply], instructions="Answer politely.")
    run = await agent.run("Answer ticket 17")
    print(run.status, run.proposals[0].arguments)
    run = await run.reject(run.proposals[0].id, "say when, and greet her", by=anna)
    print(run.status, run.proposals[0].arguments)
    run = await run.edit(run.proposals[0].id, {"ticket": 17, "body": "Dear Ada, it comes on Thursday."}, by=anna)
    print(run.status, run.output)
    for message in run.messages:
        if message.role == "tool":
            print("  the model was told:", *(part.text for part in message.parts))


asyncio.run(main())
