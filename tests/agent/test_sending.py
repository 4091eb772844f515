"""Data of an agent's slot go only where the slot says: to its model, at the server meant, and to its reviewers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from copilot_kit import Agent, Run
from copilot_kit.agent.checks import Rubric
from copilot_kit.fallback import Fallback
from copilot_kit.sending import NotAllowed
from copilot_kit.testing import FunctionModel
from tests.asked_server import Server, serving

AWAY = "0.0.0.0"  # noqa: S104  leads to this machine and is not its loopback's name


def passed(body: dict[str, Any]) -> str:
    """Answer each chat with the same words, which are a reviewer's, too."""
    del body
    return '{"passed": true, "evidence": ""}'


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(passed) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for frontier.toml, where nothing else says where models are asked."""
    for name in ("COPILOT_KIT_FRONTIER", "VLLM_BASE_URL", "OLLAMA_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked_of(run: Run[str]) -> str | None:
    """Return the model that answered."""
    return None if run.response is None else run.response.model.asked


def slot(folder: Path, may_send_to: list[str], more: str = "") -> None:
    (folder / "frontier.toml").write_text(
        f'[slots.default]\nmodel = "vllm:m"\nmay_send_to = {json.dumps(may_send_to)}\n{more}'
    )


async def test_a_server_that_the_environment_names_gets_nothing_unless_the_slot_names_it(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("VLLM_BASE_URL", server.url(AWAY))
    slot(folder, ["vllm"])
    with pytest.raises(NotAllowed, match=r"slot 'default' may not go to '0\.0\.0\.0', for 'vllm:m': .* has vllm\. Add"):
        await Agent("default").run("Hello")
    assert server.asked.total() == 0
    slot(folder, ["vllm", f"{AWAY}:{server.port}"])
    assert (await Agent("default").run("Hello")).status == "done"
    assert server.asked.total() == 1


async def test_a_base_url_is_another_place_and_this_machine_is_none(folder: Path, server: Server):
    url = f'base_url = "{server.url(AWAY)}"\n'
    for more in (url, f'[slots.default.overlays."vllm:m"]\n{url}'):
        slot(folder, ["vllm"], more)
        with pytest.raises(NotAllowed):
            await Agent("default").run("Hello")
    assert server.asked.total() == 0
    slot(folder, ["vllm"], f'base_url = "{server.url()}"\n')
    assert (await Agent("default").run("Hello")).status == "done"
    assert server.asked.total() == 1


async def test_a_run_that_began_at_another_server_does_not_go_on_there_when_the_slot_was_narrowed(
    folder: Path, server: Server
):
    url = f'base_url = "{server.url(AWAY)}"\n'
    slot(folder, ["vllm", f"{AWAY}:{server.port}"], url)
    run = await Agent("default").run("Hello")
    slot(folder, ["vllm"])
    with pytest.raises(NotAllowed):
        await run.say("And now?")
    assert server.asked.total() == 1


async def test_a_reviewer_of_another_provider_does_not_see_the_work_and_is_told_of_before_it(
    folder: Path, server: Server
):
    slot(folder, ["vllm"], f'base_url = "{server.url()}"\n[slots.judge]\nmodel = "ollama:m"\n')
    seen: list[str] = []
    own = FunctionModel(lambda request: seen.append(request.messages[-1].text) or "{}", id="acme:judge")
    for reviewer in ("judge", "ollama:m", own):
        agent = Agent("default", checks=[Rubric("Is it polite?", model=reviewer)])
        with pytest.raises(NotAllowed, match=r"Data of slot 'default' may not go to '(ollama|acme)'"):
            await agent.run("Hello")
    assert (server.asked.total(), seen) == (0, [])
    agent = Agent("default", checks=[Rubric("Is it polite?", model="default")])
    assert (await agent.run("Hello")).status == "done"
    assert server.asked.total() == 2


async def test_a_run_is_not_switched_to_a_model_that_its_slot_does_not_allow(folder: Path, server: Server):
    more = f'base_url = "{server.url()}"\n[slots.open]\nmodel = "ollama:m"\n'
    slot(folder, ["vllm"], more)
    run = await Agent("default").run("Hello")
    for other in ("open", "ollama:m", FunctionModel(lambda _: "Hi.", id="acme:m")):
        with pytest.raises(NotAllowed, match="Data of slot 'default' may not go to"):
            await run.say("And now?", model=other)
    assert server.asked.total() == 1
    assert (await run.say("And now?", model="default")).status == "done"


async def test_a_run_that_was_switched_away_from_its_slot_still_has_the_slots_data(folder: Path, server: Server):
    more = f'base_url = "{server.url()}"\n'
    slot(folder, ["vllm", "acme"], more)
    agent = Agent("default")
    run = await agent.run("Hello")
    acme, other = (FunctionModel(lambda _: "Hi.", id=f"{name}:m") for name in ("acme", "other"))
    run = await run.say("And now?", model=acme)
    with pytest.raises(NotAllowed, match="Data of slot 'default' may not go to 'other'"):
        await run.say("And now?", model=other)
    with pytest.raises(NotAllowed, match="Data of slot 'default' may not go to 'other'"):
        await Agent(other, store=agent.store).say(run.id, "And now?")
    rubric = Rubric("Is it polite?", model=other)
    with pytest.raises(NotAllowed, match="Data of slot 'default' may not go to 'other'"):
        await Agent(acme, store=agent.store, checks=[rubric]).say(run.id, "And now?")
    slot(folder, ["vllm"], more)
    with pytest.raises(NotAllowed, match="Data of slot 'default' may not go to 'acme'"):
        await Agent(acme, store=agent.store).say(run.id, "And now?")


async def test_who_answers_where_another_cannot_is_held_to_the_slot_too(folder: Path, server: Server):
    slot(folder, ["vllm", "acme"], f'base_url = "{server.url()}"\n')
    acme, other = (FunctionModel(lambda _: "Hi.", id=f"{name}:m") for name in ("acme", "other"))
    agent = Agent("default")
    run = await agent.run("Hello")
    with pytest.raises(NotAllowed, match="Data of slot 'default' may not go to 'other'"):
        await run.say("And now?", model=Fallback([acme, Fallback([acme, other])]))
    with pytest.raises(NotAllowed, match="Data of slot 'default' may not go to 'other'"):
        await Agent(Fallback([acme, other]), store=agent.store).say(run.id, "And now?")
    reviewed = Agent("default", checks=[Rubric("Is it polite?", model=Fallback([acme, other]))])
    with pytest.raises(NotAllowed, match="Data of slot 'default' may not go to 'other'"):
        await reviewed.run("Hello")
    assert (await run.say("And now?", model=Fallback([acme, acme]))).status == "done"


async def test_a_model_that_takes_over_gets_no_runs_any_more_once_it_is_not_allowed(folder: Path, server: Server):
    base = f'base_url = "{server.url()}"\nstage = {{ to = "ollama:n", share = 0.999 }}\n'
    over = f'[slots.default.overlays."ollama:n"]\nbase_url = "{server.url()}"\n'
    slot(folder, ["vllm", "ollama"], base + over)
    agent = Agent("default")
    begun = await agent.run("Hello", run_id="run_1")
    assert asked_of(begun) == "n"
    slot(folder, ["vllm"], base + over)
    assert {asked_of(await agent.run("Hello", run_id=f"run_{n}")) for n in range(2, 6)} == {"m"}
    asked = server.asked.total()
    with pytest.raises(NotAllowed, match="may not go to 'ollama'"):
        await begun.say("And now?")
    assert server.asked.total() == asked
