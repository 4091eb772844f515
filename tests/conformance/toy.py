"""A small wire of our own, its adapter with faults to switch on, and recordings of it."""
# ruff: noqa: ARG002  the arguments are those of the protocol

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2

from copilot_kit.assembly import Assembly
from copilot_kit.conformance import Said
from copilot_kit.errors import Overloaded, TransportFailed
from copilot_kit.events import Ended, Event, Failed, Started
from copilot_kit.ids import new_id
from copilot_kit.messages import Message, Reasoning, Text, ToolCall, ToolResult, Wire
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.response import Response, Served, Stop, Usage
from copilot_kit.sse import server_events

PATH = "/v1/chat/completions"


def parsed(turn: dict) -> Message:
    """A turn is {"role", "text"?, "thought"?, "mark"?, "call"? [id, name, args], "result"? [id, text]}."""
    parts = []
    if "thought" in turn:
        wire = Wire(origin="toy.chat", opaque=turn["mark"]) if "mark" in turn else None
        parts.append(Reasoning(text=turn["thought"], wire=wire))
    if "text" in turn:
        parts.append(Text(text=turn["text"]))
    if "call" in turn:
        call_id, name, args = turn["call"]
        parts.append(
            ToolCall(call_id=new_id("call"), name=name, args_json=args, wire=Wire(origin="toy.chat", id=call_id))
        )
    if "result" in turn:
        call_id, text = turn["result"]
        wire = Wire(origin="toy.chat", id=call_id)
        parts.append(ToolResult(call_id=call_id, content=(Text(text=text),), wire=wire))
    return Message(id=new_id("msg"), role=turn["role"], parts=tuple(parts))


def encoded(message: Message, faults: frozenset[str]) -> dict:
    turn: dict = {"role": message.role}
    for part in message.parts:
        match part:
            case Reasoning():
                turn["thought"] = part.text
                if part.wire is not None:
                    turn["mark"] = part.wire.opaque
            case Text():
                turn["text"] = part.text
            case ToolCall(wire=Wire(id=str() as wire_id)):
                turn["call"] = [wire_id, part.name, part.args_json]
            case ToolResult(wire=Wire(id=str() as wire_id)):
                turn["result"] = [wire_id, part.text]
    if "loses a text" in faults:
        turn.pop("text", None)
    return turn


class ToyModel:
    profile = Profile()

    def __init__(self, name: str, path: str, client: httpx2.AsyncClient, faults: frozenset[str]):
        self.id = f"toy:{name}"
        self._name, self._path, self._client, self._faults = name, path, client, faults

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        if "raises" in self._faults:
            raise KeyError("choices")
        body = {"model": self._name, "messages": [encoded(m, self._faults) for m in request.messages]}
        if request.delivery == "stream":
            body["stream"] = True
        if "adds a setting" in self._faults:
            body["temperature"] = 1
        async with self._client.stream("POST", f"http://toy{self._path}", json=body) as answer:
            if answer.status_code != 200:
                yield Failed(Overloaded("busy", status=answer.status_code))
            elif request.delivery == "stream":
                async for event in self._streamed(answer):
                    yield event
            else:
                turn = json.loads(await answer.aread())
                for event in self._told(turn):
                    yield event

    def _told(self, turn: dict):
        parts = parsed({**turn, "role": "assistant"}).parts
        if "loses the mark" in self._faults:
            parts = tuple(p.model_copy(update={"wire": None}) if isinstance(p, Reasoning) else p for p in parts)
        telling = Assembly()
        yield Started(self.served)
        for part in parts:
            yield from telling.whole(part)
        yield self._end(telling, turn)

    @property
    def served(self) -> Served:
        return Served(asked=self._name, provider="toy")

    def _end(self, telling: Assembly, turn: dict) -> Event:
        tokens = turn.get("tokens", 0) + ("counts wrong" in self._faults)
        return Ended(
            Response(
                message=Message(id=new_id("msg"), role="assistant", parts=telling.finished()),
                model=self.served,
                stop=Stop(kind="tool" if "call" in turn else "end"),
                usage=Usage(output=tokens),
            )
        )

    async def _streamed(self, answer: httpx2.Response) -> AsyncIterator[Event]:
        yield Started(self.served)
        telling = Assembly()
        start = telling.open(Text(text=""))
        yield start
        events = server_events(answer.aiter_raw())
        if "reads packets" in self._faults:
            events = one_event_a_packet(answer)
        try:
            async for event in events:
                if event.data == b"[DONE]":
                    yield telling.close(start.index)
                    yield self._end(telling, {"tokens": 2})
                    return
                yield telling.add_text(start.index, json.loads(event.data))
            if "takes a cut for the end" in self._faults:
                yield telling.close(start.index)
                yield self._end(telling, {"tokens": 2})
                return
        except httpx2.HTTPError:
            pass
        partial = self._end(telling, {})
        assert isinstance(partial, Ended)
        so_far = Message(id="m", role="assistant", parts=telling.so_far())
        kept = partial.response.model_copy(update={"state": "partial", "message": so_far})
        yield Failed(TransportFailed("cut", started=True), kept)


async def one_event_a_packet(answer: httpx2.Response):
    from copilot_kit.sse import Splitter

    async for piece in answer.aiter_raw():
        splitter = Splitter()
        for event in [*splitter.feed(piece), *splitter.rest()][:1]:
            yield event


class ToyCheck:
    """Fulfils WireCheck for the wire above."""

    def __init__(self, *faults: str):
        self.faults = frozenset(faults)

    def claims(self, provider: str, api: str) -> bool:
        return (provider, api) == ("toy", "chat")

    def parse_request(self, provider: str, api: str, body: dict) -> tuple[str, Request]:
        messages = tuple(parsed(turn) for turn in body["messages"])
        return body["model"], Request(messages=messages, delivery="stream" if body.get("stream") else "whole")

    def open(self, provider: str, api: str, model: str, *, path: str, http_client: httpx2.AsyncClient) -> ToyModel:
        return ToyModel(model, path if "another path" not in self.faults else "/v2", http_client, self.faults)

    def said(self, provider: str, api: str, status: int, body: bytes, content_type: str) -> Said:
        if status != 200:
            return Said(error="RateLimited" if status == 429 else "Overloaded")
        if content_type != "text/event-stream":
            turn = json.loads(body)
            calls = ((turn["call"][1], json.loads(turn["call"][2])),) if "call" in turn else ()
            return Said(text=turn.get("text", ""), reasoning=turn.get("thought", ""), calls=calls,
                        stop="tool" if calls else "end", output=turn.get("tokens", 0))  # fmt: skip
        data = [line.removeprefix(b"data: ") for line in body.split(b"\n\n") if line]
        words = "".join(json.loads(d) for d in data if d != b"[DONE]")
        whole = data[-1] == b"[DONE]"
        return Said(text=words, stop="end", output=2) if whole else Said(text=words, error="TransportFailed")


def step(messages: list[dict], response: dict, *, path: str = PATH, stream: bool = False) -> dict:
    body = {"model": "toy-1", "messages": messages, **({"stream": True} if stream else {})}
    headers = {"content-type": "text/event-stream" if stream else "application/json"}
    answer = {"status": 200, "headers": headers, **response}
    return {"request": {"method": "POST", "path": path, "json": body}, "response": answer}


def write(folder: Path, *steps: dict, name: str = "toy-case", provider: str = "toy", **more: object) -> Path:
    (folder / "exchanges").mkdir(exist_ok=True)
    recording = {"format": "wire-exchange/1", "id": name, "provider": provider, "api": "chat", "interactions": steps}
    (folder / "exchanges" / f"{name}.json").write_text(json.dumps({**recording, **more}))
    return folder
