"""A scorer's cases through the real agent: loop, journal, gate with the flow rules, card and decisions.

    python score_gate.py --adapter benchmarks/gates/adapter.py DIR
    COPILOT_KIT_GATE=plain python score_gate.py --adapter benchmarks/gates/adapter.py DIR    # the gate without rules

The scorer says what the model does and answers as the person; everything between them is the package. Tools declare
what their labels say: effect, whom they reach, what they act on, whether they can be undone, and whether their results
hold text by others. Nothing here knows a tool or a suite by name.
"""

import asyncio
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from copilot_kit.agent import Agent, Limits
from copilot_kit.approval import Gate, decide
from copilot_kit.approval.flow import flow_rules
from copilot_kit.cli.card import Look, card_of
from copilot_kit.display import MARGIN
from copilot_kit.effects import ArgumentRole, Effect
from copilot_kit.journal.memory import MemoryStore
from copilot_kit.journal.store import Entry
from copilot_kit.records import Intended, Principal, Proposal, Proposed, Received
from copilot_kit.testing import ScriptedModel, call
from copilot_kit.tools import Tool, schema_tool

Labels: TypeAlias = Mapping[str, Any]
"""A tool as the scorer describes it: name, description, parameters, its labels, and `run`."""
Human: TypeAlias = Callable[[str, str, Any], bool]

_EFFECTS: dict[str, Effect] = {"own": "write", "outward": "external", "read": "read", "marker": "read"}
_ROLES: dict[str, ArgumentRole] = {"dest": "destination", "obj": "object", "content": "content"}
_PERSON = Principal(id="person")
_WIDTH = 100
_LOOP = asyncio.new_event_loop()


def run_case(
    prompt: str, tools: Sequence[Labels], turns: Sequence[Sequence[Mapping[str, Any]]], human: Human
) -> dict[str, Any]:
    """Play the turns against the gate that is asked for, and return what the journal says of it."""
    gate = Gate() if os.environ.get("COPILOT_KIT_GATE") == "plain" else Gate([*flow_rules()])
    return _LOOP.run_until_complete(_played(prompt, tools, turns, human, gate))


async def _played(
    prompt: str, tools: Sequence[Labels], turns: Sequence[Sequence[Mapping[str, Any]]], human: Human, gate: Gate
) -> dict[str, Any]:
    script = [[call(one["tool"], one["args"]) for one in turn] for turn in turns]
    store = MemoryStore()
    agent = Agent(
        ScriptedModel(*script, "Done."),
        tools=[tool_of(labels) for labels in tools],
        gate=gate,
        store=store,
        limits=Limits(turns=len(script) + 1),
    )
    run = await agent.run(prompt)
    while run.proposals:
        for proposal in run.proposals:
            shown = card_text(proposal)
            approved = human(shown, proposal.tool, json.loads(proposal.arguments))
            await decide(store, run.id, proposal.id, "approve" if approved else "reject", by=_PERSON,
                         shown=proposal.call_digest)  # fmt: skip
        run = await agent.resume(run.id)
    if run.status != "done":
        raise RuntimeError(f"The run ended {run.status!r}, not done.")
    return {"audit": audit_of(await store.read(run.id))}


def tool_of(labels: Labels) -> Tool[..., Any]:
    """Return the tool that these labels describe."""
    roles = {name: role for label, role in _ROLES.items() for name in labels[label]}
    effect = _EFFECTS[labels["effect"]]
    can_be_undone = labels["undo"] and effect != "read"
    return schema_tool(
        labels["name"],
        labels["description"],
        _without_defaults(labels["parameters"]),
        labels["run"],
        effect=effect,
        own=labels["effect"] == "own",
        roles=roles,
        undo=_undo if can_be_undone else None,
        trusted_result=effect == "read" and not labels["third_party"],
    )


def _without_defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a tool that fills in what is left out itself: the scorer compares what the model wrote."""
    properties = {
        name: {key: value for key, value in one.items() if key != "default"}
        for name, one in schema.get("properties", {}).items()
    }
    return {**schema, "properties": properties}


def _undo() -> str:
    """Stand for the tool's way back, which the scorer never takes."""
    return "undone"


def card_text(proposal: Proposal) -> str:
    """Return what the terminal shows of a proposal when all of it is open, without the margin beside its values."""
    text = ""
    for line in card_of(proposal, Look(_WIDTH)).lines:
        goes_on = line.startswith(f"{MARGIN[:-1]}…")
        text += line.removeprefix(f"{MARGIN[:-1]}…") if goes_on else f"\n{line.removeprefix(MARGIN)}"
    return text


def audit_of(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return each call that was to change something, as the journal has it: what began, and what a person refused."""
    audit: list[dict[str, Any]] = []
    asked: dict[str, Proposal] = {}
    for entry in entries:
        match entry.body:
            case Intended(tool=tool, arguments=arguments):
                audit.append({"tool": tool, "args": json.loads(arguments), "decision": "ran"})
            case Proposed(proposal=proposal):
                asked[proposal.call_id] = proposal
            case Received(call_id=call_id, state="denied") if call_id in asked:
                refused = asked[call_id]
                audit.append({"tool": refused.tool, "args": json.loads(refused.arguments), "decision": "rejected"})
            case _:
                pass
    return audit
