"""The anthropic SDK's own `create`, looped by hand."""

from typing import Any

from anthropic import AsyncAnthropic
from anthropic.types import ToolUseBlock

from benchmarks.agent_loop import conversation as talk
from benchmarks.agent_loop.conversation import Api

MODEL = talk.MODELS["messages"]


class Loop:
    """See `competitors.Loop`."""

    def __init__(self, api: Api, url: str, turns: int) -> None:
        del api, turns
        self.client = AsyncAnthropic(api_key=talk.KEY, base_url=url, max_retries=0, timeout=talk.TIMEOUT_S)

    async def run(self) -> str:
        messages = _opening()
        while True:
            reply = await self.client.messages.create(
                model=MODEL,
                system=talk.INSTRUCTIONS,
                messages=messages,
                tools=talk.TOOLS["messages"],
                max_tokens=talk.MAX_TOKENS,
            )
            calls = [block for block in reply.content if block.type == "tool_use"]
            if not calls:
                return "".join(block.text for block in reply.content if block.type == "text")
            results = [{"type": "tool_result", "tool_use_id": call.id, "content": str(_total(call))} for call in calls]
            messages += [{"role": "assistant", "content": reply.content}, {"role": "user", "content": results}]

    async def stream(self) -> int:
        events = await self.client.messages.create(
            model=MODEL, system=talk.INSTRUCTIONS, messages=_opening(), max_tokens=talk.MAX_TOKENS, stream=True
        )
        pieces = 0
        async for event in events:
            if event.type == "content_block_delta":
                pieces += 1
        return pieces

    async def close(self) -> None:
        await self.client.close()


def _total(call: ToolUseBlock) -> int:
    arguments: dict[str, Any] = call.input
    return talk.add(**arguments)


def _opening() -> list[Any]:
    return [{"role": "user", "content": talk.QUESTION}]
