"""A person at a terminal with everything that waits before them: one card at a time, the list above it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from copilot_kit import approval
from copilot_kit.agent import Agent
from copilot_kit.approval import ask_again, decide_together, settle, stop
from copilot_kit.cli.agents import Crew
from copilot_kit.cli.approvals import PAST, Desk, closed
from copilot_kit.cli.keys import Keyboard
from copilot_kit.cli.preview_lines import labelled
from copilot_kit.cli.question import Choice, Question, preview_of
from copilot_kit.cli.queue import SOON_S, due_words, list_lines
from copilot_kit.cli.rule_lines import offer_of
from copilot_kit.cli.screen import bold, dim, folded, height, new_page, shown, told, warned, width
from copilot_kit.cli.unsettled import Unsettled, ask_unsettled, undoable_call, undoable_lines
from copilot_kit.display import visible
from copilot_kit.errors import CopilotError, JournalError
from copilot_kit.journal import Journal
from copilot_kit.journal.index import Order, Waiting
from copilot_kit.records import Preview, Proposal
from copilot_kit.threads import in_thread

_MOST_ROWS: Final = 200
_CLAIM_S: Final = 60.0
_LOOK_S: Final = 0.25
_WIDE, _HIGH = 60, 20
"""Smaller screens are the card's alone."""
_EXPIRY_WORDS: Final = ((SOON_S, "less than ten minutes"), (60.0, "less than a minute"))


class Sitting:
    """Goes through what waits until nothing does, or the person leaves."""

    def __init__(
        self, journal: Journal, keyboard: Keyboard, agents: Sequence[Agent[Any]] = (), *,
        order: Order = "queued", search: str = "", tool: str | None = None, desk: Desk | None = None,
    ) -> None:  # fmt: skip
        self._journal = journal
        self._desk = replace(desk or Desk(keyboard), tell=self._tell)
        self._crew = Crew(journal, agents, tell=self._tell)
        self._order: Order = order
        self._search = search
        self._tool = tool
        self._rows: list[Waiting] = []
        self._here = 0
        self._marked: dict[str, Waiting] = {}
        self._saw: dict[str, str | None] = {}
        """Digests of the cards of marked calls, as they were before the person."""
        self._open = False
        self._notes: list[str] = []
        self._touched: dict[str, bool] = {}
        """Runs that something was decided in, and whether their agent is here."""

    async def hold(self, *, follow: bool = False) -> None:
        """Ask about one thing after the other; follow: wait for more when nothing waits."""
        try:
            while await self._refreshed(follow=follow):
                row = self._rows[self._here]
                if not await self._took(row):
                    break
        finally:
            await self._left()

    async def _refreshed(self, *, follow: bool) -> bool:
        """Look what waits now, keeping the place; tells whether anything does, or will."""
        told_idle = False
        while True:
            seen = self._rows[self._here].id if self._rows else None
            self._rows = await self._journal.waiting(
                order=self._order, search=self._search, tool=self._tool, limit=_MOST_ROWS
            )
            ids = [row.id for row in self._rows]
            self._here = ids.index(seen) if seen in ids else min(self._here, max(0, len(ids) - 1))
            self._marked = {name: row for name, row in self._marked.items() if name in ids}
            if self._rows:
                return True
            if self._crew.busy:
                await self._crew.rest()
                continue
            if not follow:
                return False
            if not told_idle:
                self._print_notes()
                told("Nothing waits now; what comes will be shown. Ctrl-C leaves.")
                told_idle = True
            await asyncio.sleep(_LOOK_S)

    async def _took(self, row: Waiting) -> bool:
        """Show one card and do what the person wants; tells whether to go on."""
        taken = self._draw()
        self._open = True
        try:
            if row.kind == "unknown":
                return await self._settled(row)
            choice = await self._asked(row, most_lines=height() - taken)
        finally:
            self._open = False
        return await self._done(row, choice)

    def _draw(self) -> int:
        """Begin a page with what is new and the list; returns how many lines that took."""
        new_page()
        count = f"{self._here + 1} of {len(self._rows)}{'+' if len(self._rows) == _MOST_ROWS else ''}"
        at_work = f" · {self._crew.busy} at work" if self._crew.busy else ""
        shown(f"{bold('inbox')} {dim(f'· {count} waiting{at_work}')}")
        taken = 1 + len(self._notes)
        self._print_notes()
        if len(self._rows) == 1 or width() < _WIDE or height() < _HIGH:
            return taken
        listed = list_lines(self._rows, here=self._here, marked=frozenset(self._marked), now=datetime.now(UTC),
                            width=width(), most=max(3, height() // 6))  # fmt: skip
        for line in ["", *listed]:
            shown(line)
        return taken + 1 + len(listed)

    def _print_notes(self) -> None:
        for note in self._notes:
            shown(note)
        self._notes.clear()

    def _tell(self, words: str) -> None:
        """Say it now if a card is open, else above the next one, which begins a new page."""
        line = words if words.startswith("  ") else folded(words, indent="  ")
        if self._open:
            shown(line)
        else:
            self._notes.append(line)

    async def _asked(self, row: Waiting, *, most_lines: int) -> Choice:
        """Ask about a proposal while its claim is kept and its end is watched for."""
        proposal = row.proposal
        if proposal is None:
            return await self._erased()
        setting = self._desk.setting()
        setting.tools = self._crew.tools_for(_top_agent(proposal), proposal.tool) or self._desk.tools
        setting.also = self._also(row)
        setting.moves = True
        setting.marked = len(self._marked)
        setting.is_marked = row.id in self._marked
        setting.offering = lambda one: offer_of(self._journal, one, by=self._desk.by, width=width())
        setting.most_lines = most_lines
        setting.fresh = await self._fresh(proposal)
        changed = [warned("  what comes of it has changed since it was asked: as of now")] if setting.fresh else []
        setting.context = (*await self._context(row), *changed)
        gone = asyncio.ensure_future(closed(self._journal, row.run_id, row.id))
        keeping = asyncio.ensure_future(self._keep(row))
        try:
            return await Question(setting, proposal).asked(gone)
        finally:
            gone.cancel()
            keeping.cancel()
            await asyncio.wait({gone, keeping})
            await self._journal.unclaim(row.id, by=self._desk.by)

    async def _fresh(self, proposal: Proposal) -> Preview | None:
        """Return what would come of the call now, where its tool is at hand and says something else than before."""
        tool = self._crew.tools_for(_top_agent(proposal), proposal.tool).get(proposal.tool)
        if tool is None or proposal.preview is None or tool.version != proposal.tool_version:
            return None
        fresh = await in_thread(partial(preview_of, tool, proposal.arguments))
        return None if fresh == proposal.preview else fresh

    def _also(self, row: Waiting) -> dict[str, str]:
        also = {"q": "q leave"}
        if self._turn(row):
            also = {" ": "space unmark" if row.id in self._marked else "space mark", **also}
        if self._crew:
            also = {"u": "u undo", **also}
        return also

    def _turn(self, row: Waiting) -> list[Waiting]:
        """Return the other calls of the same answer that wait too: only these may be decided with it."""
        if row.proposal is None or not row.proposal.turn:
            return []
        return [one for one in self._rows if one.run_id == row.run_id and one.id != row.id
                and one.proposal is not None and one.proposal.turn == row.proposal.turn]  # fmt: skip

    async def _context(self, row: Waiting) -> tuple[str, ...]:
        """Claim the card, and return what stands below its title: the task, the time left, who else looks at it."""
        lines = labelled("task", row.title, width=width()) if row.title else []
        claim = await self._journal.claim(row.id, by=self._desk.by, ttl_s=_CLAIM_S)
        if claim.by != self._desk.by.id:
            lines += labelled("open before", f"{claim.by}, until {claim.until.astimezone():%H:%M:%S}", width=width())
        if row.assigned_to is not None and row.assigned_to != self._desk.by.id:
            lines += labelled("given to", row.assigned_to, width=width())
        if row.expires_at is not None:
            lines.append(_expiry(row.expires_at))
        return tuple(lines)

    async def _keep(self, row: Waiting) -> None:
        """Renew the claim, warn before the time is over, and say when more has come, until cancelled."""
        loop = asyncio.get_running_loop()
        renew_at, count = loop.time() + _CLAIM_S / 2, await self._journal.waiting_count()
        warnings = [one for one in _EXPIRY_WORDS if row.expires_at is not None and _left_s(row.expires_at) > one[0]]
        over = row.expires_at is None or _left_s(row.expires_at) <= 0
        while True:
            await asyncio.sleep(_LOOK_S)
            if loop.time() >= renew_at:
                await self._journal.claim(row.id, by=self._desk.by, ttl_s=_CLAIM_S)
                renew_at = loop.time() + _CLAIM_S / 2
            if row.expires_at is not None:
                left_s = _left_s(row.expires_at)
                if warnings and left_s <= warnings[0][0]:
                    shown(warned(f"  {warnings.pop(0)[1]} left to decide"))
                if not over and left_s <= 0:
                    over = True
                    shown(warned("  It has expired: nobody decided in time. g asks again, j goes on."))
            more = await self._journal.waiting_count()
            if more > count:
                shown(dim(f"  {more - count} more waiting by now"))
            count = more

    async def _done(self, row: Waiting, choice: Choice) -> bool:
        """Do what the person chose; tells whether to go on."""
        proposal = row.proposal
        match choice.verdict:
            case "skip" if choice.key is None:
                return False
            case "skip" | "back":
                step = 1 if choice.verdict == "skip" else -1
                self._here = (self._here + step) % len(self._rows)
            case "other":
                return await self._other(row, choice)
            case "stop":
                await stop(self._journal, row.run_id, by=self._desk.by, text="stopped in the terminal")
                self._tell("  stopped; nothing of this run that waits will run")
            case "again":
                await self._tried(ask_again(self._journal, row.run_id, row.id, by=self._desk.by), "asked again")
            case "approve" | "reject" if self._marked:
                await self._together(choice)
            case _ if proposal is not None:
                made = await self._desk.write(self._journal, row.run_id, proposal, choice)
                if made.verdict != "gone":
                    await self._go_on(row.run_id)
            case _:
                pass
        return True

    async def _other(self, row: Waiting, choice: Choice) -> bool:
        match choice.key:
            case " ":
                self._saw[row.id] = choice.saw
                self._mark(row)
            case "u":
                await self._undo()
            case _:
                return False
        return True

    def _mark(self, row: Waiting) -> None:
        """Mark the call or take the mark away, and go to the next one of its answer; marks are of one answer only."""
        if row.id in self._marked:
            del self._marked[row.id]
            return
        turn = self._turn(row)
        others = {one.id for one in turn}
        if any(name not in others for name in self._marked):
            self._tell("  The marks on calls of another answer are gone: only calls of one answer go together.")
            self._marked.clear()
        self._marked[row.id] = row
        following = [one for one in turn if one.id not in self._marked]
        if following:
            self._here = self._rows.index(following[0])

    async def _together(self, choice: Choice) -> None:
        """Decide all marked calls as one: all of them or none."""
        run_id = next(iter(self._marked.values())).run_id
        choices = [
            approval.Choice(row.id, "approve" if choice.verdict == "approve" else "reject", text=choice.text,
                            shown=row.proposal.call_digest, shown_digest=self._saw.get(row.id))
            for row in self._marked.values() if row.proposal is not None
        ]  # fmt: skip
        deciding = decide_together(self._journal, run_id, choices, by=self._desk.by, looked_s=choice.looked_s,
                                   channel="terminal")  # fmt: skip
        if await self._tried(deciding, f"{len(choices)} calls {PAST[choice.verdict]} together"):
            self._here = min(self._rows.index(row) for row in self._marked.values() if row in self._rows)
            self._marked.clear()
            await self._go_on(run_id)

    async def _settled(self, row: Waiting) -> bool:
        """Ask what became of a call that was begun, and write the answer down."""
        wish = await ask_unsettled(self._journal, row, self._desk.keyboard)
        match wish:
            case Unsettled.DONE | Unsettled.NOT_DONE:
                done = wish is Unsettled.DONE
                work = settle(self._journal, row.run_id, row.id, done=done, by=self._desk.by)
                if await self._tried(work, "settled: it was done" if done else "settled: it was not done"):
                    await self._go_on(row.run_id)
            case Unsettled.STOP:
                await stop(self._journal, row.run_id, by=self._desk.by, text="stopped in the terminal")
            case Unsettled.NEXT | Unsettled.BACK:
                self._here = (self._here + (1 if wish is Unsettled.NEXT else -1)) % len(self._rows)
            case Unsettled.LEAVE:
                return False
        return True

    async def _erased(self) -> Choice:
        shown("  The content of this proposal was erased: it cannot be decided any more.")
        shown(dim("  s stop the run · j k move · q leave"))
        while True:
            match await self._desk.keyboard.key():
                case None | "q" as key:
                    return Choice("skip" if key is None else "other", key=key)
                case "s":
                    return Choice("stop", key="s")
                case "j" | "k" as key:
                    return Choice("skip" if key == "j" else "back", key=key)
                case _:
                    pass

    async def _undo(self) -> None:
        """Offer to take back the last call that can be, and do it after one more key."""
        call = await undoable_call(self._journal)
        if call is None:
            self._tell("  Nothing that ran can be taken back.")
            return
        agent = await _agent_of(self._journal, call.run_id)
        if not self._crew.knows(agent):
            self._tell(f"  Taking it back needs its agent {visible(agent)}: name it with --agent.")
            return
        for line in await undoable_lines(self._journal, call, width=width()):
            shown(line)
        shown(dim("  y take it back · any other key leaves it"))
        if await self._desk.keyboard.key() == "y":
            work = self._crew.undo(agent, call.run_id, call.call_id, by=self._desk.by)
            await self._tried(work, f"{visible(call.tool)} taken back")

    async def _tried(self, work: Any, words: str) -> bool:
        """Wait for the work and say what it came to; tells whether it was done."""
        try:
            await work
        except CopilotError as error:
            self._tell(visible(str(error)))
            return False
        self._tell(f"  {words}")
        return True

    async def _go_on(self, run_id: str) -> None:
        try:
            self._touched[run_id] = await self._crew.go_on(run_id)
        except JournalError as error:
            self._tell(visible(str(error)))

    async def _left(self) -> None:
        """Finish what was begun, and say what is left to others."""
        await self._crew.leave()
        self._print_notes()
        waits = await self._journal.waiting_count()
        told(f"{waits} still waiting." if waits else "Nothing waits.")
        elsewhere = [run_id for run_id, is_here in self._touched.items() if not is_here]
        if elsewhere:
            count = "1 run goes" if len(elsewhere) == 1 else f"{len(elsewhere)} runs go"
            told(folded(f"{count} on where the agent runs; --agent MODULE:ATTR lets it go on here."))


def _expiry(until: datetime) -> str:
    left_s = _left_s(until)
    if left_s <= 0:
        return warned("  expired: g asks again, and until then nothing can be decided")
    words = f"  expires in {due_words(until, datetime.now(UTC))}"
    return warned(words) if left_s < SOON_S else dim(words)


def _left_s(until: datetime) -> float:
    return (until - datetime.now(UTC)).total_seconds()


def _top_agent(proposal: Proposal) -> str:
    return proposal.path[0].agent if proposal.path else ""


async def _agent_of(journal: Journal, run_id: str) -> str:
    from copilot_kit.journal import RunState

    started = RunState.of(await journal.read(run_id)).started
    return "" if started is None else started.agent
