"""Memory as a tool: six commands that every model can follow, sent as the provider's own tool where there is one.

    Agent(..., tools=[memory_tool(Memory("notes/"))])

What it changes is written to the history under the call's id: that is how a call is taken back, and how it is known
of a call that a killed process left behind whether it happened.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from pydantic import JsonValue

from copilot_kit.memory import answers
from copilot_kit.memory.commands import (
    ROOT,
    Arguments,
    Command,
    Create,
    Delete,
    Insert,
    Rename,
    Replace,
    View,
    command_of,
)
from copilot_kit.memory.entries import Author, Entry, origins
from copilot_kit.memory.forecast import forecast
from copilot_kit.memory.memory import Memory
from copilot_kit.memory.problems import AlreadyThere, MemoryProblem, NotAFile, NotFound
from copilot_kit.memory.tracing import repeated
from copilot_kit.memory.views import changed_view, untrusted_of, view
from copilot_kit.messages import Source, Text
from copilot_kit.outputs import ToolError
from copilot_kit.records import Preview
from copilot_kit.tools import Tool, ToolContext

NAME: Final = "memory"
NATIVE: Final[dict[str, dict[str, JsonValue]]] = {"anthropic.messages": {"type": "memory_20250818", "name": NAME}}
_DESCRIPTION: Final = (
    "Your notes: text files below /memories that outlast this conversation. Before you begin, view /memories and read "
    "what concerns the task. While you work, write down what is done, found out, decided and still open: the "
    "conversation may be cut off at any time, and only what is written there is left. Commands: view (path) lists a "
    "folder or shows a file; create (path, file_text) writes a new file; str_replace (path, old_str, new_str) changes "
    "a place in a file; insert (path, insert_line, insert_text) adds lines; delete (path); rename (old_path, new_path)."
)

T = TypeVar("T")


def memory_tool(memory: Memory) -> Tool[..., Any]:
    """Return the tool `memory`, by which a model reads and writes this memory.

    Views only read; the other commands pass the gate as writes to what is the user's own, and can be undone.
    """

    def run(command: Command, context: ToolContext) -> str | list[Text]:
        try:
            return _done(memory, command, context)
        except MemoryProblem as problem:
            raise ToolError(f"Error: {problem}") from problem

    def undo(context: ToolContext) -> str:
        return _taken_back(memory, context)

    def check(context: ToolContext) -> bool | None:
        return _happened(memory, context)

    def preview(**arguments: Any) -> Preview:
        return forecast(memory, command_of(arguments))

    return Tool(
        function=run,
        name=NAME,
        description=_DESCRIPTION,
        effect="write",
        own=True,
        roles={
            "path": "object",
            "old_path": "object",
            "new_path": "object",
            "file_text": "content",
            "old_str": "content",
            "new_str": "content",
            "insert_text": "content",
        },
        preview=preview,
        undo=undo,
        check=check,
        reads_when=lambda arguments: arguments["command"] == "view",
        native=NATIVE,
        from_schema=Arguments(),
    )


def _done(memory: Memory, command: Command, context: ToolContext) -> str | list[Text]:
    match command:
        case View():
            return view(memory, command)
        case Create():
            return _create(memory, command, context)
        case Replace():
            return _replace(memory, command, context)
        case Insert():
            return _insert(memory, command, context)
        case Delete():
            return _delete(memory, command, context)
        case Rename():
            return _rename(memory, command, context)


def _create(memory: Memory, command: Create, context: ToolContext) -> str:
    path, by = command.path, _author(context)
    try:
        memory.write(path, command.text, by=by, sources=_sources(context, command.text), create_only=True)
    except AlreadyThere as problem:
        raise _there(memory, path, answers.there_already(path), problem) from problem
    return answers.created(path)


def _replace(memory: Memory, command: Replace, context: ToolContext) -> list[Text]:
    path, before = command.path, ""

    def changed(text: str) -> str:
        nonlocal before
        before = text
        return answers.with_replacement(text, command)

    def change() -> Entry:
        gone = untrusted_of(memory, path, lambda text: answers.replaced_lines(text, command.old))
        return memory.change(path, changed, by=_author(context), sources=_sources(context, command.new, *gone))

    _on_file(change, path, "str_replace")
    return changed_view(memory, command, before)


def _insert(memory: Memory, command: Insert, context: ToolContext) -> str:
    def change() -> Entry:
        return memory.change(
            command.path,
            lambda text: answers.with_insertion(text, command),
            by=_author(context),
            sources=_sources(context, command.text),
        )

    _on_file(change, command.path, "insert")
    return answers.inserted(command.path)


def _delete(memory: Memory, command: Delete, context: ToolContext) -> str:
    if command.path == ROOT:
        raise answers.root_kept("delete", ROOT)
    try:
        memory.delete(command.path, by=_author(context))
    except NotFound as problem:
        raise answers.not_there(command.path, "delete") from problem
    return answers.deleted(command.path)


def _rename(memory: Memory, command: Rename, context: ToolContext) -> str:
    path, new_path = command.path, command.new_path
    if path == ROOT:
        raise answers.root_kept("rename", ROOT)
    if new_path == ROOT:
        raise answers.destination_there(ROOT)
    try:
        memory.rename(path, new_path, by=_author(context))
    except NotFound as problem:
        raise answers.not_there(path, "rename") from problem
    except AlreadyThere as problem:
        raise _there(memory, new_path, answers.destination_there(new_path), problem) from problem
    return answers.renamed(path, new_path)


def _on_file(change: Callable[[], T], path: str, command: str) -> T:
    """Return what the change gives; a folder is no file, and is told of as the documentation has it."""
    try:
        return change()
    except (NotFound, NotAFile) as problem:
        raise answers.not_there(path, command) from problem


def _there(memory: Memory, path: str, documented: ToolError, problem: MemoryProblem) -> ToolError:
    """Return the documented error if this very path is taken, the memory's words if one that looks like it is."""
    try:
        memory.read(path)
    except NotFound:
        return ToolError(f"Error: {problem}")
    except MemoryProblem:  # a folder, or no text: it is there
        return documented
    return documented


def _author(context: ToolContext) -> Author:
    return Author(
        kind="model",
        run_id=context.run_id,
        call_id=context.call_id,
        agent=context.agent or None,
        model=context.model or None,
    )


def _sources(context: ToolContext, text: str, *more: Source) -> tuple[Source, ...]:
    """Return what is known of where the text came from, as far as nobody vouches for it; the model itself is `by`."""
    told = (source for source in context.sources if not source.trusted and source.kind != "model")
    return origins([*told, *repeated(text, context.messages), *more])


def _taken_back(memory: Memory, context: ToolContext) -> str:
    entries = memory.history(call_id=context.call_id, run_id=context.run_id)
    undone = {entry.undoes for entry in entries}
    moved = {entry.moved_from for entry in entries}  # undone with the entry of the new path
    left = [e for e in entries if e.undoes is None and e.id not in undone and not (e.after is None and e.path in moved)]
    if not left:
        raise ToolError("There is nothing to undo: no change of this call is in the history of the memory.")
    try:
        for entry in reversed(left):
            memory.undo(entry.id, by=_author(context))
    except MemoryProblem as problem:
        raise ToolError(f"It was not undone: {problem}") from problem
    return "Undone: " + ", ".join(sorted({f"{ROOT}/{entry.path}" for entry in left}))


def _happened(memory: Memory, context: ToolContext) -> bool | None:
    """Return whether the call's changes are in the history and came true; None: some did and some did not."""
    entries = memory.history(call_id=context.call_id, run_id=context.run_id)
    void = {
        later.undoes
        for path in {entry.path for entry in entries}
        for later in memory.history(path)
        if later.by.kind == "outside"
    }
    came_true = {entry.id not in void for entry in entries}
    return None if len(came_true) > 1 else came_true == {True}
