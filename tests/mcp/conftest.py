"""A desk to connect to, over stdio or HTTP, and an agent with a scripted model that works at it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.mcp import HttpServer, OwnServer, StdioServer
from copilot_kit.mcp.servers import AnyServer

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


@pytest.fixture
def http_process(tmp_path: Path) -> Iterator[Callable[[int], "subprocess.Popen[bytes]"]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(port: int) -> "subprocess.Popen[bytes]":
        env = {**os.environ, "DESK_DONE": str(tmp_path / "done")}
        process = subprocess.Popen([sys.executable, str(SERVER), str(port)], env=env)
        started.append(process)
        wait_for(port, process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def http_desk(http_process: Callable[[int], "subprocess.Popen[bytes]"], tmp_path: Path) -> Desk:
    port = free_port()
    http_process(port)
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
