"""What docs/mcp.md shows runs, with a scripted model, and with a program that has the server's name and tools."""

import ast
import inspect
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from copilot_kit import Agent, Principal
from copilot_kit.testing import ScriptedModel, call

PAGE = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text()
SERVER = """#!{python}
import sys
from pathlib import Path
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations
server = MCPServer("files", log_level="CRITICAL")
@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def read_text_file(path: str) -> str:
    return (Path(sys.argv[1]) / path).read_text()
@server.tool()
def write_file(path: str, content: str) -> str:
    (Path(sys.argv[1]) / path).write_text(content)
    return "written"
server.run()
"""


def an_agent(model: str, **settings: Any) -> Agent:
    assert model == "anthropic:claude-sonnet-5"
    written = call("files_write_file", {"path": "plan.txt", "content": "Monday"})
    return Agent(ScriptedModel([written], "Done."), **settings)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the page's files are, with its server among the programs."""
    program = tmp_path / "mcp-server-filesystem"
    program.write_text(SERVER.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def test_the_page_runs_as_it_stands(folder: Path, capsys: pytest.CaptureFixture[str]):
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"Agent": an_agent, "anna": Principal(id="anna"), "folder": str(folder)}
    for block in blocks:
        ran = eval(compile(block, "docs/mcp.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)  # noqa: S307
        if inspect.isawaitable(ran):
            await ran
    assert capsys.readouterr().out == 'waiting files_write_file {"content":"Monday","path":"plan.txt"}\n'
    assert names["run"].status == "done"
    assert (folder / "plan.txt").read_text() == "Monday"
    assert (folder / "pins.json").exists()


def test_the_page_is_short():
    assert len(PAGE.splitlines()) <= 40
