"""Ten thousand waiting: the first page of the list is there before anybody notices."""

import time

import httpx2
import pytest

from copilot_kit import Agent, Principal, tool
from copilot_kit.inbox import inbox_app
from copilot_kit.journal.opening import open_store
from copilot_kit.testing import ScriptedModel, call


@pytest.mark.slow
async def test_the_first_page_of_ten_thousand_is_there_at_once(tmp_path):
    @tool(effect="external", roles={"to": "destination"})
    def send(to: str, body: str) -> str:
        return "sent"

    store = open_store(str(tmp_path / "journal.db"))
    for run in range(100):
        calls = [call("send", {"to": f"{number}@x.org", "body": "Hello\n" * 20}) for number in range(100)]
        await Agent(ScriptedModel(calls), tools=[send], store=store).run(f"Mail {run}", run_id=f"run_{run}")
    app = inbox_app(store, sign_in=lambda _: Principal(id="anna"))
    took: dict[str, float] = {}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://localhost") as client:
        for _ in range(5):
            begun = time.perf_counter()
            assert len(await store.waiting(limit=50)) == 50
            listed = time.perf_counter()
            assert '<span class="count">10000</span>' in (await client.get("/")).text
            took["list"] = min(took.get("list", 9.0), listed - begun)
            took["page"] = min(took.get("page", 9.0), time.perf_counter() - listed)
    await store.close()
    assert took["list"] < 0.05
    assert took["page"] < 0.15
