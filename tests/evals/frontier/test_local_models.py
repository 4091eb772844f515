"""Two real local models: commands snap a slot and take it back, and a copilot lives through it in its own process.

What is told here runs as users run it: the support example as a process that is never restarted, people who press the
buttons of its page, and `copilot-kit` for all the rest.
"""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from copilot_kit.cli.weights import pullable
from copilot_kit.journal import RunState
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.store import Entry
from copilot_kit.journal.thread import Asked
from copilot_kit.records import Intended, Lapsed, RunStarted
from copilot_kit_evals.verdict.verdicts import Verdict
from tests.evals.frontier.coarse_weights import write_coarse
from tests.examples.inbox_process import Card, Inbox, example, until

FRONTIER = """\
# ours
[slots.default]
model = "{old}"   # the one that we have
suites = ["suite.py"]
settings = {{ temperature = 0.0, max_output_tokens = 40 }}
"""
SUITE = """
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scores import scorer
from copilot_kit_evals.tasks import Ask, Task

CAPITALS = {"France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Japan": "Tokyo", "Germany": "Berlin",
            "England": "London", "Russia": "Moscow", "China": "Beijing", "Greece": "Athens", "Egypt": "Cairo",
            "Portugal": "Lisbon", "Ireland": "Dublin", "Poland": "Warsaw", "Austria": "Vienna", "Norway": "Oslo",
            "Cuba": "Havana", "Peru": "Lima", "Kenya": "Nairobi", "Hungary": "Budapest", "Turkey": "Ankara"}


@scorer
def names_it(item, output):
    return item.target in output.text


items = [Item(id=land, input=f"What is the capital of {land}?", target=city) for land, city in CAPITALS.items()]
tasks = [Task("capitals", Dataset.of(items, name="capitals"), Ask(), [names_it])]
"""
GATE = """\
[[rule]]
tool = "close_ticket"
earn = { target = 0.5, audit_share = 1e-9 }   # so small that no call of a test is drawn
"""
EARNED_BY = 7
"""Clean cases that show a rate of 0.5, looked at after each."""
THANKS = """\
From: {name} <{name}@example.net>
Subject: thanks
Date: Mon, 23 Nov 2026 09:00

Everything is fine now, thank you!
"""
QUESTION = """\
From: Gina <gina@example.net>
Subject: cannot sign in
Date: Mon, 23 Nov 2026 09:30

How can I reset the password of my account? The login fails.
"""
LONG_S = 180
"""A model's answer may take this long on a machine with much other work."""


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a slot, and the models that it has before and behind the promotion."""

    folder: Path
    old: str
    new: str
    env: dict[str, str]

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def command(self, *words: str) -> str:
        """Run a command of copilot-kit, which must end with 0, and return what it prints."""
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-m", "copilot_kit", *words],
            cwd=self.folder, env=self.env, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert ended.returncode == 0, f"{words}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def arrives(self, ticket: str, words: str) -> None:
        """Put a ticket into the folder that the copilot looks at."""
        written = self.folder / f"{ticket}.md"
        written.write_text(words)
        written.rename(self.folder / "tickets" / written.name)

    def run(self, ticket: str) -> "Told":
        """Return what the journal says of a ticket's run."""

        async def read() -> list[Entry]:
            store = open_store(str(self.work / "journal.db"))
            try:
                return await store.read(f"ticket_{ticket}")
            finally:
                await store.close()

        return Told(asyncio.run(read()))

    def comes_to(self, ticket: str, status: str) -> "Told":
        """Wait until the run of a ticket rests, which must be so, and return what the journal says of it then."""
        until(lambda: (told := self.run(ticket)).entries and told.state.status != "running", within_s=LONG_S)
        told = self.run(ticket)
        assert told.state.status == status, told.unasked
        return told

    def closed(self) -> list[str]:
        """Return the tickets in the list of closed ones, each as often as it was written there."""
        with closing(sqlite3.connect(self.work / "desk.sqlite")) as database:
            return [ticket for (ticket,) in database.execute("SELECT ticket FROM closed ORDER BY ticket")]

    def sent(self) -> int:
        return len(list((self.work / "outbox").glob("*.eml")))

    def trust(self) -> dict[str, tuple[int, bool]]:
        """Return how many clean cases each model has of closing tickets, and whether that has earned its trust."""
        told = json.loads(self.command("trust", "--gate", "gate.toml", "--json"))
        return {
            one["model"].partition(" > ")[0]: (one["counts"]["clean"], one["earned"])
            for one in told["actions"] if one["tool"] == "close_ticket"
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """What the journal says of a run."""

    entries: list[Entry]

    @property
    def state(self) -> RunState:
        return RunState.of(self.entries)

    @property
    def model(self) -> str:
        started = self.entries[0].body
        assert isinstance(started, RunStarted)
        return started.model

    @property
    def asked(self) -> list[Asked]:
        return list(self.state.proposals.values())

    @property
    def lapsed(self) -> list[tuple[str, str]]:
        """Which proposals were taken away, and why."""
        gone = [entry.body for entry in self.entries if isinstance(entry.body, Lapsed)]
        return [(one.proposal_id, one.because) for one in gone]

    @property
    def unasked(self) -> list[str]:
        """Why calls ran without a question."""
        begun = [entry.body for entry in self.entries if isinstance(entry.body, Intended)]
        return [reason.code for one in begun for reason in one.allowed]


@pytest.fixture(scope="module")
def coarse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a model that is worse: a coarser quantisation of the one that is there."""
    found = next((one["path"] for one in pullable() if one["name"] == "smollm2"), None)
    if not found:
        pytest.skip("needs the weights of smollm2: copilot-kit models pull smollm2")
    return write_coarse(Path(str(found)), tmp_path_factory.mktemp("weights") / "coarse.gguf", every=3)


@pytest.fixture
def project(coarse: Path, tmp_path: Path) -> Project:
    """A slot that has the coarse weights, the suite that it is judged by, and what may be earned."""
    old = f"local:{coarse}"
    (tmp_path / "frontier.toml").write_text(FRONTIER.format(old=old))
    (tmp_path / "suite.py").write_text(SUITE)
    (tmp_path / "gate.toml").write_text(GATE)
    (tmp_path / "tickets").mkdir()
    env = {name: value for name, value in os.environ.items() if not name.startswith("COPILOT_KIT_FRONTIER")}
    return Project(tmp_path, old, "local:smollm2", env | {"COPILOT_KIT_JOURNAL": "work/journal.db"})


@pytest.fixture
def copilot(project: Project) -> Iterator[Inbox]:
    """The support example, in a process that is started once and must live until the test ends."""
    options = ("--model", "default", "--tickets", "tickets", "--gate", "gate.toml")
    with example(project.work, *options, folder=project.folder, env=project.env) as started:
        yield started


@pytest.mark.slow
def test_a_running_copilot_changes_its_model_asks_anew_trusts_anew_and_goes_back(project: Project, copilot: Inbox):
    before = (project.folder / "frontier.toml").read_bytes()
    earn_trust(project, copilot)
    card = open_question(project, copilot)
    promote(project)
    decide_anew(project, copilot, card)
    ask_under_the_new_model(project)
    take_back(project, copilot)
    assert (project.folder / "frontier.toml").read_bytes() == before
    work_as_before(project, copilot)
    assert project.command("frontier", "verify") == "2 promotions, as they were written.\n"


def earn_trust(project: Project, copilot: Inbox) -> None:
    """The old model closes tickets, first with a yes to each, then by itself."""
    first = [f"{number:02}" for number in range(1, EARNED_BY + 1)]
    for ticket in first:
        project.arrives(ticket, THANKS.format(name=f"Lily{'abcdefghijkl'[int(ticket)]}"))
    until(lambda: len(copilot.waiting()) == EARNED_BY, within_s=LONG_S)
    for proposal in copilot.waiting():
        copilot.approve(proposal)
    runs = [project.comes_to(ticket, "done") for ticket in first]
    assert {(one.model, *one.unasked) for one in runs} == {(project.old,)}
    assert project.trust() == {project.old: (EARNED_BY, True)}
    project.arrives("08", THANKS.format(name="Sven"))
    alone = project.comes_to("08", "done")
    assert (alone.model, alone.asked, alone.unasked) == (project.old, [], ["earned"])
    assert project.closed() == [*first, "08"]


def open_question(project: Project, copilot: Inbox) -> Card:
    """The old model would send a mail; a person has the card before them, and does not decide yet."""
    project.arrives("09", QUESTION)
    waits = project.comes_to("09", "waiting")
    (asked,) = waits.asked
    assert (waits.model, asked.proposal.tool, asked.state) == (project.old, "send_reply", "pending")
    (proposal,) = copilot.waiting()
    return copilot.card(proposal)


def promote(project: Project) -> None:
    told = json.loads(project.command(
        "snap", "default", "--to", project.new, "--by", "ci", "--out", "runs/a", "--concurrency", "1", "--json"
    ))  # fmt: skip
    assert f'model = "{project.new}"   # the one that we have' in (project.folder / "frontier.toml").read_text()
    verdict = Verdict.model_validate_json((project.folder / "runs/a/verdict.json").read_bytes())
    assert verdict.verdict == told["verdict"] == "promote"
    assert (verdict.incumbent, verdict.candidate, verdict.n_items) == (project.old, project.new, 20)
    assert verdict.wins >= 10
    assert verdict.losses <= 2
    assert told["asked_anew"] == [project.run("09").asked[-1].proposal.id]


def decide_anew(project: Project, copilot: Inbox, card: Card) -> None:
    """A yes on the old card is not taken; the fresh one says why it is there, and sends the mail, once."""
    assert card.approve() == 409
    told = project.run("09")
    old, fresh = told.asked
    assert told.lapsed == [(old.proposal.id, "model-changed")]
    assert (old.state, fresh.state) == ("cancelled", "pending")
    assert (fresh.proposal.again_of, fresh.proposal.reasons[0].code) == (old.proposal.id, "model-changed")
    assert project.sent() == 0
    copilot.approve(f"ticket_09/{fresh.proposal.id}")
    done = project.comes_to("09", "done")
    assert (done.model, project.sent()) == (project.old, 1)


def ask_under_the_new_model(project: Project) -> None:
    """The next ticket of the same process goes to the new model, which has earned nothing yet."""
    project.arrives("10", THANKS.format(name="Omar"))
    waits = project.comes_to("10", "waiting")
    (asked,) = waits.asked
    assert (waits.model, asked.proposal.tool) == (project.new, "close_ticket")
    assert [(one.code, one.text) for one in asked.proposal.reasons] == [
        ("earning", f"not yet trusted alone: 0 of {EARNED_BY} clean cases so far")
    ]
    assert "10" not in project.closed()


def take_back(project: Project, copilot: Inbox) -> None:
    """A yes that was given before, and not carried out yet, counts no more than one that comes too late."""
    keys = project.folder / "keys.txt"
    keys.write_text("y\n")
    time.sleep(1)  # what the copilot writes when a run has come to a question is written
    with copilot.asleep():
        project.command("inbox", "--script", str(keys))
        assert [one.state for one in project.run("10").asked] == ["approved"]
        project.command("snap", "default", "--back", "--by", "ci")
    told = project.run("10")
    old, fresh = told.asked
    assert told.lapsed == [(old.proposal.id, "model-changed")]
    assert (fresh.state, fresh.proposal.again_of) == ("pending", old.proposal.id)
    assert fresh.proposal.reasons[0].code == "model-changed"


def work_as_before(project: Project, copilot: Inbox) -> None:
    """The old model has the next ticket, and what it had earned; what the new one asked waits for its own yes."""
    project.arrives("11", THANKS.format(name="Rosa"))
    alone = project.comes_to("11", "done")
    assert (alone.model, alone.asked, alone.unasked) == (project.old, [], ["earned"])
    once = [f"{number:02}" for number in (*range(1, EARNED_BY + 2), 11)]
    assert project.closed() == once
    (fresh,) = copilot.waiting()
    copilot.approve(fresh)
    assert project.comes_to("10", "done").model == project.new
    assert project.closed() == sorted([*once, "10"])
    assert project.trust() == {project.old: (EARNED_BY, True), project.new: (1, False)}
    assert project.sent() == 1
