"""A whole adapter in one file: Ollama's own chat protocol, which is JSON lines over HTTP.

Written against `copilot_kit`'s seam alone. To use it, install it as a package with the entry point

    [project.entry-points."copilot_kit.models"]
    ollama-native = "ollama_adapter:open_model"

and open "ollama-native:llama3.2". To try it here, without a server: python examples/ollama_adapter.py
Protocol: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

from copilot_kit.assembly import Assembly
from copilot_kit.errors import BadAnswer, InvalidRequest, ModelError, ModelGone, Overloaded, TransportFailed
from copilot_kit.events import Ended, Event, Failed, PartEnd, Started, closing
from copilot_kit.http import transport_failure, within
from copilot_kit.ids import new_id
from copilot_kit.messages import File, Message, Part, Reasoning, Text, ToolCall, ToolResult
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.response import Dropped, Response, Served, Stop, StopKind, Usage
from copilot_kit.wire import Target, fit

ORIGIN = "ollama.native"
OPTIONS = {"temperature": "temperature", "top_p": "top_p", "seed": "seed", "max_output_tokens": "num_predict"}
NOT_TAKEN = ("effort", "cache")


def open_model(
    provider: str,
    model: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    http_client: httpx2.AsyncClient | None = None,
) -> "OllamaModel":
    """Return the model; what the entry point names."""
    del api_key  # Ollama has none
    client = http_client or httpx2.AsyncClient(timeout=httpx2.Timeout(600, connect=10))
    return OllamaModel(id=f"{provider}:{model}", name=model, url=base_url or "http://127.0.0.1:11434", http=client)


# 1. What we send --------------------------------------------------------------------------------------------------


def to_wire(request: Request, model: str) -> tuple[dict[str, Any], list[Dropped]]:
    """Return the body, and a receipt for everything that it cannot say."""
    target, dropped = Target(ORIGIN, model), []
    messages: list[dict[str, Any]] = []
    names = {part.call_id: part.name for m in request.messages for part in m.parts if isinstance(part, ToolCall)}
    for message in request.messages:
        fitting = []
        for part in message.parts:
            fitted, receipt = fit(part, target, message_id=message.id)
            fitting += [fitted] if fitted is not None else []
            dropped += [receipt] if receipt is not None else []
        messages += _encoded(message, fitting, names, dropped)
    settings = request.settings
    dropped += [
        Dropped(kind="setting", name=name, reason="Ollama's chat has no such setting")
        for name in NOT_TAKEN
        if getattr(settings, name) is not None
    ]
    options = {theirs: value for ours, theirs in OPTIONS.items() if (value := getattr(settings, ours)) is not None}
    body: dict[str, Any] = {"model": model, "stream": request.delivery == "stream", "messages": messages}
    body["options"] = options | ({"stop": list(settings.stop)} if settings.stop else {})
    body["tools"] = [
        {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": t.parameters}}
        for t in request.tools
        if t.type == "function"
    ]
    if request.output is not None:
        body["format"] = request.output.json_schema
    return body | settings.extra.get("ollama-native", {}), dropped


def _encoded(
    message: Message, parts: list[Part], names: dict[str, str], dropped: list[Dropped]
) -> list[dict[str, Any]]:
    if message.role == "tool":
        return [
            {"role": "tool", "tool_name": names.get(part.call_id, ""), "content": part.text}
            for part in parts
            if isinstance(part, ToolResult)
        ]
    encoded: dict[str, Any] = {"role": message.role, "content": ""}
    for part in parts:
        match part:
            case Text():
                encoded["content"] += part.text
            case Reasoning() if part.text:
                encoded["thinking"] = encoded.get("thinking", "") + part.text
            case ToolCall():
                call = {"function": {"name": part.name, "arguments": json.loads(part.args_json)}}
                encoded.setdefault("tool_calls", []).append(call)
            case File() if part.data is not None and part.media_type.startswith("image/"):
                encoded.setdefault("images", []).append(base64.b64encode(part.data).decode())
            case _:
                reason = "Ollama's chat has no form for it"
                dropped.append(Dropped(kind="part", name=part.type, reason=reason, message_id=message.id))
    said = encoded["content"] or encoded.keys() - {"role", "content"}
    return [encoded] if said else []


# 2. What we understand --------------------------------------------------------------------------------------------


@dataclass
class Answer:
    """Turns the lines of one answer into events."""

    served: Served
    dropped: tuple[Dropped, ...]
    parts: Assembly = field(default_factory=Assembly)
    open: dict[str, int] = field(default_factory=dict)
    begun: bool = False
    last: dict[str, Any] = field(default_factory=dict)

    def take(self, line: bytes) -> list[Event]:
        """Return the events of the next line."""
        data = json.loads(line)
        if "error" in data:
            raise Overloaded(f"Ollama stopped in mid-answer: {data['error']}. Try again.", started=True)
        events: list[Event] = []
        if not self.begun:
            self.begun = True
            self.served = self.served.model_copy(update={"served": data.get("model")})
            events.append(Started(self.served))
        message = data.get("message") or {}
        events += self._grow("thinking", Reasoning(text=""), message.get("thinking"))
        events += self._grow("content", Text(text=""), message.get("content"))
        for call in message.get("tool_calls") or ():
            args = json.dumps(call["function"].get("arguments") or {}, ensure_ascii=False)
            events += self.parts.whole(ToolCall(call_id=new_id("call"), name=call["function"]["name"], args_json=args))
        if data.get("done"):
            self.last = data
        return events

    def _grow(self, kind: str, empty: Part, text: str | None) -> list[Event]:
        if not text:
            return []
        events: list[Event] = []
        if kind not in self.open:
            events += self._close()  # the parts of this protocol come one after the other
            start = self.parts.open(empty)
            self.open[kind] = start.index
            events.append(start)
        return [*events, self.parts.add_text(self.open[kind], text)]

    def _close(self) -> list[PartEnd]:
        ends = self.parts.close_all()
        self.open.clear()
        return ends

    def end(self) -> list[Event]:
        """Return the last events; raises if the answer has no end mark."""
        if not self.last:
            raise TransportFailed(f"{self.served.asked} broke off in mid-answer. Try again.", started=self.begun)
        ends = self._close()
        return [*ends, Ended(self.response(self.parts.finished()))]

    def response(self, parts: tuple[Part, ...], *, partial: bool = False) -> Response:
        """Return the answer as it is now."""
        raw = self.last.get("done_reason")
        calls = any(isinstance(part, ToolCall) for part in parts)
        kind: StopKind = "error" if partial else "tool" if calls else "length" if raw == "length" else "end"
        return Response(
            message=Message(id=new_id("msg"), role="assistant", parts=parts),
            model=self.served,
            stop=Stop(kind=kind, raw=raw),
            state="partial" if partial else "complete",
            usage=Usage(input=self.last.get("prompt_eval_count"), output=self.last.get("eval_count")),
            dropped=self.dropped,
        )


# 3. What goes wrong -----------------------------------------------------------------------------------------------


def failure(status: int, body: bytes, model: str) -> ModelError:
    """Return the error that an answer with this status is."""
    try:
        said = str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return BadAnswer(f"{model} answered {status} with something that is no JSON. Check the URL.", model=model)
    if status == httpx2.codes.NOT_FOUND:
        return ModelGone(f"{said}. Fetch it with: ollama pull {model}", model=model, status=status)
    if status >= httpx2.codes.INTERNAL_SERVER_ERROR:
        return Overloaded(f"Ollama failed: {said}. Try again.", model=model, status=status)
    return InvalidRequest(f"Ollama refuses the request: {said}.", model=model, status=status)


# 4. The model -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OllamaModel:
    """A model served by Ollama."""

    id: str
    name: str
    url: str
    http: httpx2.AsyncClient
    profile: Profile = field(default_factory=Profile)

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the answer as it comes."""
        body, dropped = to_wire(request, self.name)
        if dropped and request.settings.on_unsupported == "error":
            first = dropped[0]
            yield Failed(InvalidRequest(f"{self.id} does not take {first.name!r}: {first.reason}.", param=first.name))
            return
        answer = Answer(Served(asked=self.name, provider="ollama-native"), tuple(dropped))
        try:
            async with closing(within(self._lines(body), request.settings, model=self.id)) as lines:
                async for line in lines:
                    for event in answer.take(line):
                        yield event
            for event in answer.end():
                yield event
        except Exception as error:
            known = error if isinstance(error, ModelError) else None
            known = known or transport_failure(error, model=self.id, started=answer.begun)
            if known is None:
                raise
            partial = answer.response(answer.parts.so_far(), partial=True) if answer.begun else None
            yield Failed(known, partial)

    async def _lines(self, body: dict[str, Any]) -> AsyncIterator[bytes]:
        async with self.http.stream("POST", f"{self.url}/api/chat", json=body) as reply:
            if reply.status_code != httpx2.codes.OK:
                raise failure(reply.status_code, await reply.aread(), self.name)
            async with closing(reply.aiter_lines()) as lines:
                async for line in lines:
                    if line.strip():
                        yield line.encode()


if __name__ == "__main__":
    import asyncio

    from copilot_kit import Agent

    def server(request: httpx2.Request) -> httpx2.Response:
        """Answer as Ollama would."""
        model = json.loads(request.content)["model"]
        words = [{"model": model, "message": {"role": "assistant", "content": text}} for text in ("Hello ", "you.")]
        lines = [*words, {"model": model, "done": True, "done_reason": "stop", "eval_count": 3}]
        return httpx2.Response(200, content="\n".join(json.dumps(line) for line in lines))

    async def main() -> None:
        """Ask it once."""
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(server))
        run = await Agent(open_model("ollama-native", "llama3.2", http_client=http)).run("Say hello.")
        print(run.output, run.usage.output)

    asyncio.run(main())
