"""docs/preferences.md says what is so: its suite runs, Anna judges it as it says, and the commands print the rest."""

import asyncio
import re
import shlex
from collections.abc import Callable
from html import unescape
from pathlib import Path

import httpx2
import pytest

from copilot_kit import Principal
from copilot_kit.cli.program import run
from copilot_kit_evals.people.preferences import Preference
from copilot_kit_evals.web.app import view_app

DOC = (Path(__file__).parents[2] / "docs" / "preferences.md").read_text()
PYTHON = re.findall(r"^```python\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
CONSOLE = re.findall(r"^```console\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
LINE = re.findall(r"^```json\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)[0]
HERE = "http://127.0.0.1"


async def judged(page: str, field: str, verdict: Callable[[list[str]], str]) -> None:
    """Judge all that the page shows; the verdict is found from the answers' words."""
    app = view_app(Path("runs"), sign_in=lambda _: Principal(id="anna"))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=HERE, headers={"origin": HERE}) as client:
        while 'name="showing"' in (text := (await client.get(page)).text):
            articles = re.findall(r"<article.*?</article>", text, re.DOTALL)
            said = [unescape(" ".join(re.findall(r"class=\"line\">([^<]*)", one))) for one in articles]
            hidden = dict(re.findall(r"type=\"hidden\" name=\"(\w+)\" value=\"(\w*)\"", text.split("</form>")[0]))
            assert (await client.post(page, data={**hidden, field: verdict(said)})).status_code == 303


def names_it(said: str) -> bool:
    return any(city in said for city in ("Paris", "Rome", "Nairobi", "Abuja", "Lima", "Accra"))


def shorter(said: list[str]) -> str:
    named = [names_it(one) for one in said]
    if named[0] != named[1]:
        return "left" if named[0] else "right"
    return "left" if len(said[0]) < len(said[1]) else "right"


def right(said: list[str]) -> str:
    return "right" if names_it(said[0]) else "wrong"


def commands() -> list[tuple[str, str]]:
    """Return each command of the page with what it prints."""
    return [
        (words, printed)
        for block in CONSOLE
        for words, printed in re.findall(r"^\$ copilot-kit ([^\n]*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    ]


def test_the_commands_print_what_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suite.py").write_text(PYTHON[0])
    names: dict[str, object] = {}
    assert len(commands()) == 6
    for words, printed in commands():
        code = run(shlex.split(words))
        out = capsys.readouterr().out
        if words.startswith("eval run"):
            assert code == 0
            asyncio.run(judged("/runs/first/compare/anna", "winner", shorter))
            asyncio.run(judged("/runs/first/label/anna", "verdict", right))
            continue
        assert (words, out) == (words, printed)
    exec(PYTHON[0], names)  # noqa: S102  our own document
    exec(PYTHON[1], names)  # noqa: S102
    assert len(names["sample"]) == 12  # type: ignore[arg-type]


def test_the_line_is_one_that_is_read():
    assert Preference.model_validate_json(LINE).winner == "right"


@pytest.mark.parametrize("command", ["view", "prefer", "label", "judge"])
def test_every_command_and_option_exists(command: str, capsys: pytest.CaptureFixture[str]):
    capsys.readouterr()
    assert run(["eval", command, "--help"]) == 0
    told = capsys.readouterr().out
    for line in re.findall(rf"copilot-kit eval {command} [^\n`]*", DOC):
        for option in re.findall(r"--[a-z]+", line):
            assert option in told


def test_the_keys_are_those_of_the_page():
    templates = Path(__file__).parents[2] / "evals" / "copilot_kit_evals" / "web" / "templates"
    keys = {key for found in re.findall(r"data-keys=\"([^\"]*)\"", (templates / "pair.html").read_text() +
                                        (templates / "parts.html").read_text()) for key in found.split()}  # fmt: skip
    assert {"a", "b", "t", "n", "s", "u", "r", "ArrowLeft", "ArrowRight"} <= keys
