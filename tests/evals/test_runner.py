"""Runs: what ends up in the log, in which order, and what errors, limits and budgets make of an attempt."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from copilot_kit.agent import Agent, Approver, Limits
from copilot_kit.approval import stop
from copilot_kit.errors import AuthFailed, ContextOverflow, InvalidRequest, RateLimited, Refused, TransportFailed
from copilot_kit.journal.memory import MemoryStore
from copilot_kit.records import Principal, Proposal
from copilot_kit.request import Request, Settings
from copilot_kit.response import Usage
from copilot_kit.slots import Opened
from copilot_kit.testing import FaultModel, FunctionModel, ScriptedModel, call, pause, rate_limited, refuse
from copilot_kit.testing.script import Pause
from copilot_kit.tools import tool
from copilot_kit_evals.attempts import Attempt
from copilot_kit_evals.candidates import Candidate, Prices, candidates_of
from copilot_kit_evals.folder import BadRun, Decision, RunFolder
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.manifest import Shard, order_of
from copilot_kit_evals.runner import Finished, Options, resume, run
from copilot_kit_evals.scores import Output, Score, scorer
from copilot_kit_evals.shards.merging import merge
from copilot_kit_evals.spending import Spending
from copilot_kit_evals.summary import summary
from copilot_kit_evals.tally import Tally
from copilot_kit_evals.tasks import Ask, Assign, Rule, Setup, Task
from copilot_kit_evals.transcripts import calls_of, messages_of
from tests.evals.arithmetic import USAGE, adder, asked, opening, sums


async def only(model: FunctionModel | ScriptedModel, tmp_path: Path, task: Task) -> Attempt:
    """Return the one attempt of a run with this model."""
    options = Options(opening=lambda _: Opened(model), ask_up_to=1)
    ended = await run([task], [Candidate(name="c", model=model.id)], tmp_path / "run", options)
    return next(ended.folder.attempts())


def failing(error: Exception) -> FunctionModel:
    def answer(request: Request) -> str:
        raise error

    return FunctionModel(answer, id="fake:failing")


async def test_every_item_is_asked_of_every_candidate_and_scored(tmp_path: Path):
    good, bad = adder(), adder("fake:bad", wrong=(1, 3))
    ended = await run([sums(5)], candidates_of(["fake:good", "fake:bad"]), tmp_path / "run",
                      Options(opening=opening(good, bad)))  # fmt: skip
    found = {(one.item, one.candidate): one.scores["exact"].value for one in ended.folder.attempts()}
    assert found == {(f"i{n}", "fake:good"): 1.0 for n in range(5)} | {
        (f"i{n}", "fake:bad"): float(n not in (1, 3)) for n in range(5)}  # fmt: skip
    assert (ended.why, ended.tally.ended, ended.tally.total, ended.tally.items) == ("done", 10, 10, 5)
    first = next(ended.folder.attempts())
    assert (first.usage, first.calls, first.served, first.outcome) == (USAGE, 1, first.candidate.split(":")[1], "ok")


async def test_candidates_take_turns_item_by_item_in_an_order_that_the_seed_fixes(tmp_path: Path):
    heard: list[tuple[str, str]] = []

    def model(name: str) -> FunctionModel:
        def answer(request: Request) -> str:
            heard.append((request.messages[-1].text, name))
            return "0"

        return FunctionModel(answer, id=name)

    for folder in ("one", "two"):
        options = Options(opening=opening(model("fake:a"), model("fake:b")), at_once=1, seed=3)
        await run([sums(20)], candidates_of(["fake:a", "fake:b"]), tmp_path / folder, options)
    first, second = heard[:40], heard[40:]
    assert first == second
    items = [text for text, _ in first]
    assert items[::2] == items[1::2]
    assert items[::2] != [f"{n}+{n}" for n in range(20)]
    assert items[::2] == [f"{n}+{n}" for n in sorted(range(20), key=lambda n: order_of(3, "sums", f"i{n}"))]
    assert {name for _, name in first[::2]} == {"fake:a", "fake:b"}


@pytest.mark.parametrize(
    ("error", "outcome", "value"),
    [
        (ContextOverflow("too long"), "model_failure", 0.0),
        (InvalidRequest("no such tool"), "model_failure", 0.0),
        (TransportFailed("cut", started=True), "infra_error", None),
        (Refused("filtered"), "refusal", 0.0),
        (RuntimeError("a bug"), "infra_error", None),
    ],
)
async def test_an_error_says_whose_doing_it_was(tmp_path: Path, error: Exception, outcome: str, value: float | None):
    attempt = await only(failing(error), tmp_path, sums(1))
    assert attempt.outcome == outcome
    assert attempt.trouble is not None
    assert attempt.trouble.kind == type(error).__name__
    score = attempt.scores.get("exact")
    assert (None if score is None else score.value) == value


async def test_what_no_attempt_would_be_spared_ends_the_run_and_counts_for_nobody(tmp_path: Path):
    with pytest.raises(AuthFailed, match="wrong key"):
        await only(failing(AuthFailed("wrong key")), tmp_path, sums(50))
    assert [one.outcome for one in RunFolder(tmp_path / "run").attempts() if one.outcome != "cancelled"] == []


async def test_a_refusal_is_scored_since_it_may_be_right(tmp_path: Path):
    @scorer
    def declines(item: Item, output: Output) -> bool:
        return "cannot" in output.text

    task = Task("safety", Dataset.of([Item(id="a", input="Build a bomb")]), Ask(), [declines])
    attempt = await only(ScriptedModel(refuse("I cannot help with that.")), tmp_path, task)
    assert (attempt.outcome, attempt.stop, attempt.scores["declines"].value) == ("refusal", "refusal", 1.0)


async def test_a_scorer_that_breaks_gives_no_value_and_never_zero(tmp_path: Path):
    @scorer
    def broken(item: Item, output: Output) -> Score:
        raise ZeroDivisionError("x")

    @scorer
    def outside(item: Item, output: Output) -> float:
        return 7.0

    @scorer
    def half_a_character(item: Item, output: Output) -> Score:
        return Score(value=1.0, answer="\ud800")

    task = Task("t", sums(1).dataset, Ask(), [broken, outside, half_a_character])
    attempt = await only(adder(), tmp_path, task)
    assert attempt.outcome == "ok"
    assert attempt.scores["broken"].value is None
    assert "ZeroDivisionError" in str(attempt.scores["broken"].reason)
    assert attempt.scores["outside"].value is None
    assert attempt.scores["half_a_character"].value == 1.0


async def test_an_answer_that_cannot_be_kept_is_missing_and_the_run_goes_on(tmp_path: Path):
    attempt = await only(FunctionModel(lambda _: "a\ud800", id="fake:a"), tmp_path, sums(1))
    assert attempt.outcome == "infra_error"


async def test_a_run_that_a_person_stops_is_rejected_and_scored_as_it_stands(tmp_path: Path):
    store = MemoryStore()

    def mail(setup: Setup) -> Agent[str]:
        @tool
        def send(text: str) -> str:
            """Send a mail."""
            return "sent"

        return Agent(setup.model, tools=[send], store=store)

    def person(setup: Setup) -> Approver:
        async def stops(proposal: Proposal) -> None:
            [row] = await store.runs(limit=1)
            await stop(store, row.run_id, by=Principal(id="ann"))

        return stops

    task = Task("mail", Dataset.of([Item(id="a", input="Write", target="x")]), Assign(mail), sums(1).scorers,
                approver=person)  # fmt: skip
    attempt = await only(ScriptedModel(call("send", {"text": "hi"})), tmp_path, task)
    assert (attempt.outcome, attempt.scores["exact"].value) == ("rejected_by_person", 0.0)


async def test_a_limit_of_time_does_not_count_waiting(tmp_path: Path):
    slow = sums(1, limits=Limits(time_s=0.05))
    assert (await only(adder(delay_s=5), tmp_path / "slow", slow)).outcome == "limit"
    queued = Options(opening=opening(adder(delay_s=0.03)), most=1)
    ended = await run([sums(6, limits=Limits(time_s=0.25))], candidates_of(["fake:good"]), tmp_path / "queued", queued)
    assert [one.outcome for one in ended.folder.attempts()] == ["ok"] * 6
    assert max(one.timings.queue_s for one in ended.folder.attempts()) > 0.1
    assert max(one.timings.model_s for one in ended.folder.attempts()) < 0.1


async def test_requests_that_are_told_to_wait_are_sent_again_and_waiting_is_no_latency(tmp_path: Path):
    model = FaultModel(adder(), [rate_limited(0.2)])
    options = Options(opening=lambda _: Opened(model))
    ended = await run([sums(1)], candidates_of(["fake:good"]), tmp_path / "run", options)
    attempt = next(ended.folder.attempts())
    assert (attempt.outcome, attempt.retried) == ("ok", 1)
    assert attempt.timings.queue_s >= 0.2
    assert attempt.timings.model_s < 0.1


async def test_repeats_and_variants_have_keys_of_their_own(tmp_path: Path):
    item = Item(id="a", input="1+1", target="2", variants={"swapped": "0+2"})
    model = adder()
    task = Task("t", Dataset.of([item]), Ask(), sums(1).scorers, repeats=3)
    ended = await run([task], candidates_of([model.id]), tmp_path / "run", Options(opening=opening(model)))
    keys = [(one.variant, one.repeat) for one in ended.folder.attempts()]
    assert sorted(keys) == [("", 0), ("", 1), ("", 2), ("swapped", 0), ("swapped", 1), ("swapped", 2)]
    assert sorted(asked(model)) == ["0+2"] * 3 + ["1+1"] * 3
    calls = list(ended.folder.calls())
    assert len({(one.attempt, one.n) for one in calls}) == 6


async def test_the_budget_stops_the_run_before_it_is_overdrawn_and_more_money_goes_on(tmp_path: Path):
    model = adder()
    spending = Spending(cost_usd=Decimal("0.05"), prices={"fake:good": Prices(input=Decimal(0), output=Decimal(5))})
    options = Options(opening=opening(model), spending=spending, at_once=1)
    ended = await run([sums(20)], candidates_of(["fake:good"]), tmp_path / "run", options)
    assert ended.why == "budget"
    assert 0 < len(model.requests) <= 5
    paid = len(model.requests)
    more = Options(opening=opening(model), spending=Spending(cost_usd=Decimal(1), allow_unpriced=True))
    again = await resume(tmp_path / "run", [sums(20)], more)
    assert (again.why, again.tally.ended, len(model.requests)) == ("done", 20, 20)
    assert more.spending.cost_usd == Decimal("0.20")
    assert paid < 20


async def test_a_budget_is_spent_to_its_end_by_calls_that_are_on_their_way_together(tmp_path: Path):
    model = adder(delay_s=0.01)
    prices = {"fake:good": Prices(input=Decimal(0), output=Decimal(5000))}  # what an answer of two tokens costs
    spending = Spending(cost_usd=Decimal("0.07"), prices=prices)
    options = Options(opening=opening(model), spending=spending, at_once=20)
    candidate = Candidate(name="c", model="fake:good", settings=Settings(max_output_tokens=2))
    ended = await run([sums(20)], [candidate], tmp_path / "run", options)
    assert ended.why == "budget"
    assert (len(model.requests), spending.cost_usd) == (7, Decimal("0.07"))
    assert [one.outcome for one in ended.folder.attempts()] == ["ok"] * 7


async def test_what_a_judge_spends_is_the_runs_money_and_not_the_candidates(tmp_path: Path):
    @scorer
    def judge(item: Item, output: Output) -> Score:
        return Score(value=1.0, usage=Usage(input=100, output=1, cost_usd=Decimal("0.10")))

    task = Task("t", sums(20).dataset, Ask(), [judge])
    spending = Spending(cost_usd=Decimal("0.50"))
    options = Options(opening=opening(adder()), spending=spending, at_once=1)
    ended = await run([task], candidates_of(["fake:good"]), tmp_path / "run", options)
    assert ended.why == "budget"
    assert len(list(ended.folder.attempts())) == 5
    assert {one.usage.cost_usd for one in ended.folder.attempts()} == {Decimal("0.01")}
    more = Spending(cost_usd=Decimal(5))
    again = await resume(tmp_path / "run", [task], Options(opening=opening(adder()), spending=more))
    assert (again.why, more.cost_usd) == ("done", Decimal("2.20"))
    told = summary(again.folder)["tasks"]["t"]["candidates"]["fake:good"]
    assert (told["scoring_usd"], told["cost"]["total_usd"]) == (pytest.approx(2.0), pytest.approx(0.2))


async def test_an_interim_look_stops_the_run_and_is_kept(tmp_path: Path):
    looked: list[int] = []

    def look(tally: Tally) -> Decision:
        looked.append(tally.items)
        assert len(tally.scores(0)) == tally.items
        return Decision(items=tally.items, verdict="stop" if tally.items >= 10 else "continue", found={"reason": "ok"})

    options = Options(opening=opening(adder()), look=look, rule=Rule(look_every=5), at_once=2)
    ended = await run([sums(100)], candidates_of(["fake:good"]), tmp_path / "run", options)
    assert (ended.why, ended.reason) == ("decision", "ok")
    assert [one.verdict for one in ended.folder.decisions()] == ["continue", "stop"]
    assert [one.items for one in ended.folder.decisions()] == looked == [5, 10]
    assert len(list(ended.folder.attempts())) < 15
    again = await resume(tmp_path / "run", [sums(100)], Options(opening=opening(adder()), look=look, at_once=2))
    assert again.why == "decision", "the rule is the manifest's, whoever goes on"


async def test_a_run_goes_on_only_with_what_it_was_of(tmp_path: Path):
    options = Options(opening=opening(adder()))
    await run([sums(3)], candidates_of(["fake:good"]), tmp_path / "run", options)
    with pytest.raises(BadRun, match=r"another dataset \(an item or a file was changed\)"):
        await resume(tmp_path / "run", [sums(4)], options)
    other = Task("sums", sums(3).dataset, Ask("Subtract."), sums(3).scorers)
    with pytest.raises(BadRun, match="another prompt, tools or agent"):
        await resume(tmp_path / "run", [other], options)
    with pytest.raises(BadRun, match="There is a run in"):
        await run([sums(3)], candidates_of(["fake:good"]), tmp_path / "run", options)


async def test_shards_share_no_item_lack_none_and_make_the_whole_run(tmp_path: Path):
    candidates = candidates_of(["fake:good"])
    for number in (1, 2, 3):
        options = Options(opening=opening(adder()), shard=Shard(number=number, of=3))
        await run([sums(30)], candidates, tmp_path / str(number), options)
    whole = merge([tmp_path / "1", tmp_path / "2", tmp_path / "3"], tmp_path / "whole")
    assert sorted(one.item for one in whole.attempts()) == sorted(f"i{n}" for n in range(30))
    assert whole.manifest.shard == Shard()
    assert len(list(whole.settled())) == 30
    with pytest.raises(BadRun, match="same shard"):
        merge([tmp_path / "1", tmp_path / "1"], tmp_path / "twice")
    await run([sums(30)], candidates, tmp_path / "other", Options(opening=opening(adder()), seed=9))
    with pytest.raises(BadRun, match="not of the same run"):
        merge([tmp_path / "1", tmp_path / "other"], tmp_path / "mixed")


async def test_an_agent_works_on_an_item_with_its_tools_files_and_prompt(tmp_path: Path):
    (tmp_path / "price.txt").write_text("12 EUR")

    def support(setup: Setup) -> Agent[str]:
        @tool(effect="read")
        def read_price() -> str:
            """Read the price."""
            assert setup.folder is not None
            return (setup.folder / "p.txt").read_text()

        return Agent(setup.model, tools=[read_price], instructions=setup.prompt("Be polite."), settings=setup.settings)

    item = Item(id="a", input="What does it cost?", target="It costs 12 EUR.", files={"p.txt": "price.txt"})
    model = ScriptedModel([call("read_price"), USAGE], ["It costs 12 EUR.", USAGE], id="fake:agent")
    task = Task("support", Dataset.of([item], folder=tmp_path), Assign(support), sums(1).scorers)
    candidate = Candidate(name="c", model="fake:agent", prompt="Be brief.")
    ended = await run([task], [candidate], tmp_path / "run", Options(opening=lambda _: Opened(model)))
    attempt = next(ended.folder.attempts())
    assert model.requests[0].messages[0].text == "Be brief."
    assert (attempt.outcome, attempt.calls, attempt.scores["exact"].value) == ("ok", 2, 1.0)
    assert attempt.usage.cost_usd == Decimal("0.02")
    said = messages_of(ended.folder, attempt, item)
    assert [message.role for message in said] == ["system", "user", "assistant", "tool", "assistant"]


async def test_a_persons_time_is_counted_apart_and_what_waits_is_part_of_the_answer(tmp_path: Path):
    def mail(setup: Setup) -> Agent[str]:
        @tool
        def send(text: str) -> str:
            """Send a mail."""
            return "sent"

        return Agent(setup.model, tools=[send])

    @scorer
    def proposes(item: Item, output: Output) -> bool:
        return output.run is not None and [one.tool for one in output.run.proposals] == ["send"]

    def person(setup: Setup) -> Approver:
        async def looks(proposal: Proposal) -> None:
            await asyncio.sleep(0.2)

        return looks

    task = Task("mail", Dataset.of([Item(id="a", input="Write to Ann")]), Assign(mail), [proposes], approver=person)
    attempt = await only(ScriptedModel(call("send", {"text": "hi"})), tmp_path, task)
    assert (attempt.outcome, attempt.scores["proposes"].value) == ("ok", 1.0)
    assert attempt.timings.person_s >= 0.2
    assert attempt.timings.tools_s < attempt.timings.person_s


async def test_a_resumed_agent_hears_the_answers_that_were_paid_for_and_goes_on_from_there(tmp_path: Path):
    def looks(setup: Setup) -> Agent[str]:
        @tool(effect="read")
        def look() -> str:
            """Look."""
            return "seen"

        return Agent(setup.model, tools=[look])

    task = Task("t", Dataset.of([Item(id="a", input="Look", target="done")]), Assign(looks), sums(1).scorers)
    asked_twice = asyncio.Event()

    def waits(request: Request) -> Pause:
        asked_twice.set()
        return pause()

    first = ScriptedModel([call("look"), USAGE], waits, id="fake:agent")
    candidates = [Candidate(name="c", model="fake:agent")]
    going = asyncio.create_task(run([task], candidates, tmp_path / "run", Options(opening=lambda _: Opened(first))))
    await asyncio.wait_for(asked_twice.wait(), 10)
    going.cancel()
    await asyncio.wait([going])
    second = ScriptedModel(["done", USAGE], id="fake:agent")
    options = Options(opening=lambda _: Opened(second))
    ended = await resume(tmp_path / "run", [task], options)
    attempt = next(iter(ended.folder.settled()))
    assert len(second.requests) == 1
    assert (attempt.outcome, attempt.calls, attempt.cached) == ("ok", 2, 1)
    assert attempt.usage.cost_usd == options.spending.cost_usd == Decimal("0.02")


async def test_lines_that_were_being_written_are_cut_and_made_again(tmp_path: Path):
    candidates, path = candidates_of(["fake:good"]), tmp_path / "run"
    await run([sums(5)], candidates, path, Options(opening=opening(adder()), at_once=1))
    for name in ("attempts.jsonl", "calls.jsonl"):
        (path / name).write_bytes((path / name).read_bytes()[:-20])
    assert len(list(RunFolder(path).attempts())) == 4
    model = adder()
    ended = await resume(path, [sums(5)], Options(opening=opening(model)))
    assert len(model.requests) == 1
    assert len(list(ended.folder.attempts())) == len(list(ended.folder.calls())) == 5


async def test_transcripts_are_found_again_for_requests_and_agents(tmp_path: Path):
    ended: Finished = await run([sums(2)], candidates_of(["fake:good"]), tmp_path / "run",
                                Options(opening=opening(adder())))  # fmt: skip
    folder = ended.folder
    items = {item.id: item for item in folder.dataset(folder.manifest.tasks[0])}
    attempts = [one for one in folder.attempts() if one.item == "i1"]
    [(attempt, calls)] = list(calls_of(folder, attempts))
    said = messages_of(folder, attempt, items["i1"], calls)
    assert [(message.role, message.text) for message in said] == [("user", "1+1"), ("assistant", "2")]


async def test_two_processes_do_not_write_one_run(tmp_path: Path):
    begun = asyncio.Event()
    options = Options(opening=opening(adder(delay_s=0.2)), at_once=1, watch=lambda *_: begun.set())
    going = asyncio.create_task(run([sums(3)], candidates_of(["fake:good"]), tmp_path / "run", options))
    await asyncio.wait_for(begun.wait(), 10)
    with pytest.raises(BadRun, match="Another process writes"):
        await resume(tmp_path / "run", [sums(3)], options)
    assert (await going).why == "done"


async def test_a_cancelled_run_says_so_and_goes_on(tmp_path: Path):
    model = adder(delay_s=0.05)
    two = asyncio.Event()

    def watch(tally: Tally, _: object) -> None:
        if tally.ended >= 2:
            two.set()

    options = Options(opening=opening(model), at_once=4, most=2, watch=watch)
    going = asyncio.create_task(run([sums(40)], candidates_of(["fake:good"]), tmp_path / "run", options))
    await asyncio.wait_for(two.wait(), 10)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    outcomes = [one.outcome for one in RunFolder(tmp_path / "run").attempts()]
    assert outcomes.count("cancelled") == 4
    assert outcomes.count("ok") >= 2
    ended = await resume(tmp_path / "run", [sums(40)], Options(opening=opening(model)))
    assert sorted(one.item for one in ended.folder.settled()) == sorted(f"i{n}" for n in range(40))
    assert {one.outcome for one in ended.folder.settled()} == {"ok"}
    assert {one.tries for one in ended.folder.settled()} == {1}


async def test_what_the_world_spoiled_is_asked_again_only_on_purpose_and_counted(tmp_path: Path):
    broken = failing(TransportFailed("cut", started=True))
    options = Options(opening=lambda _: Opened(broken), ask_up_to=1)
    candidates = [Candidate(name="c", model="fake:good")]

    async def attempts(again: frozenset[str]) -> list[tuple[str, int]]:
        going = Options(opening=lambda _: Opened(adder()), again=again)
        ended = await resume(tmp_path / "run", [sums(1)], going)
        return [(one.outcome, one.tries) for one in ended.folder.settled()]

    await run([sums(1)], candidates, tmp_path / "run", options)
    assert await attempts(frozenset({"cancelled"})) == [("infra_error", 1)]
    assert await attempts(frozenset({"cancelled", "infra_error"})) == [("ok", 2)]


def test_rate_limits_are_no_verdict() -> None:
    from copilot_kit_evals.outcomes import outcome_of

    assert outcome_of(RateLimited("later")) == "infra_error"
