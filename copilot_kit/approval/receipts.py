"""What the model is told of a call that did not simply run: refused, rejected, answered, expired, lost."""

from copilot_kit.journal.thread import Asked
from copilot_kit.messages import Outcome, ResultContent, Source, Text, ToolCall, UnknownPart, answer
from copilot_kit.outputs import ToolOutput
from copilot_kit.records import Decision, ReceiptState, Received

_LOST = (
    "This call was begun and its outcome is not known: the process ended in between. It is not repeated. "
    "A person settles it."
)
_FOUND = {
    True: "It was begun and the process ended; a check shows that it was carried out.",
    False: "It was begun and the process ended; a check shows that it was not carried out. It was not repeated.",
}


def receipt(call: ToolCall, state: ReceiptState, *content: str | Text, outcome: Outcome) -> Received:
    """Return the receipt of a call with these words; half a surrogate pair that a model wrote is spelt out in them."""
    kept = [one.encode(errors="backslashreplace").decode() if isinstance(one, str) else one for one in content]
    return Received(call_id=call.call_id, tool=call.name, state=state, result=answer(call, *kept, outcome=outcome))


def lost(call: ToolCall) -> Received:
    """Return the receipt of a call that was begun and never ended: nobody knows what became of it."""
    return receipt(call, "unknown", _LOST, outcome="unknown")


def found_out(call: ToolCall, *, done: bool) -> Received:
    """Return the receipt of a lost call whose tool could find out what became of it."""
    return receipt(call, "done" if done else "failed", _FOUND[done], outcome="ok" if done else "error")


def closed(call: ToolCall, asked: Asked) -> Received:
    """Return the receipt of a call that a person, or time, has kept from running."""
    decision = asked.decision
    match asked.state, decision:
        case "answered", decision if decision is not None:
            return receipt(call, "done", by_person(decision, decision.text or ""), outcome="ok")
        case "rejected", decision if decision is not None:
            words = Text(text="A person rejected this call; it did not run. Do not repeat it unchanged.")
            why = [Text(text=" The reason: "), by_person(decision, decision.text)] if decision.text else []
            return receipt(call, "denied", words, *why, outcome="denied")
        case "expired", _:
            return receipt(call, "cancelled", "Nobody decided in time; it did not run.", outcome="expired")
        case _:
            return receipt(call, "cancelled", "It was cancelled; it did not run.", outcome="cancelled")


def by_person(decision: Decision, words: str) -> Text:
    """Return a person's words to one call as a part of its own, so that nobody has to guess whose they are.

    Not a trusted source of values: an answer is often a page that they pass on, and a reason may name whom they fear.
    Neither asks for mail to be sent to those whom it names; what the model makes of it is asked about.
    """
    return Text(text=words, source=Source(kind="person", ref=decision.by.id))


def edit_note(editor: str, arguments: str) -> Text:
    """Return what the model is told where the call that ran is not the one that it asked for.

    Not a trusted source of values: what the person left as it was is still the model's.
    """
    source = Source(kind="person", ref=editor)
    return Text(text=f"A person changed the arguments; this ran: {arguments}\n", source=source)


def sourced(output: ToolOutput, *, tool: str, trusted: bool) -> list[ResultContent]:
    """Return what a tool gave back, labelled with where it came from."""
    source = Source(kind="tool", ref=tool, trusted=trusted)
    return [
        part if isinstance(part, UnknownPart) or part.source is not None else part.model_copy(update={"source": source})
        for part in output.content
    ]
