"""The processes of a measurement: the stub provider, a worker per competitor, fresh interpreters for imports."""

import asyncio
import dataclasses
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

from benchmarks.agent_loop.scenarios import Job
from benchmarks.agent_loop.venvs import ROOT, python_of

STUB_CORE: Final = 0
CLIENT_CORE: Final = 1
JOB_TIMEOUT_S: Final = 600.0

# What an interpreter prints of an import. RSS is of the whole process: peak memory would include its parent's.
_IMPORT: Final = """\
import sys, time
started = time.process_time()
{statement}
spent = time.process_time() - started
try:
    import os
    with open("/proc/self/statm") as file:
        rss = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
except OSError:
    import resource
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(spent, rss / 2**20)
"""


class WorkerDied(Exception):
    """A worker or the stub ended or fell silent."""


def _pin(process: Process, core: int) -> None:
    """Keep clients and stub on different cores, where the system can."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(process.pid, {core})


async def _module(python: Path, *arguments: str, log: Path) -> Process:
    """`python -m ...` with the benchmark's code importable, whatever else the interpreter has installed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with log.open("w") as file:
        return await asyncio.create_subprocess_exec(
            python, "-m", *arguments, stdin=PIPE, stdout=PIPE, stderr=file, env=environment, cwd=ROOT
        )


async def _line(process: Process, what: str, log: Path) -> str:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), JOB_TIMEOUT_S)
    if not line:
        raise WorkerDied(f"{what} ended before it answered; its last words were {_end_of(log)!r}. See {str(log)!r}.")
    return line.decode()


def _end_of(log: Path) -> str:
    return log.read_text()[-400:]


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


@asynccontextmanager
async def stub(folder: Path) -> AsyncIterator[str]:
    """URL of a stub provider in a process of its own."""
    log = folder / "stub.log"
    process = await _module(Path(sys.executable), "benchmarks.agent_loop.stub", log=log)
    try:
        _pin(process, STUB_CORE)
        yield (await _line(process, "The stub", log)).strip()
    finally:
        await _end(process)


async def requests_of(url: str) -> int:
    """How many requests the stub at `url` has answered."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /requests HTTP/1.1\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    count = int(await reader.readexactly(length))
    writer.close()
    return count


class Worker:
    """One competitor's process; started again after a job that killed it or took too long."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.log = folder / "worker.log"
        self.process: Process | None = None
        self.versions: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        await self._started()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process:
            await _end(self.process)

    async def _started(self) -> Process:
        if self.process is None:
            module = "benchmarks.agent_loop.worker"
            self.process = await _module(python_of(self.folder), module, self.name, log=self.log)
            _pin(self.process, CLIENT_CORE)
            self.versions = json.loads(await _line(self.process, f"The worker of {self.name!r}", self.log))
        return self.process

    async def measure(self, job: Job) -> dict[str, Any]:
        """Figures of one job."""
        process = await self._started()
        assert process.stdin is not None
        process.stdin.write(json.dumps(dataclasses.asdict(job)).encode() + b"\n")
        try:
            result: dict[str, Any] = json.loads(await _line(process, f"The worker of {self.name!r}", self.log))
        except (WorkerDied, TimeoutError):
            self.process = None
            await _end(process)
            raise
        return result


async def import_cost(python: Path, statement: str, folder: Path) -> tuple[float, float]:
    """CPU seconds and resident MiB of a fresh interpreter after `statement`."""
    code = _IMPORT.format(statement=statement)
    process = await asyncio.create_subprocess_exec(python, "-c", code, stdout=PIPE, stderr=PIPE, cwd=folder)
    _pin(process, CLIENT_CORE)
    out, errors = await process.communicate()
    if process.returncode:
        message = f"{statement!r} failed in {str(python)!r}: {errors.decode()[-300:]!r}. Run it there by hand."
        raise WorkerDied(message)
    cpu_s, rss_mib = out.split()
    return float(cpu_s), float(rss_mib)
