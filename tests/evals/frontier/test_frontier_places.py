"""frontier.toml by whatever name, from wherever, as a link, with other line ends: the same slots, the same record."""

import asyncio
from pathlib import Path

import pytest

from copilot_kit.slots import open_model, store_of
from copilot_kit_evals.cli.snap_slot import snap_slot
from copilot_kit_evals.frontier.ledger import open_ledger, placed, promote, take_back
from copilot_kit_evals.frontier.lock import read_lock
from copilot_kit_evals.frontier.wanted import Snap


async def flip(to: str) -> None:
    ledger = open_ledger()
    before = await ledger.placement("default", (to,))
    await promote(ledger, "default", placed(before, to, {to: {"prompt": "Hi."}}, None), before=before, by="anna")


async def test_the_ends_of_lines_stay_as_they_are(project: Path):
    path = project / "frontier.toml"
    path.write_bytes(before := path.read_bytes().replace(b"\n", b"\r\n"))
    await flip("stub:new")
    after = path.read_bytes()
    assert b'prompt = "Hi."\r\n' in after
    assert after.count(b"\r\n") == after.count(b"\n")
    await take_back(open_ledger(), "default", by="anna")
    assert path.read_bytes() == before


async def test_a_link_stays_a_link_and_the_record_lies_beside_the_file(project: Path, tmp_path: Path):
    path, real = project / "frontier.toml", tmp_path / "shared" / "models.toml"
    real.parent.mkdir()
    path.rename(real)
    path.symlink_to(real)
    await flip("stub:new")
    assert path.is_symlink()
    assert 'model = "stub:new"   # since' in real.read_text()
    assert [one.after.model for one in read_lock(real.parent / "frontier.lock.jsonl")] == ["stub:new"]
    assert sorted(one.name for one in real.parent.iterdir()) == ["frontier.lock.jsonl", "models.toml"]


def test_a_file_of_another_name_is_snapped_from_wherever(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    named = (project / "frontier.toml").rename(project / "models[1].toml")
    (tmp_path / "frontier.toml").write_text('[slots.default]\nmodel = "stub:poor"\n')  # not this one
    monkeypatch.setenv("COPILOT_KIT_FRONTIER", str(named))
    monkeypatch.chdir(tmp_path)
    assert snap_slot(Snap(slot="default", to="stub:new", by="anna", out=tmp_path / "run")) == 0
    assert 'model = "stub:new"   # since' in named.read_text()
    assert [one.before.model for one in read_lock(project / "frontier.lock.jsonl")] == ["stub:old"]


def test_a_first_model_keeps_the_server_that_it_was_tried_on(project: Path):
    path = project / "frontier.toml"
    path.write_text('[slots.default]\nbase_url = "http://here"\nsuites = ["suite.py"]\nrequired_reliability = 0.7\n')
    assert snap_slot(Snap(slot="default", to="stub:new", by="anna", out=Path("run"))) == 0
    assert asyncio.run(open_ledger().placement("default")).base_url == "http://here"


async def test_a_journal_named_by_a_short_path_is_the_same_one_from_every_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    path = project / "frontier.toml"
    path.write_text(f'[frontier]\nstore = "sqlite:///slots.db"\n{path.read_text()}')
    await flip("stub:new")
    (project / "below").mkdir()
    monkeypatch.chdir(project / "below")
    assert open_model("default").model.id == "stub:new"
    assert sorted(one.name for one in (project / "below").iterdir()) == []


@pytest.mark.parametrize("url", ["memory", "sqlite:////var/slots.db", "postgresql://user@host/database"])
def test_a_journal_named_in_full_is_taken_as_it_is(tmp_path: Path, url: str):
    (tmp_path / "frontier.toml").write_text(f'[frontier]\nstore = "{url}"\n')
    assert store_of(tmp_path / "frontier.toml") == url
