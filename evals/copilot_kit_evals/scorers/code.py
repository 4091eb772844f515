"""Code that a model wrote, run against the tests of its item, as HumanEval does (Chen et al. 2021, arXiv:2107.03374).

The code and the tests run in two processes of a sandbox (`sandboxing` says what that is and what it is not): the tests
send plain values to the function and look at the plain values that come back. So ending early, printing `pass`, and
patching modules, `assert` or `==` are no way to pass. What it cannot score: functions that take or return anything but
plain values (None, numbers, text, bytes, lists, tuples, sets, dicts), generators, classes, functions that are told
apart by what they do to their arguments, programs that read and print, and packages beyond the standard library.
"""

import ast
import asyncio
import os
import re
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Final

from pydantic import JsonValue

from copilot_kit.errors import UsageError
from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.scorers.sandboxing import Bounds, Job, means, run
from copilot_kit_evals.scores import Output, Score

_BLOCK: Final = re.compile(r"```[ \t]*(?:python3?|py)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CodeTests:
    """Right if the code in the answer passes the item's tests: `meta` has prompt, entry_point and test.

    weak: run it even where this machine keeps network or files not apart; else there is no value then.
    """

    bounds: Bounds = field(default_factory=Bounds)
    weak: bool = False
    name: str = "code"

    @property
    def digest(self) -> str:
        """Of the rules, the bounds and the version of Python."""
        return edition("code", 1, python=sys.version_info[:2], **asdict(self.bounds))

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return 1 or 0; no value where the tests themselves do not run, or where nothing may be run."""
        prompt, entry_point, test = (_text(item, name) for name in ("prompt", "entry_point", "test"))
        source = program(output.text, prompt, entry_point)
        if source is None:
            return Score(value=0.0, reason=f"the answer defines no {entry_point}", meta={"unparsed": True})
        kept = await asyncio.to_thread(means)
        if not (kept.is_whole or self.weak):
            return Score(
                reason=f"nothing was run: this machine keeps apart {kept.words}. Use one with user namespaces and "
                "Landlock (Linux 5.13 or later), or say weak=True where the code can do no harm."
            )
        job = Job(source, entry_point, prompt, test)
        ran = await asyncio.get_running_loop().run_in_executor(_lane(), run, job, self.bounds)
        meta: dict[str, JsonValue] = {"ending": ran.ending, "took_s": round(ran.took_s, 2), "apart": {**kept.words}}
        if ran.ending in ("broken", "not_run"):
            return Score(reason=f"the tests could not be run: {ran.detail}", answer=source, meta=meta)
        told = "; ".join(one for one in (ran.detail, ran.printed.strip()[-300:]) if one)
        return Score(value=float(ran.ending == "passed"), answer=source, reason=told or None, meta=meta)


@cache
def _lane() -> ThreadPoolExecutor:
    """Return threads of our own: code that waits for a processor would be taken for slow code."""
    return ThreadPoolExecutor(max(1, (os.cpu_count() or 2) // 2), thread_name_prefix="copilot-kit-code")


def _text(item: Item, name: str) -> str:
    value = item.meta.get(name)
    if not isinstance(value, str):
        raise UsageError(
            f"Item {item.id!r} has the {name} {value!r}. Code is scored by meta.prompt, entry_point and test; "
            "give it all three."
        )
    return value


def program(text: str, prompt: str, entry_point: str) -> str | None:
    """Return the program that an answer stands for: the prompt with a new definition behind it, or its continuation.

    None where neither can be found. Of several blocks the last that defines the function counts.
    """
    blocks: list[str] = _BLOCK.findall(text)
    for block in reversed([*([text] if not blocks else []), *blocks]):
        if _defines(block, entry_point):
            return f"{prompt}\n{block}"
    for block in reversed(blocks or [text]):
        for body in _bodies(block):
            if _defines(prompt + body, entry_point) and _has_body(prompt + body, entry_point):
                return prompt + body
    return None


def _bodies(block: str) -> Iterator[str]:
    """Yield what may continue a prompt: the block, what of it is indented at its begin, the block indented."""
    yield block
    kept = list[str]()
    for line in block.split("\n"):
        if line.strip() and not line[0].isspace() and any(one.strip() for one in kept):
            break
        kept.append(line)
    yield "\n".join(kept)
    yield textwrap.indent(textwrap.dedent(block), "    ")


def _defines(source: str, name: str) -> bool:
    return _function(source, name) is not None


def _has_body(source: str, name: str) -> bool:
    """Tell whether the function does more than to describe itself and to define others."""
    found = _function(source, name)
    idle = (ast.Expr, ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    return found is not None and not all(isinstance(one, idle) for one in getattr(found, "body", [None]))


def _function(source: str, name: str) -> ast.stmt | None:
    try:
        lines = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for line in reversed(lines):
        if isinstance(line, ast.FunctionDef) and line.name == name:
            return line
        if isinstance(line, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in line.targets):
            return line
    return None
