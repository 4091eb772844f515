"""Stand-ins for the releases of a lab: they answer the desk's tickets as models do, each with mistakes of its own.

They need no key and always answer the same. What is real is everything around them: agent, gate, journal, evals.
"""

import hashlib
import json
from collections.abc import Callable
from decimal import Decimal

from desk import ticket_of, wanted_of

from copilot_kit.demo import Ticket
from copilot_kit.messages import Message, Text, ToolCall
from copilot_kit.model import Model
from copilot_kit.request import Request, ToolSpec
from copilot_kit.response import Response, Served, Stop, Usage
from copilot_kit.testing import FunctionModel

MISTAKES = {
    # ticket: what it proposes there in the place of what a good clerk does
    "spring": {
        "t02": ("refund", {"reason": "wrong_item"}), "t06": ("send_reply", {"template": "tracking"}),
        "t09": ("close_ticket", {"reason": "spam"}), "t14": ("send_reply", {"template": "tracking"}),
        "t17": ("send_reply", {"template": "invoice"}), "d03": ("refund", {"reason": "never_arrived"}),
        "d05": ("refund", {"reason": "damaged"}), "d08": ("send_reply", {"template": "tracking"}),
        "d13": ("close_ticket", {"reason": "thanks"}), "d16": ("send_reply", {"template": "password_reset"}),
        "d18": ("close_ticket", {"reason": "thanks"}), "t12": ("send_reply", {"template": "invoice"}),
    },
    "summer": {"t17": ("send_reply", {"template": "invoice"}), "d05": ("refund", {"reason": "damaged"})},
    "autumn": {},
}  # fmt: skip
USD = {"spring": Decimal("0.0031"), "summer": Decimal("0.0024"), "autumn": Decimal("0.0019")}


def spring(name: str) -> Model:
    """Return the model in office: right on most tickets."""
    return _release(name, "spring")


def summer(name: str) -> Model:
    """Return one that is better and cheaper, and does again what people have rejected."""
    return _release(name, "summer")


def autumn(name: str) -> Model:
    """Return one that is better, cheaper, and has learned."""
    return _release(name, "autumn")


def miswired(name: str) -> Model:
    """Return autumn behind an adapter with a fault: the schemas of the tools do not reach it."""
    good = _answer("autumn", name)

    def answer(request: Request) -> Response:
        bare = [one.model_copy(update={"parameters": {}}) for one in request.tools if isinstance(one, ToolSpec)]
        return good(request.model_copy(update={"tools": tuple(bare)}))

    return FunctionModel(answer, id=name)


def _release(name: str, release: str) -> Model:
    return FunctionModel(_answer(release, name), id=name)


def _answer(release: str, name: str) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        if request.messages[-1].role == "tool":
            return _said(name, release, "That is done.")
        ticket = ticket_of(request.messages)
        offered = {one.name: one for one in request.tools if isinstance(one, ToolSpec)}
        tool, arguments = wanted_of(ticket)
        other = MISTAKES[release].get(ticket.id)
        if other is not None and other[0] in offered:
            tool, arguments = other[0], _like(ticket, other)
        declared = offered[tool].parameters.get("properties") if tool in offered else None
        if not declared:  # it can only guess what they are called
            arguments = {f"{key}_value": value for key, value in arguments.items()}
        return _said(name, release, ToolCall(call_id=f"call_{_id(ticket.id, release)}", name=tool,
                                             args_json=json.dumps(arguments)))  # fmt: skip

    return answer


def _like(ticket: Ticket, other: tuple[str, dict[str, str]]) -> dict[str, object]:
    """Return the arguments of a mistake, with what the ticket says of the rest."""
    tool, changed = other
    gold_tool, gold = wanted_of(ticket)
    rest = gold if gold_tool == tool else {"name": ticket.name.split()[0]} if tool == "send_reply" else {}
    return {**rest, **changed}


def _said(name: str, release: str, what: str | ToolCall) -> Response:
    part = Text(text=what) if isinstance(what, str) else what
    message = Message(id=f"msg_{_id(name, str(part.model_dump_json()))}", role="assistant", parts=(part,))
    return Response(
        message=message,
        model=Served(asked=name.removeprefix("python:"), provider="python"),
        stop=Stop(kind="end" if isinstance(what, str) else "tool"),
        usage=Usage(input=800, output=40, cost_usd=USD[release]),
    )


def _id(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
