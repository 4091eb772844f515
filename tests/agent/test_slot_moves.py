"""A slot moves to another model: new runs take it, runs that have begun keep theirs, and people are asked anew."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from copilot_kit import Agent, Principal, decide, tool
from copilot_kit.agent.models import Models
from copilot_kit.agent.offering import prompt_version
from copilot_kit.approval import Gate
from copilot_kit.approval.standing import grant, offered
from copilot_kit.approval.trust import earn
from copilot_kit.journal import MemoryStore
from copilot_kit.journal.opening import default_store, open_store
from copilot_kit.journal.slots import SlotMoves
from copilot_kit.overlays import Overlay
from copilot_kit.records import ModelSwitched, Proposal, SlotMoved, Stage
from copilot_kit.request import Request, Settings
from copilot_kit.testing import FunctionModel, call, say

ADAPTER = """
from copilot_kit.messages import Text, ToolResult
from copilot_kit.testing import FunctionModel, call, say


def open_model(provider, model, *, base_url=None, api_key=None, http_client=None):
    def answer(request):
        told = request.messages[0].text if request.messages[0].role == "system" else ""
        last = request.messages[-1]
        if last.role == "tool":
            return say(f"{model} is done: {last.parts[0].outcome}")
        if "send" in last.text:
            return call("send", {"to": "eve"})
        return say(f"{model} was told {told!r} and {[one.description for one in request.tools]}")

    return FunctionModel(answer, id=f"{provider}:{model}")
"""
ANNA = Principal(id="anna")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an adapter of its own."""
    site = tmp_path / "site"
    (site / "stub-1.0.dist-info").mkdir(parents=True)
    (site / "stub-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: stub\nVersion: 1.0\n")
    (site / "stub-1.0.dist-info" / "entry_points.txt").write_text(
        "[copilot_kit.models]\nstub = stub_slots:open_model\n"
    )
    (site / "stub_slots.py").write_text(ADAPTER)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delenv("COPILOT_KIT_FRONTIER", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def slot(folder: Path, model: str, more: str = "") -> None:
    (folder / "frontier.toml").write_text(f'[slots.default]\nmodel = "stub:{model}"\n{more}')


SENT: list[str] = []


@tool(effect="external", version="1")
def send(to: str) -> str:
    """Send a letter."""
    SENT.append(to)
    return "sent"


@pytest.fixture(autouse=True)
def nothing_sent() -> None:
    SENT.clear()


async def test_new_runs_of_a_long_living_agent_take_the_new_model_and_old_ones_keep_theirs(folder: Path):
    slot(folder, "old")
    agent = Agent("default")
    first = await agent.run("Hello")
    slot(folder, "new")
    second = await agent.run("Hello")
    again = await first.say("Hello")
    assert [one.text.split()[0] for one in (first, second, again)] == ["old", "new", "old"]
    switched = await first.say("Hello", model="default")
    assert switched.text.split()[0] == "new"


async def test_an_overlay_is_told_to_its_model_alone_and_goes_with_it(folder: Path):
    slot(folder, "a", '[slots.default.overlays."stub:b"]\nprompt = "Be brief."\ntools = { send = "Mail." }\n')
    agent = Agent("default", tools=[send], instructions="Be kind.")
    run = await agent.run("Hello")
    assert run.text == "a was told 'Be kind.' and ['Send a letter.']"
    slot(folder, "b", '[slots.default.overlays."stub:b"]\nprompt = "Be brief."\ntools = { send = "Mail." }\n')
    fresh = await agent.run("Hello")
    assert fresh.text == "b was told 'Be kind.\\n\\nBe brief.' and ['Mail.']"
    assert [message.text for message in fresh.messages][:2] == ["Be kind.", "Hello"]  # never written into the talk
    assert (await fresh.say("Hi", model="stub:a")).text == "a was told 'Be kind.' and ['Send a letter.']"
    versions = [entry.body.prompt_version for one in (run, fresh) for entry in (await agent.store.read(one.id))[:1]]
    assert len(set(versions)) == 2
    assert (await agent.store.read(fresh.id))[0].body.overlay == Overlay(prompt="Be brief.", tools={"send": "Mail."})


async def test_a_run_keeps_the_overlay_it_began_with(folder: Path):
    slot(folder, "a", '[slots.default.overlays."stub:a"]\nprompt = "One."\n')
    agent = Agent("default")
    run = await agent.run("Hello")
    slot(folder, "a", '[slots.default.overlays."stub:a"]\nprompt = "Two."\n')
    assert (await run.say("Hello")).text == "a was told 'One.' and []"
    assert (await agent.run("Hello")).text == "a was told 'Two.' and []"
    assert not [one for one in await agent.store.read(run.id) if isinstance(one.body, ModelSwitched)]


async def test_a_run_keeps_the_settings_it_began_with(folder: Path):
    slot(folder, "a", 'settings = { effort = "low" }\n')
    agent = Agent(tools=[send])
    run = await agent.run("hello")
    slot(folder, "a", 'settings = { effort = "high" }\n')
    await run.say("and now?")
    asked = [one.body.settings.effort for one in await agent.store.read(run.id) if one.body.kind == "requested"]
    fresh = await agent.run("hello")
    started = [(await agent.store.read(one.id))[0].body for one in (run, fresh)]
    assert asked == ["low", "low"]
    assert [one.settings for one in started] == [Settings(effort="low"), Settings(effort="high")]
    assert len({one.prompt_version for one in started}) == 2


async def test_a_deadline_makes_no_other_version_of_what_a_model_is_told(folder: Path):
    slot(folder, "a")
    agent = Agent(tools=[send])
    run = await agent.run("hello")
    slot(folder, "a", 'settings = { deadline_s = 20, cache = "off" }\n')
    fresh = await agent.run("hello")
    versions = {(await agent.store.read(one.id))[0].body.prompt_version for one in (run, fresh)}
    assert len(versions) == 1


async def test_a_change_of_the_settings_alone_voids_a_yes(folder: Path):
    slot(folder, "a", 'settings = { effort = "low" }\n')
    agent = Agent(tools=[send])
    run = await agent.run("send it")
    (waiting,) = run.proposals
    slot(folder, "a", 'settings = { effort = "high" }\n')
    run = await run.approve(waiting.id, by=ANNA)
    (again,) = run.proposals
    assert (again.again_of, again.reasons[0].code) == (waiting.id, "prompt-changed")


async def test_a_model_has_as_many_tries_as_its_overlay_gives_it(folder: Path):
    counted: list[int] = []
    for tries in ("", "tries = 0\n", "tries = 4\n"):
        slot(folder, "a", f'[slots.default.overlays."stub:a"]\n{tries}')
        agent = Agent(output=int, output_tries=1)
        run = await agent.run("hello")
        counted.append(sum(one.body.kind == "requested" for one in await agent.store.read(run.id)))
        assert run.status == "failed"
    assert counted == [2, 1, 5]


@pytest.mark.parametrize(("replaces", "told"), [("true", "'One.'"), ("false", r"'Zero.\n\nOne.'")])
async def test_an_overlay_may_stand_in_the_place_of_the_instructions(folder: Path, replaces: str, told: str):
    slot(folder, "a", f'[slots.default.overlays."stub:a"]\nprompt = "One."\nreplaces = {replaces}\n')
    run = await Agent("default", instructions="Zero.").run("Hello")
    assert run.text == f"a was told {told} and []"


async def test_what_waits_is_asked_anew_after_the_slot_has_moved_and_once_only(folder: Path):
    slot(folder, "old")
    agent = Agent("default", tools=[send])
    run = await agent.run("Please send")
    slot(folder, "new")
    again = await run.approve(run.proposals[0].id, by=ANNA)  # a yes to the old one, given too late
    assert (again.status, SENT) == ("waiting", [])
    assert again.proposals[0].reasons[0].text.endswith("from stub:old to stub:new")
    assert again.proposals[0].again_of == run.proposals[0].id
    assert (await again.refresh()).proposals == again.proposals
    done = await again.approve(again.proposals[0].id, by=ANNA)
    assert (done.status, done.text, SENT) == ("done", "old is done: ok", ["eve"])


async def test_a_change_of_the_overlay_voids_a_yes_too(folder: Path):
    slot(folder, "old")
    agent = Agent("default", tools=[send])
    run = await agent.run("Please send")
    slot(folder, "old", '[slots.default.overlays."stub:old"]\nprompt = "Now otherwise."\n')
    again = await run.approve(run.proposals[0].id, by=ANNA)
    assert (again.status, again.proposals[0].reasons[0].code, SENT) == ("waiting", "prompt-changed", [])


@pytest.mark.parametrize(
    ("model", "more", "why"),
    [
        ("old", '[slots.default.overlays."stub:old"]\nprompt = "Otherwise."\n', "prompt-changed"),
        ("new", "", "model-changed"),
    ],
)
async def test_a_yes_is_void_where_the_slot_moved_while_the_approver_decided(
    folder: Path, model: str, more: str, why: str
):
    slot(folder, "old")
    store, asked = MemoryStore(), []
    agent = Agent("default", tools=[send], store=store)

    async def approver(proposal: Proposal) -> None:
        asked.append(proposal.reasons[0].code)
        if len(asked) == 1:
            slot(folder, model, more)
            await decide(store, "run_1", proposal.id, "approve", by=ANNA)

    run = await agent.run("Please send", run_id="run_1", approver=approver)
    assert (run.status, asked, SENT) == ("waiting", ["effect-external", why], [])


async def test_a_standing_rule_made_for_one_model_allows_nothing_of_another_and_counts_again_when_taken_back(
    folder: Path,
):
    slot(folder, "old")
    store = MemoryStore()
    agent = Agent("default", tools=[send], store=store)
    run = await agent.run("Please send")
    rule = offered(run.proposals[0], by=ANNA)
    assert rule is not None
    await grant(store, rule)
    assert (await agent.run("Please send")).status == "done"
    slot(folder, "new")
    assert (await agent.run("Please send")).status == "waiting"
    slot(folder, "old", '[slots.default.overlays."stub:old"]\nprompt = "Otherwise."\n')
    assert (await agent.run("Please send")).status == "waiting"
    slot(folder, "old")
    assert (await agent.run("Please send")).status == "done"


async def test_a_nested_agent_begins_with_the_model_that_its_slot_has_in_the_journal_by_then(folder: Path):
    (folder / "frontier.toml").write_text(
        f'[frontier]\nstore = "sqlite:///{folder}/slots.db"\n[slots.default]\nmodel = "stub:old"\n'
    )

    def ask(request: Request) -> object:
        last = request.messages[-1]
        return say(last.parts[0].content[0].text) if last.role == "tool" else call("helper", {"task": "Hello"})

    helper = Agent("default", name="helper")
    agent = Agent(FunctionModel(ask), tools=[helper.as_tool(description="Helps.")], store=MemoryStore())
    assert (await agent.run("Go")).text.startswith("old was told")
    shared = default_store(f"sqlite:///{folder}/slots.db")
    assert await SlotMoves().append(shared, SlotMoved(slot="default", model="stub:new", by=ANNA))
    assert (await agent.run("Go")).text.startswith("new was told")
    await shared.close()


async def test_a_yes_given_in_one_process_is_void_in_another_after_the_slot_has_moved(folder: Path):
    """Approved and not yet executed, the process gone: the next one finds the slot moved and asks anew."""
    slot(folder, "old")
    program = (
        "import asyncio, json, sys\n"
        "from copilot_kit import Agent, Principal, decide, tool\n"
        "from copilot_kit.journal.opening import default_store, open_store\n"
        "@tool(effect='external', version='1')\n"
        "def send(to: str) -> str:\n"
        "    open('sent', 'a').write(to)\n"
        "    return 'sent'\n"
        "async def main():\n"
        "    store = open_store('journal.db')\n"
        "    agent = Agent('default', tools=[send], store=store)\n"
        "    if sys.argv[1] == 'begin':\n"
        "        run = await agent.run('Please send', run_id='run_1')\n"
        "        await decide(store, 'run_1', run.proposals[0].id, 'approve', by=Principal(id='anna'))\n"
        "    else:\n"
        "        run = await agent.resume('run_1')\n"
        "    print(json.dumps([run.status, [one.reasons[0].code for one in run.proposals]]))\n"
        "    await store.close()\n"
        "asyncio.run(main())\n"
    )

    def process(what: str) -> object:
        env = {**os.environ, "PYTHONPATH": str(folder / "site")}
        done = subprocess.run(
            [sys.executable, "-c", program, what], capture_output=True, text=True, check=True, env=env
        )
        return json.loads(done.stdout)

    assert process("begin") == ["waiting", ["effect-external"]]
    slot(folder, "new")
    assert process("resume") == ["waiting", ["model-changed"]]
    assert not (folder / "sent").exists()
    store = open_store("journal.db")
    (waiting,) = await store.waiting()
    await decide(store, "run_1", waiting.id, "approve", by=ANNA)
    await store.close()
    assert process("resume") == ["done", []]
    assert (folder / "sent").read_text() == "eve"


async def test_trust_starts_over_for_the_new_model(folder: Path):
    slot(folder, "old")
    agent = Agent("default", tools=[send], gate=Gate([earn(0.7, tool="send", audit_share=1e-9)]))
    for _ in range(14):
        run = await agent.run("Please send")
        await run.approve(run.proposals[0].id, by=ANNA)
    assert (await agent.run("Please send")).status == "done"  # earned
    slot(folder, "new")
    asked = await agent.run("Please send")
    assert (asked.status, asked.proposals[0].reasons[0].code) == ("waiting", "earning")
    assert "0 of 14" in asked.proposals[0].reasons[0].text
    slot(folder, "old")
    assert (await agent.run("Please send")).status == "done"  # taken back, it has what it had


async def test_the_agents_own_journal_says_which_model_a_slot_has_in_all_processes(folder: Path):
    slot(folder, "old")
    store, moves = MemoryStore(), SlotMoves()
    agent = Agent("default", store=store)
    assert (await agent.run("Hello")).text.startswith("old")
    assert await moves.append(store, SlotMoved(slot="default", model="stub:new", by=ANNA))
    assert (await agent.run("Hello")).text.startswith("new")


async def test_a_nested_agent_gets_the_model_that_its_run_drew(folder: Path):
    slot(folder, "old", 'stage = { to = "stub:new", share = 0.5 }\n')
    agent = Agent("default")
    runs = [await agent.run("Hello", run_id=f"run_{n}") for n in range(40)]
    drawn = {run.text.split()[0] for run in runs}
    assert drawn == {"old", "new"}
    models = Models("default", Settings(), ())
    assert [models.first(run.id).model.id for run in runs] == [f"stub:{run.text.split()[0]}" for run in runs]


async def test_while_one_takes_over_the_yes_of_both_counts_and_rolled_back_that_of_one(folder: Path):
    slot(folder, "old", 'stage = { to = "stub:new", share = 0.5 }\n')
    assert Stage(to="stub:new", share=0.5).share == 0.5
    agent = Agent("default", tools=[send])
    runs = [await agent.run("Please send", run_id=f"run_{n}") for n in range(8)]
    models = {run.id: (await agent.store.read(run.id))[0].body.model for run in runs}
    of_new = [run for run in runs if models[run.id] == "stub:new"]
    of_old = [run for run in runs if models[run.id] == "stub:old"]
    assert (await of_new[0].approve(of_new[0].proposals[0].id, by=ANNA)).status == "done"
    slot(folder, "old")
    assert (await of_new[1].approve(of_new[1].proposals[0].id, by=ANNA)).status == "waiting"
    assert (await of_old[0].approve(of_old[0].proposals[0].id, by=ANNA)).status == "done"


async def test_switched_by_name_to_what_its_slot_has_a_run_is_of_no_slot_any_more(folder: Path):
    slot(folder, "a", 'settings = { effort = "low" }\n')
    agent = Agent("default")
    run = await agent.run("Hello")
    run = await run.say("On", model="stub:a")
    await Agent("default", store=agent.store).say(run.id, "On")
    asked = [one.body.settings.effort for one in await agent.store.read(run.id) if one.body.kind == "requested"]
    assert asked == ["low", None, None]


def test_settings_that_are_written_in_another_order_are_the_same_prompt():
    one = {"a": {"x": 1, "y": 2}, "b": {"z": 3}}
    other = {"b": {"z": 3}, "a": {"y": 2, "x": 1}}
    versions = {prompt_version("Be kind.", None, Settings(extra=extra)) for extra in (one, other)}
    assert len(versions) == 1
    assert list(Settings(extra={"c": {}}).over(Settings(extra=one)).extra) == ["a", "b", "c"]
