"""Whatever comes back over HTTP: a call that may have run is of unknown outcome, and none is sent twice."""

import gzip
import json
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from copilot_kit.mcp import mcp_tools
from copilot_kit.mcp.bounds import MAX_BODY_BYTES
from copilot_kit.outputs import ToolOutput
from copilot_kit.tools import ToolContext

CONTEXT = ToolContext(run_id="run_1", call_id="call_1", idempotency_key="key_1")
SEND = {"name": "send", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}


class Faulty(BaseHTTPRequestHandler):
    """A server of the older protocol that answers a call as the test says."""

    answer: dict[str, Any]
    calls: list[dict[str, Any]]

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        match message.get("method"):
            case "initialize":
                self.reply({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                            "serverInfo": {"name": "faulty", "version": "1"}}, message["id"])  # fmt: skip
            case "tools/list":
                self.reply({"tools": [SEND]}, message["id"])
            case "tools/call":
                self.calls.append(message["params"])
                self.fail(message["id"])
            case "server/discover":
                self.write(200, json.dumps({"jsonrpc": "2.0", "id": message["id"],
                                            "error": {"code": -32601, "message": "no"}}))  # fmt: skip
            case _:
                self.write(202, "")

    def do_GET(self) -> None:
        self.write(405, "")

    def fail(self, call_id: object) -> None:
        answer = self.answer
        if answer.get("cut"):
            self.send_response(200)
            self.send_header("content-type", answer["type"])
            self.send_header("content-length", "1000")
            self.end_headers()
            self.wfile.write(b'data: {"jsonrpc"')
        elif "mebibytes" in answer:
            self.send_response(200)
            self.send_header("content-type", answer["type"])
            self.end_headers()
            with suppress(ConnectionError):  # the client has heard enough
                for _ in range(answer["mebibytes"]):
                    self.wfile.write(answer.get("each", b" " * 2**20))
        elif "gzip" in answer:
            body = gzip.compress(json.dumps({"jsonrpc": "2.0", "id": call_id, "result": {"content": []}}).encode())
            self.send_response(200)
            for name, value in (("type", "application/json"), ("encoding", "gzip"), ("length", str(len(body)))):
                self.send_header(f"content-{name}", value)
            self.end_headers()
            self.wfile.write(body)
        elif "error" in answer:
            self.write(200, json.dumps({"jsonrpc": "2.0", "id": call_id, "error": answer["error"]}))
        elif "result" in answer:
            self.reply(answer["result"], call_id)
        else:
            self.write(answer["status"], answer.get("body", ""), answer.get("type", "application/json"))

    def reply(self, result: dict[str, Any], call_id: object) -> None:
        self.write(200, json.dumps({"jsonrpc": "2.0", "id": call_id, "result": result}))

    def write(self, status: int, body: str, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def faulty() -> Iterator[type[Faulty]]:
    handler = type("Handler", (Faulty,), {"calls": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.url = f"http://127.0.0.1:{server.server_port}/mcp"  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield handler
    server.shutdown()
    server.server_close()


async def sent(faulty: Any, answer: dict[str, Any], **said: Any) -> ToolOutput:
    faulty.answer = answer
    async with mcp_tools(faulty.url, **said) as tools:
        return await tools[0].run("{}", CONTEXT)


MAYBE = {
    "a server error": {"status": 500},
    "a gateway's page": {"status": 502, "body": "<html>", "type": "text/html"},
    "too many requests": {"status": 429},
    "accepted and no more": {"status": 202},
    "somewhere else": {"status": 302},
    "no JSON": {"status": 200, "body": "<html>"},
    "no type": {"status": 200, "body": "hello", "type": "text/plain"},
    "an empty stream": {"status": 200, "type": "text/event-stream"},
    "a cut stream": {"cut": True, "type": "text/event-stream"},
    "a cut body": {"cut": True, "type": "application/json"},
    "an event that is no JSON": {"status": 200, "body": "data: {]\n\n", "type": "text/event-stream"},
    "a body without end": {"mebibytes": 2_000, "type": "application/json"},
    "an event without end": {"mebibytes": 2_000, "type": "text/event-stream", "each": b"data: " + b"x" * 2**20},
    "a compressed body": {"gzip": True},
    "an error inside": {"error": {"code": -32603, "message": "boom"}},
    "an error of its own": {"error": {"code": 77, "message": "boom"}},
    "a result that is none": {"result": {"content": 5}},
    "a result of another kind": {"result": {"resultType": "odd"}},
}


@pytest.mark.parametrize("fault", MAYBE)
async def test_an_effect_that_may_have_run_is_of_unknown_outcome_and_is_sent_once(faulty: Any, fault: str):
    output = await sent(faulty, MAYBE[fault])
    assert output.outcome == "unknown"
    assert len(faulty.calls) == 1


@pytest.mark.parametrize("fault", ["a server error", "a cut stream", "no JSON"])
async def test_a_read_that_gets_no_answer_is_an_error(faulty: Any, fault: str):
    output = await sent(faulty, MAYBE[fault], effects={"send": "read"})
    assert output.outcome == "error"
    assert output.content[0].text.startswith("No answer came: ")  # type: ignore[union-attr]


@pytest.mark.parametrize("code", [-32602, -32601])
async def test_a_call_that_the_server_refuses_did_not_run(faulty: Any, code: int):
    output = await sent(faulty, {"error": {"code": code, "message": "no such argument"}})
    assert output.outcome == "error"
    assert output.content[0].text == "It did not run. no such argument"  # type: ignore[union-attr]


async def test_an_answer_without_end_is_not_kept(faulty: Any):
    tracemalloc.start()
    try:
        await sent(faulty, MAYBE["a body without end"])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 3 * MAX_BODY_BYTES


async def test_the_server_is_given_the_idempotency_key_of_the_call(faulty: Any):
    assert (await sent(faulty, {"result": {"content": []}})).outcome == "ok"
    assert faulty.calls == [{"name": "send", "arguments": {}, "_meta": {"copilot-kit/idempotency-key": "key_1"}}]
