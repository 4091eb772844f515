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
from pathlib import Path
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
    def answer(request):
        with Path("asked.txt").open("a") as file:
            file.write(f"{provider}\\n")
        return (hasty if model == "old" else careful)(request)

    return FunctionModel(answer, id=f"{provider}:{model}")
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


async def worked(url: str, model: str = "default", subject: str | None = None) -> None:
    """Three refunds: two approved, one rejected, in this journal, by the model of slot `default`."""
    agent = Agent(model, tools=[refund], name="shop", store=open_store(url))
    for order in (1, 2, 3):
        run = await agent.run(f"Refund order {order}", subject=subject)
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


def test_where_all_would_tune_and_nothing_judge_nothing_is_written(shop: Path, copilot: Callable[..., Any]) -> None:
    asyncio.run(worked(str(shop / "one.db"), subject="ann@example.org"))
    words = ("eval", "from-journal", "cases", "--agent", "shop_app:agent", "--store", "one.db", "--json")
    ended = copilot(*words, "--tuning", "0.9")
    assert ended.code == 64
    assert "All 3 items would tune and none would judge" in ended.err
    assert not (shop / "cases").exists()
    assert copilot(*words, "--tuning", "0").json["items"] == 3


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


def asked(shop: Path) -> list[str]:
    """Which providers were asked since this was last called."""
    log = shop / "asked.txt"
    found = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return found


def made_cases(copilot: Callable[..., Any]) -> Any:
    return copilot("eval", "from-journal", "cases", "--agent", "shop_app:agent", "--store", "journal.db",
                   "--tuning", "0")  # fmt: skip


@pytest.mark.parametrize("command", ["run", "plan"])
def test_items_of_a_slots_runs_go_only_where_the_slot_said_and_says(
    shop: Path, copilot: Callable[..., Any], command: str
) -> None:
    made_cases(copilot)
    asked(shop)
    words = ("eval", command, "cases/suite.py", "-m", "acme:new", "-m", "other:new")
    refused = copilot(*words)
    assert refused.code == 64
    assert refused.err == (
        "Data of slot 'default' may not go to 'other': its may_send_to, when the items were made of its runs, had "
        "acme. Make them again (copilot-kit eval from-journal) once it is named there.\n"
    )
    (shop / "frontier.toml").write_text(FRONTIER.replace('["acme"]', '["acme", "other"]'))
    assert copilot(*words).code == 64
    made_cases(copilot)
    (shop / "frontier.toml").write_text(FRONTIER.replace('["acme"]', '["acme"]'))
    assert "its may_send_to has acme. Add the provider there" in copilot(*words).err
    assert (asked(shop), (shop / "runs").exists()) == ([], False)
    (shop / "frontier.toml").write_text(FRONTIER.replace('["acme"]', '["acme", "other"]'))
    assert copilot(*words).code == 0


def test_a_run_of_such_items_does_not_go_on_where_the_slot_was_narrowed(
    shop: Path, copilot: Callable[..., Any]
) -> None:
    made_cases(copilot)
    words = ("eval", "run", "cases/suite.py", "-m", "acme:new", "--out", "run", "--budget-tokens", "1")
    assert copilot(*words).code == 2
    (shop / "frontier.toml").write_text(FRONTIER.replace('["acme"]', '["other"]'))
    asked(shop)
    assert "Data of slot 'default' may not go to 'acme'" in copilot("eval", "run", "--resume", "run").err
    assert asked(shop) == []


def test_a_folder_that_was_taken_elsewhere_keeps_where_its_items_may_go(
    shop: Path, copilot: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made_cases(copilot)
    asked(shop)
    (shop / "away").mkdir()
    (shop / "cases").rename(shop / "away" / "cases")
    (shop / "frontier.toml").unlink()
    monkeypatch.chdir(shop / "away")
    assert copilot("eval", "run", "cases/suite.py", "-m", "other:new").code == 64
    assert not (shop / "away" / "asked.txt").exists()
    assert copilot("eval", "run", "cases/suite.py", "-m", "acme:new").code == 0


def test_a_judge_of_such_items_is_held_to_the_slot_in_any_suite_and_behind_the_run(
    shop: Path, copilot: Callable[..., Any]
) -> None:
    made_cases(copilot)
    asked(shop)
    (shop / "own.py").write_text(
        "from copilot_kit import open_model\n"
        "from copilot_kit_evals.recorded.asking import decision_tasks\n"
        "from copilot_kit_evals.scorers.judging import Judge\n"
        "from copilot_kit_evals.scorers.rubric import Line, Rubric\n"
        "from copilot_kit_evals.tasks import Task\n"
        "from pathlib import Path\n"
        "(task,) = decision_tasks(Path('cases'))\n"
        "judge = Rubric(Judge(open_model('other:new').model), [Line(id='a', text='Is it?')])\n"
        "tasks = [Task('own', task.dataset, task.solver, [*task.scorers, judge])]\n"
    )
    assert "may not go to 'other'" in copilot("eval", "run", "own.py", "-m", "acme:new").err
    assert asked(shop) == []
    assert copilot("eval", "run", "cases/suite.py", "-m", "acme:new", "--out", "run").code == 0
    asked(shop)
    ended = copilot("eval", "judge", "run", "out.jsonl", "--model", "other:new")
    assert (ended.code, "may not go to 'other'" in ended.err) == (64, True)
    ended = copilot("eval", "draft", "cases/items.jsonl", "--model", "other:new", "--n", "1")
    assert (ended.code, "may not go to 'other'" in ended.err) == (64, True)
    assert asked(shop) == []


def test_items_of_runs_whose_slot_nobody_knows_any_more_go_nowhere(shop: Path, copilot: Callable[..., Any]) -> None:
    (shop / "frontier.toml").write_text('[slots.main]\nmodel = "acme:old"\n')
    made = made_cases(copilot)
    assert made.code == 0
    assert "frontier.toml has no slot default, so that nobody can say where data of its runs may go" in made.err
    asked(shop)
    assert copilot("eval", "run", "cases/suite.py", "-m", "acme:new").code == 64
    assert asked(shop) == []


def test_items_of_a_slot_without_a_list_and_of_runs_without_a_slot_go_anywhere(
    shop: Path, copilot: Callable[..., Any]
) -> None:
    (shop / "frontier.toml").write_text('[slots.default]\nmodel = "acme:old"\n')
    made_cases(copilot)
    assert copilot("eval", "run", "cases/suite.py", "-m", "other:new").code == 0
    (shop / "journal.db").unlink()
    asyncio.run(worked(str(shop / "journal.db"), model="acme:old"))
    (shop / "frontier.toml").unlink()
    made_cases(copilot)
    assert "may_send_to" not in (shop / "cases" / "items.jsonl").read_text()
    assert copilot("eval", "run", "cases/suite.py", "-m", "other:new", "--out", "again").code == 0


@pytest.mark.parametrize("command", ["shadow", "rehearse"])
def test_a_candidate_at_another_server_gets_nothing_unless_the_slot_names_it(
    shop: Path, copilot: Callable[..., Any], command: str
) -> None:
    asked(shop)
    overlay = '[slots.default.overlays."acme:new"]\nbase_url = "https://elsewhere.example/v1"\n'
    words = (command, "default", "--candidate", "acme:new", "--agent", "shop_app:agent", "--store", "journal.db")
    (shop / "frontier.toml").write_text(f"{FRONTIER}{overlay}")
    ended = copilot(*words)
    assert (ended.code, "may not go to 'elsewhere.example', for 'acme:new'" in ended.err) == (3, True)
    assert asked(shop) == []
    named = FRONTIER.replace('["acme"]', '["acme", "elsewhere.example"]')
    (shop / "frontier.toml").write_text(f"{named}{overlay}")
    assert copilot(*words, *(("--share", "1", "--once") if command == "shadow" else ())).code == 0
    assert set(asked(shop)) == {"acme"}
