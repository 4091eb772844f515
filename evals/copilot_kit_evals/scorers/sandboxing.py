"""A place to run code that a model wrote: what it may take is limited, what it can reach is little.

What it is: two processes of this Python, one with the code and one with the tests, each in namespaces of its own where
the kernel grants them to users (no network but an empty one, no sight of other processes, no rights over the machine),
under Landlock where the kernel has it (it can write to one fresh folder alone, and read Python and the system's
libraries), under limits of CPU, memory, open files and size of files; counted, timed, and killed with all its children.

What it is not: a virtual machine. It stands on the kernel being free of holes, and on nothing else. It does not limit
what all processes together take of memory (each is limited by itself), nor hide the machine's clock, name and load, or
whether a path exists. Without namespaces the code sees other processes of its user, may use the network other than by
TCP, and may leave its process group and live on; without Landlock (before Linux 5.13, or where it is off) it can read
and write whatever its user can. Where either is missing nothing is run unless the caller allows it. Code that may be
hostile belongs on a machine that is thrown away.
"""

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, Final, Literal, TypeAlias

from copilot_kit_evals.scorers import code_worker

Ending: TypeAlias = Literal["passed", "failed", "broken", "timeout", "output", "processes", "not_run"]
_UNSHARE: Final = ("unshare", "--user", "--map-root-user", "--net", "--ipc", "--pid", "--fork", "--kill-child")
_WORKER: Final = Path(code_worker.__file__)
_KEPT: Final = 2_000
_LAST_WAIT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one run of code may take."""

    wall_s: float = 10.0
    cpu_s: int = 8
    memory_bytes: int = 512 << 20
    """Address space of each process."""
    file_bytes: int = 8 << 20
    """Of each file."""
    open_files: int = 32
    processes: int = 8
    """At once, threads not counted; held where the sandbox has a process table of its own."""
    output_bytes: int = 1 << 20
    """What it may print before it is stopped."""


@dataclass(frozen=True, slots=True)
class Means:
    """What this machine offers to keep code apart."""

    prefix: tuple[str, ...]
    """The command that makes namespaces; empty where there is none."""
    counted: bool
    """Whether its processes can be counted."""
    landlock: int
    """Edition of Landlock; 0: files are not kept apart."""

    @property
    def is_whole(self) -> bool:
        """Whether network, processes and files are all kept apart."""
        return bool(self.prefix) and self.landlock > 0

    @property
    def words(self) -> dict[str, bool]:
        """For the score: what was kept apart."""
        return {"network": bool(self.prefix), "processes": self.counted, "files": self.landlock > 0}


@dataclass(frozen=True, slots=True)
class Ran:
    """How it ended. `broken`: the tests themselves, so that nothing is known; `not_run`: nothing was started."""

    ending: Ending
    detail: str = ""
    printed: str = ""
    """The end of what both processes printed."""
    took_s: float = 0.0


@cache
def means() -> Means:
    """Return what this machine offers, found by trying."""
    if os.name != "posix":
        return Means((), counted=False, landlock=0)
    landlock = code_worker.landlock_abi()
    for prefix, counted in (((*_UNSHARE, "--mount-proc"), True), (_UNSHARE, False)):
        if shutil.which(prefix[0]) and _works(prefix):
            return Means(prefix, counted=counted, landlock=landlock)
    return Means((), counted=False, landlock=landlock)


def _works(prefix: tuple[str, ...]) -> bool:
    try:
        tried = subprocess.run([*prefix, "true"], capture_output=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


@dataclass(frozen=True, slots=True)
class Job:
    """Code, and the tests of one function of it."""

    source: str
    """The code under test."""
    entry_point: str
    """The function's name."""
    prompt: str
    """What the tests may use besides the function: the item's own words, with helpers that it defines."""
    test: str
    """Defines `check(candidate)`, or calls the function by name."""


def run(job: Job, bounds: Bounds, *, kept_by: Means | None = None) -> Ran:
    """Return what the tests say of the code; nothing of it runs on when this returns."""
    kept = means() if kept_by is None else kept_by
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        ends = _Ends()
        stack.callback(ends.close)
        there, back, verdict = (ends.pipe() for _ in range(3))
        sandbox = _Sandbox(stack, bounds, kept)
        sandbox.start("answer", asdict(job), stdin=there[0], stdout=back[1])
        sandbox.start("check", asdict(job), stdin=back[0], stdout=there[1], verdict=verdict[1])
        ends.close(*there, *back, verdict[1])
        said, ending = sandbox.wait(verdict[0], begun + bounds.wall_s)
        codes = sandbox.end()
        printed = sandbox.printed.decode("utf-8", "replace")[-_KEPT:]
    took_s = time.monotonic() - begun
    if ending is not None:
        return Ran(ending, _ENDINGS[ending], printed, took_s)
    if code_worker.TOO_MANY in codes:
        return Ran("processes", _ENDINGS["processes"], printed, took_s)
    if not said:
        return Ran("broken", "the tests ended without a word", printed, took_s)
    return Ran(said["kind"], said["detail"], printed, took_s)


_ENDINGS: Final[Mapping[str, str]] = {
    "timeout": "it took longer than it may",
    "output": "it printed more than it may",
    "processes": "it started more processes than it may",
}


class _Ends:
    """Ends of pipes, each of which is closed once: a second time, its number may be another thread's file."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def pipe(self) -> tuple[int, int]:
        """Return a new one, to read from and to write to."""
        pair = os.pipe()
        self._open.update(pair)
        return pair

    def close(self, *numbers: int) -> None:
        """Close these, or all that are still open."""
        for number in numbers or tuple(self._open):
            self._open.remove(number)
            os.close(number)


class _Sandbox:
    """The two processes of a run, what they print, and their end."""

    def __init__(self, stack: contextlib.ExitStack, bounds: Bounds, kept: Means) -> None:
        self._stack = stack
        self._bounds = bounds
        self._kept = kept
        self._running: list[subprocess.Popen[bytes]] = []
        self.printed = b""
        stack.callback(self.end)

    def start(self, role: str, job: Mapping[str, str], *, stdin: int, stdout: int, verdict: int | None = None) -> None:
        """Start one of the two in a folder of its own; neither knows what the other was given."""
        folder = self._stack.enter_context(_folder())
        own = {name: value for name, value in job.items() if role == "check" or name in ("source", "entry_point")}
        own.pop("source" if role == "check" else "", None)
        bounds = {
            **asdict(self._bounds),
            "counted": self._kept.counted,
            "landlock": self._kept.landlock,
            "own_user": bool(self._kept.prefix),
        }
        paper = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  entered here
        paper.write(json.dumps({**own, "role": role, "folder": folder, "bounds": bounds}).encode())
        paper.seek(0)
        passed = [paper.fileno(), *([] if verdict is None else [verdict])]
        command = [*self._kept.prefix, sys.executable, "-I", "-S", "-B", str(_WORKER), *map(str, passed)]
        environment = {"PATH": "/usr/bin:/bin", "HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8"}
        self._running.append(
            subprocess.Popen(  # noqa: S603  the command is ours, what it runs is confined
                command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, env=environment, cwd=folder,
                pass_fds=passed, start_new_session=True,
            )
        )  # fmt: skip

    def wait(self, verdict: int, deadline: float) -> tuple[dict[str, Any], Ending | None]:
        """Return the verdict when it is there, or why it was not waited for."""
        said = b""
        with selectors.DefaultSelector() as selector:
            selector.register(verdict, selectors.EVENT_READ)
            for one in self._running:
                selector.register(_stderr(one), selectors.EVENT_READ)
            while True:
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    return {}, "timeout"
                for key, _ in ready:
                    piece = os.read(key.fd, 65536)
                    if key.fd == verdict and not piece:
                        return (json.loads(said) if said else {}), None
                    if key.fd == verdict:
                        said += piece
                    elif not piece:
                        selector.unregister(key.fileobj)
                    else:
                        self.printed += piece
                if len(self.printed) > self._bounds.output_bytes:
                    return {}, "output"

    def end(self) -> list[int]:
        """Kill what is left, with all its children, and return the exit codes of what had ended by itself."""
        codes = [one.poll() for one in self._running]
        for one in self._running:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait()
            self._drain(_stderr(one))
        self._running.clear()
        return [code for code in codes if code is not None]

    def _drain(self, stream: IO[bytes]) -> None:
        """Wait until nobody holds the pipe any more, so that the last child is gone; one that fled may stay."""
        with stream, selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            deadline = time.monotonic() + _LAST_WAIT_S
            while selector.select(max(0.0, deadline - time.monotonic())) and os.read(stream.fileno(), 65536):
                pass


def _stderr(process: subprocess.Popen[bytes]) -> IO[bytes]:
    if process.stderr is None:
        raise RuntimeError("a process of the sandbox was started without a pipe for what it prints")
    return process.stderr


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    name = tempfile.mkdtemp(prefix="copilot-kit-code-")
    try:
        yield name
    finally:
        shutil.rmtree(name, ignore_errors=True)
