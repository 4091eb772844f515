"""Mock servers of others, installed and started by the tests that need them, on 127.0.0.1 only."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from copilot_kit.model import Model

LLMOCK = "llmock==0.2.2"
AIMOCK = "@copilotkit/aimock@1.43.0"


def _run(*command: str | Path) -> None:
    """Run an installer; skip with its last words where it cannot do its work here."""
    try:
        subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, timeout=300)
    except FileNotFoundError:
        pytest.skip(f"needs {command[0]}, which is not installed")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{' '.join(map(str, command[-3:]))} failed: {error.stderr.strip()[-200:]}")
    except subprocess.TimeoutExpired:
        pytest.skip(f"{' '.join(map(str, command[-3:]))} did not end in 300 s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _serving(command: list[str], url: str, log: Path) -> Iterator[str]:
    """Give the url of a server that runs as long as the block; skip with its log where it does not come up."""
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            for _ in range(200):
                if process.poll() is None and _answers(url):
                    break
                time.sleep(0.1)
            else:
                pytest.skip(f"{command[0]} did not come up in 20 s: {log.read_text()[-300:]}")
            yield url
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        httpx2.get(url, timeout=1)
    except httpx2.HTTPError:
        return False
    return True


@pytest.fixture(scope="session")
def llmock_url(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The chaos server llmock, in an environment of its own that is kept in pytest's cache."""
    program = shutil.which("llmock") or os.environ.get("COPILOT_KIT_LLMOCK")
    if program is None:
        home = pytestconfig.cache.mkdir("llmock-0.2.2") if pytestconfig.cache else tmp_path_factory.mktemp("llmock")
        program = str(home / "bin" / "llmock")
        if not Path(program).exists():
            _run(sys.executable, "-m", "venv", home)
            _run(home / "bin" / "python", "-m", "pip", "install", "--quiet", LLMOCK)
    port = _free_port()
    command = [program, "serve", "--host", "127.0.0.1", "--port", str(port), "--response-style", "hello"]
    command += ["--stream-chunk-delay-ms", "20"]  # else a stream is over before it hears that its client hung up
    with _serving(command, f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("llmock-log") / "log") as url:
        yield url


@pytest.fixture(scope="session")
def aimock_program(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The scripted server aimock, in a folder of its own that is kept in pytest's cache."""
    home = pytestconfig.cache.mkdir("aimock-1.43.0") if pytestconfig.cache else tmp_path_factory.mktemp("aimock")
    program = home / "node_modules" / ".bin" / "aimock"
    if not program.exists():
        _run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", home, AIMOCK)
    return str(program)


@pytest.fixture(scope="session")
def aimock_url(aimock_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Aimock with the answers of `aimock_answers.json` beside this file."""
    port, folder = _free_port(), tmp_path_factory.mktemp("aimock")
    answers = Path(__file__).with_name("aimock_answers.json")
    config = {"port": port, "host": "127.0.0.1", "strict": True, "llm": {"fixtures": str(answers)}}
    (folder / "config.json").write_text(json.dumps(config))
    command = [aimock_program, "--config", str(folder / "config.json")]
    with _serving(command, f"http://127.0.0.1:{port}", folder / "log") as url:
        yield url


Opened = Callable[[str, str], Model]


@pytest.fixture
async def opened() -> AsyncIterator[Opened]:
    """Open one of our adapters, by the name of its wire, at a server; a line is silent for 1.5 s at most."""
    from copilot_kit_anthropic import open_model as open_anthropic
    from copilot_kit_openai import open_model as open_openai

    async with httpx2.AsyncClient(timeout=httpx2.Timeout(5, read=1.5)) as client:

        def at(wire: str, base_url: str) -> Model:
            if wire == "messages":
                return open_anthropic("anthropic", "claude-x", base_url=base_url, api_key="key", http_client=client)
            provider = {"chat": "openai-chat", "responses": "openai"}[wire]
            return open_openai(provider, "gpt-x", base_url=f"{base_url}/v1", api_key="key", http_client=client)

        yield at
