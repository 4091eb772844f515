"""Editing arguments: in the person's editor, or one argument at a time in the terminal."""

import asyncio
import json
import os
import shlex
import tempfile
from pathlib import Path
from typing import Any

from copilot_kit.arguments import Unreadable, compact, parse
from copilot_kit.cli.keys import Draft, Keyboard, TerminalKeyboard
from copilot_kit.cli.screen import folded, shown
from copilot_kit.display import clipped, visible


async def edited_arguments(arguments: str, *, keyboard: Keyboard, draft: Draft) -> str | None:
    """Return the arguments as the person wants them, as JSON; None if nothing changes.

    draft: what they wrote before and could not be used; the editor opens with it, and it keeps what they write.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if editor and isinstance(keyboard, TerminalKeyboard):
        text = await _in_editor(editor, draft.text or _readable(arguments))
        draft.text = text or ""
    else:
        text = await _in_line(arguments, keyboard)
    if text is None:
        return None
    try:
        changed = compact(parse(text))
    except Unreadable as error:
        kept = " What you wrote is kept: press e again." if draft.text else ""
        shown(folded(f"This cannot be read: {visible(str(error))}{kept}", indent="  "))
        return None
    return None if changed == arguments else changed


async def edited_text(text: str, *, suffix: str) -> str | None:
    """Return a text as the person leaves it in their editor; None where no editor is set, or it fails."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    return await _in_editor(editor, text, suffix=suffix) if editor else None


def _readable(arguments: str) -> str:
    """Return indented JSON; what cannot be seen stands there as an escape."""
    hidden = visible(arguments) != arguments
    return json.dumps(json.loads(arguments), ensure_ascii=hidden, indent=2) + "\n"


async def _in_editor(editor: str, text: str, *, suffix: str = ".json") -> str | None:
    """Let the person edit the text in a file that only they can read; None if the editor fails."""
    with tempfile.NamedTemporaryFile("w+", encoding="utf-8", prefix="copilot-kit-", suffix=suffix) as file:
        file.write(text)
        file.flush()
        try:
            process = await asyncio.create_subprocess_exec(*shlex.split(editor), file.name)
        except (OSError, ValueError) as error:  # ValueError: quotes in EDITOR that do not end
            why = getattr(error, "strerror", None) or error
            shown(folded(f"The editor {editor!r} does not start: {why}. Set EDITOR to one that does.", indent="  "))
            return None
        if await process.wait() != 0:
            return None
        return _content(Path(file.name))  # by name: editors replace the file


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        shown(folded(f"What the editor left cannot be read: {visible(str(error))}.", indent="  "))
        return None


async def _in_line(arguments: str, keyboard: Keyboard) -> str | None:
    values: dict[str, Any] = json.loads(arguments)
    names = list(values)
    name = (
        names[0] if len(names) == 1 else await keyboard.line(f"  Which argument? ({', '.join(map(visible, names))}) ")
    )
    if name is None or not name.strip():
        return None
    name = name.strip()
    if name not in values:
        shown(f"  There is no argument {clipped(name, 40)}.")
        return None
    is_text = isinstance(values[name], str)
    value = await keyboard.line(f"  {visible(name)} = {'' if is_text else '(JSON) '}")
    if value is None:
        return None
    try:
        return json.dumps({**values, name: value if is_text else json.loads(value)})
    except json.JSONDecodeError as error:
        shown(f"  This is not JSON: {error.msg}.")
        return None
