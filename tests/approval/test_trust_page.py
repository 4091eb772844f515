"""The page about earned trust: its blocks run, its gate file says the same as its code, its figures are computed."""

import ast
import inspect
import re
from pathlib import Path
from typing import Any

from copilot_kit import Gate, Principal
from copilot_kit.approval.bounds import cases_once, cases_watched
from copilot_kit.testing import FunctionModel

PAGE = Path(__file__).parents[2] / "docs" / "approvals-trust.md"
TEXT = PAGE.read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


async def ran() -> dict[str, Any]:
    """Run all Python blocks one after the other; before it is asked, the agent gets a scripted model."""
    names: dict[str, Any] = {"anna": Principal(id="anna")}
    for block in blocks("python"):
        code = compile(block, PAGE.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        done = eval(code, names)  # noqa: S307  our own page
        if inspect.isawaitable(done):
            await done
        names["agent"].model = FunctionModel(lambda _: "billing")
    return names


async def test_its_blocks_run():
    assert (await ran())["run"].output == "billing"


async def test_its_gate_file_says_what_its_code_says(tmp_path: Path):
    (written,) = blocks("toml")
    (tmp_path / "gate.toml").write_text(written)
    from_file = Gate.from_file(tmp_path / "gate.toml").rules
    in_code = (await ran())["gate"].rules
    assert from_file[1] == in_code[1]
    assert [one.verdict for one in (from_file[0], in_code[0])] == ["allow", "allow"]


def test_its_figures_are_what_the_rule_computes():
    rows = re.findall(r"^\| (0\.\d+) \| ([\d,]+) \| ([\d,]+) \|$", TEXT, re.MULTILINE)
    assert len(rows) == 3
    for target, watched, once in rows:
        figures = (cases_watched(float(target)), cases_once(float(target)))
        assert figures == (int(watched.replace(",", "")), int(once.replace(",", "")))


def test_it_is_short():
    assert len(TEXT.splitlines()) <= 60
