"""One card before a person: each key does one thing, and only what was seen whole can be approved."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

from copilot_kit.cli.card import Card, Look, background_of, card_of
from copilot_kit.cli.editor import edited_arguments
from copilot_kit.cli.keys import Draft, Keyboard
from copilot_kit.cli.rule_lines import Offer
from copilot_kit.cli.screen import dim, folded, height, shown, width
from copilot_kit.display import in_margin, visible
from copilot_kit.errors import ToolRefused
from copilot_kit.records import Preview, Proposal, StandingRule
from copilot_kit.tools import Tool, arguments_of

Tools: TypeAlias = Mapping[str, Tool[..., Any]]
Offering: TypeAlias = Callable[[Proposal], Awaitable[Offer | None]]
Verdict: TypeAlias = Literal["approve", "edit", "reject", "answer", "skip", "back", "stop", "gone", "again", "other"]
_NO_BREAK: Final = "\x01"
_AT_ONCE: Final[dict[str | None, Verdict]] = {None: "skip", "j": "skip", "k": "skip", "s": "stop", "n": "reject"}
_DECIDING: Final = frozenset("nrxyea ")
_TOGETHER: Final = frozenset("ynr")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the person wants, and how long they looked."""

    verdict: Verdict
    """gone: somebody else decided in the meantime; again: ask anew, it expired; other: a key of the caller's own."""
    arguments: str | None = None
    text: str | None = None
    looked_s: float = 0.0
    rule: StandingRule | None = None
    key: str | None = None
    """What was pressed; None: nobody is there any more."""
    saw: str | None = None
    """Digest of the card that they had before them; None: it showed more than the proposal does."""


@dataclass(slots=True)
class Setting:
    """What a question needs of its surroundings."""

    keyboard: Keyboard
    clock: Callable[[], float]
    tools: Tools = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)
    """Further keys that end the question, and what they do: ` ` to `space mark`."""
    offering: Offering | None = None
    drafts: dict[tuple[str, str], Draft] = field(default_factory=dict)
    """Words typed and not sent, by proposal and key."""
    fresh: Preview | None = None
    """What would come of the call as things stand now, where that is not what the proposal says."""
    context: Sequence[str] = ()
    """Our own lines below the card's title: the task, how long it still waits."""
    moves: bool = False
    """There is a list to move in: j goes on, k goes back; else both leave the call waiting."""
    marked: int = 0
    """How many calls of one turn are to be decided together."""
    is_marked: bool = False
    """This one is among them."""
    most_lines: int | None = None
    """How much of the screen the card may take; None: all of it."""


class Question:
    """One proposal on the screen, with the changes a person made to it so far."""

    def __init__(self, setting: Setting, proposal: Proposal) -> None:
        self._setting = setting
        self._proposal = proposal
        self._begun = setting.clock()
        self._edited: str | None = None
        self._offer: Offer | None = None
        self._card = self._shown()

    async def asked(self, gone: "asyncio.Task[str] | None" = None) -> Choice:
        """Return what the person wants; `gone` ends it with the words of why the call waits no more."""
        while True:
            shown(dim(_keys(self._hints())))
            pressed = asyncio.ensure_future(self._setting.keyboard.key())
            try:
                await asyncio.wait({pressed} if gone is None else {pressed, gone},
                                   return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
                if gone is not None and gone.done():
                    return Choice("gone", looked_s=self._looked_s, text=gone.result(), key="")
                choice = await self.press(pressed.result())
            finally:
                pressed.cancel()
            if choice is not None:
                return choice

    async def press(self, key: str | None) -> Choice | None:
        """Return the choice that the key makes, None if it makes none."""
        if self._offer is not None and key is not None:
            return self._granted(key)
        if self._is_over() and key in _DECIDING:
            shown(folded("It has expired, and nothing can be decided. Press g to ask again.", indent="  "))
            return None
        if self._setting.marked and key in _DECIDING - {" "} and not (self._setting.is_marked and key in _TOGETHER):
            shown(folded("Others are marked, to be decided together: go to one of them, or take their marks away.",
                         indent="  "))  # fmt: skip
            return None
        match key:
            case "k" if self._setting.moves:
                return self._choice("back", key)
            case None | "j" | "k" | "s" | "n":
                return self._choice(_AT_ONCE[key], key)
            case "g" if self._is_over():
                return self._choice("again", key)
            case "r":
                return await self._worded("reject", "  Why not? (told to the model) ")
            case "x":
                return await self._worded("answer", "  Answer in the tool's place: ")
            case "y":
                return self._approved()
            case _ if key in self._setting.also:
                return self._other(key)
            case _:
                await self._look(key)
        return None

    @property
    def _looked_s(self) -> float:
        return self._setting.clock() - self._begun

    def _choice(self, verdict: Verdict, key: str | None, **said: Any) -> Choice:
        saw = self._proposal.shown_digest if self._setting.fresh is None else None
        return Choice(verdict, looked_s=self._looked_s, key=key, saw=saw, **said)

    def _is_over(self) -> bool:
        until = self._proposal.expires_at
        return until is not None and until <= datetime.now(UTC)

    def _hints(self) -> list[str]:
        """Return the keys that do something here."""
        if self._offer is not None:
            return ["y add the rule and approve", "j leave the rule"]
        move = "j k move" if self._setting.moves else "k skip"
        also = dict(self._setting.also)
        leave = [also.pop("q")] if "q" in also else []
        rest = [*also.values(), move, "? why", *leave]
        if self._is_over():
            return ["g ask again", "s stop", *rest]
        more = ["v view all"] if self._card.folded else []
        if self._setting.marked:
            both = [f"y approve all {self._setting.marked} marked", "n reject them", "r reason"]
            return [*(both if self._setting.is_marked else []), *more, *rest]
        rule = ["a rule"] if self._setting.offering is not None and self._edited is None else []
        return ["y approve", "n reject", "r reason", "e edit", "x answer", *more, *rule, "s stop", *rest]

    def _other(self, key: str) -> Choice | None:
        if key == " " and (self._card.folded or self._edited is not None):
            shown(folded("A call is marked as it was proposed, and when all of it was shown: press v.", indent="  "))
            return None
        return self._choice("other", key)

    def _approved(self) -> Choice | None:
        if self._setting.marked:
            return self._choice("approve", "y")
        if self._card.folded:
            shown(f"  Not yet: {self._card.folded:,} lines were not shown. Press v to see them all.")
            return None
        if self._edited is not None:
            return self._choice("edit", "y", arguments=self._edited)
        return self._choice("approve", "y")

    def _granted(self, key: str) -> Choice | None:
        offer, self._offer = self._offer, None
        if key == "y" and offer is not None:
            return self._choice("approve", key, rule=offer.rule)
        shown("  No rule was made.")
        return None

    async def _worded(self, verdict: Verdict, question: str) -> Choice | None:
        draft = self._setting.drafts.setdefault((self._proposal.id, verdict), Draft())
        words = await self._setting.keyboard.line(question, draft)
        if words is None or (verdict == "answer" and not words.strip()):
            if draft.text.strip():
                shown("  Nothing was decided; your words are kept for when you press the key again.")
            return None
        return self._choice(verdict, "r", text=words.strip() or None)

    def _shown(self, *, whole: bool = False) -> Card:
        tool = self._setting.tools.get(self._proposal.tool)
        preview = self._setting.fresh if self._edited is None else preview_of(tool, self._edited)
        look = Look(width(), None if whole else self._setting.most_lines or height(), tuple(self._setting.context))
        card = card_of(self._proposal, look, edited=self._edited, preview=preview)
        for line in card.lines:
            shown(line)
        return card

    async def _look(self, key: str) -> None:
        """Show more, or let the person change the arguments."""
        match key:
            case "e":
                changed = await self._changed(self._edited or self._proposal.arguments)
                if changed is not None:
                    self._edited = None if changed == self._proposal.arguments else changed
                    self._card = self._shown()
            case "v":
                self._card = self._shown(whole=True)
            case "a" if self._setting.offering is not None:
                await self._offered(self._setting.offering)
            case "?":
                for line in in_margin(background_of(self._proposal), width=width()):
                    shown(line)
            case _:  # Enter among them
                pass

    async def _offered(self, offering: Offering) -> None:
        if self._edited is not None:
            shown("  A rule is made of the call as it was proposed; you have edited it. Decide this one by itself.")
            return
        if self._card.folded:
            self._approved()
            return
        self._offer = await offering(self._proposal)
        lines = ("  No rule can be made of this call: it has no target to hold on to.",)
        for line in lines if self._offer is None else self._offer.lines:
            shown(line)

    async def _changed(self, arguments: str) -> str | None:
        """Return other arguments in canonical form, None if the person leaves them as they are."""
        draft = self._setting.drafts.setdefault((self._proposal.id, "edit"), Draft())
        text = await edited_arguments(arguments, keyboard=self._setting.keyboard, draft=draft)
        if text is None:
            shown("  unchanged")
            return None
        tool = self._setting.tools.get(self._proposal.tool)
        try:
            fitted = text if tool is None else tool.canonical(text)
        except ToolRefused as error:
            shown(folded(visible(str(error)), indent="  "))
            return None
        draft.text = ""
        return fitted


def _keys(hints: list[str]) -> str:
    """Return what can be pressed, in lines that break between keys."""
    line = f"{_NO_BREAK}· ".join(key.replace(" ", _NO_BREAK) for key in hints)
    return folded(line, indent="  ").replace(_NO_BREAK, " ")


def preview_of(tool: Tool[..., Any] | None, arguments: str) -> Preview | None:
    """Return what the tool makes of the arguments, if it can say so beforehand."""
    if tool is None or tool.preview is None:
        return None
    try:
        made = tool.preview(**arguments_of(arguments))
    except Exception as error:  # noqa: BLE001  the tool's own code; the arguments are shown all the same
        made = f"The tool cannot show it beforehand ({type(error).__name__}: {error})."
    return made if isinstance(made, Preview) else Preview(title=tool.name, body=str(made))
