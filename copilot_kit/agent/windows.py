"""Making room in a run: results left out, notes asked for, the next window begun; each a record of the run."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from copilot_kit.agent.checking import checked
from copilot_kit.agent.noting import TOOL, may_note, note, notes_path
from copilot_kit.agent.work import Work
from copilot_kit.context.opening import (
    Shares,
    done_parts,
    file_parts,
    handover_message,
    memory_parts,
    opening_message,
    task_parts,
)
from copilot_kit.context.summary import listed, summary_request, summed_up, tokens_for_record, untrusted
from copilot_kit.context.window import Clear, clearable, goes_round, has_answered, kept_turns, next_step
from copilot_kit.errors import CopilotError, LimitReached, ModelError
from copilot_kit.journal.session import Session
from copilot_kit.journal.store import Entry
from copilot_kit.journal.thread import Thread
from copilot_kit.journal.windows import text_tokens, tokens_of
from copilot_kit.messages import Message, Part, Reasoning, Source, Summary, Text, ToolCall, ToolResult
from copilot_kit.model import complete
from copilot_kit.records import Checked, HandoverAsked, Notes, ResultsCleared, WindowClosed
from copilot_kit.response import Usage
from copilot_kit.threads import in_thread

if TYPE_CHECKING:
    from copilot_kit.memory.memory import Memory


_LOG = logging.getLogger(__name__)
_WORDS = {"create": "file_text", "str_replace": "new_str", "insert": "insert_text"}
"""By command of the memory tool, the argument with what is written."""
_SUMMARY_SHARE = 0.1
_NOBODYS = Source(kind="application")
_LAST_SHARE = 0.6
"""Of the window, for its last turn, which goes on into the next one even where `Window.keep` has no room for it."""


async def make_room(session: Session, work: Work) -> list[Entry]:
    """Do what the window needs before the model is asked; returns the records of it, none where there is room."""
    thread = session.state.threads[work.edge.thread]
    limit = work.window.limit(work.model.profile, work.settings)
    if limit is None:
        return []
    step = next_step(
        thread.window,
        work.window,
        limit,
        overhead=_overhead(work) if thread.window.beside is None else 0,
        takes_notes=lambda: may_note(session, work),
        may_clear=not work.model.profile.binds_reasoning and not _clears_itself(work),
    )
    if step in ("handover", "close"):
        _check_progress(work, thread, limit)
    match step:
        case None:
            return []
        case Clear(call_ids):
            return await _clear(session, work, thread, call_ids)
        case "handover":
            message = handover_message(work.new_id("msg"), notes=f"/memories/{notes_path(session.run_id)}")
            return await session.append(HandoverAsked(message=message), path=work.edge.thread, unless_changed=True)
        case "close":
            return await close_window(session, work)


def _check_progress(work: Work, thread: Thread, limit: int) -> None:
    """Raise `LimitReached` if windows follow each other and the task does not get on."""
    if goes_round(thread.window):
        raise LimitReached(
            f"The run was ended: its last {thread.window.idle} windows had room for one answer each. What it needs at "
            f"once does not fit into {limit:,} tokens, tools taking {_overhead(work):,}. Raise Window(tokens=...), "
            "take a model with a longer window, or give it fewer tools or shorter results; then resume the run.",
            limit="window",
        )


async def close_window(session: Session, work: Work, *, overflowed: bool = False) -> list[Entry]:
    """Make the checks that are due, begin the next window, and return the records of both.

    overflowed: the provider says that this window is too long, whatever is known of its limit.
    """
    thread = session.state.threads[work.edge.thread]
    limit = work.window.limit(work.model.profile, work.settings)
    if limit is None or overflowed:
        shorter = max(thread.window.tokens * 3 // 4, 1)
        limit = shorter if limit is None else min(limit, shorter)
    closing = _Closing(session, work, thread, limit)
    made = await checked(session, work, at="window")
    closed = await closing.record([one for one in made if not one.passed])
    return await session.append(*made, closed, path=work.edge.thread, unless_changed=True)


def hands_over(thread: Thread) -> bool:
    """Tell whether the model was told to write its notes, and its answer means that it has, or will not."""
    return thread.window.handover is not None


async def _clear(session: Session, work: Work, thread: Thread, call_ids: tuple[str, ...]) -> list[Entry]:
    before = thread.window.tokens
    sizes = dict(clearable(thread.window, keep=0))
    freed = round(sum(sizes.get(call_id, 0.0) for call_id in call_ids) * thread.window.ratio)
    cleared = ResultsCleared(call_ids=call_ids, tokens_before=before, tokens_after=max(before - freed, 0))
    return await session.append(cleared, path=work.edge.thread, unless_changed=True)


def _clears_itself(work: Work) -> bool:
    """Tell whether the provider was asked to clear old results, and does."""
    editing, does = work.settings.context, work.model.profile.edits_context
    return editing is not None and editing.clear_results_at is not None and "clear_results" in (does or ())


def _overhead(work: Work) -> int:
    """Return about how many tokens the tools are."""
    return round(sum(text_tokens(tool.model_dump_json()) for tool in work.tools))


@dataclass(frozen=True, slots=True)
class _Closing:
    """One window that closes."""

    session: Session
    work: Work
    thread: Thread
    limit: int

    async def record(self, failed: Sequence[Checked]) -> WindowClosed:
        """Return the record that begins the next window."""
        work, window = self.work, self.thread.window
        said = self._said()
        last = self.room * _LAST_SHARE if has_answered(window) else 0.0  # one kept before may be what is too long
        kept = kept_turns(said, self.room * work.window.keep, last=last)
        if work.model.profile.binds_reasoning and any(isinstance(p, Reasoning) for m in kept for p in m.parts):
            kept = []  # its thoughts would be refused behind another conversation; the summary says what they led to
        summary, usage, notes = await self._summed(said)
        if summary is not None:  # it is to outlast the next windows too
            heading = f"\n## Window {window.count}, summed up when it closed\n\n"
            made_of = untrusted(window.messages) or [Source(kind="summary")]  # a model's words, whatever they are of
            await note(self.session, work, f"{heading}{summary.text}\n", made_of)
        parts = await in_thread(lambda: self._parts(failed, kept))
        message = opening_message(work.new_id("msg"), number=window.count + 1, parts=parts, summary=summary)
        told = [one for one in window.messages if one.role == "system"]
        after = sum(tokens_of(one.parts) for one in (*told, message, *kept))
        return WindowClosed(
            opening=message,
            kept=(kept[0].id, kept[-1].id) if kept else None,
            notes=notes,
            usage=usage,
            tokens_before=window.tokens,
            tokens_after=round(after * window.ratio + self._beside),
        )

    @property
    def room(self) -> int:
        """Tokens for messages, as they are guessed by length: what shares of a window are shares of."""
        return round(max(self.limit - self._beside, self.limit / 4) / max(self.thread.window.ratio, 1.0))

    @property
    def _beside(self) -> float:
        beside = self.thread.window.beside
        return _overhead(self.work) if beside is None else beside

    def _said(self) -> list[Message]:
        """Return what the window held until notes were asked for, or all of it where the model went on working then."""
        messages = self.thread.window.messages
        ids = [message.id for message in messages]
        handover = self.thread.window.handover
        if handover not in ids:
            return messages
        at = ids.index(handover)
        works = any(call.name != TOOL for message in messages[at:] for call in message.calls)
        return [*messages[:at], *(messages[at + 1 :] if works else ())]

    async def _summed(self, said: list[Message]) -> tuple[Summary | None, Usage | None, Notes]:
        """Return the summary, where there are no notes of the model's own, what it cost, and how that came about."""
        if self.work.memory is not None and _has_noted(self.thread):
            return None, None, "written"
        most = round(self.room * _SUMMARY_SHARE)
        record = tokens_for_record(round(self.limit / max(self.thread.window.ratio, 1.0)))  # without tools
        request = summary_request(said, tokens=record, settings=self.work.settings)
        try:
            response = self.work.priced(await complete(self.work.model, request))
        except ModelError as error:
            _LOG.warning("run %s: no model could sum up its window: %s", self.session.run_id, error)
            return listed(said, tokens=most), None, "listed"
        if not response.text.strip():
            return listed(said, tokens=most), response.usage, "listed"
        notes: Notes = "none" if self.work.memory is None else "repaired"
        return summed_up(response.text, said, tokens=most), response.usage, notes

    def _parts(self, failed: Sequence[Checked], kept: Sequence[Message]) -> list[Part]:
        shares = Shares.of(self.room)
        memory = self.work.memory
        effects = [one for one in self.session.state.effects.values()
                   if one.path == self.work.edge.thread and (memory is None or one.intended.tool != TOOL)]  # fmt: skip
        goes_on = {message.id for message in kept}
        left = [message for message in self.thread.messages if message.id not in goes_on]
        parts = [*task_parts(left, tokens=shares.task), *done_parts(effects, tokens=shares.done)]
        if memory is not None:
            try:
                parts += memory_parts(memory, model=self.work.model.id, limit=self.room)
                parts += self._own_notes(memory, shares.notes)
            except CopilotError as error:  # the task goes on without; what waits in the memory is not lost
                _LOG.warning("run %s: its memory could not be read: %s", self.session.run_id, error)
                parts.append(Text(text=f"Your memory cannot be read now: {error}\n\n", source=_NOBODYS))
        lines = "\n".join(f"- {one.name}: {one.evidence}" for one in failed)
        found = Text(text=f"Checks that do not hold yet:\n{lines}\n\n", source=_NOBODYS)
        return [*parts, *([found] if lines else [])]  # the evidence may quote what a model or others wrote

    def _own_notes(self, memory: "Memory", tokens: float) -> list[Part]:
        """Return what this run has written to its memory, latest first, at most so long together."""
        parts: list[Part] = []
        entries = memory.history(run_id=self.session.run_id)
        for path in dict.fromkeys(entry.path for entry in reversed(entries) if entry.after is not None):
            found = file_parts(memory, path, tokens=tokens)
            tokens -= sum(text_tokens(part.text) for part in found)
            parts += found
            if tokens <= 0:
                break
        return parts


def _has_noted(thread: Thread) -> bool:
    """Tell whether the model has written to its memory since it was told that the window closes."""
    messages = thread.window.messages
    ids = [message.id for message in messages]
    if thread.window.handover not in ids:
        return False
    since = messages[ids.index(thread.window.handover) :]
    wrote = {
        part.call_id
        for message in since
        for part in message.parts
        if isinstance(part, ToolCall) and part.name == TOOL and _writes(part.args_json)
    }
    return any(
        isinstance(part, ToolResult) and part.call_id in wrote and part.outcome == "ok"
        for message in since
        for part in message.parts
    )


def _writes(args_json: str) -> bool:
    """Tell whether the call would leave words in the memory: an empty file is no notes."""
    try:
        arguments = json.loads(args_json)
        return bool(str(arguments.get(_WORDS.get(arguments.get("command"))) or "").strip())
    except (ValueError, AttributeError):
        return False
