"""A run whose texts were erased is at its end, whoever asks it to go on."""

import pytest

from copilot_kit import Agent, Principal
from copilot_kit.errors import UsageError
from copilot_kit.journal import MemoryStore
from copilot_kit.journal.erasure import erase
from copilot_kit.testing import ScriptedModel


async def test_an_erased_run_cannot_go_on():
    store = MemoryStore()
    agent = Agent(ScriptedModel("Done.", "More."), store=store)
    await agent.run("About Eve", run_id="run_1", subject="eve")
    await erase(store, subject="eve", by=Principal(id="anna"), reason="she asked for it")
    with pytest.raises(UsageError, match=r"'run_1' was erased; it cannot go on"):
        await agent.say("run_1", "And now?")
    with pytest.raises(UsageError, match="was erased"):
        await agent.resume("run_1")
    assert "About Eve" not in repr(await store.read("run_1"))
