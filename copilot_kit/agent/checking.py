"""Making a task's checks at its milestones: what does not hold goes back to the model, and into the notes."""

from copilot_kit.agent.checks import Milestone, MilestoneName, told
from copilot_kit.agent.noting import note
from copilot_kit.agent.work import Work
from copilot_kit.context.window import OURS
from copilot_kit.journal.session import Session
from copilot_kit.journal.thread import Thread
from copilot_kit.messages import Source
from copilot_kit.records import Body, Checked, Failure, MessageAdded, RunEnded


async def checked(session: Session, work: Work, *, at: MilestoneName) -> list[Checked]:
    """Make the checks that are due at this milestone, one after the other, and return what they found."""
    due = [one for one in work.checks if at in one.at]
    if not due:
        return []
    thread = session.state.threads[work.edge.thread]
    words = "" if thread.response is None else thread.response.text
    milestone = Milestone(at, session.run_id, words, tuple(thread.messages), work.edge.deps)
    made = [await one.made(milestone, chosen=work.reviewer) for one in due]
    failed = [one for one in made if not one.passed]
    if failed:
        text = "".join(f"- Check {one.name!r} does not hold: {one.evidence}\n" for one in failed)
        await note(session, work, text, [Source(kind="derived", ref="check")])
    return made


async def concluded(session: Session, work: Work, end: RunEnded) -> list[Body]:
    """Return the end of the run behind its checks, or what the model is told where one does not hold."""
    thread = session.state.threads[work.edge.thread]
    made = await checked(session, work, at="answer")
    failed = [one for one in made if not one.passed]
    if not failed:
        return [*made, end]
    if _rounds(thread) < work.check_tries:
        return [*made, MessageAdded(message=told(failed, work.new_id("msg")))]
    words = "; ".join(f"{one.name}: {one.evidence}" for one in failed)
    failure = Failure(error="CheckFailed", message=f"The work does not pass its checks: {words}")
    return [*made, RunEnded(status="failed", failure=failure, output=end.output)]


def _rounds(thread: Thread) -> int:
    """Return how often the model was sent back since the user spoke last."""
    rounds = 0
    for message in reversed(thread.messages):
        if message.role == "user" and OURS not in message.meta:
            break
        rounds += message.meta.get(OURS) == "check"
    return rounds
