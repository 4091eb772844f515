"""Snapping a slot from end to end, with stub models: evaluate, promote, what waits is asked anew, and back again."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from copilot_kit import Agent, Principal, decide, tool
from copilot_kit.approval.renewal import ask_anew
from copilot_kit.errors import Conflict, UsageError
from copilot_kit.journal.opening import open_store
from copilot_kit.slots import slot_of
from copilot_kit_evals.cli.snap_slot import snap_slot
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.frontier.ledger import ask_people_anew, open_ledger, promote, take_back
from copilot_kit_evals.frontier.lock import read_lock
from copilot_kit_evals.frontier.wanted import Snap
from copilot_kit_evals.verdict.verdicts import Verdict

Text = Callable[[], str]


def snapped(**options: object) -> int:
    return snap_slot(Snap(slot="default", by="anna", **options))  # type: ignore[arg-type]


def test_a_better_model_is_promoted_with_its_evidence_and_nothing_else_of_the_file_changes(
    project: Path, text: Text, capsys: pytest.CaptureFixture[str]
):
    before = text()
    assert snapped(to="stub:new", out=Path("runs/a")) == 0
    assert text() == before.replace('model = "stub:old"   # since', 'model = "stub:new"   # since')
    (line,) = read_lock(project / "frontier.lock.jsonl")
    assert (line.kind, line.slot, line.by, line.before.model, line.after.model) == (
        "promote", "default", "anna", "stub:old", "stub:new")  # fmt: skip
    assert line.evidence is not None
    assert (line.evidence.run, line.evidence.verdict) == ("runs/a", "promote")
    assert set(line.evidence.files) == {"run.json", "attempts.jsonl", "verdict.json"}
    assert capsys.readouterr().out.startswith("promote: stub:new in place of stub:old: ")


def test_a_large_suite_stops_as_soon_as_the_evidence_is_enough_and_a_small_one_is_asked_whole(project: Path):
    assert snapped(to="stub:poor", out=Path("runs/small")) == 1
    assert len(list(RunFolder("runs/small").settled())) == 240
    suite = project / "suite.py"
    suite.write_text(suite.read_text().replace("range(120)", "range(240)"))
    assert snapped(to="stub:poor", out=Path("runs/large")) == 1
    run = RunFolder("runs/large")
    assert run.decisions()[-1].verdict == "stop"
    assert len(list(run.settled())) < 480


def test_only_the_slices_that_the_slot_names_must_be_shown_to_be_no_worse(project: Path):
    suite, frontier = project / "suite.py", project / "frontier.toml"
    suite.write_text(suite.read_text().replace("target=str(2 * n))", "target=str(2 * n), tags=['rare'] * (n < 3))"))
    assert snapped(to="stub:new", dry_run=True, out=Path("runs/whole")) == 0
    frontier.write_text(frontier.read_text().replace("[slots.default]", "[slots.default]\nslices = ['rare']", 1))
    assert snapped(to="stub:new", dry_run=True, out=Path("runs/slice")) == 2
    verdict = Verdict.model_validate_json((project / "runs/slice/verdict.json").read_bytes())
    assert "on 'rare'" in verdict.reasons[0]


def test_a_change_that_changes_nothing_is_told_of_before_anything_is_asked(project: Path):
    frontier = project / "frontier.toml"
    settings = "[slots.default]\nsettings = { effort = 'low' }"
    frontier.write_text(frontier.read_text().replace("[slots.default]", settings, 1))
    with pytest.raises(UsageError, match="Slot 'default' has stub:old effort=low already"):
        snapped(vary=("effort=low",))
    assert not (project / "runs").exists()


def test_a_slice_that_no_item_is_in_is_told_of_before_anything_is_asked(project: Path):
    suite, frontier = project / "suite.py", project / "frontier.toml"
    suite.write_text(suite.read_text().replace("target=str(2 * n))", "target=str(2 * n), tags=['rare'] * (n < 3))"))
    frontier.write_text(frontier.read_text().replace("[slots.default]", "[slots.default]\nslices = ['rares']", 1))
    with pytest.raises(UsageError, match="has the tag 'rares', which the slot's 'slices' name"):
        snapped(to="stub:new")
    assert not (project / "runs").exists()


def test_a_verdict_knows_how_many_were_tried_before_on_the_same_items(project: Path, text: Text):
    for place, name in enumerate(("poor", "twin", "new")):
        snapped(to=f"stub:{name}", dry_run=True, out=Path(f"runs/{place}"))
    assert [RunFolder(f"runs/{place}").manifest.rule.tries_before for place in range(3)] == [0, 1, 2]
    snapped(to="stub:new", dry_run=True, repeats=2, out=Path("elsewhere/0"))
    assert RunFolder("elsewhere/0").manifest.rule.tries_before == 0


def test_a_worse_model_is_held_and_the_slot_stays(project: Path, text: Text):
    before = text()
    assert snapped(to="stub:poor") == 1
    assert text() == before
    assert not (project / "frontier.lock.jsonl").exists()


def test_a_model_that_is_as_good_and_no_cheaper_is_not_promoted(project: Path, text: Text):
    before = text()
    assert snapped(to="stub:twin") in (1, 2)
    assert text() == before


def test_a_release_far_below_the_line_that_promotions_have_seen_is_suspected_before_it_is_held(project: Path):
    frontier = project / "frontier.toml"
    frontier.write_text(frontier.read_text().replace("stub:old", "stub:m-1"))
    assert snapped(to="stub:m-2", out=Path("runs/a")) == 0
    assert snapped(to="stub:m-3", out=Path("runs/b")) == 0
    assert snapped(to="stub:m-4", out=Path("runs/c")) == 3
    rule = RunFolder("runs/c").manifest.rule
    assert [round(mean, 3) for _, mean in rule.line] == [0.5, 0.667, 0.833]
    verdict = Verdict.model_validate_json((project / "runs/c/verdict.json").read_bytes())
    assert verdict.reasons[0].startswith("probably wired wrongly, look here: its mean is 0.167, where the trend")


def test_a_dry_run_judges_and_changes_nothing(project: Path, text: Text):
    before = text()
    assert snapped(to="stub:new", dry_run=True, out=Path("runs/a")) == 0
    assert text() == before
    verdict = Verdict.model_validate_json((project / "runs/a/verdict.json").read_bytes())
    assert verdict.verdict == "promote"


def test_a_plan_asks_no_model_anything(project: Path, capsys: pytest.CaptureFixture[str]):
    assert snapped(to="stub:new", plan=True, json=True) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["attempts"], plan["candidates"]) == (240, ["stub:old", "stub:new"])
    assert not (project / "runs").exists()


def test_back_restores_the_file_to_the_letter_and_can_be_repeated_for_each_promotion(project: Path, text: Text):
    before = text()
    assert snapped(to="stub:new") == 0
    assert snapped(back=True) == 0
    assert text() == before
    assert [one.kind for one in read_lock(project / "frontier.lock.jsonl")] == ["promote", "back"]
    with pytest.raises(UsageError, match="Slot 'default' was not promoted, or all was taken back"):
        snapped(back=True)


def test_a_candidate_may_be_another_prompt_for_the_same_model(project: Path, text: Text):
    (project / "carry.md").write_text("Double it, and carry.\n")
    before = text()
    assert snapped(vary=("prompt=carry.md", "temperature=0.5"), out=Path("runs/a")) == 0
    assert [one.name for one in RunFolder("runs/a").manifest.candidates] == [
        "stub:old", "stub:old prompt=carry.md temperature=0.5"]  # fmt: skip
    assert 'model = "stub:old"' in text()
    assert '[slots.default.overlays."stub:old"]\nprompt = "Double it, and carry."\nreplaces = true\n' in text()
    assert snapped(back=True) == 0
    assert text() == before


def test_what_a_slot_has_already_is_no_candidate(project: Path):
    with pytest.raises(UsageError, match=r"Slot 'default' has stub:old already\. Name another model"):
        snapped(to="stub:old")


def test_a_slot_without_suites_says_how_to_name_them(project: Path):
    with pytest.raises(UsageError, match=r"Slot 'fast' has no suites\. Write in frontier\.toml, under \[slots\.fast\]"):
        snap_slot(Snap(slot="fast", to="stub:new"))


def test_data_goes_to_no_vendor_that_the_slot_does_not_name(project: Path, text: Text):
    (project / "frontier.toml").write_text(
        text().replace('suites = ["suite.py"]', 'suites = ["suite.py"]\nmay_send_to = ["stub"]')
    )
    with pytest.raises(UsageError, match="Data of slot 'default' may not go to 'openai': its may_send_to has stub"):
        snapped(to="openai:gpt-5.4")


def test_a_slot_without_a_model_gets_a_launch_verdict_and_then_its_first_model(project: Path, text: Text):
    launch = '[slots.launch]\nsuites = ["suite.py"]\nrequired_reliability = 0.9\n'
    (project / "frontier.toml").write_text(launch)
    assert snap_slot(Snap(slot="launch", to="stub:poor", out=Path("runs/a"))) == 1
    assert snap_slot(Snap(slot="launch", to="stub:new", out=Path("runs/b"))) == 0
    assert text() == f'{launch}model = "stub:new"\n'
    assert snap_slot(Snap(slot="launch", back=True)) == 0
    assert text() == launch


def test_a_launch_of_which_nothing_says_what_is_good_enough_is_refused_before_anything_is_asked(project: Path):
    with pytest.raises(UsageError, match="Nothing says what is good enough for users: give the slot a required_relia"):
        snapped(to="stub:new", launch=True)
    (project / "frontier.toml").write_text('[slots.default]\nsuites = ["suite.py"]\n')
    with pytest.raises(UsageError, match="Nothing was asked"):
        snapped(to="stub:new")
    assert not (project / "runs").exists()


def test_a_crutch_that_is_left_out_is_a_further_candidate(project: Path, text: Text):
    (project / "frontier.toml").write_text(
        text().replace("[slots.fast]", '[slots.default.crutches.it]\nprompt = "it"\n\n[slots.fast]')
    )
    assert snapped(to="stub:new", out=Path("runs/a")) == 0
    run = RunFolder("runs/a")
    assert [one.name for one in run.manifest.candidates] == ["stub:old", "stub:new", "stub:new without it"]
    verdict = Verdict.model_validate_json((project / "runs/a/verdict.json").read_bytes())
    assert verdict.found("crutches")


HELPED = """
from copilot_kit import Agent, tool
from copilot_kit.testing import FunctionModel, call
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.tasks import Assign, Task


@tool(effect="read")
def double(number: int) -> int:
    \'\'\'Doubles.\'\'\'
    return 2 * number


def answer(request):
    told = {one.name: one.description for one in request.tools}
    number = int(request.messages[0].text)
    right = "wrongly" not in told.get("double", "") and not ("double" in told and number % 2)
    return str(2 * number if right else 0)


def work(setup):
    return Agent(setup.model, tools=[double], settings=setup.settings)


items = Dataset.of([Item(id=f"d{n}", input=str(n), target=str(2 * n)) for n in range(1, 41)], name="doubles")
tasks = [Task("doubles", items, Assign(work), [Exact()])]
models = {"stub:old": FunctionModel(answer, id="stub:old")}
"""


def test_a_change_of_tools_alone_is_a_candidate(project: Path, text: Text):
    (project / "suite.py").write_text(HELPED.replace("\\'", "'"))
    (project / "tools.toml").write_text('double = "Doubles wrongly."\n')
    assert snapped(vary=("tools=tools.toml",)) == 1
    assert snapped(vary=("hides=double",)) == 0
    assert 'hides = ["double"]' in text()
    assert slot_of("default").overlays["stub:old"].hides == ("double",)
    assert snapped(back=True) == 0
    with pytest.raises(UsageError, match="no TOML"):
        snapped(vary=("tools=suite.py",))


AGENT = """
from copilot_kit import Agent
from copilot_kit.testing import FunctionModel
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.tasks import Assign, Task


def doubler(name, slips):
    def answer(request):
        first = len(request.messages) == 1
        return "It is a large number." if slips and first else str(2 * int(request.messages[0].text))

    return FunctionModel(answer, id=name)


def double(setup):
    return Agent(setup.model, output=int, settings=setup.settings)


items = Dataset.of([Item(id=f"d{n}", input=str(n), target=str(2 * n)) for n in range(40)], name="doubles")
tasks = [Task("doubles", items, Assign(double), [Exact()])]
models = {name: doubler(name, slips) for name, slips in (("stub:old", True), ("stub:slips", True), ("stub:new", False))}
"""


def test_retries_are_a_crutch_that_one_model_needs_and_another_does_not(project: Path, text: Text):
    (project / "suite.py").write_text(AGENT)
    (project / "frontier.toml").write_text(
        text().replace("[slots.fast]", "[slots.default.crutches.again]\nretries = true\n\n[slots.fast]")
    )
    needed = []
    for name in ("new", "slips"):
        snapped(to=f"stub:{name}", margin=0.1, dry_run=True, out=Path(f"runs/{name}"))
        (found,) = Verdict.model_validate_json((project / f"runs/{name}/verdict.json").read_bytes()).found("crutches")
        needed.append((found.slice, found.figures["needed"], found.figures["difference"]))
    assert needed == [("again", False, 0.0), ("again", True, -1.0)]


def test_retries_are_not_taken_out_where_nothing_tries_again(project: Path, text: Text):
    (project / "frontier.toml").write_text(
        text().replace("[slots.fast]", "[slots.default.crutches.again]\nretries = true\n\n[slots.fast]")
    )
    assert snapped(to="stub:new", out=Path("runs/a")) == 0
    assert [one.name for one in RunFolder("runs/a").manifest.candidates] == ["stub:old", "stub:new"]


def test_parked_items_are_asked_and_are_no_part_of_the_comparison(project: Path, text: Text):
    (project / "parked.jsonl").write_text('{"id": "hard", "input": "119", "target": "238"}\n')
    (project / "frontier.toml").write_text(
        text().replace('suites = ["suite.py"]', 'suites = ["suite.py"]\nparked = "parked.jsonl"')
    )
    assert snapped(to="stub:new", out=Path("runs/a")) == 0
    verdict = Verdict.model_validate_json((project / "runs/a/verdict.json").read_bytes())
    assert "hard" in " ".join(item for one in verdict.found("newly_works") for item in one.items)


def test_a_run_that_was_broken_off_goes_on_and_then_promotes(project: Path, text: Text):
    assert snapped(to="stub:new", budget_tokens=40, out=Path("runs/a")) in (1, 2, 3)
    assert 'model = "stub:old"   # since spring' in text()
    assert snapped(resume=Path("runs/a")) == 0
    assert 'model = "stub:new"   # since spring' in text()


def test_a_slot_that_moved_while_it_was_evaluated_is_left_alone_and_what_was_found_is_told(
    project: Path, text: Text, capsys: pytest.CaptureFixture[str]
):
    assert snapped(to="stub:new", dry_run=True, out=Path("runs/a")) == 0
    (project / "frontier.toml").write_text(text().replace('"stub:old"   # since', '"stub:twin"   # since'))
    with pytest.raises(Conflict, match="Slot 'default' has changed meanwhile: it has stub:twin, not stub:old"):
        snapped(resume=Path("runs/a"))
    assert capsys.readouterr().out.count("promote: stub:new in place of stub:old: ") == 2
    with pytest.raises(Conflict):
        snapped(resume=Path("runs/a"), json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["promotion"], found["run"]) == ("promote", None, "runs/a")


async def test_the_whole_story_in_one_process(project: Path, text: Text):
    """A running agent changes its model at the next run, what waits is asked anew, and back again."""
    sent: list[str] = []

    @tool(effect="external", version="1")
    def send(to: str) -> str:
        """Send it."""
        sent.append(to)
        return "sent"

    anna, store = Principal(id="anna"), open_store(f"sqlite:///{project}/journal.db")
    agent = Agent("default", tools=[send], store=store)
    talk, waiting = await agent.run("Hello"), await agent.run("send it")
    assert talk.text == "old says hello"
    ledger = open_ledger()
    before = await ledger.placement("default", ("stub:new",))
    promotion = await promote(
        ledger, "default", before.model_copy(update={"model": "stub:new"}), before=before, by="anna"
    )
    assert len(await ask_people_anew(ledger, promotion, store)) == 1
    assert await ask_people_anew(ledger, promotion, store) == []  # once is enough
    (fresh,) = (await waiting.refresh()).proposals
    assert (fresh.again_of, fresh.for_model) == (waiting.proposals[0].id, "stub:new")
    assert fresh.reasons[0].code == "model-changed"
    assert (await agent.run("Hello")).text == "new says hello"
    assert (await talk.say("Hello")).text == "old says hello"
    done = await (await waiting.refresh()).approve(fresh.id, by=anna)
    assert (done.status, done.text, sent) == ("done", "old is done", ["eve"])
    await take_back(ledger, "default", by="anna")
    assert (await agent.run("Hello")).text == "old says hello"
    await store.close()


async def test_what_was_approved_and_has_not_begun_is_asked_anew_at_once(project: Path):
    @tool(effect="external", version="1")
    def send(to: str) -> str:
        """Send it."""
        raise AssertionError(to)

    store = open_store(f"sqlite:///{project}/journal.db")
    run = await Agent("default", tools=[send], store=store).run("send it")
    await decide(store, run.id, run.proposals[0].id, "approve", by=Principal(id="anna"))
    assert await store.ready() == [run.id]
    (fresh,) = await ask_anew(store, slot="default", models=["stub:new"], by=Principal(id="ops"))
    assert [one.id for one in await store.waiting()] == [fresh]
    assert await ask_anew(store, slot="fast", models=["stub:new"], by=Principal(id="ops")) == []
    await store.close()


def test_a_plan_says_that_a_run_stops_early_only_where_it_does(project: Path, capsys: pytest.CaptureFixture[str]):
    snapped(to="stub:new", plan=True)
    assert capsys.readouterr().out.endswith("expected cost unknown, as no price is known of a model.\n")
    suite = project / "suite.py"
    suite.write_text(suite.read_text().replace("range(120)", "range(240)"))
    snapped(to="stub:new", plan=True)
    assert capsys.readouterr().out.endswith("a model; it stops as soon as the evidence is enough.\n")


def test_a_launch_shows_no_table_without_rows(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "frontier.toml").write_text('[slots.launch]\nsuites = ["suite.py"]\nrequired_reliability = 0.9\n')
    assert snap_slot(Snap(slot="launch", to="stub:new", out=Path("runs/b"))) == 0
    assert "value" not in capsys.readouterr().out
