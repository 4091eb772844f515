"""What an adapter leaves behind in a real process: no open connection, no blocked event loop."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

USAGE = {"input_tokens": 1, "output_tokens": 1, "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
TEXT = {"type": "output_text", "text": "Hello.", "annotations": []}
ANSWERS: dict[str, Any] = {
    "/v1/chat/completions": {
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello."}}]
    },
    "/v1/responses": {
        "status": "completed",
        "output": [{"type": "message", "id": "msg_1", "role": "assistant", "content": [TEXT]}],
    },
    "/v1/messages": {
        "type": "message",
        "role": "assistant",
        "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "Hello."}],
    },
}


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"id": "x", "model": "m", "usage": USAGE, **ANSWERS[self.path]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


MODELS = {
    "chat": "from copilot_kit_openai import open_model\n"
    "model = open_model('openai-chat', 'gpt-x', base_url=address + '/v1', api_key='k')",
    "responses": "from copilot_kit_openai import open_model\n"
    "model = open_model('openai', 'gpt-x', base_url=address + '/v1', api_key='k')",
    "messages": "from copilot_kit_anthropic import open_model\n"
    "model = open_model('anthropic', 'claude-x', base_url=address, api_key='k')",
}

ONE_REQUEST = """
import asyncio, sys
from copilot_kit import Request, complete
from copilot_kit.messages import user
address = sys.argv[1]
{model}

async def main():
    asyncio.get_running_loop().slow_callback_duration = 60  # a busy machine is no warning
    return (await complete(model, Request(messages=(user("?"),), delivery="whole"))).text

print(asyncio.run(main()), asyncio.run(main()))
"""

FIRST_REQUEST = """
import asyncio, sys, time
from copilot_kit import Request, complete
from copilot_kit.messages import user
address = sys.argv[1]
{model}

async def watch(stalls):
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        stalls.append(time.perf_counter() - before)

async def main():
    stalls = []
    watching = asyncio.create_task(watch(stalls))
    await asyncio.sleep(0)
    before = time.perf_counter()
    await complete(model, Request(messages=(user("?"),), delivery="whole"))
    waited = time.perf_counter() - before
    watching.cancel()
    print(max(stalls) / waited)

asyncio.run(main())
"""


def said_by(program: str, address: str, *flags: str) -> str:
    command = [sys.executable, *flags, "-c", program, address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("api", MODELS)
def test_connections_are_closed_with_their_loop_and_no_warning_is_printed(address: str, api: str):
    program = ONE_REQUEST.format(model=MODELS[api])
    assert said_by(program, address, "-X", "dev", "-W", "error") == "Hello. Hello.\n"


@pytest.mark.parametrize("api", MODELS)
def test_the_first_request_does_not_hold_up_the_loop_while_the_sdk_is_imported(address: str, api: str):
    longest = float(said_by(FIRST_REQUEST.format(model=MODELS[api]), address))
    assert longest < 0.5, f"one stall was {longest:.0%} of the first request"
