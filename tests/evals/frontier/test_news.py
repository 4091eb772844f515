"""What to evaluate, and by when: from an adapter's table, a list of prices, and what a provider lists today."""

from datetime import date
from pathlib import Path

import httpx2
import pytest

from copilot_kit.profile import Lifecycle
from copilot_kit.slots import Slot
from copilot_kit_evals.frontier.catalogues import Catalogue, asked, line_of, listed, lists, newer
from copilot_kit_evals.frontier.news import News, news, used

TODAY = date(2026, 11, 23)
SLOTS = {"default": Slot(model="acme:large-4-5"), "fast": Slot(model="acme:large-4-5")}


def told(lifecycle: Lifecycle | None = None, *catalogues: Catalogue, within_days: int = 30) -> list[News]:
    return news(
        SLOTS, lambda _: list(catalogues), lambda _: lifecycle or Lifecycle(), today=TODAY, within_days=within_days
    )


@pytest.mark.parametrize(
    ("name", "line", "version"),
    [
        ("claude-sonnet-4-5", {"claude", "sonnet"}, (4, 5)),
        ("claude-sonnet-4-5-20250929", {"claude", "sonnet"}, (4, 5)),
        ("claude-sonnet-latest", {"claude", "sonnet"}, ()),
        ("gpt-5.4-mini", {"gpt", "mini"}, (5, 4)),
        ("gpt-4o", {"gpt", "4o"}, ()),
    ],
)
def test_the_numbers_in_a_name_are_its_version_and_the_rest_its_line(
    name: str, line: set[str], version: tuple[int, ...]
):
    assert line_of(name) == (line, version)


def test_newer_ones_of_the_line_are_told_newest_first_and_dated_copies_once():
    names = frozenset({"large-4-5", "large-5", "large-5-20261001", "large-4-6", "large-4-4", "small-5", "large-6"})
    assert newer("large-4-5", Catalogue("acme", names, deprecated=frozenset({"large-6"}))) == ["large-5", "large-4-6"]


def test_a_model_that_retires_soon_is_urgent_and_its_successor_is_to_be_evaluated():
    (one,) = told(Lifecycle(retires=date(2026, 12, 1), successor="large-5"))
    assert one == News("retires", ("default", "fast"), "acme:large-4-5", "retires on 2026-12-01, in 8 days",
                       ("acme:large-5",), 8, urgent=True)  # fmt: skip
    (later,) = told(Lifecycle(retires=date(2026, 12, 1)), within_days=7)
    assert not later.urgent


def test_a_model_that_has_retired_is_urgent_whatever_the_days():
    (one,) = told(Lifecycle(retires=date(2026, 11, 22)), within_days=0)
    assert (one.kind, one.days, one.urgent) == ("retired", -1, True)


def test_a_model_that_its_provider_lists_no_more_is_urgent_and_one_that_a_price_list_lacks_is_not():
    gone = told(None, Catalogue("acme", frozenset({"large-5"}), live=True))
    assert [(one.kind, one.urgent) for one in gone] == [("gone", True), ("newer", False)]
    assert [one.kind for one in told(None, Catalogue("acme", frozenset({"large-5"})))] == ["newer"]


def test_what_nobody_lists_is_told_as_unknown_and_weights_of_ones_own_are_not():
    assert [one.kind for one in told()] == ["unknown"]
    assert news({"a": Slot(model="local:smollm2")}, lambda _: [], lambda _: Lifecycle(), today=TODAY) == []


def test_a_name_without_a_day_is_listed_where_dated_copies_of_it_are():
    dated = Catalogue("acme", frozenset({"large-5-20260101", "small-4-2024-11-20", "old-4-0613"}))
    assert [lists(dated, one) for one in ("large-5", "large-5-latest", "small-4", "old-4")] == [True] * 4
    assert [lists(dated, one) for one in ("large-4", "large-5-20250101", "small-4-2024-05-13")] == [False] * 3
    assert newer("small-4", dated) == newer("old-4", dated) == []


def test_what_a_server_of_ones_own_serves_is_not_gone_since_the_provider_does_not_list_it():
    def told(**slot: object) -> list[str]:
        live = Catalogue("acme", frozenset({"other"}), live=True)
        slots = {"a": Slot.model_validate({"model": "acme:mine", **slot})}
        return [one.kind for one in news(slots, lambda _: [live], lambda _: Lifecycle(), today=TODAY)]

    assert told() == ["gone"]
    assert told(base_url="http://here") == ["unknown"]
    assert told(overlays={"acme:mine": {"base_url": "http://here"}}) == ["unknown"]
    of_another_provider = {"to": "far:new", "share": 0.1}  # the slot's base_url is not for that one
    assert told(base_url="http://here", stage=of_another_provider) == ["gone", "unknown"]


def test_a_model_that_takes_over_is_watched_too():
    slot = Slot.model_validate({"model": "acme:a", "stage": {"to": "acme:b", "share": 0.1}})
    assert used({"default": slot, "new": Slot(suites=("x",))}) == {"acme:a": ("default",), "acme:b": ("default",)}


def test_the_installed_price_list_knows_lines_of_vendors():
    found = listed("anthropic")
    assert found is not None
    assert newer("claude-sonnet-4-5", found)
    assert listed("nobody") is None


@pytest.mark.parametrize(
    ("provider", "variable", "header", "url"),
    [
        ("openai", "OPENAI", ("authorization", "Bearer k"), "https://api.openai.com/v1/models"),
        ("anthropic", "ANTHROPIC", ("x-api-key", "k"), "https://api.anthropic.com/v1/models?limit=1000"),
    ],
)
def test_a_provider_is_asked_where_there_is_a_key(
    provider: str, variable: str, header: tuple[str, str], url: str, monkeypatch: pytest.MonkeyPatch
):
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={"data": [{"id": "m-1"}, {"id": "m-2"}]})

    monkeypatch.delenv(f"{variable}_BASE_URL", raising=False)
    monkeypatch.delenv(f"{variable}_API_KEY", raising=False)
    assert asked(provider) is None
    monkeypatch.setenv(f"{variable}_API_KEY", "k")
    found = asked(provider, httpx2.Client(transport=httpx2.MockTransport(answer)))
    assert found == Catalogue(provider, frozenset({"m-1", "m-2"}), live=True)
    assert (str(seen[0].url), seen[0].headers[header[0]]) == (url, header[1])


def test_the_command_exits_with_1_where_something_is_urgent(project: Path, copilot):
    (project / "frontier.toml").write_text('[slots.default]\nmodel = "anthropic:claude-3-7-sonnet-20250219"\n')
    ended = copilot("frontier", "watch", "--offline", "--json")
    assert ended.code == 1
    assert ended.json["news"][0]["kind"] == "retired"
    (project / "frontier.toml").write_text('[slots.default]\nmodel = "local:smollm2"\n')
    ended = copilot("frontier", "watch", "--offline")
    assert (ended.code, ended.out) == (0, "Nothing new of the models that the slots have.\n")
