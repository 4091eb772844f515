"""What a command of the memory tool would change, for the person who is asked about it."""

from typing import Final

from copilot_kit.memory import answers
from copilot_kit.memory.blocks import unified
from copilot_kit.memory.commands import ROOT, Command, Create, Delete, Insert, Rename, Replace, View
from copilot_kit.memory.memory import Memory
from copilot_kit.memory.problems import MemoryProblem, NotAFile, NotFound
from copilot_kit.outputs import ToolError
from copilot_kit.records import Preview

_MOST_NAMED: Final = 200


def forecast(memory: Memory, command: Command) -> Preview:
    """Return the change as a diff against the file as it is; a command that would fail says so in the tool's words."""
    try:
        match command:
            case View(path):
                return Preview(title=f"read {path}")
            case Create(path, text):
                return _diff(path, _text(memory, path), text, is_new=True)
            case Replace(path):
                text = memory.read(path)
                return _diff(path, text, answers.with_replacement(text, command))
            case Insert(path):
                text = memory.read(path)
                return _diff(path, text, answers.with_insertion(text, command))
            case Delete(path):
                return _deletion(memory, path)
            case Rename(path, new_path):
                return _renaming(memory, path, new_path)
    except (MemoryProblem, ToolError) as problem:
        return Preview(
            title=f"memory: {type(command).__name__.lower()}", body=f"As things are, it would fail: {problem}"
        )


def _text(memory: Memory, path: str) -> str | None:
    try:
        return memory.read(path)
    except NotFound:
        return None


def _deletion(memory: Memory, path: str) -> Preview:
    if path == ROOT:
        raise answers.root_kept("delete", ROOT)
    try:
        return _diff(path, memory.read(path), None)
    except NotAFile:
        return _of_folder(memory, path, f"delete the folder {path}")


def _renaming(memory: Memory, path: str, new_path: str) -> Preview:
    title = f"rename {path} to {new_path}"
    if _is_there(memory, new_path):
        raise answers.destination_there(new_path)
    try:
        text = memory.read(path)
    except NotAFile:
        return _of_folder(memory, path, title)
    return Preview(title=title, body=text, reversible=True)


def _is_there(memory: Memory, path: str) -> bool:
    try:
        memory.read(path)
    except NotFound:
        return False
    except MemoryProblem:  # a folder, or no text
        return True
    return True


def _of_folder(memory: Memory, path: str, title: str) -> Preview:
    files = [one for one in memory.listing(path, depth=1_000) if not one.is_folder]
    lines = [f"{answers.size(one.size)}\t{ROOT}/{one.path}" for one in files[:_MOST_NAMED]]
    if len(files) > _MOST_NAMED:
        lines.append(f"and {len(files) - _MOST_NAMED:,} more")
    count = f"{len(files):,} file{'' if len(files) == 1 else 's'}"
    return Preview(title=f"{title}: {count}", body="\n".join(lines), reversible=True)


def _diff(path: str, before: str | None, after: str | None, *, is_new: bool = False) -> Preview:
    if is_new and before is not None:
        raise answers.there_already(path)
    verb = "delete" if after is None else "create" if before is None else "change"
    old, new = (None if text is None else path for text in (before, after))
    body = unified((before or "").encode(), (after or "").encode(), old_name=old, new_name=new)
    plus, minus = (sum(line.startswith(mark) for line in body.split("\n")[2:]) for mark in "+-")
    return Preview(kind="diff", title=f"{verb} {path}: +{plus} -{minus}", body=body.removesuffix("\n"), reversible=True)
