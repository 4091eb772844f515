"""Recorded traffic judges the adapters, by a command whose output scripts read."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def corpus(shared: Path, tmp_path: Path) -> Path:
    """Two recordings: one that an adapter claims and one that none does."""
    folder = tmp_path / "corpus"
    (folder / "exchanges").mkdir(parents=True)
    rows = json.loads((shared / "wire" / "index.json").read_text())
    ids = ["anthropic-batches", "anthropic-messages-403-permission"]
    chosen = [row for row in rows if row["id"] in ids]
    assert len(chosen) == len(ids)
    for row in chosen:
        shutil.copy(shared / "wire" / row["file"], folder / "exchanges")
    (folder / "index.json").write_text(json.dumps(chosen))
    return folder


def test_the_report_says_of_each_exchange_whether_it_passed(copilot: Callable[..., Any], corpus: Path):
    ended = copilot("adapters", "check", "--corpus", str(corpus), "--json")
    assert ended.code == 0
    assert ended.json["summary"] == {"passed": 1, "failed": 0, "not_claimed": 1}
    statuses = {row["id"]: row["status"] for row in ended.json["exchanges"]}
    assert statuses == {"anthropic-batches": "not_claimed", "anthropic-messages-403-permission": "passed"}
    assert {"id", "provider", "api", "status", "reason"} <= ended.json["exchanges"][0].keys()


def test_an_exchange_that_cannot_be_sent_as_recorded_exits_with_1(copilot: Callable[..., Any], corpus: Path):
    path = corpus / "exchanges" / "anthropic-messages-403-permission.json"
    recording = json.loads(path.read_text())
    recording["interactions"][0]["request"]["json"]["model"] = 5  # no name, as every request has
    path.write_text(json.dumps(recording))
    ended = copilot("adapters", "check", "--corpus", str(corpus))
    assert ended.code == 1
    assert ended.out == "0 passed, 1 failed, 1 not claimed by any installed adapter\n"
    assert "failed anthropic-messages-403-permission" in ended.err


def test_a_corpus_that_cannot_be_read_exits_with_3(copilot: Callable[..., Any], corpus: Path):
    (corpus / "exchanges" / "anthropic-batches.json").write_text("{")
    ended = copilot("adapters", "check", "--corpus", str(corpus), "--json")
    assert (ended.code, ended.out) == (3, "")
    assert "is no JSON" in ended.err


def test_a_folder_that_is_not_there_is_wrong_use(copilot: Callable[..., Any]):
    assert copilot("adapters", "check", "--corpus", "nowhere").code == 64
