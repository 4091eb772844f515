"""Who gets in, and what never gets out: hosts, origins, sign-in, paths and links."""

import os
from pathlib import Path

import pytest

from copilot_kit.inbox.incoming import segment
from copilot_kit.inbox.sign_in import OneTimeTokens
from copilot_kit_evals.folder import BadRun, RunFolder
from copilot_kit_evals.web.shelf import Shelf
from tests.evals.web.conftest import hidden

PAGE = "/runs/first/compare/anna"
SECRET = "the secret of another folder"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost:1@evil", "", "127.0.0.1:x"])
async def test_another_host_is_refused(make, seat, host: str):
    await make()
    answer = await seat(host=host).get("/")
    assert answer.status_code == 403
    assert "first" not in answer.text


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:8485"])
async def test_a_form_of_another_page_changes_nothing(make, seat, origin: str):
    run = await make()
    browser = seat()
    fields = {**await browser.fields(PAGE), "winner": "left"}
    answer = await browser.post(PAGE, fields, headers={"origin": origin})
    assert answer.status_code == 403
    assert not (run.path / "preferences.jsonl").exists()


async def test_a_form_without_its_token_changes_nothing(make, seat):
    run = await make()
    browser = seat()
    fields = await browser.fields(PAGE)
    for token in ("", "0" * 64, fields["csrf"][:-1]):
        assert (await browser.post(PAGE, {**fields, "winner": "left", "csrf": token})).status_code == 403
    assert (await browser.get(f"{PAGE}?winner=left&step=0&showing={fields['showing']}")).status_code == 200
    assert not (run.path / "preferences.jsonl").exists()


async def test_every_answer_has_its_policy(make, seat):
    await make()
    for path in ("/", PAGE, "/nowhere", "/static/runs.js", "/runs/nothing"):
        answer = await seat().get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_nobody_sees_anything_without_the_token_which_is_good_once(make, seat):
    await make()
    tokens = OneTimeTokens()
    browser = seat(sign_in=tokens)
    turned = await browser.get("/runs/first")
    assert turned.status_code == 303
    assert turned.headers["location"] == "/sign-in?to=%2Fruns%2Ffirst"
    assert (await browser.post(PAGE, {"winner": "left"})).status_code == 401
    token = tokens.minted()
    wrong = await browser.post("/sign-in", {"token": "guess"})
    assert wrong.status_code == 403
    signed = await browser.post(f"/sign-in?to={segment('/runs/first')}", {"token": token})
    assert (signed.status_code, signed.headers["location"]) == (303, "/runs/first")
    cookie = signed.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert (await browser.get("/runs/first")).status_code == 200
    assert (await seat(sign_in=tokens).post("/sign-in", {"token": token})).status_code == 403


@pytest.mark.parametrize("onward", ["//evil.example", "https://evil.example", "/\\evil.example", "%2F%2Fevil.example"])
async def test_the_sign_in_leads_to_our_own_pages_only(make, seat, onward: str):
    await make()
    tokens = OneTimeTokens()
    answer = await seat(sign_in=tokens).post(f"/sign-in?to={onward}", {"token": tokens.minted()})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    "name", ["..", ".", "../outside", "..%2Foutside", "/etc", "first/../../outside", "first\0", "first/", ".hidden", ""]
)
async def test_no_name_leads_out_of_the_folder(make, seat, tmp_path: Path, name: str):
    await make()
    await make("../outside")
    await make(".hidden")
    run = f"/runs/{segment(name).replace('.', '%252e')}"  # clients would resolve dots themselves
    for path in (run, f"{run}/report", f"{run}/compare/anna"):
        assert (await seat().get(path)).status_code == 404
    assert not (tmp_path / "outside" / "preferences.jsonl").exists()


@pytest.mark.parametrize("digest", ["../run.json", "..%2f..%2frun.json", "x" * 300])
async def test_attempts_are_found_by_their_key_alone(make, seat, digest: str):
    await make()
    assert (await seat().get(f"/runs/first/attempts/{segment(digest)}")).status_code == 404


async def test_a_run_that_is_a_link_is_not_followed(make, seat, tmp_path: Path):
    await make()
    await make("../outside", alpha=lambda _: SECRET)
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "outside")
    page = (await seat().get("/")).text
    assert "leads elsewhere" in page
    assert (await seat().get("/runs/link")).status_code == 422


@pytest.mark.parametrize(
    "name", ["run.json", "attempts.jsonl", "calls.jsonl", "decisions.jsonl", "sessions.jsonl", "verdict.json"]
)
async def test_a_file_of_a_run_that_is_a_link_is_not_read(make, seat, tmp_path: Path, name: str):
    run = await make()
    outside = tmp_path / "outside.txt"
    outside.write_text(SECRET)
    (run.path / name).unlink(missing_ok=True)
    (run.path / name).symlink_to(outside)
    for path in ("/", "/runs/first", PAGE, "/runs/first/report"):
        text = (await seat().get(path)).text
        assert SECRET not in text
        assert "leads elsewhere" in text or path == PAGE


async def test_a_pipe_in_place_of_a_file_stops_nobody(make, seat):
    run = await make()
    (run.path / "attempts.jsonl").unlink()
    os.mkfifo(run.path / "attempts.jsonl")
    assert "leads elsewhere" in (await seat().get("/")).text


@pytest.mark.parametrize("blob", ["../../../outside.txt", "/etc/passwd", "0" * 63, "..", "a" * 64])
async def test_a_transcript_is_a_blob_of_the_run_or_nothing(make, seat, tmp_path: Path, blob: str):
    run = await make()
    (tmp_path / "outside.txt").write_text(SECRET)
    log = run.path / "attempts.jsonl"
    lines = log.read_text().splitlines()
    lines[0] = lines[0].replace('"task":', f'"transcript":"{blob}","task":', 1)
    log.write_text("\n".join(lines) + "\n")
    digest = next(RunFolder(run.path).attempts()).key.digest
    answer = await seat().get(f"/runs/first/attempts/{digest}")
    assert answer.status_code == 422
    assert SECRET not in answer.text


async def test_a_blob_that_is_a_link_is_not_read(make, seat, tmp_path: Path):
    run = await make()
    blob = run.manifest.tasks[0].blob
    file = run.path / "blobs" / blob[:2] / blob[2:]
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert (await seat().get(PAGE)).status_code == 422


async def test_a_form_is_short(make, seat):
    await make()
    browser = seat()
    fields = await browser.fields(PAGE)
    assert (await browser.post(PAGE, {**fields, "winner": "left", "reason": "x" * 300_000})).status_code == 413


@pytest.mark.parametrize("rater", [" ", "x" * 61, "a\x1bb", "a\u202eb"])
async def test_a_rater_has_a_name_that_people_can_read(make, seat, rater: str):
    await make()
    browser = seat()
    assert (await browser.get(f"/runs/first/compare/{segment(rater)}")).status_code == 400
    fields = await browser.fields("/runs/first/compare")
    assert (await browser.post("/runs/first/compare", {**fields, "rater": rater})).status_code == 400


async def test_the_page_asks_for_the_name_and_leads_on(make, seat):
    await make()
    browser = seat()
    page = (await browser.get("/runs/first/compare")).text
    assert 'value="anna"' in page
    sent = await browser.post("/runs/first/compare", {**hidden(page), "rater": "Ben / Ö"})
    assert (await browser.get(sent.headers["location"])).status_code == 200


def test_a_shelf_of_nothing_is_told(tmp_path: Path):
    with pytest.raises(Exception, match="There is no folder"):
        Shelf.at(tmp_path / "nowhere")
    (tmp_path / "bare").mkdir()
    with pytest.raises(BadRun, match="is no run"):
        Shelf.at(tmp_path).book("bare")
