"""A candidate in the shadow is asked what the incumbent was asked, does nothing, and is compared with decisions."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest

from copilot_kit import Agent, Principal, tool
from copilot_kit.errors import CopilotError, Overloaded, UsageError
from copilot_kit.journal.memory import MemoryStore
from copilot_kit.request import Request, Settings
from copilot_kit.response import Usage
from copilot_kit.testing import FunctionModel, ScriptedModel, call
from copilot_kit_evals.recorded.answers import Answered, answers_of
from copilot_kit_evals.recorded.offers import offers_of
from copilot_kit_evals.recorded.shadowing import Shadow, Shadowed, ShadowLog, compared, drawn, open_turns, shadow

ANNA = Principal(id="anna")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ran: list[int] = []


@tool(effect="external")
def refund(order: int, amount: float) -> str:
    """Pay money back."""
    ran.append(order)
    return "paid"


async def journal_of(*decisions: tuple[int, float, str]) -> list[Answered]:
    """Return the answers of a run for each order, with what was decided of it."""
    store = MemoryStore()
    found = []
    for order, amount, verdict in decisions:
        model = ScriptedModel(call("refund", {"order": order, "amount": amount}), "Done.")
        run = await Agent(model, tools=[refund], store=store).run(f"Refund order {order}", run_id=f"run_{order}")
        if verdict == "approve":
            await run.approve(run.proposals[0].id, by=ANNA)
        elif verdict == "reject":
            await run.reject(run.proposals[0].id, "no receipt", by=ANNA)
        found += answers_of(await store.read(run.id))
    for one in found:
        one.slot = "default"
    return found


def new_turns(
    answers: list[Answered],
    seen: set[tuple[str, int]] | None = None,
    slot: str = "default",
    candidate: str = "stub:new",
) -> list[Answered]:
    return list(open_turns(answers, seen or set(), slot=slot, share=1.0, candidate=candidate))


def asking(answer) -> Shadow:
    ticks = count()
    offers = offers_of(Agent(ScriptedModel(), tools=[refund]))
    model = FunctionModel(answer, id="stub:new")
    return Shadow(model, offers, Settings(), "stub:new", lambda: NOON, lambda: float(next(ticks)))


def careful(request: Request):
    """Refund what is below 100, and ask for a receipt else."""
    order = int(request.messages[-1].text.split()[-1])
    return call("refund", {"order": order, "amount": 10.0}) if order < 3 else "May I have the receipt?"


async def test_it_is_asked_what_the_incumbent_was_asked_and_nothing_runs(tmp_path: Path) -> None:
    answers = await journal_of((1, 10.0, "approve"), (2, 99.0, "approve"), (3, 900.0, "reject"), (4, 10.0, "wait"))
    ran.clear()
    log = ShadowLog(tmp_path / "log.jsonl")
    turns = new_turns(answers)
    assert [one.run_id for one in turns] == ["run_1", "run_2", "run_3", "run_4"]
    assert await shadow(turns, asking(careful), log) == 4
    assert ran == []
    found = compared(log, answers, candidate="stub:new")
    whole = found.whole
    assert (found.asked, found.waiting) == (4, 1)
    assert (whole.decided, whole.incumbent, whole.candidate, whole.mended, whole.repeated) == (3, 2, 2, 1, 0)


async def test_what_repeats_a_rejected_call_is_counted(tmp_path: Path) -> None:
    answers = await journal_of((3, 900.0, "reject"))
    log = ShadowLog(tmp_path / "log.jsonl")
    await shadow(answers[:1], asking(lambda _: call("refund", {"order": 3, "amount": 900})), log)
    whole = compared(log, answers, candidate="stub:new").whole
    assert (whole.decided, whole.candidate, whole.repeated, whole.mended) == (1, 0, 1, 0)


async def test_an_error_of_the_model_is_an_answer_that_did_not_come(tmp_path: Path) -> None:
    def down(_: Request) -> str:
        raise Overloaded("busy", model="stub:new")

    answers = await journal_of((1, 10.0, "approve"))
    log = ShadowLog(tmp_path / "log.jsonl")
    await shadow(answers[:1], asking(down), log)
    found = compared(log, answers, candidate="stub:new")
    assert (found.whole.decided, found.whole.failed) == (1, 1)
    assert next(iter(log)).failure == "Overloaded: busy"


async def test_what_was_asked_is_not_asked_again_and_other_slots_are_left_alone(tmp_path: Path) -> None:
    answers = await journal_of((1, 10.0, "approve"), (2, 10.0, "approve"))
    log = ShadowLog(tmp_path / "log.jsonl")
    await shadow(answers[:1], asking(careful), log)
    seen = {(one.run_id, one.seq) for one in log}
    assert [one.run_id for one in new_turns(answers, seen)] == ["run_2"]
    assert new_turns(answers, seen, slot="fast") == []


async def test_answers_of_the_candidates_own_are_no_evidence_about_it(tmp_path: Path) -> None:
    answers = await journal_of((1, 10.0, "approve"), (2, 10.0, "approve"))
    own = answers[0].model
    assert own == "scripted:model"
    assert new_turns(answers, candidate=own) == []
    log = ShadowLog(tmp_path / "log.jsonl")
    await shadow(answers[:1], asking(careful), log)
    (one,) = log
    log.append(one.model_copy(update={"candidate": own}))
    assert (compared(log, answers, candidate=own).asked, compared(log, answers, candidate="stub:new").asked) == (0, 1)


def test_the_share_is_of_runs_and_the_same_ones_each_time() -> None:
    names = [f"run_{number}" for number in range(4_000)]
    tenth = {name for name in names if drawn(name, 0.1)}
    assert 320 < len(tenth) < 480
    assert tenth <= {name for name in names if drawn(name, 0.2)}
    assert not any(drawn(name, 0.0) for name in names)
    assert all(drawn(name, 1.0) for name in names)


async def test_a_budget_ends_it(tmp_path: Path) -> None:
    answers = [
        one for one in await journal_of((1, 1.0, "approve"), (2, 1.0, "approve"), (5, 1.0, "approve")) if one.calls
    ]
    paid = Usage(input=1, output=1, cost_usd=Decimal("0.60"))

    log = ShadowLog(tmp_path / "log.jsonl")
    expensive = asking(careful)
    await shadow(answers[:1], expensive, log)
    first = next(iter(log))
    log.path.unlink()
    log.append(first.model_copy(update={"usage": paid}))
    assert await shadow(answers[1:], expensive, log, budget_usd=Decimal("0.50")) == 0
    assert await shadow(answers[1:], expensive, log, budget_usd=Decimal("0.70")) == 2


def test_a_line_that_was_being_written_is_no_line_and_is_cut_by_the_next(tmp_path: Path) -> None:
    log = ShadowLog(tmp_path / "log.jsonl")
    one = Shadowed(run_id="r", seq=1, slot="default", incumbent="a:b", candidate="c:d", at=NOON)
    log.append(one)
    with log.path.open("ab") as file:
        file.write(b'{"run_id": "half')
    assert list(log) == [one]
    log.append(one)
    assert list(log) == [one, one]


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    log = ShadowLog(tmp_path / "log.jsonl")
    log.path.write_text("{}\n")
    with pytest.raises(UsageError, match="line 1, is no line of a shadow log"):
        list(log)


async def test_an_erased_run_leaves_nothing_to_compare(tmp_path: Path) -> None:
    answers = await journal_of((1, 10.0, "approve"))
    log = ShadowLog(tmp_path / "log.jsonl")
    await shadow(answers[:1], asking(careful), log)
    assert compared(log, [], candidate="stub:new").asked == 0


async def test_a_log_keeps_nothing_of_an_erased_run_but_what_it_cost(tmp_path: Path) -> None:
    answers = await journal_of((1, 10.0, "approve"), (2, 10.0, "approve"))
    log = ShadowLog(tmp_path / "log.jsonl")
    await shadow([answers[0], answers[2]], asking(careful), log)
    before = list(log)
    assert log.forget({"run_1"}) == 1
    assert log.forget({"run_1"}) == 0
    first, second = log
    assert (first.message, first.failure, first.usage) == (None, "the run was erased", before[0].usage)
    assert second == before[1]
    assert b'"order"' not in log.path.read_bytes().splitlines()[0]


async def test_two_candidates_in_one_log_are_counted_apart(tmp_path: Path) -> None:
    answers = await journal_of((1, 10.0, "approve"))
    log = ShadowLog(tmp_path / "log.jsonl")
    await shadow(answers[:1], asking(careful), log)
    (one,) = log
    log.append(one.model_copy(update={"candidate": "stub:other", "message": None}))
    assert compared(log, answers, candidate="stub:new").whole.candidate == 1
    other = compared(log, answers, candidate="stub:other").whole
    assert (other.decided, other.failed) == (1, 1)


async def test_a_run_that_was_another_slots_before_is_not_shadowed() -> None:
    answers = await journal_of((1, 10.0, "approve"), (2, 10.0, "approve"))
    answers[1].slot = "private"  # the run went on with the slot's model after it had been another one's
    assert [one.run_id for one in new_turns(answers)] == ["run_2"]


def test_a_second_process_on_one_log_is_told_of_the_first(tmp_path: Path) -> None:
    log = ShadowLog(tmp_path / "log.jsonl")
    with log.held(), pytest.raises(UsageError, match="Another process asks the candidate already"), log.held():
        pass
    with log.held():
        pass


def test_writers_at_once_lose_no_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    one = Shadowed(run_id="r", seq=1, slot="default", incumbent="a:b", candidate="c:d", at=NOON, failure="x" * 20_000)

    def write(number: int) -> None:
        for seq in range(20):
            ShadowLog(path).append(one.model_copy(update={"run_id": f"run_{number}", "seq": seq}))
            ShadowLog(path).forget({"run_none"})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert {(line.run_id, line.seq) for line in ShadowLog(path)} == {
        (f"run_{number}", seq) for number in range(4) for seq in range(20)
    }


def test_a_full_disk_is_told_and_leaves_whole_lines(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    log = ShadowLog(tmp_path / "log.jsonl")
    one = Shadowed(run_id="r", seq=1, slot="default", incumbent="a:b", candidate="c:d", at=NOON)
    log.append(one)
    before = log.path.stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (before + 40, resource.RLIM_INFINITY))
    try:
        with pytest.raises(CopilotError, match="cannot be written: File too large"):
            log.append(one)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert log.path.stat().st_size == before
    assert list(log) == [one]
