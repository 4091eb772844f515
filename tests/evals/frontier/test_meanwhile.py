"""What happens in between: two who take back, a process that died, a record that an editor touched, a late decision."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from copilot_kit import Agent, Principal, decide, tool
from copilot_kit.approval.renewal import ask_anew
from copilot_kit.errors import Conflict, CopilotError, JournalError, UsageError
from copilot_kit.journal import MemoryStore
from copilot_kit.journal.store import Draft, Entry
from copilot_kit_evals.cli.snap_slot import snap_slot
from copilot_kit_evals.frontier import lock
from copilot_kit_evals.frontier.ledger import Ledger, open_ledger, placed, promote, take_back
from copilot_kit_evals.frontier.lock import read_lock
from copilot_kit_evals.frontier.promotions import Promotion, chain_faults, evidence_fault
from copilot_kit_evals.frontier.staging import look_after, looked_after
from copilot_kit_evals.frontier.trial import trial_of
from copilot_kit_evals.frontier.wanted import Snap

ANNA = Principal(id="anna")


async def flip(ledger: Ledger, to: str, share: float | None = None) -> Promotion:
    before = await ledger.placement("default", (to,))
    return await promote(ledger, "default", placed(before, to, {}, share), before=before, by="anna")


@tool(effect="external", version="1")
def send(to: str) -> str:
    """Send it."""
    return "sent"


async def rejected_when_new(store: MemoryStore, runs: int) -> None:
    agent = Agent("default", tools=[send], store=store)
    for n in range(runs):
        run = await agent.run("send it", run_id=f"run_{n}")
        is_new = (await store.read(run.id))[0].body.model == "stub:new"
        await (run.reject if is_new else run.approve)(run.proposals[0].id, by=ANNA)


class Slow(MemoryStore):
    """A journal in which something else happens while its calls are read."""

    def __init__(self, meanwhile: object) -> None:
        super().__init__()
        self.meanwhile = meanwhile

    async def calls(self, **options: object) -> object:
        found = await super().calls(**options)  # type: ignore[arg-type]
        await self.meanwhile()  # type: ignore[operator]
        return found


@pytest.mark.parametrize("shared", [False, True])
async def test_of_two_who_look_after_a_stage_one_takes_it_back_and_nothing_that_was_before_it(
    project: Path, *, shared: bool
):
    if shared:
        text = (project / "frontier.toml").read_text()
        (project / "frontier.toml").write_text(f'[frontier]\nstore = "slots.db"\n{text}')
    ledger, other = open_ledger(), open_ledger()

    async def somebody_else() -> None:
        if store.meanwhile is somebody_else:
            store.meanwhile = nothing
            assert await looked_after(other, "default", store) is not None

    async def nothing() -> None:
        pass

    store = Slow(nothing)
    await flip(ledger, "stub:twin")
    await flip(ledger, "stub:new", 0.5)
    await rejected_when_new(store, 40)
    store.meanwhile = somebody_else
    assert await looked_after(ledger, "default", store) is None
    assert [one.kind for one in await ledger.promotions()] == ["promote", "stage", "rollback"]
    assert (await ledger.placement("default")).model == "stub:twin"


async def test_of_two_who_take_back_at_once_one_does(project: Path):
    ledger = open_ledger()
    await flip(ledger, "stub:twin")
    last = await flip(ledger, "stub:new")
    await take_back(ledger, "default", by="anna", follows=last.hash)
    with pytest.raises(Conflict, match="was promoted or taken back meanwhile, and has stub:twin"):
        await take_back(ledger, "default", by="bob", follows=last.hash)
    assert (await ledger.placement("default")).model == "stub:twin"


async def test_who_looks_after_a_stage_outlives_a_journal_that_does_not_answer(project: Path):
    ledger, answers = open_ledger(), [JournalError("The database is away. Try again.")]

    async def at_times() -> None:
        if answers:
            raise answers.pop()

    async def nothing() -> None:
        pass

    store = Slow(nothing)
    await flip(ledger, "stub:new", 0.5)
    await rejected_when_new(store, 40)
    store.meanwhile = at_times
    promotion = await look_after(ledger, "default", store, every_s=0.001)
    assert (answers, promotion.kind) == ([], "rollback")


async def test_what_a_dead_process_promoted_is_the_incumbent_of_the_next_snap(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    def dies(*_: object) -> None:
        raise SystemError

    with monkeypatch.context() as patched:
        patched.setattr(lock, "flip", dies)
        with pytest.raises(SystemError):
            await flip(open_ledger(), "stub:poor")
    trial = await trial_of(open_ledger(), Snap(slot="default", to="stub:new"))
    assert (trial.before.model, trial.candidates[0].model) == ("stub:poor", "stub:poor")


async def test_a_last_line_that_lost_only_its_end_to_an_editor_counts_and_is_kept(project: Path):
    for to in ("stub:new", "stub:twin"):
        await flip(open_ledger(), to)
    path = project / "frontier.lock.jsonl"
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert await open_ledger().faults() == []
    await flip(open_ledger(), "stub:poor")
    assert [one.after.model for one in read_lock(path)] == ["stub:new", "stub:twin", "stub:poor"]
    assert chain_faults(read_lock(path)) == []


async def test_what_was_cut_off_the_record_is_kept_beside_it(project: Path):
    await flip(open_ledger(), "stub:new")
    path = project / "frontier.lock.jsonl"
    line = path.read_bytes()
    path.write_bytes(line + line[:100])
    await flip(open_ledger(), "stub:twin")
    assert [one.n for one in read_lock(path)] == [0, 1]
    assert (project / "frontier.lock.torn").read_bytes() == line[:100] + b"\n"


def test_a_run_that_a_promotion_rests_on_stays_as_it_is(project: Path):
    assert snap_slot(Snap(slot="default", to="stub:new", by="anna", out=Path("runs/a"))) == 0
    with pytest.raises(UsageError, match="Promotion 0 rests on the run 'runs/a', which stays as it is"):
        snap_slot(Snap(slot="default", by="anna", resume=Path("runs/a")))
    (line,) = read_lock(project / "frontier.lock.jsonl")
    assert evidence_fault(line, project) is None


def test_what_a_resumed_run_knows_itself_cannot_be_said_anew(project: Path):
    with pytest.raises(UsageError, match="leave --share out"):
        snap_slot(Snap(slot="default", share=0.1, resume=Path("runs/a")))


@pytest.mark.parametrize("store", ["nonsense://x", "suite.py"])
def test_a_journal_that_cannot_be_opened_is_told_of_before_anything_is_asked_or_moved(project: Path, store: str):
    with pytest.raises(CopilotError, match=r"Cannot open journal|is no journal"):
        snap_slot(Snap(slot="default", to="stub:new", store=store, out=Path("run")))
    assert sorted(one.name for one in project.iterdir()) == ["frontier.toml", "suite.py"]


def test_a_slot_that_cannot_be_edited_is_told_of_before_anything_is_asked(project: Path):
    path = project / "frontier.toml"
    text = 'slots.default = { model = "stub:old", suites = ["suite.py"] }\n'
    path.write_text(text)
    (project / "b.md").write_text("Carry over.")
    with pytest.raises(UsageError, match="is written in a way that cannot be edited here"):
        snap_slot(Snap(slot="default", vary=("prompt=b.md",), by="anna"))
    assert sorted(one.name for one in project.iterdir()) == ["b.md", "frontier.toml", "suite.py"]
    assert path.read_text() == text


EDITING = """

class Editing(Exact):
    async def __call__(self, item, output):
        from pathlib import Path

        path = Path({name!r})
        path.write_text(path.read_text().replace({old!r}, {new!r}, 1))
        return await super().__call__(item, output)


tasks = [Task("doubles", items, Ask("Double it."), [Editing()])]
"""


@pytest.mark.parametrize(
    ("name", "old", "new", "what"),
    [
        ("b.md", "Be brief.", "Otherwise.", "overlay"),
        (
            "frontier.toml",
            "# The models of this project.\n[slots.default]",
            '[slots.default]\nsettings = { effort = "high" }',
            "settings",
        ),
    ],
)
def test_words_and_settings_that_were_edited_during_the_evaluation_are_not_promoted(
    project: Path, name: str, old: str, new: str, what: str
):
    path, suite = project / "frontier.toml", project / "suite.py"
    (project / "b.md").write_text("Be brief.")
    path.write_text(path.read_text() + '[slots.default.overlays."stub:new"]\nprompt_file = "b.md"\n')
    suite.write_text(suite.read_text() + EDITING.format(name=str(project / name), old=old, new=new))
    with pytest.raises(Conflict, match=f"was changed since it was evaluated: {what}. Nothing was promoted"):
        snap_slot(Snap(slot="default", to="stub:new", by="anna", out=Path("run")))
    assert 'model = "stub:old"   # since' in path.read_text()
    assert not (project / "frontier.lock.jsonl").exists()


async def test_an_owner_who_looked_at_the_slot_before_it_moved_begins_nothing_afterwards(project: Path):
    sent: list[str] = []

    @tool(effect="external", version="1")
    def send(to: str) -> str:
        """Send it."""
        sent.append(to)
        return "sent"

    class Late(MemoryStore):
        """The slot moves, and people are asked anew, when an owner is about to write that a call begins."""

        moves = False

        async def append(self, run_id: str, drafts: Sequence[Draft], **options: object) -> list[Entry]:
            if self.moves and any(one.body.kind == "intended" for one in drafts):
                self.moves = False
                await flip(open_ledger(), "stub:new")
                self.renewed = await ask_anew(self, slot="default", models=["stub:new"], by=ANNA)
            return await super().append(run_id, drafts, **options)  # type: ignore[arg-type]

    store = Late()
    agent = Agent("default", tools=[send], store=store)
    run = await agent.run("send it")
    await decide(store, run.id, run.proposals[0].id, "approve", by=ANNA)
    store.moves = True
    run = await agent.resume(run.id)
    assert (run.status, [one.id for one in run.proposals], sent) == ("waiting", store.renewed, [])


async def test_a_yes_whose_time_was_over_is_asked_anew_for_as_long_as_at_first(project: Path):
    store = MemoryStore()
    run = await Agent("default", tools=[send], store=store, answer_within_s=60).run("send it")
    await decide(store, run.id, run.proposals[0].id, "approve", by=ANNA)
    later = datetime.now(UTC) + timedelta(hours=1)
    (fresh,) = await ask_anew(store, slot="default", models=["stub:new"], by=ANNA, now=later)
    (waiting,) = await store.waiting()
    assert (waiting.id, waiting.expires_at) == (fresh, later + timedelta(seconds=60))


async def test_what_nobody_decided_in_time_is_not_revived(project: Path):
    store = MemoryStore()
    await Agent("default", tools=[send], store=store, answer_within_s=60).run("send it")
    later = datetime.now(UTC) + timedelta(hours=1)
    assert await ask_anew(store, slot="default", models=["stub:new"], by=ANNA, now=later) == []
    assert await ask_anew(store, slot="default", models=["stub:new"], by=ANNA) != []


async def test_asked_anew_twice_it_says_once_what_changed(project: Path):
    store = MemoryStore()
    agent = Agent("default", tools=[send], store=store)
    run = await agent.run("send it")
    for model in ("stub:new", "stub:twin"):
        await ask_anew(store, slot="default", models=[model], by=ANNA)
    (proposal,) = (await agent.load(run.id)).proposals
    assert [one.code for one in proposal.reasons] == ["model-changed", "effect-external"]
    assert proposal.reasons[0].text.endswith("from stub:new to stub:twin, by anna")
