"""What is set, what is missing, what can be reached; never a secret."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest


def found_by(copilot: Callable[..., Any]) -> dict[str, dict[str, str]]:
    return {one["about"]: one for one in copilot("doctor", "--json").json["findings"]}


def test_a_provider_that_opens_is_ok_and_a_journal_is_announced(
    copilot: Callable[..., Any], acme: Path, own_folder: Path
):
    found = found_by(copilot)
    assert found["acme"] == {"about": "acme", "state": "ok", "detail": "acme:doctor opens"}
    assert found["journal"]["detail"] == f"will be made at {own_folder}/.copilot-kit/journal.db"


def test_a_broken_settings_file_is_told_and_exits_with_1(copilot: Callable[..., Any], own_folder: Path):
    (own_folder / "frontier.toml").write_text("[slots.default\n")
    ended = copilot("doctor", "--json")
    assert ended.code == 1
    assert ended.json["ok"] is False
    assert "is not TOML" in next(one["detail"] for one in ended.json["findings"] if one["about"] == "frontier.toml")


def test_a_slot_without_its_key_is_told_by_the_variable(copilot: Callable[..., Any], acme: Path, own_folder: Path):
    (own_folder / "frontier.toml").write_text('[slots.a]\nmodel = "acme:locked"\n[slots.b]\nmodel = "acme:echo"\n')
    found = found_by(copilot)
    assert found["slot a"]["state"] == "broken"
    assert "ACME_API_KEY" in found["slot a"]["detail"]
    assert found["slot b"]["state"] == "ok"


def test_the_server_of_a_slot_is_tried(copilot: Callable[..., Any], acme: Path, own_folder: Path):
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        place = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.handle_request, daemon=True).start()
        (own_folder / "frontier.toml").write_text(f'[slots.a]\nmodel = "acme:echo"\nbase_url = "{place}/v1"\n')
        assert found_by(copilot)["slot a"]["detail"] == f"opens, and {place} answers"
    found = found_by(copilot)["slot a"]
    assert found["state"] == "broken"
    assert found["detail"] == f"{place} cannot be reached (ConnectError)"


def test_no_value_of_a_variable_is_printed(copilot: Callable[..., Any], monkeypatch: pytest.MonkeyPatch):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GROQ_API_KEY", "COPILOT_KIT_JOURNAL"):
        monkeypatch.setenv(name, "canary-7f3a")
    ended = copilot("doctor")
    assert "canary-7f3a" not in ended.out + ended.err


def test_a_journal_that_cannot_be_read_is_broken(copilot: Callable[..., Any], own_folder: Path):
    (own_folder / ".copilot-kit").mkdir()
    (own_folder / ".copilot-kit" / "journal.db").write_text("not a database, but long enough to be taken for one" * 20)
    found = found_by(copilot)["journal"]
    assert found["state"] == "broken"
    assert "is no journal" in found["detail"]


def test_providers_that_are_not_set_up_are_counted_and_listed_on_request(
    copilot: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    short = copilot("doctor")
    assert "GROQ_API_KEY" not in short.out
    assert "more providers lack a key, an address or packages: copilot-kit doctor --all" in short.err
    assert "GROQ_API_KEY" in copilot("doctor", "--all").out


def test_each_extra_is_told(copilot: Callable[..., Any]):
    found = found_by(copilot)
    assert {name for name in found if name.startswith("extra ")} >= {"extra openai", "extra anthropic", "extra local"}
