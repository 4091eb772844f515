"""The page is one file that asks for nothing, and holds what others wrote as data alone."""

import re
from base64 import b64encode
from datetime import date
from hashlib import sha256
from pathlib import Path

import altair as alt
import pytest

from copilot_kit_evals.report.cases import cases_of
from copilot_kit_evals.report.colours import DARK, LIGHT, filled_in
from copilot_kit_evals.report.drawing import png, stacked, svg
from copilot_kit_evals.report.facts import facts_of
from copilot_kit_evals.report.figures import KINDS, figures_of
from copilot_kit_evals.report.page import report_html, write_report
from copilot_kit_evals.report.transcripts import packs_of
from copilot_kit_evals.summary import summary

RELEASED = {"acme:old": date(2025, 1, 1), "acme:new": date(2026, 1, 1)}


async def test_the_page_holds_the_numbers_of_the_summary(made, data_in):
    run = await made()
    assert data_in(report_html(run))["summary"] == summary(run)


async def test_our_own_commas_are_not_shown_as_signs_of_a_model(made):
    told = report_html(await made()).partition('<section id="run"')[2].partition("</section>")[0]
    assert "python 3." in told
    assert ", copilot-kit " in told
    assert "U+0020" not in told


async def test_the_page_names_no_address_to_fetch_from(made):
    html = report_html(await made())
    assert re.findall(r"<(?:link|img|iframe|object|embed|source|base)\b[^>]*>", html) == [
        '<link rel="icon" href="data:,">'
    ]
    assert re.findall(r"<script[^>]*\bsrc\b", html) == []
    assert not re.search(r"url\(|@import", html.partition("<style>")[2].partition("</style>")[0])


async def test_the_policy_allows_the_two_scripts_of_the_page_by_their_hashes_and_no_other(made):
    html = report_html(await made())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    allowed = policy[1].replace("&#39;", "'")
    assert "unsafe" not in allowed
    assert allowed.startswith("default-src 'none'; ")
    own = html.rpartition("<script>")[2].partition("</script>")[0]
    digest = b64encode(sha256(own.encode()).digest()).decode()
    scripts = re.search(r"script-src ([^;]*);", allowed)
    assert scripts is not None
    assert f"'sha256-{digest}'" in scripts[1].split()
    assert len(scripts[1].split()) == 2


async def test_what_a_model_wrote_is_never_markup(made, data_in):
    html = report_html(await made())
    assert "<script>window.harmed" not in html
    assert "&lt;script&gt;window.harmed" in html
    assert "<img src=x" not in html
    assert "\u202e" not in html
    place = next(row for row in data_in(html)["rows"] if row[1] == "i09")
    said = data_in(html, f"pack-{place[7]}")
    assert any(
        "⟦U+202E⟧" in part[1] for part in said[str(data_in(html)["rows"].index(place))]["sides"][0][0]["messages"][1][1]
    )


async def test_each_row_of_the_table_says_how_both_did(made, data_in):
    data = data_in(report_html(await made()))
    rows = {row[1]: row for row in data["rows"]}
    assert [rows[name][8][0][0] for name in ("i00", "i06", "i10")] == [1.0, 0.0, 0.0]
    assert [rows[name][8][1][:3] for name in ("i00", "i06", "i10")] == [
        [0.0, 1, []],
        [1.0, 1, []],
        [None, 0, ["infra_error"]],
    ]
    assert rows["i06"][8][1][5] == "yes 6"


async def test_transcripts_beyond_the_budget_are_left_out_and_counted_and_flips_come_first(made):
    run = await made(tell=lambda name, asked: f"{name} {asked.split()[1]} " + "lorem ipsum " * 3000)
    cases = cases_of(facts_of(run))
    whole, some = packs_of(run, cases), packs_of(run, cases, most_bytes=1)
    assert (whole.attempts, whole.left_out, len(whole.places)) == (24, 0, 12)
    assert some.attempts + some.left_out == 24
    assert 0 < some.attempts < 24
    assert len(some.packs) == 1
    kept, out = set(some.places), set(range(12)) - set(some.places)
    assert max(cases[place].urgency for place in kept) <= min(cases[place].urgency for place in out)


async def test_the_page_says_what_was_left_out(made):
    run = await made(tell=lambda name, asked: f"{name} {asked.split()[1]} " + "lorem ipsum " * 3000)
    assert "are left out to keep it small" in report_html(run, most_bytes=1)
    assert "are left out to keep it small" not in report_html(run)


async def test_a_report_is_written_into_the_folder_of_its_run(made, tmp_path: Path):
    run = await made("acme:old")
    assert write_report(run) == run.path / "report.html"
    assert write_report(run, tmp_path / "deep" / "other.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("kind", [*KINDS, "trend"])
async def test_every_chart_is_valid_and_has_words_for_who_does_not_see_it(made, kind):
    found = figures_of(facts_of(await made()), kind, released=RELEASED)
    assert found
    for one in found:
        alt.LayerChart.from_dict(one.spec)
        assert "acme:new" in one.text or "numbers" in one.text
        assert "#" not in str(one.spec["config"])


async def test_a_run_has_no_chart_of_what_it_does_not_know(made):
    facts = facts_of(await made("acme:old", count=6))
    assert [kind for kind in (*KINDS, "trend") if not figures_of(facts, kind)] == ["forest", "horizon", "trend"]


async def test_charts_become_files_without_a_browser(made):
    facts = facts_of(await made())
    spec = stacked([one.spec for one in figures_of(facts, "means")], ["Means"])
    assert png(spec).startswith(b"\x89PNG")
    drawn = svg(spec, scheme="dark")
    assert "var(--" not in drawn
    assert DARK["ground"] in drawn


def test_both_schemes_have_the_same_colours_by_name():
    assert LIGHT.keys() == DARK.keys()
    assert filled_in({"a": ["var(--ink)", 1]}, "light") == {"a": [LIGHT["ink"], 1]}


async def test_the_command_writes_a_report_and_plots(made, copilot, tmp_path: Path):
    run = await made()
    ended = copilot("eval", "report", run.path, "--out", tmp_path / "r.html")
    assert (ended.code, ended.out.split(" (")[0]) == (0, str(tmp_path / "r.html"))
    assert copilot("eval", "plot", run.path, "forest", tmp_path / "f.svg").code == 0
    assert (tmp_path / "f.svg").read_text().startswith("<svg")


async def test_a_plot_that_cannot_be_drawn_says_why(made, copilot, tmp_path: Path):
    run = await made("acme:old")
    ended = copilot("eval", "plot", run.path, "forest", tmp_path / "f.svg")
    assert (ended.code, ended.err) == (
        64,
        "The run has nothing for a chart 'forest'. It takes two candidates or more.\n",
    )
    assert "Kinds are forest, means" in copilot("eval", "plot", run.path, "pie", tmp_path / "f.svg").err
    assert "NAME=2026-09-01" in copilot("eval", "report", run.path, "--released", "soon").err
