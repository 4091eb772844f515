"""docs/inbox.md says what is so: its blocks run, and its keys are the terminal's."""

import ast
import asyncio
import inspect
import re
from pathlib import Path

import httpx2
import pytest

from copilot_kit import Agent, Principal, decide, tool
from copilot_kit.cli import question
from copilot_kit.testing import ScriptedModel, call

DOC = (Path(__file__).parents[2] / "docs" / "inbox.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)


async def test_the_inbox_mounts_as_written_and_the_worker_takes_up_what_was_decided(tmp_path, monkeypatch):
    pytest.importorskip("fastapi")
    monkeypatch.chdir(tmp_path)
    sent: list[str] = []

    @tool(effect="external", version="1")
    def send(to: str) -> str:
        sent.append(to)
        return "sent"

    agent = Agent(ScriptedModel(call("send", {"to": "eve"}), "Done."), tools=[send])
    names: dict[str, object] = {"agent": agent}
    exec(BLOCKS[0], names)  # noqa: S102  our own document
    agent.store = names["store"]  # type: ignore[assignment]
    run = await agent.run("Write to Eve")
    transport = httpx2.ASGITransport(app=names["app"])  # type: ignore[arg-type]
    async with httpx2.AsyncClient(transport=transport, base_url="http://support.example") as browser:
        assert (await browser.get("/inbox/")).status_code == 401
        page = await browser.get("/inbox/", headers={"x-signed-in-user": "anna"})
        assert "Write to Eve" in page.text
        assert (await browser.get("/inbox/api/v1/openapi.json", headers={"x-signed-in-user": "anna"})).json()["openapi"]
    await decide(agent.store, run.id, run.proposals[0].id, "approve", by=Principal(id="anna"))
    code = compile(BLOCKS[1], "inbox.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    working = eval(code, {**names, "store": agent.store})  # noqa: S307  our own document
    assert inspect.isawaitable(working)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await working
    assert sent == ["eve"]
    await agent.store.close()


def test_the_keys_are_those_of_the_terminal():
    source = inspect.getsource(question) + inspect.getsource(__import__("copilot_kit.cli.sitting", fromlist=["x"]))
    keys = re.findall(r"(?:^|\| )([a-z?](?:, [a-z])?) \| ", DOC, re.MULTILINE)
    for key in {one for pair in keys for one in pair.split(", ")} - {"key"}:
        assert f'"{key}"' in source or f'"{key} ' in source, key
