"""The question in the terminal: one card, one key, one decision about exactly what was shown."""

import getpass
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from copilot_kit.approval import decide, stop
from copilot_kit.cli.card import Card, background_of, card_of, whole_of
from copilot_kit.cli.editor import edited_arguments
from copilot_kit.cli.keys import Keyboard
from copilot_kit.cli.screen import dim, folded, height, shown, width
from copilot_kit.display import visible
from copilot_kit.errors import NotDecidable, ToolRefused
from copilot_kit.journal import Store
from copilot_kit.records import Principal, Proposal
from copilot_kit.tools import Tool, arguments_of

Tools: TypeAlias = Mapping[str, Tool[..., Any]]
_NO_BREAK = "\x01"
_KEYS = ("y approve", "e edit", "r reject", "k skip", "v view all", "s stop", "? why")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the person wants, and how long they looked."""

    verdict: Literal["approve", "edit", "reject", "skip", "stop", "gone"]
    """`gone`: somebody else decided in the meantime, or it expired."""
    arguments: str | None = None
    text: str | None = None
    looked_s: float = 0.0


def this_person() -> Principal:
    """Return the terminal's own user."""
    return Principal(id=getpass.getuser(), authenticated="local")


@dataclass(frozen=True, slots=True)
class Desk:
    """A person at a terminal who decides what an agent proposes."""

    keyboard: Keyboard
    tools: Tools = field(default_factory=dict)
    """For checking what a person edits before it is sent off."""
    by: Principal = field(default_factory=this_person)
    clock: Callable[[], float] = time.monotonic

    async def decide(self, store: Store, run_id: str, proposal: Proposal) -> Choice:
        """Ask about one proposal and write the decision down; skipping leaves it waiting."""
        choice = await self.ask(proposal)
        match choice.verdict:
            case "skip":
                shown("  left waiting")
            case "stop":
                await stop(store, run_id, by=self.by, text="stopped in the terminal")
                shown("  stopped; nothing that waits will run")
            case "approve" | "edit" | "reject" as verdict:
                try:
                    await decide(
                        store, run_id, proposal.id, verdict, by=self.by, arguments=choice.arguments, text=choice.text,
                        shown=proposal.call_digest, looked_s=choice.looked_s, channel="terminal",
                    )  # fmt: skip
                except NotDecidable as error:
                    shown(f"  {visible(str(error))}")
                    return Choice("gone", looked_s=choice.looked_s)
                shown(f"  {_PAST[verdict]}")
            case "gone":
                pass
        return choice

    async def ask(self, proposal: Proposal) -> Choice:
        """Show the card and return what the person wants; Enter and a closed terminal never approve."""
        question = _Question(self, proposal)
        while True:
            shown(dim(_keys()))
            choice = await question.press(await self.keyboard.key())
            if choice is not None:
                return choice


class _Question:
    """One proposal on the screen, with the changes a person made to it so far."""

    def __init__(self, desk: Desk, proposal: Proposal) -> None:
        self._desk = desk
        self._proposal = proposal
        self._begun = desk.clock()
        self._edited: str | None = None
        self._card = self._shown()

    async def press(self, key: str | None) -> Choice | None:
        """Return the choice that the key makes, None if it makes none."""
        looked_s = self._desk.clock() - self._begun
        match key:
            case None | "k":
                return Choice("skip", looked_s=looked_s)
            case "s":
                return Choice("stop", looked_s=looked_s)
            case "n":
                return Choice("reject", looked_s=looked_s)
            case "r":
                reason = await self._desk.keyboard.line("  Why not? (told to the model) ")
                return None if reason is None else Choice("reject", text=reason.strip() or None, looked_s=looked_s)
            case "y" if self._card.folded:
                shown(f"  Not yet: {self._card.folded} lines were not shown. Press v to see them all.")
            case "y" if self._edited is not None:
                return Choice("edit", arguments=self._edited, looked_s=looked_s)
            case "y":
                return Choice("approve", looked_s=looked_s)
            case _:
                await self._look(key)
        return None

    def _shown(self, *, whole: bool = False) -> Card:
        tool = self._desk.tools.get(self._proposal.tool)
        preview = None if self._edited is None else _preview(tool, self._edited)  # the proposal brings its own
        if whole:
            card = whole_of(self._proposal, width=width(), edited=self._edited, preview=preview)
        else:
            most = height()
            card = card_of(self._proposal, width=width(), most_lines=most, edited=self._edited, preview=preview)
        for line in card.lines:
            shown(line)
        return card

    async def _look(self, key: str) -> None:
        """Show more, or let the person change the arguments."""
        match key:
            case "e":
                changed = await self._changed(self._edited or self._proposal.arguments)
                if changed is not None:
                    self._edited = changed
                    self._card = self._shown()
            case "v":
                self._card = self._shown(whole=True)
            case "?":
                for line in background_of(self._proposal):
                    shown(folded(line, indent="  "))
            case _:  # Enter among them
                pass

    async def _changed(self, arguments: str) -> str | None:
        """Return other arguments in canonical form, None if the person leaves them as they are."""
        text = await edited_arguments(arguments, keyboard=self._desk.keyboard)
        if text is None:
            shown("  unchanged")
            return None
        tool = self._desk.tools.get(self._proposal.tool)
        try:
            return text if tool is None else tool.canonical(text)
        except ToolRefused as error:
            shown(f"  {visible(str(error))}")
            return None


def _keys() -> str:
    """Return what can be pressed, in lines that break between keys."""
    line = f"{_NO_BREAK}· ".join(key.replace(" ", _NO_BREAK) for key in _KEYS)
    return folded(line, indent="  ").replace(_NO_BREAK, " ")


_PAST = {"approve": "approved", "edit": "approved with your changes", "reject": "rejected"}


def _preview(tool: Tool[..., Any] | None, arguments: str) -> str | None:
    """Return what the tool makes of the arguments, if it can say so beforehand."""
    if tool is None or tool.preview is None:
        return None
    try:
        return str(tool.preview(**arguments_of(arguments)))
    except Exception as error:  # noqa: BLE001  the tool's own code; the arguments are shown all the same
        return f"The tool cannot show it beforehand ({type(error).__name__}: {error})."
