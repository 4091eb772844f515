"""A server on this machine that speaks chat completions, doubles numbers, judges, and counts who was asked."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VERDICT = '{"lines": [{"id": "right", "evidence": "it is", "met": "yes"}]}'


class Server:
    """The server: where it is, and how often each model was asked."""

    def __init__(self, answer: Callable[[dict[str, Any]], str]) -> None:
        self.asked: Counter[str] = Counter()
        self.answer = answer
        self.port = 0

    def url(self, host: str = "127.0.0.1") -> str:
        """Return its address; as 0.0.0.0 it is reached under a name that is not the loopback's."""
        return f"http://{host}:{self.port}/v1"


def doubled(body: dict[str, Any]) -> str:
    """Double a number that is under 40, or under 120 for the model `new`; a judge finds all right."""
    last = str(body["messages"][-1]["content"])
    if "<record>" in last:
        return '{"passed": true, "evidence": ""}'
    if not last.isdecimal():
        return VERDICT
    return str(2 * int(last) if int(last) < (120 if body.get("model") == "new" else 40) else 0)


@contextmanager
def serving(answer: Callable[[dict[str, Any]], str] = doubled) -> Iterator[Server]:
    """Run the server for a block."""
    server, counting = Server(answer), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with counting:
                server.asked[body.get("model", "")] += 1
            message = {"role": "assistant", "content": server.answer(body)}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            said = {"id": f"a{sum(server.asked.values())}", "object": "chat.completion", "created": 1,
                    "model": body.get("model", ""), "choices": [choice],
                    "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}}  # fmt: skip
            content = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    class Http(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

    http = Http(("127.0.0.1", 0), Handler)
    server.port = http.server_port
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
