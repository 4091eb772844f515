"""Every block of the README runs: the first as printed, the others with a scripted model in the place of a real one."""

import ast
import inspect
import re
import subprocess
import sys
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import copilot_kit
from copilot_kit import Agent, Principal, tool
from copilot_kit.journal import MemoryStore
from copilot_kit.slots import Frontier
from copilot_kit.testing import FunctionModel, call

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


class Ticket(BaseModel):
    number: int = 17


@tool(effect="external")
def send_reply(ticket: int, body: str) -> str:
    """Send a reply to the customer."""
    return f"sent {body} to {ticket}"


def scripted(request: Any) -> Any:
    """Propose a reply once, then answer in the form asked for."""
    if request.output is not None:
        return '{"number": 17}'
    return call("send_reply", {"ticket": 17, "body": "Hi"}) if len(request.messages) == 1 else "Done."


def an_agent(model: str, *, tools: Any = (), **settings: Any) -> Agent[Any]:
    assert ":" in model or model == "default"
    return Agent(FunctionModel(scripted), tools=[send_reply] if tools == [...] else tools, **settings)


def test_the_first_block_runs_as_printed_and_prints_what_its_comments_say():
    ran = subprocess.run([sys.executable, "-c", blocks("python")[0]], capture_output=True, text=True, check=True)
    assert ran.stdout == 'waiting {"body":"On its way!","ticket":17}\ndone Done.\n'


@pytest.mark.parametrize("block", blocks("python")[1:])
async def test_every_other_block_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    names = {name: getattr(copilot_kit, name) for name in copilot_kit.__all__}
    names |= {
        "Agent": an_agent,
        "Decimal": Decimal,
        "Ticket": Ticket,
        "send_reply": send_reply,
        "anna": Principal(id="anna"),
        "open_store": MemoryStore,
        "open_model": lambda name: copilot_kit.slots.Opened(model=FunctionModel(lambda _: f"I am {name}")),
    }
    code = compile(block, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    ran = eval(code, names)  # noqa: S307  our own README
    if inspect.isawaitable(ran):
        await ran
    assert names.keys() & {"run", "response", "agent"}


def test_the_slot_file_is_one():
    for block in blocks("toml"):
        assert Frontier.model_validate(tomllib.loads(block)).slots["default"].settings.effort == "low"


def test_the_readme_is_short_and_shows_code_at_once():
    lines = README.splitlines()
    assert len(lines) <= 150
    assert lines.index("```python") < 12


def test_every_file_it_points_to_is_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_every_command_it_shows_exists():
    help_text = subprocess.run(
        [sys.executable, "-m", "copilot_kit", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for command in re.findall(r"copilot-kit ([a-z]+)", README):
        assert command in help_text, command


async def test_the_adapter_that_the_adapters_readme_shows_answers_and_keeps_the_contract():
    text = (ROOT / "adapters" / "README.md").read_text()
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        code = compile(block, "adapters/README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        ran = eval(code, names)  # noqa: S307  our own README
        if inspect.isawaitable(ran):
            await ran
    request = copilot_kit.Request(messages=(copilot_kit.user("hello"),))
    assert (await copilot_kit.complete(names["Shout"](), request)).text == "HELLO"
    assert (await Agent(names["Shout"]()).run("hello")).output == "HELLO"
