"""What the framework itself writes into a memory on behalf of a run: summaries, and checks that did not pass."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from copilot_kit.memory.entries import Author, Entry
from copilot_kit.memory.problems import NotFound
from copilot_kit.messages import Source

if TYPE_CHECKING:
    from copilot_kit.memory.memory import Memory


@dataclass(frozen=True, slots=True)
class Remark:
    """Words for the end of a file, for which run they are written, and what they were made from."""

    text: str
    run_id: str
    agent: str
    sources: tuple[Source, ...] = ()


def add_remark(memory: "Memory", path: str, remark: Remark) -> Entry:
    """Add a remark to the end of a file, which begins with it if there is none yet.

    One that ends the file already is not repeated: whoever wrote it may have died before that could be noted down.
    """
    by = Author(kind="application", run_id=remark.run_id, agent=remark.agent)

    def added(old: str) -> str:
        return old if old.endswith(remark.text) else old + remark.text

    try:
        return memory.change(path, added, by=by, sources=remark.sources)
    except NotFound:
        return memory.write(path, remark.text, by=by, sources=remark.sources)
