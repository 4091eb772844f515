"""One run of the task, taken from wherever it stands to its end, in this process or in ones that are killed."""

import asyncio
import os
import random
import signal
import sys
import time
import traceback
from dataclasses import dataclass

import copilot_kit.journal.session as session_module
from benchmarks.long_task.clerk import OBEDIENT, Clerk, Habits
from benchmarks.long_task.office import MOST_TURNS, RUN_ID, Office, agent_in
from copilot_kit.agent.limits import Limits
from copilot_kit.context.window import OURS, Window
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.state import RunState
from copilot_kit.messages import Message, Source, Text
from copilot_kit.model import Model
from copilot_kit.profile import Profile

USER = Source(kind="user", trusted=True)
LEASE_S = 0.15
"""A killed owner's run is taken over so soon."""
LONGEST_S = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How the task is done."""

    window: int | None = None
    """Tokens; None: the whole conversation is sent."""
    swap: bool = False
    """Another model takes over after half of the records."""
    habits: Habits = OBEDIENT
    binds_reasoning: bool = False
    model: Model | None = None
    """Does the task in the place of the scripted one."""
    turns: int = MOST_TURNS

    def model_for(self, office: Office, words: str) -> Model:
        """Return who answers to these words of the user."""
        if self.model is not None:
            return self.model
        said = office.task.said
        half = len(office.task.stops) // 2
        new = self.swap and said.index(words) >= half
        return Clerk("scripted:new" if new else "scripted:old", self.habits,
                     Profile(binds_reasoning=self.binds_reasoning))  # fmt: skip


def spoken(messages: list[Message] | tuple[Message, ...]) -> list[str]:
    """Return what the user said so far, in order, without what the framework told the model with it."""
    return [
        "".join(part.text for part in message.parts if isinstance(part, Text) and part.source == USER)
        for message in messages
        if message.role == "user" and OURS not in message.meta
    ]


async def work(office: Office, plan: Plan) -> None:
    """Do what is left of the task; what that is, the journal tells."""
    store = open_store(str(office.journal))
    window = None if plan.window is None else Window(tokens=plan.window)
    said = office.task.said
    agent = agent_in(office, plan.model_for(office, said[0]), store, window)
    agent.limits = Limits(turns=plan.turns)
    if entries := await store.read(RUN_ID):
        run = await agent.resume(RUN_ID, model=plan.model_for(office, spoken(RunState.of(entries).messages)[-1]))
    else:
        run = await agent.run(said[0], run_id=RUN_ID)
    while run.status == "done" and len(spoken(run.messages)) < len(said):
        words = said[len(spoken(run.messages))]
        run = await run.say(words, model=plan.model_for(office, words))
    await store.close()
    if run.status != "done":
        raise RuntimeError(f"The run ended as {run.status}: {run.failure} {run.proposals} {run.unknown}")


def work_killed(office: Office, plan: Plan, *, kills: int, seed: int = 1, longest_s: float = LONGEST_S) -> int:
    """Do the task in processes that are killed after a random while, so many of them; return how many were.

    The last one lives to its end.
    """
    chance, killed = random.Random(seed), 0
    while killed < kills:
        child = _born(office, plan)
        time.sleep(chance.random() * longest_s)
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        if not os.WIFSIGNALED(status):
            return _ended(office, status, killed)
        killed += 1
    return _ended(office, os.waitpid(_born(office, plan), 0)[1], killed)


def _ended(office: Office, status: int, killed: int) -> int:
    if status:
        raise RuntimeError("".join(str(line["error"]) for line in office.noted("errors")) or f"exit status {status}")
    return killed


def _born(office: Office, plan: Plan) -> int:
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        session_module.LEASE_S = LEASE_S
        asyncio.run(work(office, plan))
        code = 0
    except BaseException:  # noqa: BLE001  the child ends here, whatever it was
        office.note("errors", error=traceback.format_exc())
    finally:
        os._exit(code)
