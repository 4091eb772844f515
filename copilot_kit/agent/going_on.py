"""Going on with a run: what must hold before it is taken on, and what is written before anybody's next words."""

from copilot_kit.approval.executor import closed_receipts, lost_receipts
from copilot_kit.errors import UsageError
from copilot_kit.journal.session import Session
from copilot_kit.messages import Source, Text
from copilot_kit.records import Body, MessageAdded, Undone


async def ready_to_talk(session: Session, path: tuple[str, ...]) -> list[Body]:
    """Return what must be written before the user's next words: a call's result stands right behind it, or nowhere.

    Raises `UsageError` while somebody must decide, and where calls are still to run.
    """
    state = session.state
    await show_lost(session)
    if state.unknown or (state.ended is None and state.pending):
        waiting = len(state.pending) + len(state.unknown)
        raise UsageError(
            f"Run {state.run_id!r} waits for {waiting} decisions. Decide them, or stop the run, before saying more; "
            "a call of unknown outcome must be settled in any case."
        )
    if state.ended is None and state.threads[path].calls:
        raise UsageError(f"Run {state.run_id!r} has calls that are still to run. Resume it, or stop it, first.")
    return closed_receipts(session, path)


async def show_lost(session: Session) -> None:
    """Write down which calls an owner began and left without a word, so that a person sees them; a stop ends others."""
    for path in list(session.state.threads):
        stopped = [] if session.state.ended is None else closed_receipts(session, path)
        left = [*lost_receipts(session, path), *stopped]
        if left:
            await session.append(*left, path=path)


def with_undone(undone: list[Undone], body: Body) -> Body:
    """Return the words that somebody says, behind a note of what was taken back since the model last heard anything."""
    if not undone or not isinstance(body, MessageAdded) or body.message.role != "user":
        return body
    what = {"done": "took back", "failed": "tried in vain to take back", "unknown": "may have taken back"}
    notes = tuple(
        Text(
            text=f"Note: a person {what[one.state]} the call {one.call_id}. {one.text}\n",
            source=Source(kind="application"),
        )
        for one in undone
    )
    return MessageAdded(message=body.message.model_copy(update={"parts": (*notes, *body.message.parts)}))


def misplaced(run_id: str, *, starts: bool) -> UsageError:
    """Return what is wrong with a run that is there already, or is not there."""
    if starts:
        return UsageError(f"There is a run {run_id!r} already. Use agent.say to go on with it, or another run_id.")
    return UsageError(f"There is no run {run_id!r} in this journal. List them with: copilot-kit runs list")
