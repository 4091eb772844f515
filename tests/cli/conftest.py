"""The command line in this process, and a provider whose models answer by a script."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.cli.program import run

ADAPTER = """
from copilot_kit.errors import AuthFailed, ContextOverflow, RateLimited, UsageError
from copilot_kit.profile import Profile
from copilot_kit.response import Usage
from copilot_kit.testing import FunctionModel, call, pause

def support(request):
    last = request.messages[-1]
    if last.role == "user":
        return call("refund", {"order": "HP-1077", "amount": 64.0, "reason": "damaged"})
    if "rejected" in last.parts[0].text:
        return call("send_reply", {"template": "tracking", "name": "Tunde"})
    return "Done."

def unfit(request):
    raise UsageError("There are no weights of this name. Pull them.")

ANSWERS = {
    "echo": lambda request: [f"you said {request.messages[-1].text}", Usage(input=12, output=3)],
    "tricky": lambda request: "all fine \\x1b[2J\\u202e done",
    "busy": lambda request: RateLimited("Too many requests. Wait a minute.", retry_after_s=60.0),
    "overlong": lambda request: ContextOverflow("Longer than the window. Shorten it."),
    "denied": lambda request: AuthFailed("The key is not allowed to use this model. Use another."),
    "support": support,
    "slow": lambda request: ["it begins here and then ", pause()],
    "unfit": unfit,
    "broken": lambda request: 1 / 0,
}

def open_model(provider, model, *, base_url=None, api_key=None, http_client=None):
    if model == "locked":
        raise AuthFailed("No key for 'acme': set the environment variable ACME_API_KEY.")
    answer = ANSWERS.get(model, ANSWERS["echo"])
    return FunctionModel(answer, id=f"{provider}:{model}", profile=Profile(tools=True, context_window=8192))
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installed third-party adapter; the tests run in a folder of their own."""
    site = tmp_path / "site"
    (site / "acme-1.0.dist-info").mkdir(parents=True)
    (site / "acme-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (site / "acme-1.0.dist-info" / "entry_points.txt").write_text(
        "[copilot_kit.models]\nacme = acme_cli_adapter:open_model\n[copilot_kit.commands]\nsing = acme_songs:app\n"
        "lame = acme_not_there:app\n"
    )
    (site / "acme_cli_adapter.py").write_text(ADAPTER)
    (site / "acme_songs.py").write_text(
        "import typer\napp = typer.Typer()\n@app.command()\ndef loudly():\n    typer.echo('la')\n"
        "@app.command()\ndef softly():\n    raise SystemExit(7)\n"
    )
    monkeypatch.syspath_prepend(str(site))
    return site


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without a journal and without settings."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("COPILOT_KIT_JOURNAL", "COPILOT_KIT_FRONTIER", "COPILOT_KIT_DEBUG", "EDITOR", "VISUAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    return folder


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def copilot(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs a command as the shell would."""

    def ended(*words: str) -> Ended:
        code = run(words)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return ended
