"""What the framework notes down for a run: only where the gate would let the run's own model write it, too."""

import logging
from collections.abc import Sequence

from copilot_kit.agent.work import Work
from copilot_kit.approval.gate import GateCall
from copilot_kit.errors import CopilotError
from copilot_kit.journal.session import Session
from copilot_kit.memory.remarks import Remark, add_remark
from copilot_kit.messages import Source
from copilot_kit.threads import in_thread

_LOG = logging.getLogger(__name__)
TOOL = "memory"


def notes_path(run_id: str) -> str:
    """Return the file of a memory where the notes on a run stand, if its model follows the advice."""
    return f"tasks/{run_id}.md"


def may_note(session: Session, work: Work) -> bool:
    """Tell whether notes may be written for this run without asking anybody: it has a memory, and no rule objects."""
    tool, started = work.edge.tools.get(TOOL), session.state.started
    if work.memory is None or tool is None or (started is not None and started.purpose == "suggestion"):
        return False
    call = GateCall(
        TOOL,
        tool.version,
        "write",
        {"command": "create", "path": f"/memories/{notes_path(session.run_id)}", "file_text": ""},
        work.edge.path,
        work.edge.model,
        work.edge.prompt_version,
        tool.own,
        tool.undo is not None,
        tool.roles,
    )
    return work.edge.gate.judge(call).verdict == "allow"


async def note(session: Session, work: Work, text: str, sources: Sequence[Source]) -> None:
    """Add the text to the notes on this run, if it may; a memory that cannot be written to does not stop the run."""
    memory = work.memory
    if memory is None or not may_note(session, work):
        return
    remark = Remark(text, session.run_id, work.edge.path[-1].agent, tuple(sources))
    try:
        await in_thread(lambda: add_remark(memory, notes_path(session.run_id), remark))
    except (CopilotError, OSError) as error:
        _LOG.warning("run %s: its notes could not be written: %s", session.run_id, error)
