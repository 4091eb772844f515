"""A folder of runs: what is there, what grows, what is broken, and what was said."""

import fcntl
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from copilot_kit_evals.attempts import Key
from tests.evals.web.conftest import ALPHA, BETA

EVIL = "</script><script>x()</script><img src=x onerror=alert(1)>"


async def test_the_list_tells_of_each_run_how_far_it_is_and_what_it_shows(make, seat):
    await make()
    await make("second", count=3, seed=1)
    page = (await seat().get("/")).text
    assert page.index("second") < page.index("first")  # the newest first
    assert "24 / 24" in page
    assert "6 / 6" in page
    assert "\u22121.000" in page  # beta - alpha
    assert ALPHA in page
    assert BETA in page


async def test_the_list_is_filtered_by_words(make, seat):
    await make()
    await make("second")
    page = (await seat().get("/?q=SECOND alpha")).text
    assert "/runs/second" in page
    assert "/runs/first" not in page
    assert "No run has" in (await seat().get("/?q=nothing")).text


async def test_a_run_that_goes_on_grows_and_one_that_was_left_is_called_stopped(make, seat, tmp_path):
    run = await make()
    whole = (run.path / "attempts.jsonl").read_bytes()
    (run.path / "summary.json").unlink(missing_ok=True)
    lines = whole.splitlines(keepends=True)
    (run.path / "attempts.jsonl").write_bytes(b"".join(lines[:10]) + lines[10][:20])
    browser = seat()
    first = (await browser.get("/")).text
    assert "10 / 24" in first
    assert "going on" in first
    (run.path / "attempts.jsonl").write_bytes(whole)
    assert "24 / 24" in (await browser.get("/")).text


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="needs /proc/locks, which tells who holds a file")
async def test_a_run_that_is_held_goes_on_however_long_an_attempt_takes(make, seat):
    run = await make()
    for name in ("run.json", "attempts.jsonl", "calls.jsonl"):
        file = run.path / name
        file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[: 5 if name != "run.json" else None]))
        os.utime(file, (1, 1))
    (run.path / "summary.json").unlink(missing_ok=True)
    assert "stopped" in (await seat().get("/")).text
    with (run.path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "going on" in (await seat().get("/")).text
    assert "stopped" in (await seat().get("/")).text


async def test_a_verdict_stands_beside_its_run(make, seat):
    run = await make()
    (run.path / "verdict.json").write_text(json.dumps({
        "verdict": "hold", "incumbent": ALPHA, "candidate": BETA, "reasons": ["it is worse"], "n_items": 12,
        "difference": -1, "interval": [-1, -0.5], "p_exact": 0.001, "wins": 0, "losses": 12, "items_needed": None,
        "margin": 0.03,
    }))  # fmt: skip
    assert "verdict-hold" in (await seat().get("/")).text
    assert "it is worse" in (await seat().get("/runs/first")).text
    (run.path / "verdict.json").write_text('{"verdict": "hold"}')
    assert "verdict-hold" not in (await seat().get("/")).text


async def test_what_is_broken_or_foreign_is_named_in_one_line(make, seat, tmp_path: Path):
    await make()
    runs = tmp_path / "runs"
    (runs / "notes").mkdir()
    (runs / "broken").mkdir()
    (runs / "broken" / "run.json").write_text("{")
    shutil.copytree(runs / "first", runs / "spoiled")
    (runs / "spoiled" / "attempts.jsonl").write_text('{"task": "other"}\n')
    (runs / "spoiled" / "run.json").write_text((runs / "first" / "run.json").read_text().replace('"numbers"', '"x"'))
    page = (await seat().get("/")).text
    assert "is not a manifest that this version reads" in page
    assert "No runs: notes" in page
    assert "<strong>spoiled</strong>" in page
    assert "Traceback" not in page
    for name in ("notes", "broken", "spoiled"):
        answer = await seat().get(f"/runs/{name}")
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text


async def test_an_empty_folder_says_how_to_begin(seat, tmp_path: Path):
    (tmp_path / "runs").mkdir()
    assert "copilot-kit eval run" in (await seat().get("/")).text


async def test_one_run_alone_is_a_folder_of_one(make, seat):
    await make()
    await make("another")
    page = (await seat("first").get("/")).text
    assert "/runs/first" in page
    assert "another" not in page
    assert (await seat("first").get("/runs/another")).status_code == 404


async def test_attempts_are_filtered_and_each_has_its_transcript(make, seat):
    await make()
    browser = seat()
    page = (await browser.get(f"/runs/first?candidate={BETA}&score=wrong&q=q1")).text
    found = re.findall(r"/attempts/([0-9a-f]{16})", page)
    assert len(found) == 3  # q1, q10, q11
    told = (await browser.get(f"/runs/first/attempts/{found[0]}")).text
    assert "number 1" in told
    assert "I think that number 1 would be right here." in told
    assert "right would be" in told
    assert (await browser.get("/runs/first/attempts/0000000000000000")).status_code == 404


async def test_many_attempts_come_in_pages(make, seat):
    await make(count=40)
    browser = seat()
    assert "1 of 2" in (await browser.get("/runs/first")).text
    assert len(re.findall(r"/attempts/", (await browser.get("/runs/first?page=2")).text)) == 30
    assert (await browser.get("/runs/first?page=x")).status_code == 200


async def test_what_models_and_items_say_stays_text(make, seat):
    await make(count=2, names=(f"acme:{EVIL}", "acme:b"), alpha=lambda _: f"{EVIL}\u202eabc", beta=lambda _: EVIL * 2)
    browser = seat()
    key = Key("numbers", "q0", "", 0, f"acme:{EVIL}").digest
    for path in ("/", "/runs/first", f"/runs/first/attempts/{key}", "/runs/first/compare/anna",
                 "/runs/first/label/anna"):  # fmt: skip
        answer = await browser.get(path)
        assert answer.status_code == 200
        assert "<img" not in answer.text
        assert answer.text.count("<script") == 1
        assert "\u202e" not in answer.text
    assert "⟦U+202E⟧" in (await browser.get(f"/runs/first/attempts/{key}")).text


async def test_a_report_is_shown_in_a_sandbox_of_its_own(make, seat):
    await make(count=4)
    answer = await seat().get("/runs/first/report")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy
    assert "connect-src 'none'" in policy


async def test_the_report_is_made_again_only_when_the_log_has_grown(make, seat):
    run = await make(count=4)
    browser = seat()
    first = (await browser.get("/runs/first/report")).content
    assert (await browser.get("/runs/first/report")).content == first
    log = run.path / "attempts.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-2]))
    assert (await browser.get("/runs/first/report")).content != first
