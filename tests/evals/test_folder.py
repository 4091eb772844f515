"""The run's folder as others read it: its manifest, its lines, its blobs."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_kit.messages import Message, Reasoning, Text, Wire
from copilot_kit.response import Response, Served, Stop, Usage
from copilot_kit_evals.candidates import Candidate, candidates_of
from copilot_kit_evals.folder import BadRun, Call, RunFolder, free_folder
from copilot_kit_evals.manifest import Shard, order_of
from copilot_kit_evals.runner import Options, resume, run
from copilot_kit_evals.writing import encoded
from tests.evals.arithmetic import adder, opening, sums


async def finished(path: Path) -> RunFolder:
    return (await run([sums(6)], candidates_of(["fake:good"]), path, Options(opening=opening(adder())))).folder


async def test_the_manifest_is_fixed_before_the_first_attempt_and_holds_what_it_was_of(tmp_path: Path):
    folder = await finished(tmp_path / "run")
    told = json.loads((tmp_path / "run" / "run.json").read_text())
    assert told["format"] == "copilot-kit-run/1"
    assert {"run_id", "created", "versions", "seed", "tasks", "candidates", "rule"} <= told.keys()
    [task] = told["tasks"]
    assert task["fingerprint"] == sums(6).dataset.fingerprint
    assert list(task["scorers"]) == ["exact"]
    assert list(folder.dataset(folder.manifest.tasks[0])) == list(sums(6).dataset)


async def test_a_trivial_attempt_takes_few_bytes(tmp_path: Path):
    await finished(tmp_path / "run")
    logs = ((tmp_path / "run" / name).stat().st_size for name in ("attempts.jsonl", "calls.jsonl"))
    assert sum(logs) / 6 < 700


async def test_expected_keys_come_in_the_seeded_order(tmp_path: Path):
    folder = await finished(tmp_path / "run")
    names = [item.id for item, _ in folder.expected(folder.manifest.tasks[0])]
    assert names == sorted((f"i{n}" for n in range(6)), key=lambda name: order_of(0, "sums", name))
    assert {key for _, keys in folder.expected(folder.manifest.tasks[0]) for key in keys} == {
        one.key for one in folder.attempts()}  # fmt: skip


async def test_changed_blobs_and_damaged_lines_are_named(tmp_path: Path):
    folder = await finished(tmp_path / "run")
    digest = folder.manifest.tasks[0].blob
    blob = tmp_path / "run" / "blobs" / digest[:2] / digest[2:]
    blob.write_bytes(blob.read_bytes() + b"\n")
    with pytest.raises(BadRun, match="was changed"):
        folder.blob(digest)
    log = tmp_path / "run" / "attempts.jsonl"
    log.write_bytes(b"{}\n" + log.read_bytes())
    with pytest.raises(BadRun, match="line 1: this is no attempt"):
        list(folder.attempts())


async def test_a_digest_that_is_none_leads_to_no_file(tmp_path: Path):
    folder = await finished(tmp_path / "run")
    with pytest.raises(BadRun, match="is no SHA-256"):
        folder.blob("../run.json")


def test_a_folder_without_a_manifest_is_no_run(tmp_path: Path):
    with pytest.raises(BadRun, match=r"it has no run.json"):
        RunFolder(tmp_path)


def test_an_answer_survives_the_log_with_all_that_must_go_back_to_its_provider():
    wire = Wire(origin="anthropic.messages", model="m", opaque={"signature": "x", "none": None, "list": [None, 1]})
    parts = (Reasoning(text=None, form="hidden", wire=wire), Text(text="ü\u2028"))
    response = Response(
        message=Message(id="msg_1", role="assistant", parts=parts),
        model=Served(asked="m", provider="anthropic", served="m-1"),
        stop=Stop(kind="end", detail={"a": None}),
        usage=Usage(input=1),
        extra={"x": None},
    )
    call = Call(attempt="0" * 16, n=0, asked="1" * 16, response=response, took_s=0.1)
    again = Call.model_validate_json(encoded(call))
    assert again.response.message == response.message
    assert again.response.stop == response.stop
    assert again.response.usage == response.usage


def test_shards_split_items_evenly_and_each_item_is_in_one():
    shards = [Shard(number=number, of=4) for number in range(1, 5)]
    counts = [sum(one.holds("t", f"i{n}") for n in range(2000)) for one in shards]
    assert sum(counts) == 2000
    assert min(counts) > 400


def test_candidates_are_told_apart_by_what_is_sent_and_not_by_their_names():
    plain = Candidate(name="a", model="m:x")
    assert plain.digest == Candidate(name="b", model="m:x").digest
    others = [plain.model_copy(update=change) for change in (
        {"model": "m:y"}, {"prompt": "P"}, {"prompt": ""}, {"tools": ()}, {"tools": ("a",)})]  # fmt: skip
    assert len({one.digest for one in [plain, *others]}) == 6


def test_what_is_varied_makes_candidates(tmp_path: Path):
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(f"Prompt {name}")
    made = candidates_of(["x:1", "x:2"], [f"prompt={tmp_path / 'a.md'},{tmp_path / 'b.md'}", "effort=low,high"])
    assert len(made) == 8
    assert made[0].name == "x:1 prompt=a.md effort=low"
    assert (made[0].prompt, made[0].settings.effort) == ("Prompt a.md", "low")
    assert candidates_of(["x:1"], ["tools=find+read,none"])[0].tools == ("find", "read")
    assert candidates_of(["x:1"], ["tools=find+read,none"])[1].tools == ()


def test_a_byte_order_mark_is_no_part_of_a_prompt(tmp_path: Path):
    (tmp_path / "a.md").write_bytes(b"\xef\xbb\xbfBe brief.")
    assert candidates_of(["x:1"], [f"prompt={tmp_path / 'a.md'}"])[0].prompt == "Be brief."


@settings(max_examples=12, deadline=None)
@given(cut=st.floats(0, 1), calls_cut=st.floats(0, 1))
def test_a_log_that_ends_at_any_byte_goes_on_and_pays_only_for_what_is_not_there(cut: float, calls_cut: float):
    with TemporaryDirectory() as name:
        path = Path(name) / "run"
        asyncio.run(run([sums(8)], candidates_of(["fake:good"]), path, Options(opening=opening(adder()))))
        for file, share in (("attempts.jsonl", cut), ("calls.jsonl", max(cut, calls_cut))):
            content = (path / file).read_bytes()  # calls are written first: their log is never the shorter one
            (path / file).write_bytes(content[: int(len(content) * share)])
        before = RunFolder(path)
        ended = {one.key for one in before.attempts()}
        paid = {one.attempt for one in before.calls()} | {key.digest for key in ended}
        model = adder()
        finished_run = asyncio.run(resume(path, [sums(8)], Options(opening=opening(model))))
        keys = [one.key for one in finished_run.folder.attempts()]
        assert len(keys) == len(set(keys)) == 8
        assert ended <= set(keys)
        assert len(model.requests) == 8 - len(paid)


def test_what_is_no_run_and_what_another_version_wrote_are_told_apart(tmp_path: Path):
    for name in ("nowhere", "\0", "x" * 5000):
        with pytest.raises(BadRun, match=r"is no run: it has no run\.json"):
            RunFolder(tmp_path / name)
    (tmp_path / "run.json").write_text('{"format": "copilot-kit-run/9"}')
    with pytest.raises(BadRun, match="is not a manifest that this version reads"):
        RunFolder(tmp_path)


def test_runs_that_begin_within_a_second_have_folders_of_their_own(tmp_path: Path):
    now, found = datetime(2026, 11, 23, 7, 15, tzinfo=UTC), []
    for _ in range(3):
        found.append(free_folder(tmp_path / "runs", "default", now))
        found[-1].mkdir(parents=True)
    assert [one.name for one in found] == [f"default-20261123-071500{more}" for more in ("", "-2", "-3")]
