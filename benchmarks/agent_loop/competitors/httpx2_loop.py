"""The floor: an agent loop written by hand over httpx2, dictionaries in and out, nothing validated."""

import json
from typing import Any

import httpx2

from benchmarks.agent_loop import conversation as talk
from benchmarks.agent_loop.conversation import Api

Body = dict[str, Any]


class Loop:
    """See `competitors.Loop`."""

    def __init__(self, api: Api, url: str, turns: int) -> None:
        del turns
        self.api = api
        headers = {"authorization": f"Bearer {talk.KEY}"}
        if api == "messages":
            headers = {"x-api-key": talk.KEY, "anthropic-version": "2023-06-01"}
        self.client = httpx2.AsyncClient(
            base_url=url + "/v1",
            headers=headers,
            timeout=talk.TIMEOUT_S,
            limits=httpx2.Limits(max_connections=talk.CONNECTIONS, max_keepalive_connections=talk.CONNECTIONS),
        )
        self.loop = {"chat": self._chat, "responses": self._responses, "messages": self._messages}[api]
        self.path = {"chat": "/chat/completions", "responses": "/responses", "messages": "/messages"}[api]

    async def run(self) -> str:
        return await self.loop()

    async def _post(self, body: Body) -> Body:
        reply = await self.client.post(self.path, json=body)
        reply.raise_for_status()
        answer: Body = reply.json()
        return answer

    def _opening(self) -> Body:
        question: Body = {"role": "user", "content": talk.QUESTION}
        match self.api:
            case "chat":
                rules = {"role": "system", "content": talk.INSTRUCTIONS}
                return {"model": talk.MODELS["chat"], "messages": [rules, question]}
            case "responses":
                rest = {"instructions": talk.INSTRUCTIONS, "store": False}
                return {"model": talk.MODELS["responses"], "input": [question], **rest}
            case "messages":
                rest = {"system": talk.INSTRUCTIONS, "max_tokens": talk.MAX_TOKENS}
                return {"model": talk.MODELS["messages"], "messages": [question], **rest}

    async def _chat(self) -> str:
        body = self._opening() | {"tools": talk.TOOLS["chat"]}
        while True:
            message = (await self._post(body))["choices"][0]["message"]
            calls = message.get("tool_calls")
            if not calls:
                return str(message["content"])
            body["messages"].append({"role": "assistant", "content": message["content"], "tool_calls": calls})
            for call in calls:
                total = talk.add(**json.loads(call["function"]["arguments"]))
                body["messages"].append({"role": "tool", "tool_call_id": call["id"], "content": str(total)})

    async def _responses(self) -> str:
        body = self._opening() | {"tools": talk.TOOLS["responses"]}
        while True:
            output = (await self._post(body))["output"]
            calls = [item for item in output if item["type"] == "function_call"]
            if not calls:
                return str(output[0]["content"][0]["text"])
            body["input"] += output
            for call in calls:
                total = talk.add(**json.loads(call["arguments"]))
                result = {"type": "function_call_output", "call_id": call["call_id"], "output": str(total)}
                body["input"].append(result)

    async def _messages(self) -> str:
        body = self._opening() | {"tools": talk.TOOLS["messages"]}
        while True:
            content = (await self._post(body))["content"]
            calls = [block for block in content if block["type"] == "tool_use"]
            if not calls:
                return str(content[0]["text"])
            results = [
                {"type": "tool_result", "tool_use_id": call["id"], "content": str(talk.add(**call["input"]))}
                for call in calls
            ]
            body["messages"] += [{"role": "assistant", "content": content}, {"role": "user", "content": results}]

    async def stream(self) -> int:
        body = self._opening() | {"stream": True}
        if self.api == "chat":
            body["stream_options"] = {"include_usage": True}
        text = _TEXT[self.api]
        pieces = 0
        async with self.client.stream("POST", self.path, json=body) as reply:
            reply.raise_for_status()
            async for line in reply.aiter_lines():
                if line.startswith("data: {") and text(json.loads(line[6:])):
                    pieces += 1
        return pieces

    async def close(self) -> None:
        await self.client.aclose()


def _chat_text(event: Body) -> str | None:
    return event["choices"][0]["delta"].get("content") if event["choices"] else None


def _responses_text(event: Body) -> str | None:
    return event["delta"] if event["type"] == "response.output_text.delta" else None


def _messages_text(event: Body) -> str | None:
    return event["delta"]["text"] if event["type"] == "content_block_delta" else None


_TEXT = {"chat": _chat_text, "responses": _responses_text, "messages": _messages_text}
