"""Which model a run is asked with: its own until it is switched, wherever that one is served."""

from pathlib import Path

import pytest

from copilot_kit import Agent, Settings
from copilot_kit.agent.models import Models
from copilot_kit.errors import UsageError
from copilot_kit.journal import MemoryStore, RunState
from copilot_kit.model import Model
from copilot_kit.testing import FunctionModel, ScriptedModel
from copilot_kit.watching import Watched, logged


@pytest.fixture
def frontier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of slots in an otherwise empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_COMPATIBLE_API_KEY", "none")
    return tmp_path / "frontier.toml"


def slot(path: Path, *, model: str, base_url: str) -> None:
    path.write_text(f'[slots.default]\nmodel = "{model}"\nbase_url = "{base_url}"\n')


def state_of(model: str, *, slot: str | None = None, base_url: str | None = None) -> RunState:
    state = RunState("run_1")
    state.model, state.slot, state.base_url = model, slot, base_url
    return state


def test_a_run_of_a_slot_keeps_its_model_and_server_when_the_slot_moves_on(frontier: Path):
    slot(frontier, model="openai-compatible:old", base_url="http://127.0.0.1:1/v1")
    begun = Models("default", Settings(), ()).first()
    slot(frontier, model="openai-compatible:new", base_url="http://127.0.0.1:2/v1")
    models = Models("default", Settings(), ())
    assert models.first().model.id == "openai-compatible:new"
    kept = models.of(state_of(begun.model.id, slot=begun.slot, base_url=begun.base_url))
    assert (kept.model.id, kept.base_url) == ("openai-compatible:old", "http://127.0.0.1:1/v1")


def test_a_slot_that_moved_to_another_server_does_not_take_a_run_along(frontier: Path):
    slot(frontier, model="openai-compatible:m", base_url="http://127.0.0.1:2/v1")
    kept = Models("default", Settings(), ()).of(
        state_of("openai-compatible:m", slot="default", base_url="http://127.0.0.1:1/v1")
    )
    assert kept.base_url == "http://127.0.0.1:1/v1"


def test_a_model_given_as_an_object_is_used_for_whatever_run():
    own = ScriptedModel("hello")
    assert Models(own, Settings(), ()).of(state_of("openai:gone")).model is own


async def test_middleware_wraps_in_order_and_the_journal_names_the_model_itself():
    order: list[str] = []

    def named(name: str):
        def wrap(model: Model) -> Model:
            order.append(name)
            return Watched(model, logged)

        return wrap

    store = MemoryStore()
    agent = Agent(ScriptedModel("Hi.", id="scripted:me"), middleware=[named("inner"), named("outer")], store=store)
    run = await agent.run("Hello")
    assert (run.output, order) == ("Hi.", ["inner", "outer"])
    assert (await store.read(run.id))[0].body.model == "scripted:me"


async def test_setting_another_model_changes_new_runs():
    agent = Agent(FunctionModel(lambda _: "one"))
    first = await agent.run("Hello")
    agent.model = FunctionModel(lambda _: "two")
    assert (first.output, (await agent.run("Hello")).output) == ("one", "two")


async def test_a_conversation_moves_to_a_model_given_as_an_object():
    run = await Agent(FunctionModel(lambda _: "one")).run("Hello")
    run = await run.say("And you?", model=FunctionModel(lambda _: "two", id="function:other"))
    assert run.output == "two"


@pytest.mark.parametrize("wrong", [None, 5, object()])
def test_what_is_no_model_is_an_error_at_once(wrong: object):
    with pytest.raises(UsageError, match="is no model"):
        Agent(wrong)


@pytest.mark.parametrize("wrong", [5, {"type": "object"}, print])
def test_what_is_no_type_of_output_is_an_error_at_once(wrong: object):
    with pytest.raises(UsageError, match="not a type whose values"):
        Agent(ScriptedModel("x"), output=wrong)
