"""The words in which the memory tool answers: those of Anthropic's documentation, which its models were taught with.

Source of the texts, the width of line numbers and the limit of lines: platform.claude.com, "Memory tool", read in
November 2026. What the documentation leaves open is said in words of our own.
"""

from typing import Final

from copilot_kit.memory.commands import LAST_LINE, Insert, Replace
from copilot_kit.outputs import ToolError

MOST_LINES: Final = 999_999
LISTED_DEPTH: Final = 2
_NOT_LISTED = "node_modules"
_AROUND = 2
_MOST_SNIPPET = 24
_MOST_NUMBERS = 100
_STEP = 1024
_UNITS = "KMGT"


def lines_of(text: str) -> list[str]:
    """Return the lines without their ends; only a line feed ends one, and an end is no further line."""
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def numbered(line: str, number: int) -> str:
    """Return a line as it is shown."""
    return f"{number:>6}\t{line}\n"


def size(count: int) -> str:
    """Return a number of bytes as people read it: `512B`, `1.5K`, `4.0M`."""
    if count < _STEP:
        return f"{count}B"
    value, unit = float(count), ""
    for unit in _UNITS:  # noqa: B007  the one that it ends with is wanted
        value /= _STEP
        if value < _STEP:
            break
    return f"{value:.1f}{unit}"


def is_listed(path: str) -> bool:
    """Return whether a path below the listed folder is shown: hidden things and packages are not."""
    return not any(part.startswith(".") or part == _NOT_LISTED for part in path.split("/"))


def listing_head(path: str) -> str:
    """Return the line above a folder's listing."""
    return (
        f"Here're the files and directories up to {LISTED_DEPTH} levels deep in {path}, excluding hidden items and "
        f"{_NOT_LISTED}:\n"
    )


def content_head(path: str) -> str:
    """Return the line above a file's lines."""
    return f"Here's the content of {path} with line numbers:\n"


def created(path: str) -> str:
    """Return what is said of a new file."""
    return f"File created successfully at: {path}"


def replaced_head() -> str:
    """Return what is said of a replacement, above the lines that it changed."""
    return "The memory file has been edited. Here are the changed lines, with line numbers:\n"


def inserted(path: str) -> str:
    """Return what is said of inserted lines."""
    return f"The file {path} has been edited."


def deleted(path: str) -> str:
    """Return what is said of something deleted."""
    return f"Successfully deleted {path}"


def renamed(path: str, new_path: str) -> str:
    """Return what is said of something renamed."""
    return f"Successfully renamed {path} to {new_path}"


def not_there(path: str, command: str) -> ToolError:
    """Return the error of a command whose file or folder does not exist; some end in advice, as documented."""
    if command == "view":
        return ToolError(f"The path {path} does not exist. Please provide a valid path.")
    advice = ". Please provide a valid path." if command == "str_replace" else ""
    return ToolError(f"Error: The path {path} does not exist{advice}")


def there_already(path: str) -> ToolError:
    """Return the error of a create whose file exists."""
    return ToolError(f"Error: File {path} already exists")


def destination_there(path: str) -> ToolError:
    """Return the error of a rename to something that exists."""
    return ToolError(f"Error: The destination {path} already exists")


def root_kept(command: str, root: str) -> ToolError:
    """Return the error of what would take the root away."""
    return ToolError(f"Error: Cannot {command} the {root} directory itself")


def shown_lines(count: int, wanted: tuple[int, int] | None, path: str) -> range:
    """Return the numbers of the lines to show of so many; an end beyond the last is the last."""
    if count > MOST_LINES:
        raise ToolError(f"File {path} exceeds maximum line limit of {MOST_LINES:,} lines.")
    if wanted is None:
        return range(1, count + 1)
    first, last = max(1, wanted[0]), count if wanted[1] == LAST_LINE else min(wanted[1], count)
    if first > max(last, 1):
        raise ToolError(
            f"Error: Invalid `view_range` parameter: {list(wanted)}. Its lines should be within the range of lines of "
            f"the file: [1, {count}]"
        )
    return range(first, last + 1)


def with_replacement(text: str, command: Replace) -> str:
    """Return the text with the one occurrence replaced; raises `ToolError` if there is none, or another one."""
    path, old = command.path, command.old
    if not old:
        raise ToolError("No replacement was performed, old_str is empty. Give the text to replace, or use insert.")
    if old not in text:
        raise ToolError(f"No replacement was performed, old_str `{old}` did not appear verbatim in {path}.")
    if text.count(old) > 1:
        lines = ", ".join(_lines_with(text, old))
        raise ToolError(
            f"No replacement was performed. Multiple occurrences of old_str `{old}` in lines: {lines}. Please ensure "
            "it is unique"
        )
    return text.replace(old, command.new)


def replaced_lines(text: str, old: str) -> range:
    """Return the numbers of the lines that hold what is to be replaced; none if it is not there."""
    at = text.find(old)
    if at < 0:
        return range(0)
    first = text.count("\n", 0, at) + 1
    return range(first, first + old.count("\n") + 1)


def snippet_lines(before: str, command: Replace, after: str) -> range:
    """Return the numbers of the lines that show what a replacement changed, with some around them."""
    first = before.count("\n", 0, before.index(command.old)) + 1
    last = first + command.new.count("\n") + _AROUND
    begin = max(1, first - _AROUND)
    return range(begin, min(last, len(lines_of(after)), begin + _MOST_SNIPPET - 1) + 1)


def with_insertion(text: str, command: Insert) -> str:
    """Return the text with whole lines put in; raises `ToolError` for a line that there is not."""
    lines = lines_of(text)
    if not 0 <= command.after <= len(lines):
        raise ToolError(
            f"Error: Invalid `insert_line` parameter: {command.after}. It should be within the range of lines of the "
            f"file: [0, {len(lines)}]"
        )
    at = sum(len(line) + 1 for line in lines[: command.after])
    head, tail = text[:at], text[at:]
    return f"{_ended(head) if head else ''}{_ended(command.text)}{tail}"


def _ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def _lines_with(text: str, old: str) -> list[str]:
    """Return the numbers of the lines in which occurrences begin; of very many the first ones."""
    numbers: list[str] = []
    line, counted, at = 1, 0, text.find(old)
    while at >= 0 and len(numbers) < _MOST_NUMBERS:
        line += text.count("\n", counted, at)
        counted = at
        if numbers[-1:] != [str(line)]:
            numbers.append(str(line))
        at = text.find(old, at + len(old))
    return numbers if at < 0 else [*numbers, "…"]
