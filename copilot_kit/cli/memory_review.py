"""Going through what a person should look at in a memory: file by file, and what is proposed to be remembered."""

import asyncio
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from copilot_kit.cli.approvals import this_person
from copilot_kit.cli.editor import edited_text
from copilot_kit.cli.journals import at_journal
from copilot_kit.cli.keys import Keyboard, open_keyboard, read_script
from copilot_kit.cli.memories import me
from copilot_kit.cli.memory_lines import block_lines, file_lines, legend, short, what
from copilot_kit.cli.screen import as_json, bold, counted, dim, folded, height, new_page, shown, told, width
from copilot_kit.display import clipped, in_margin, visible
from copilot_kit.errors import CopilotError, UsageError
from copilot_kit.memory.concerns import Concern, Mark, concerns
from copilot_kit.memory.corrections import Correction, accept, corrections, decline, pinned_file
from copilot_kit.memory.memory import Memory
from copilot_kit.memory.notes import citations, evidence, heading, pinned

_NO_BREAK: Final = "\x01"
_FRAME: Final = 9
"""Lines of a card besides the file's own and those of its blocks."""
_FEWEST: Final = 6
_MOST_CITED: Final = 5
_PATH_COLUMNS: Final = 100
_DIGEST_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be reviewed."""

    memory: Memory
    models: frozenset[str] | None
    least: int
    store: str | None

    def concerns(self) -> list[Concern]:
        """Return the files with lines to look at."""
        return concerns(self.memory, models=self.models)

    def corrections(self) -> list[Correction]:
        """Return what is proposed to be remembered."""
        return at_journal(self.store, lambda journal: corrections(journal, least=self.least, memory=self.memory))

    def accept(self, name: str) -> None:
        """Write a proposed correction into the memory."""
        one = self._found(name)
        accept(self.memory, one, by=this_person())
        shown(f"Written to {pinned_file(self.memory)}: {heading(one)}")

    def decline(self, name: str) -> None:
        """Remember that a correction is not wanted."""
        one = self._found(name)
        decline(self.memory, one, by=this_person())
        shown(f"Not proposed again until there are new cases: {heading(one)}")

    def _found(self, name: str) -> Correction:
        proposed = self.corrections()
        for one in proposed:
            if name in {one.id, one.id.removeprefix("c-")}:
                return one
        known = ", ".join(one.id for one in proposed) or "none"
        raise UsageError(f"No correction {name!r} is proposed. Proposed are: {known}.")


def reviewed(task: Task, *, json: bool, script: Path | None) -> None:
    """List what is to be looked at, or go through it where a person can answer."""
    if json:
        as_json(_as_json(task))
        return
    keyboard = _keyboard(script)
    items: list[Concern | Correction] = [*task.concerns(), *task.corrections()]
    if not items:
        told("Nothing to look at.")
    elif keyboard is None:
        _list(task, items)
    else:
        asyncio.run(Sitting(task, items, keyboard).hold())
    if task.models is None and any(entry.by.model for entry in task.memory.history(last=1000)):
        told(folded("Which models are in use is not known: name them in frontier.toml or with --model, and the "
                    "notes of others are listed too."))  # fmt: skip


def _keyboard(script: Path | None) -> Keyboard | None:
    if script is not None:
        return open_keyboard(read_script(script))
    return open_keyboard() if sys.stdin.isatty() and sys.stdout.isatty() else None


class Sitting:
    """A person at a terminal with one thing after the other before them."""

    def __init__(self, task: Task, items: list[Concern | Correction], keyboard: Keyboard) -> None:
        self._task = task
        self._memory = task.memory
        self._items = items
        self._keyboard = keyboard
        self._here = 0
        self._notes: list[str] = []

    async def hold(self) -> None:
        """Ask about each thing until none is left, or the person leaves."""
        while self._items:
            self._here %= len(self._items)
            one = self._items[self._here]
            goes_on = await (self._file(one) if isinstance(one, Concern) else self._correction(one))
            if not goes_on:
                break
        for line in self._notes:
            shown(line)
        told(f"{counted(len(self._items), 'thing')} left to look at." if self._items else "Nothing left to look at.")

    async def _file(self, one: Concern) -> bool:
        """Show a file with lines to look at, and do what the person wants; tells whether to go on."""
        whole = self._draw_file(one, whole=False)
        while True:
            view = [] if whole else ["v view all"]
            self._hint(["y confirm all lines", "e edit", "u undo the change", *view])
            key = await self._keyboard.key()
            match key:
                case "y" if not whole:
                    shown("  Not yet: not all of its lines were shown. Press v to see them all.")
                case "v":
                    whole = self._draw_file(one, whole=True)
                case "y":
                    return self._confirmed(one)
                case "e":
                    return await self._edited(one)
                case "u":
                    return self._undone(one)
                case _ if (going := self._moved(key)) is not None:
                    return going
                case _:
                    pass

    async def _correction(self, one: Correction) -> bool:
        """Show what people keep correcting, and do what the person wants; tells whether to go on."""
        self._draw_correction(one, most=_MOST_CITED)
        while True:
            more = ["v view all"] if len(one.cases) > _MOST_CITED else []
            self._hint(["y write it into the memory", "n do not propose it", *more])
            key = await self._keyboard.key()
            match key:
                case "y":
                    words = f"written to {pinned_file(self._memory)}: {heading(one)}"
                    return self._tried(lambda: accept(self._memory, one, by=this_person()), words)
                case "n":
                    return self._tried(lambda: decline(self._memory, one, by=this_person()), f"left: {heading(one)}")
                case "v":
                    self._draw_correction(one, most=None)
                case _ if (going := self._moved(key)) is not None:
                    return going
                case _:
                    pass

    def _moved(self, key: str | None) -> bool | None:
        """Go on, back or away; None: the key does nothing."""
        match key:
            case "j" | "k":
                self._here += 1 if key == "j" else -1
                return True
            case None | "q":
                return False
            case _:
                return None

    def _begin(self) -> None:
        new_page()
        shown(f"{bold('review')} {dim(f'· {self._here + 1} of {len(self._items)}')}")
        for line in self._notes:
            shown(line)
        self._notes.clear()

    def _hint(self, keys: list[str]) -> None:
        whole = [key.replace(" ", _NO_BREAK) for key in [*keys, "j k move", "q leave"]]
        shown(dim(folded(" · ".join(whole), indent="  ").replace(_NO_BREAK, " ")))

    def _draw_file(self, one: Concern, *, whole: bool) -> bool:
        """Show the card; tells whether all lines of the file stand on it."""
        self._begin()
        lines = file_lines(one.page, models=self._task.models, width=width())
        below = _below(one, self._task.models)
        fits = len(lines) <= max(_FEWEST, height() - _FRAME - len(below))
        if not fits and not whole:
            lines = file_lines(one.page, models=self._task.models, width=width(), only=one.blocks)
        for line in ["", *_head(one), *lines, "", *below]:
            shown(line)
        return fits or whole

    def _draw_correction(self, one: Correction, *, most: int | None) -> None:
        """Show the card: the note as it would be written, and the decisions that it stands on."""
        self._begin()
        text = pinned(one, by=this_person().id, on=datetime.now(UTC).date().isoformat())
        shown(f"\n{bold(one.id)}  {dim(f'what would be written to {pinned_file(self._memory)}')}")
        for line in in_margin(text.rstrip("\n").split("\n"), width=width()):
            shown(line)
        shown(dim("  the decisions that say so"))
        for line in cited_lines(one, most=most):
            shown(line)

    def _confirmed(self, one: Concern) -> bool:
        """Write down that the file as it was shown may be relied on."""
        path, digest = one.page.path, one.page.digest
        return self._tried(lambda: self._memory.confirm(path, by=me(), expect=digest), f"confirmed: {path}")

    async def _edited(self, one: Concern) -> bool:
        text = await edited_text(one.page.text, suffix=".md")
        if text is None or text == one.page.text:
            self._notes.append("  Nothing was changed. To edit, set EDITOR, or change the file itself and look again.")
            return True
        path, digest = one.page.path, one.page.digest
        return self._tried(
            lambda: self._memory.write(path, text, by=me(), expect=digest), f"written: {path}", again=path
        )

    def _undone(self, one: Concern) -> bool:
        """Take back the newest change that brought lines to look at."""
        entries = [block.entry for block in one.blocks if block.entry is not None]
        if not entries:
            self._notes.append("  Nobody knows which change brought these lines: there is nothing to take back.")
            return True
        newest = max(entries, key=lambda entry: entry.at)
        words = f"{short(newest.id)} taken back: {newest.path} {what(newest)}"
        return self._tried(lambda: self._memory.undo(newest.id, by=me()), words, again=one.page.path)

    def _tried(self, work: Any, words: str, *, again: str | None = None) -> bool:
        """Do it and say what it came to; again: a file that may still have lines to look at."""
        try:
            work()
        except CopilotError as error:
            self._notes.append(folded(visible(str(error)), indent="  "))
            self._refresh()
            return True
        self._notes.append(f"  {clipped(words, width() - 3)}")
        del self._items[self._here]
        if again is not None:
            self._items[self._here : self._here] = [one for one in self._task.concerns() if one.page.path == again]
        return True

    def _refresh(self) -> None:
        """Look at the file anew, since it may not be what was shown."""
        one = self._items[self._here]
        if isinstance(one, Concern):
            now = [other for other in self._task.concerns() if other.page.path == one.page.path]
            self._items[self._here : self._here + 1] = now


_SAID: Final[dict[Mark, str]] = {
    "untrusted": "built on untrusted text",
    "outside": "changed past the memory",
    "retired": "by a model that is asked no more",
}


def _head(one: Concern) -> list[str]:
    words = ", ".join(_SAID[mark] for mark in dict.fromkeys(one.marks) if mark in _SAID)
    return [bold(clipped(one.page.path, _PATH_COLUMNS)), dim(f"  lines {words}")]


def _below(one: Concern, models: frozenset[str] | None) -> list[str]:
    return [*block_lines(one.blocks, models=models, width=width()), *map(dim, legend(one.marks))]


def cited_lines(one: Correction, *, most: int | None) -> list[str]:
    """Return the decisions that a correction stands on, the newest ones of many."""
    cited = citations(one)
    lines = in_margin(cited if most is None else cited[:most], width=width())
    left = 0 if most is None else len(cited) - most
    return [*lines, dim(f"  and {left} earlier")] if left > 0 else lines


def _list(task: Task, items: list[Concern | Correction]) -> None:
    files = [one for one in items if isinstance(one, Concern)]
    for one in items:
        if isinstance(one, Concern):
            lines = file_lines(one.page, models=task.models, width=width(), only=one.blocks)
            for line in [*_head(one), *lines, *_below(one, task.models), ""]:
                shown(line)
        else:
            shown(f"{bold(one.id)}  {heading(one)}")
            for line in [folded(evidence(one), indent="  "), *cited_lines(one, most=_MOST_CITED), ""]:
                shown(line)
    if files:
        first = files[0].page
        told(f"Confirm a file with: copilot-kit memory review --confirm {visible(first.path)} "
             f"--digest {first.digest[:_DIGEST_DIGITS]}")  # fmt: skip
    if len(files) < len(items):
        told("Take a correction with: copilot-kit memory review --accept ID, or leave it with --decline ID")


def _as_json(task: Task) -> dict[str, Any]:
    files = [
        {
            "path": one.page.path,
            "digest": one.page.digest,
            "blocks": [{**lines.model_dump(mode="json"), "mark": mark}
                       for lines, mark in zip(one.blocks, one.marks, strict=True)],
        }
        for one in task.concerns()
    ]  # fmt: skip
    proposed = [
        {
            "id": one.id, "kind": one.kind, "tool": one.tool, "says": heading(one), "evidence": evidence(one),
            "share": one.share, "against": one.against, "judged": one.judged,
            "cases": [{"run_id": case.run_id, "proposal_id": case.proposal_id, "by": case.by, "at": case.at,
                       "said": case.said, "before": case.before, "after": case.after} for case in one.cases],
        }
        for one in task.corrections()
    ]  # fmt: skip
    models = None if task.models is None else sorted(task.models)
    return {"models": models, "files": files, "corrections": proposed}
