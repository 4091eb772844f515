"""Wrong wiring: five ways to break an adapter are told apart from a model that is honestly worse."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from copilot_kit import Agent, Limits, tool
from copilot_kit.events import Ended, Event
from copilot_kit.messages import Text, ToolCall
from copilot_kit.model import Model
from copilot_kit.overlays import Overlay
from copilot_kit.request import Request
from copilot_kit.response import Response
from copilot_kit.slots import Opened
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.runner import Options, run
from copilot_kit_evals.scorers import Normalised
from copilot_kit_evals.tasks import Assign, Rule, Setup, Task
from copilot_kit_evals.verdict.evidence import Evidence
from copilot_kit_evals.verdict.habits import Habits, Reply
from copilot_kit_evals.verdict.judging import verdict_of
from copilot_kit_evals.verdict.line import below_line
from copilot_kit_evals.verdict.verdicts import Verdict
from tests.evals.verdict import office
from tests.evals.verdict.logs import evidence, flipped
from tests.evals.verdict.office import Clerk, Wire


def opening(*models: Model) -> Callable[[str], Opened | None]:
    known = {model.id: model for model in models}
    return lambda name: Opened(known[name]) if name in known else None


async def judged(candidate: Model, folder: Path, *, rule: Rule | None = None) -> Verdict:
    """Return the verdict of a real run of the office against a good incumbent."""
    old = Clerk("fake:old", seed=1)
    ended = await run(office.office(), candidates_of(["fake:old", "fake:new"]), folder / "run",
                      Options(opening=opening(old, candidate)))  # fmt: skip
    return verdict_of(Evidence.of_run(ended.folder, "fake:old", "fake:new"), rule or Rule(margin=0.1))


def good() -> Clerk:
    return Clerk("fake:new", seed=2, tokens_per_word=1.5)


FIVE = {
    "the system prompt is dropped": ({"asks": office.without_system_prompt}, "system prompt"),
    "answers are cut at some tokens": ({"answers": office.cut}, "are cut at a limit"),
    "tools are lost": ({"asks": office.without_tools}, "do the tools arrive"),
    "the last message is lost": ({"asks": office.without_last_message}, "the very same answer"),
    "the answer is read from the wrong field": ({"answers": office.wrong_field}, "are empty"),
}
MORE = {
    "tools come under other names": ({"asks": office.tools_renamed}, "by their names"),
    "all is said by the assistant": ({"asks": office.all_said_by_assistant}, "the very same answer"),
    "answers are cut, and nobody says so": ({"answers": office.cut_in_silence}, "just as long"),
    "a stop sequence cuts each answer": (
        {"answers": office.stopped_at_first_brace},
        "nothing that the scorer can read",
    ),
}


@pytest.mark.parametrize("fault", [*FIVE, *MORE])
async def test_a_broken_adapter_is_flagged_as_such_and_not_called_worse(fault: str, tmp_path: Path):
    broken, where = (FIVE | MORE)[fault]
    found = await judged(Wire(good(), "fake:new", **broken), tmp_path)
    assert found.verdict == "invalid"
    assert found.reasons[0].startswith("probably wired wrongly, look here: ")
    assert any(where in one.text for one in found.found("wiring"))


@pytest.mark.parametrize("share", [0.2, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("seed", [11, 12, 13])
async def test_an_honestly_worse_model_is_called_worse_and_not_miswired(share: float, seed: int, tmp_path: Path):
    found = await judged(Clerk("fake:new", good=share, seed=seed), tmp_path)
    assert found.found("wiring") == ()
    assert found.verdict == "hold"


async def test_a_model_that_is_never_right_where_the_incumbent_is_looks_miswired(tmp_path: Path):
    found = await judged(Clerk("fake:new", good=-1.0, seed=11), tmp_path)
    assert found.verdict == "invalid"
    assert any("not one of 20 answers is right" in one.text for one in found.found("wiring"))


@pytest.mark.parametrize("tokens_per_word", [0.9, 1.0, 1.3, 1.8, 2.4])
async def test_another_tokenizer_is_no_sign_of_anything(tokens_per_word: float, tmp_path: Path):
    found = await judged(Clerk("fake:new", good=0.5, seed=5, tokens_per_word=tokens_per_word), tmp_path)
    assert found.found("wiring") == ()


async def test_a_good_model_behind_a_whole_wire_is_not_flagged(tmp_path: Path):
    found = await judged(Wire(good(), "fake:new"), tmp_path)
    assert found.found("wiring") == ()
    assert found.verdict in ("inconclusive", "promote")


def test_a_release_far_below_the_trend_of_its_line_is_off_it():
    line = [(0, 0.50), (100, 0.58), (200, 0.66), (300, 0.73)]
    expected = below_line(line, 400, 0.30)
    assert expected is not None
    assert expected == pytest.approx((0.7843, 0.7961), abs=1e-4)  # by hand: logits 0, 0.3228, 0.6633, 0.9946
    assert below_line(line, 400, 0.79) is None


class Remembering(Clerk):
    """A model behind a cache: each repeat gets the first answer, with its id."""

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        async for event in super().stream(request):
            assert isinstance(event, Ended)
            words = f"answer to {request.messages[-1].text}"
            yield Ended(event.response.model_copy(update={"response_id": words}))


async def test_repeats_out_of_a_cache_are_no_evidence(tmp_path: Path):
    tasks = [replace(task, repeats=3) for task in office.office(8)]
    ended = await run(tasks, candidates_of(["fake:old", "fake:new"]), tmp_path / "run",
                      Options(opening=opening(Clerk("fake:old", seed=1), Remembering("fake:new", seed=2))))  # fmt: skip
    found = verdict_of(Evidence.of_run(ended.folder, "fake:old", "fake:new"))
    assert found.verdict == "invalid"
    assert found.reasons == ("48 answers of 'fake:new' came out of a cache by the response's id: a copy is no repeat",)


@pytest.mark.parametrize(
    ("asked", "served", "strange"),
    [
        ("ollama:llama3:8b", "llama3:8b", False),
        ("openrouter:lab/big:free", "lab/big", False),
        ("python:shop.models:spring", "shop.models:spring", False),
        ("ollama:llama3:8b", "qwen3:8b", True),
        ("openai:gpt-7", "gpt-7-2027-01-31", False),
        ("openai:gpt-7", "gpt-7", False),
        ("openrouter:meta/llama-5", "meta/llama-5", False),
        ("local:smollm2", "SmolLM2-135M-Instruct-Q8_0.gguf", False),
        ("default", "gpt-7", False),
        ("openai:gpt-7", "gpt-6-mini", True),
    ],
)
def test_a_served_model_that_nobody_asked_for_is_a_sign(asked: str, served: str, strange: bool):  # noqa: FBT001
    habits = Habits(model=asked, replies=[Reply("t", f"i{n}", served=served) for n in range(10)])
    log = evidence([1.0] * 10, [0.0] * 10)
    found = verdict_of(replace(log, candidate=replace(log.candidate, habits=habits)))
    assert bool(found.found("wiring")) is strange
    assert found.verdict == ("invalid" if strange else "hold")


def test_what_looks_odd_in_a_candidate_that_is_promoted_is_a_note():
    habits = Habits(model="openai:gpt-7", replies=[Reply("t", "i0", served="gpt-6-mini")])
    log = flipped(10, 0, 100)
    found = verdict_of(replace(log, candidate=replace(log.candidate, habits=habits)))
    assert found.verdict == "promote"
    assert [one.state for one in found.found("wiring")] == ["note"]


@pytest.mark.parametrize("name", ["effort", "output"])
def test_a_setting_that_only_its_adapter_could_not_send_is_a_sign(name: str):
    (sign,) = signs(dropped=(name,))
    assert sign.startswith(f"100 % of its answers came without {name!r}, which its adapter could not send, and 0 % of")


def test_requests_that_are_rejected_are_a_sign():
    (sign,) = signs(outcome="model_failure", trouble="InvalidRequest")
    assert sign.startswith("100 % of its answers are failures before any answer (InvalidRequest): requests, schemas of")


def signs(**changes: Any) -> list[str]:
    """Return the signs in the habits of a candidate whose replies are as the incumbent's but for this."""
    old = [Reply("t", f"i{n}", text=f"answer {n}") for n in range(10)]
    log = evidence([1.0] * 10, [0.0] * 10)
    if log.incumbent is None:
        raise AssertionError
    new = [replace(one, **changes) for one in old]
    log = replace(log, candidate=replace(log.candidate, habits=Habits("fake:new", new)),
                  incumbent=replace(log.incumbent, habits=Habits("fake:old", old)))  # fmt: skip
    return [one.text for one in verdict_of(log).found("wiring")]


def test_settings_that_the_candidate_does_not_take_are_told_and_are_no_suspicion():
    habits = Habits(model="openai:gpt-7", replies=[Reply("t", f"i{n}", dropped=("temperature",)) for n in range(10)])
    log = evidence([1.0] * 10, [1.0] * 10)
    found = verdict_of(replace(log, candidate=replace(log.candidate, habits=habits)))
    (note,) = found.found("wiring")
    assert note.state == "note"
    assert note.text == "its adapter did not send 'temperature': the model does not take it"
    assert found.verdict != "invalid"


class Asker(Clerk):
    """Looks an order up, and answers with what it was told."""

    def answer(self, request: Request) -> list[Text | ToolCall]:
        number = request.messages[1].text.split()[-1]
        if not any(one.role == "tool" for one in request.messages):
            return [ToolCall(call_id=f"call_{number}", name="find_order", args_json=json.dumps({"number": number}))]
        return [Text(text=f"It is order {number}.")]


def orders(items: int = 10) -> list[Task]:
    """Few items, for an agent with one tool."""

    @tool(effect="read")
    def find_order(number: str) -> str:
        """Find an order."""
        return f"order {number}"

    def desk(setup: Setup) -> Agent[str]:
        return Agent(setup.model, tools=[find_order], instructions="Look it up.", limits=Limits(turns=4))

    asked = [Item(id=f"o{n}", input=f"Where is order {n}", target=f"It is order {n}.") for n in range(items)]
    return [Task("orders", Dataset.of(asked, name="orders"), Assign(desk), [Normalised()])]


def with_arguments(change: Callable[[str], str]) -> Callable[[Response], Response]:
    def changed(response: Response) -> Response:
        parts = tuple(one.model_copy(update={"args_json": change(one.args_json)}) if isinstance(one, ToolCall) else one
                      for one in response.message.parts)  # fmt: skip
        return response.model_copy(update={"message": response.message.model_copy(update={"parts": parts})})

    return changed


def without_results(request: Request) -> Request:
    return request.model_copy(update={"messages": tuple(one for one in request.messages if one.role != "tool")})


@pytest.mark.parametrize(
    ("fault", "where"),
    [
        ({"answers": with_arguments(json.dumps)}, "no arguments that can be read"),
        ({"answers": with_arguments(lambda _: "{}")}, "no arguments that can be read"),
        ({"answers": with_arguments(lambda text: text[:5])}, "no arguments that can be read"),
        ({"asks": without_results}, "do the results of tools arrive"),
    ],
    ids=["arguments encoded twice", "arguments lost", "arguments cut", "results of tools lost"],
)
async def test_calls_and_results_that_get_lost_are_seen_in_few_items(fault: Any, where: str, tmp_path: Path):
    broken = Wire(Asker("fake:new"), "fake:new", **fault)
    ended = await run(orders(), candidates_of(["fake:old", "fake:new"]), tmp_path / "run",
                      Options(opening=opening(Asker("fake:old"), broken)))  # fmt: skip
    found = verdict_of(Evidence.of_run(ended.folder, "fake:old", "fake:new"), Rule(margin=0.1))
    assert found.verdict == "invalid"
    assert any(where in one.text for one in found.found("wiring"))


async def test_a_prompt_that_is_shorter_by_wish_is_no_sign(tmp_path: Path):
    told = Overlay(prompt="Think about it, and about what was asked before, and look at each number twice. " * 3)
    old, new = candidates_of(["fake:old", "fake:new"])
    models = opening(Clerk("fake:old", seed=1), Clerk("fake:new", good=0.4, seed=11))
    both = [old.model_copy(update={"overlay": told}), new]
    ended = await run(office.office(), both, tmp_path / "run", Options(opening=models))
    found = verdict_of(Evidence.of_run(ended.folder, "fake:old", "fake:new"), Rule(margin=0.1))
    assert found.found("wiring") == ()
    assert found.verdict == "hold"


async def test_what_kept_all_attempts_from_a_score_is_told(tmp_path: Path):
    class Broken(Clerk):
        def answer(self, request: Request) -> list[Text | ToolCall]:
            raise ValueError(f"no luck with {request.messages[0].role}")

    found = await judged(Broken("fake:new"), tmp_path)
    assert found.verdict == "invalid"
    (reason,) = found.reasons
    assert reason.endswith("; 60 attempts of 'fake:new' ended with: ValueError: no luck with system")
