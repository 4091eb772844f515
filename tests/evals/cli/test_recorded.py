"""`eval from-journal`, `shadow` and `rehearse`: what a journal recorded, from the command line."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from copilot_kit import Agent, Principal, tool
from copilot_kit.journal.memory import MemoryStore
from copilot_kit.journal.opening import open_store
from copilot_kit_evals.recorded.erasing import erase

APP = '''
from copilot_kit import Agent, tool
from copilot_kit.testing import ScriptedModel

@tool(effect="external")
def refund(order: int, amount: float) -> str:
    """Pay money back."""
    raise AssertionError("nothing may run")

agent = Agent(ScriptedModel(), tools=[refund], name="shop")
hide = str.upper
'''
ADAPTER = """
from copilot_kit.testing import FunctionModel, call

def hasty(request):
    order = int(next(one for one in request.messages if one.role == "user").text.split()[-1])
    if request.messages[-1].role == "tool":
        return "Done."
    return call("refund", {"order": order, "amount": 900.0 if order == 3 else 5.0})

def careful(request):
    if request.messages[-1].role == "tool":
        return "All done."
    order = int(request.messages[-1].text.split()[-1])
    return call("refund", {"order": order, "amount": 5.0}) if order < 3 else "May I see the receipt?"

def open_model(provider, model, *, base_url=None, api_key=None, http_client=None):
    return FunctionModel(hasty if model == "old" else careful, id=f"{provider}:{model}")
"""
FRONTIER = """
[slots.default]
model = "acme:old"
may_send_to = ["acme"]
"""
ANNA = Principal(id="anna")


@tool(effect="external")
def refund(order: int, amount: float) -> str:
    """Pay money back."""
    return "paid"


async def worked(url: str) -> None:
    """Three refunds: two approved, one rejected, in this journal, by the model of slot `default`."""
    agent = Agent("default", tools=[refund], name="shop", store=open_store(url))
    for order in (1, 2, 3):
        run = await agent.run(f"Refund order {order}")
        proposal = run.proposals[0].id
        await (run.approve(proposal, by=ANNA) if order < 3 else run.reject(proposal, "no receipt", by=ANNA))
    await agent.store.close()  # type: ignore[attr-defined]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an app, a slot, an adapter of its own, and a journal in which people decided."""
    info = tmp_path / "site" / "acme-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[copilot_kit.models]\nacme = acme_careful:open_model\nother = acme_careful:open_model\n"
    )
    (tmp_path / "site" / "acme_careful.py").write_text(ADAPTER)
    (tmp_path / "shop_app.py").write_text(APP)
    (tmp_path / "frontier.toml").write_text(FRONTIER)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COPILOT_KIT_FRONTIER", raising=False)
    asyncio.run(worked(str(tmp_path / "journal.db")))
    return tmp_path


def test_decisions_become_a_suite_that_can_be_run(shop: Path, copilot: Callable[..., Any]) -> None:
    made = copilot("eval", "from-journal", "cases", "--agent", "shop_app:agent", "--store", "journal.db",
                   "--tuning", "0", "--json")  # fmt: skip
    assert made.code == 0
    assert (made.json["items"], made.json["tuning"]) == (3, 0)
    assert made.json["decisions"] == {"approve": 2, "reject": 1}
    ended = copilot("eval", "run", "cases/suite.py", "-m", "acme:old", "-m", "acme:new", "--out", "run", "--json")
    assert ended.code == 0
    scores = {name: one["scorers"]["as_decided"]["all"]["mean"]
              for name, one in ended.json["tasks"]["decisions"]["candidates"].items()}  # fmt: skip
    assert scores == {"acme:old": pytest.approx(2 / 3), "acme:new": 1.0}


def test_a_hook_is_called_with_every_text_that_is_kept(shop: Path, copilot: Callable[..., Any]) -> None:
    copilot("eval", "from-journal", "cases", "--agent", "shop_app:agent", "--store", "journal.db", "--tuning", "0",
            "--redact", "shop_app:hide")  # fmt: skip
    text = (shop / "cases" / "items.jsonl").read_text()
    assert "REFUND ORDER 1" in text
    assert "Refund order" not in text


def test_an_empty_journal_makes_no_suite(shop: Path, copilot: Callable[..., Any]) -> None:
    asyncio.run(open_store(str(shop / "empty.db")).close())
    ended = copilot("eval", "from-journal", "cases", "--agent", "shop_app:agent", "--store", "empty.db")
    assert ended.code == 64
    assert "Nobody has decided a call of agent 'shop' in this journal yet." in ended.err


def test_a_shadow_is_compared_with_what_people_decided_and_asked_once(shop: Path, copilot: Callable[..., Any]) -> None:
    words = ("shadow", "default", "--candidate", "acme:new", "--agent", "shop_app:agent", "--share", "1",
             "--store", "journal.db", "--json")  # fmt: skip
    found = copilot(*words).json
    assert (found["asked"], found["decided"], found["incumbent"], found["candidate"], found["mended"]) == (
        3,
        3,
        2,
        3,
        1,
    )
    assert found["model"] == "acme:new"
    log = Path(found["log"])
    before = log.read_bytes()
    assert copilot(*words).json["asked"] == 3
    assert log.read_bytes() == before


def test_data_of_a_slot_go_only_where_it_says(shop: Path, copilot: Callable[..., Any]) -> None:
    for command in ("shadow", "rehearse"):
        ended = copilot(
            command, "default", "--candidate", "other:new", "--agent", "shop_app:agent", "--store", "journal.db"
        )
        assert ended.code == 3
        assert "Data of slot 'default' may not go to 'other'" in ended.err


def test_a_rehearsal_tells_where_a_candidate_leaves_the_record(shop: Path, copilot: Callable[..., Any]) -> None:
    found = copilot("rehearse", "default", "--candidate", "acme:new", "--agent", "shop_app:agent",
                    "--store", "journal.db", "--json").json  # fmt: skip
    assert (found["whole"], found["diverged"], found["same"], found["steps"]) == (2, 1, 4, 6)
    third = next(one for one in found["runs"] if one["ending"] == "no_calls")
    assert third["recorded"] == ['refund {"order": 3, "amount": 900.0}']
    assert third["instead"] == ["May I see the receipt?"]


def test_an_agent_for_each_run_is_made_by_a_function_of_its_id(shop: Path, copilot: Callable[..., Any]) -> None:
    (shop / "by_run.py").write_text("import shop_app\n\ndef agent_for(run_id):\n    return shop_app.agent\n")
    made = copilot("eval", "from-journal", "cases", "--agent", "by_run:agent_for", "--store", "journal.db", "--json")
    assert made.json["items"] + made.json["tuning"] == 3
    ended = copilot("eval", "from-journal", "cases", "--agent", "shop_app:nobody", "--store", "journal.db")
    assert ended.code == 64
    assert "Cannot load agent 'shop_app:nobody'" in ended.err


def test_an_erasure_takes_a_run_out_of_items_and_shadow_logs(shop: Path, copilot: Callable[..., Any]) -> None:
    copilot("eval", "from-journal", "cases", "--agent", "shop_app:agent", "--store", "journal.db", "--tuning", "0")
    copilot("shadow", "default", "--candidate", "acme:new", "--agent", "shop_app:agent", "--share", "1",
            "--store", "journal.db", "--once")  # fmt: skip
    (log,) = (shop / ".copilot-kit" / "shadow").glob("*.jsonl")
    assert "Refund order 2" in (shop / "cases" / "items.jsonl").read_text()
    runs = copilot("runs", "list", "--store", "journal.db", "--json").json
    second = next(one["run_id"] for one in runs if one["title"] == "Refund order 2")
    asyncio.run(erase([second], None, MemoryStore()))
    items = (shop / "cases" / "items.jsonl").read_text()
    assert "Refund order 2" not in items
    assert "Refund order 1" in items
    assert '"order": 2' not in log.read_text().replace("\\", "")
    assert '"order": 1' in log.read_text().replace("\\", "")


def test_a_run_of_another_slot_is_not_rehearsed_with_this_ones_allowance(
    shop: Path, copilot: Callable[..., Any]
) -> None:
    with (shop / "frontier.toml").open("a") as file:
        file.write('\n[slots.open]\nmodel = "other:old"\n')
    run = copilot("runs", "list", "--store", "journal.db", "--json").json[0]["run_id"]
    ended = copilot("rehearse", "open", run, "--candidate", "other:new", "--agent", "shop_app:agent",
                    "--store", "journal.db")  # fmt: skip
    assert ended.code == 64
    assert "is of slot 'default', not of 'open'" in ended.err


def test_a_smaller_share_leaves_with_tuning_what_tuned(shop: Path, copilot: Callable[..., Any]) -> None:
    words = ("eval", "from-journal", "cases", "--agent", "shop_app:agent", "--store", "journal.db", "--json")
    first = copilot(*words, "--tuning", "0.9").json
    later = copilot(*words, "--tuning", "0").json
    assert first["tuning"] == later["tuning"] == later["held"] > 0


def test_a_journal_in_postgresql_is_read_like_one_on_disk(
    shop: Path, copilot: Callable[..., Any], postgres_url: str
) -> None:
    asyncio.run(worked(postgres_url))
    words = ("--agent", "shop_app:agent", "--store", postgres_url, "--json")
    made = copilot("eval", "from-journal", "cases", "--tuning", "0", *words).json
    assert (made["items"], made["decisions"]) == (3, {"approve": 2, "reject": 1})
    found = copilot("shadow", "default", "--candidate", "acme:new", "--share", "1", *words).json
    assert (found["asked"], found["candidate"], found["mended"]) == (3, 3, 1)
    assert copilot("rehearse", "default", "--candidate", "acme:new", *words).json["whole"] == 2


def test_killed_while_it_writes_the_shadow_goes_on_where_it_stood(shop: Path, copilot: Callable[..., Any]) -> None:
    words = ("shadow", "default", "--candidate", "acme:new", "--agent", "shop_app:agent", "--share", "1",
             "--store", "journal.db", "--json")  # fmt: skip
    log = Path(copilot(*words).json["log"])
    whole = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(whole[:2]) + whole[2][:-40])  # what kill -9 leaves of a line
    assert copilot(*words).json["asked"] == 3
    again = log.read_bytes().splitlines(keepends=True)
    assert again[:2] == whole[:2]
    assert len(again) == 3
