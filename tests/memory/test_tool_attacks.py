"""Every hostile path of the corpora, through each command of the tool."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.errors import ToolRefused
from copilot_kit.memory.entries import Author
from copilot_kit.memory.memory import Memory
from copilot_kit.memory.tool import memory_tool
from copilot_kit.tools import ToolContext

SECRET = "the secret outside"
OWN = (
    "..", "/memories/..", "a/../../outside/secret.md", "/memories/../outside/secret.md", "%2e%2e/outside/secret.md",
    "..\\outside", "\uff0e\uff0e/outside/secret.md", "link/secret.md", "/memories/link", "hard.md", "pipe",
    "/etc/passwd", "/dev/stdin", "//etc", "~/x", ".copilot-kit/history.jsonl", "a\0b", "\ud800", "a/" * 3000, "con",
    "x" * 100_000,
)  # fmt: skip


def corpus() -> list[str]:
    folder = Path(os.environ.get("COPILOT_KIT_SHARED") or Path(__file__).parents[3] / "shared") / "data" / "badinput"
    files = [folder / "paths_own.jsonl", folder / "paths_public.jsonl"]
    lines = [line for file in files if file.is_file() for line in file.read_text(encoding="ascii").splitlines()]
    return [found.get("path") or found.get("text") or "" for found in map(json.loads, lines)]


@pytest.fixture
def trapped(tmp_path: Path) -> Memory:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.md").write_text(SECRET)
    memory = Memory(tmp_path / "notes")
    memory.write("own.md", "mine\n", by=Author(kind="application"))
    (memory.root / "link").symlink_to(tmp_path / "outside")
    os.link(tmp_path / "outside" / "secret.md", memory.root / "hard.md")
    os.mkfifo(memory.root / "pipe")
    return memory


def outside(memory: Memory) -> list[tuple[str, int]]:
    return sorted((str(path), path.lstat().st_mtime_ns) for path in memory.root.parent.glob("[!n]*/**/*"))


def calls(path: str) -> list[dict[str, Any]]:
    return [
        {"command": "view", "path": path},
        {"command": "create", "path": path, "file_text": "x"},
        {"command": "str_replace", "path": path, "old_str": "secret", "new_str": "x"},
        {"command": "insert", "path": path, "insert_line": 0, "insert_text": "x"},
        {"command": "rename", "old_path": path, "new_path": "taken.md"},
        {"command": "rename", "old_path": "own.md", "new_path": path},
        {"command": "delete", "path": path},
    ]


async def told(memory: Memory, arguments: dict[str, Any]) -> str:
    tool = memory_tool(memory)
    try:
        canonical = tool.canonical(json.dumps(arguments))
    except ToolRefused as refused:
        return str(refused)
    shown = tool.preview(**json.loads(canonical))
    output = await tool.run(canonical, ToolContext(run_id="run_1", call_id="call_1"))
    return f"{shown.title}\n{shown.body}\n" + "".join(part.text for part in output.content)


@pytest.mark.parametrize("paths", [OWN, pytest.param(corpus(), id="corpus")])
async def test_no_command_reaches_outside_or_tells_of_this_machine(trapped, paths):
    if not paths:
        pytest.skip("needs the corpus of bad input; set COPILOT_KIT_SHARED to its folder")
    before = outside(trapped)
    for path in paths:
        for arguments in calls(path):
            words = await told(trapped, arguments)
            assert str(trapped.root.parent) not in words
            assert SECRET not in words
            assert "Traceback" not in words
    assert outside(trapped) == before
    assert (trapped.root.parent / "outside" / "secret.md").read_text() == SECRET
