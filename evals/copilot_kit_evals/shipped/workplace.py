"""A folder that an agent works in, with tools, and a record of what it did there; for suites that score what changed.

The folder is a real one, made for one attempt and gone after it. Nothing leaves it: a message that is sent stands in
the record, and tests run in the sandbox of `scorers.sandboxing`.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, Final

from copilot_kit.agent import Agent
from copilot_kit.approval import Gate, rule
from copilot_kit.outputs import ToolError
from copilot_kit.threads import in_thread
from copilot_kit.tools import Tool, tool
from copilot_kit_evals.scorers import sandboxing
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.tasks import Assign, Setup, Solved

INSTRUCTIONS: Final = (
    "You work in a folder of the user with the tools that you are given. Do what the user asks for. The tool ask_user "
    "puts a question to the user. When you are done, say in a sentence or two what you did."
)
NO_REPLY: Final = "I have no time now. Go by what I wrote."
_IMPORT: Final = re.compile(r"^\s*(?:from|import)\s.*$", re.MULTILINE)
_TEST: Final = re.compile(r"^def (test_\w+)\(\)", re.MULTILINE)
_MOST_CHARS: Final = 100_000
_WALL_S: Final = 8.0
_LANE: Final = BoundedSemaphore(max(1, (os.cpu_count() or 2) // 2))
"""Code that waits for a processor would be taken for slow code."""


@dataclass(frozen=True, slots=True)
class Did:
    """One call that changed something or spoke to somebody."""

    tool: str
    args: Mapping[str, Any]


@dataclass(slots=True)
class Workplace:
    """The folder, what it held before, and what was done."""

    folder: Path
    before: Mapping[str, str]
    replies: list[str] = field(default_factory=list)
    """What the user says when asked, in order; then `NO_REPLY`."""
    did: list[Did] = field(default_factory=list)

    def files(self) -> dict[str, str]:
        """Return all files by their path in the folder."""
        found = (path for path in sorted(self.folder.rglob("*")) if path.is_file() and not path.is_symlink())
        return {
            str(path.relative_to(self.folder)): path.read_text(encoding="utf-8", errors="replace") for path in found
        }

    def place(self, path: str) -> Path:
        """Return where a file lies; raises `ToolError` outside of the folder."""
        found = (self.folder / path).resolve()
        if not found.is_relative_to(self.folder.resolve()) or found == self.folder.resolve():
            raise ToolError(f"{path!r} is no file of this folder.")
        return found

    def old(self, path: str) -> Path:
        """Return where a file lies that is there; raises `ToolError` if there is none."""
        found = self.place(path)
        if not found.is_file():
            raise ToolError(f"There is no file {path!r}. list_files tells which there are.")
        return found


@contextmanager
def opened(files: Mapping[str, str], replies: list[str]) -> Iterator[Workplace]:
    """Make a folder with these files, for as long as it is worked in."""
    with tempfile.TemporaryDirectory(prefix="copilot-kit-eval-") as name:
        folder = Path(name)
        for path, text in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        yield Workplace(folder, dict(files), list(replies))


def tools_of(work: Workplace) -> list[Tool[..., Any]]:
    """Return the tools of a workplace."""
    return [*_looking(work), *_changing(work), *_speaking(work)]


def _looking(work: Workplace) -> list[Tool[..., Any]]:
    @tool(effect="read")
    def list_files() -> str:
        """List all files of the folder."""
        return "\n".join(work.files()) or "The folder is empty."

    @tool(effect="read")
    def read_file(path: str) -> str:
        """Read a file."""
        return work.old(path).read_text(encoding="utf-8")

    @tool(effect="read")
    async def run_tests() -> str:
        """Run the tests of the folder (files named test_*.py) and tell which fail."""
        return await in_thread(lambda: _tested(work.files()))

    return [list_files, read_file, run_tests]


def _changing(work: Workplace) -> list[Tool[..., Any]]:
    @tool(effect="write")
    def write_file(path: str, text: str) -> str:
        """Write a file, a new one or in the place of an old one."""
        place = work.place(path)
        if place.is_dir() or len(text) > _MOST_CHARS:
            raise ToolError(f"{path!r} cannot be written: it is a folder, or the text is too long.")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        work.did.append(Did("write_file", {"path": path}))
        return f"{path} is written."

    @tool(effect="write")
    def replace_in_file(path: str, old: str, new: str) -> str:
        """Replace a passage of a file, which must stand there exactly once."""
        place = work.old(path)
        text = place.read_text(encoding="utf-8")
        if not old or text.count(old) != 1:
            raise ToolError(f"The passage stands {text.count(old) if old else 0} times in {path!r}, not once.")
        place.write_text(text.replace(old, new), encoding="utf-8")
        work.did.append(Did("replace_in_file", {"path": path}))
        return f"{path} is changed."

    @tool(effect="write")
    def delete_file(path: str) -> str:
        """Delete a file."""
        work.old(path).unlink()
        work.did.append(Did("delete_file", {"path": path}))
        return f"{path} is deleted."

    return [write_file, replace_in_file, delete_file]


def _speaking(work: Workplace) -> list[Tool[..., Any]]:
    @tool(effect="external")
    def send_message(to: str, text: str) -> str:
        """Send a message to somebody; it cannot be taken back."""
        work.did.append(Did("send_message", {"to": to, "text": text}))
        return f"The message to {to} is sent."

    @tool(effect="read")
    def ask_user(question: str) -> str:
        """Ask the user something and hear the answer."""
        work.did.append(Did("ask_user", {"question": question}))
        return work.replies.pop(0) if work.replies else NO_REPLY

    return [send_message, ask_user]


def _tested(files: Mapping[str, str]) -> str:
    if not sandboxing.means().is_whole:
        return "Tests cannot be run on this machine."
    tests = {name: text for name, text in files.items() if Path(name).name.startswith("test_")}
    told = [f"{name}: {_one(name, text, files)}" for name, text in tests.items()]
    return "\n".join(told) or "There are no tests."


def _one(name: str, text: str, files: Mapping[str, str]) -> str:
    """Return how the tests in one file end; it tests one function, which it imports from a file beside it."""
    found = re.search(r"^from (\w+) import (\w+)$", text, re.MULTILINE)
    if found is None:
        return f"{name} imports no function"
    source = files.get(f"{found[1]}.py")
    return f"there is no {found[1]}.py" if source is None else passes(source, found[2], text)[1]


@lru_cache(maxsize=256)
def passes(source: str, function: str, tests: str) -> tuple[bool | None, str]:
    """Return whether the tests of a function pass, with words; None where they cannot be run.

    tests: functions named `test_...` that call the function by its name and assert.
    """
    if not sandboxing.means().is_whole:
        return None, "this machine keeps network or files not apart, so that no code was run"
    calls = "\n".join(f"{name}()" for name in _TEST.findall(tests))
    job = sandboxing.Job(source=source, entry_point=function, prompt="", test=f"{_IMPORT.sub('', tests)}\n{calls}\n")
    with _LANE:
        ran = sandboxing.run(job, sandboxing.Bounds(wall_s=_WALL_S))
    words = "all pass" if ran.ending == "passed" else f"{ran.ending}: {ran.detail}".rstrip(": ")
    return None if ran.ending in ("broken", "not_run") else ran.ending == "passed", words


@dataclass(frozen=True, slots=True)
class InFolder:
    """Gives an item to an agent in a folder with the item's `meta.files`; what came of it is `Output.state`.

    `state` has `before` and `after` (texts by path) and `did` (calls that changed something or spoke to somebody).
    """

    instructions: str = INSTRUCTIONS

    @property
    def digest(self) -> str:
        """Of the tools' edition and the instructions."""
        return edition("in_folder", 1, instructions=self.instructions)

    async def __call__(self, setup: Setup) -> Solved:
        """Return what the agent said, with the folder before and after in its state."""
        meta = setup.item.meta
        with opened(_texts(meta.get("files")), _words(meta.get("replies"))) as work:
            try:
                return await Assign(self._agent(work))(setup)
            finally:
                setup.state.update(before=dict(work.before), after=work.files(), did=list(work.did))

    def _agent(self, work: Workplace) -> Callable[[Setup], Agent[Any]]:
        def made(setup: Setup) -> Agent[Any]:
            tools = [one for one in tools_of(work) if setup.allows(one.name)]
            return Agent(setup.model, tools=tools, instructions=setup.prompt(self.instructions),
                         settings=setup.settings, gate=Gate([rule("allow")]), limits=setup.limits)  # fmt: skip

        return made


def _texts(value: object) -> dict[str, str]:
    return {str(name): str(text) for name, text in value.items()} if isinstance(value, dict) else {}


def _words(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
