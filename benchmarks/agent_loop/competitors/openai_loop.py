"""The openai SDK's own `create`, looped by hand."""

import json
from typing import Any

from openai import AsyncOpenAI

from benchmarks.agent_loop import conversation as talk
from benchmarks.agent_loop.conversation import Api

CHAT, RESPONSES = talk.MODELS["chat"], talk.MODELS["responses"]


class Loop:
    """See `competitors.Loop`."""

    def __init__(self, api: Api, url: str, turns: int) -> None:
        del turns
        self.api = api
        self.client = AsyncOpenAI(api_key=talk.KEY, base_url=url + "/v1", max_retries=0, timeout=talk.TIMEOUT_S)

    async def run(self) -> str:
        return await (self._chat() if self.api == "chat" else self._responses())

    async def _chat(self) -> str:
        messages: list[Any] = _chat_opening()
        while True:
            reply = await self.client.chat.completions.create(model=CHAT, messages=messages, tools=talk.TOOLS["chat"])
            message = reply.choices[0].message
            if not message.tool_calls:
                return message.content or ""
            messages.append(message)
            for call in message.tool_calls:
                if call.type != "function":
                    continue
                total = talk.add(**json.loads(call.function.arguments))
                messages.append({"role": "tool", "tool_call_id": call.id, "content": str(total)})

    async def _responses(self) -> str:
        items: list[Any] = [{"role": "user", "content": talk.QUESTION}]
        while True:
            reply = await self.client.responses.create(
                model=RESPONSES,
                instructions=talk.INSTRUCTIONS,
                input=items,
                tools=talk.TOOLS["responses"],
                store=False,
            )
            calls = [item for item in reply.output if item.type == "function_call"]
            if not calls:
                return reply.output_text
            items += reply.output
            for call in calls:
                total = talk.add(**json.loads(call.arguments))
                items.append({"type": "function_call_output", "call_id": call.call_id, "output": str(total)})

    async def stream(self) -> int:
        return await (self._chat_stream() if self.api == "chat" else self._responses_stream())

    async def _chat_stream(self) -> int:
        chunks = await self.client.chat.completions.create(
            model=CHAT, messages=_chat_opening(), stream=True, stream_options={"include_usage": True}
        )
        pieces = 0
        async for chunk in chunks:
            if chunk.choices and chunk.choices[0].delta.content:
                pieces += 1
        return pieces

    async def _responses_stream(self) -> int:
        question: list[Any] = [{"role": "user", "content": talk.QUESTION}]
        events = await self.client.responses.create(
            model=RESPONSES, instructions=talk.INSTRUCTIONS, input=question, store=False, stream=True
        )
        pieces = 0
        async for event in events:
            if event.type == "response.output_text.delta":
                pieces += 1
        return pieces

    async def close(self) -> None:
        await self.client.close()


def _chat_opening() -> list[Any]:
    return [{"role": "system", "content": talk.INSTRUCTIONS}, {"role": "user", "content": talk.QUESTION}]
