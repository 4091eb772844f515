"""What an agent has of a memory: its tools, the rule for its writes, and what it is told of it when a run begins."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from copilot_kit.approval.gate import Gate, GateCall, Rule, Ruling
from copilot_kit.errors import UsageError
from copilot_kit.messages import Message, Part, Source, Text
from copilot_kit.overlays import FRAMEWORK
from copilot_kit.records import Reason
from copilot_kit.tools import Tool

if TYPE_CHECKING:
    from copilot_kit.memory.memory import Memory

_APPLICATION = Source(kind="application", trusted=True)
_FRAMEWORK = _APPLICATION.model_copy(update={"ref": FRAMEWORK})
_TOOL = "memory"
_PATHS = ("path", "old_path", "new_path")


def opened_memory(memory: "Memory | str | os.PathLike[str] | None") -> "Memory | None":
    """Return the memory that an agent was given, opened if it is a folder's name."""
    if not isinstance(memory, str | os.PathLike):
        return memory
    if not os.fspath(memory):  # would be the folder that the program was started in, with all that is in it
        raise UsageError(f"memory={memory!r} names no folder. Name one, as in memory='notes'; it is made if need be.")
    from copilot_kit.memory.memory import Memory

    return Memory(memory)


def memory_tools(memory: "Memory | None", *, recalls: bool) -> list[Tool[..., Any]]:
    """Return the tools of a memory, and the one that finds what has left the window."""
    tools: list[Tool[..., Any]] = []
    if memory is not None:
        from copilot_kit.memory.search_tool import search_tool
        from copilot_kit.memory.tool import memory_tool

        tools += [memory_tool(memory), search_tool(memory)]
    if recalls:
        from copilot_kit.context.recall import recall_tool

        tools.append(recall_tool())
    return tools


def with_memory(gate: Gate, memory: "Memory | None") -> Gate:
    """Return the gate with a rule more: the agent may write to its memory, but not to what is always before it."""
    return gate if memory is None else gate.also(_notes_run(memory.pinned), label="notes in the memory run")


def _notes_run(pinned: Sequence[str]) -> Rule:
    """Return the rule; a person's rules may be stricter, and the pinned files ask unless one of those allows them."""
    from copilot_kit.memory.paths import place_of
    from copilot_kit.memory.problems import MemoryProblem

    allowed = Ruling("allow", (Reason(code="memory", text="it writes to its own memory; that can be taken back"),))

    def notes_run(call: GateCall) -> Ruling | None:
        if call.tool != _TOOL or not call.own or not call.undoable:
            return None
        for name in _PATHS:
            given = call.arguments.get(name)
            if not isinstance(given, str):
                continue
            try:
                path = place_of(given).path
            except MemoryProblem:  # the tool refuses it, whoever says yes
                continue
            if not path or any(path == one or path.startswith(f"{one}/") or one.startswith(f"{path}/")
                               for one in pinned):  # fmt: skip
                return None
        return allowed

    return notes_run


def instructed(instructions: str, memory: "Memory | None") -> list[Text]:
    """Return what stands before the conversation: the agent's instructions, and what a memory is for."""
    if memory is None:
        return [Text(text=instructions, source=_APPLICATION)] if instructions else []
    from copilot_kit.context.opening import PROTOCOL

    own = [Text(text=f"{instructions}\n\n", source=_APPLICATION)] if instructions else []
    return [*own, Text(text=PROTOCOL, source=_FRAMEWORK)]


def reminded(message: Message, memory: "Memory | None", *, model: str, limit: int | None) -> Message:
    """Return the first words of a run behind what its memory holds, and which of that another model wrote."""
    if memory is None:
        return message
    from copilot_kit.context.opening import DEFAULT_LIMIT, memory_parts

    parts: list[Part] = memory_parts(memory, model=model, limit=limit or DEFAULT_LIMIT)
    return message.model_copy(update={"parts": (*parts, *message.parts)}) if parts else message
