"""openai-agents' `Runner`; tracing is off, since it would send every run to the vendor."""

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI

from benchmarks.agent_loop import conversation as talk
from benchmarks.agent_loop.conversation import Api

set_tracing_disabled(disabled=True)


class Loop:
    """See `competitors.Loop`."""

    def __init__(self, api: Api, url: str, turns: int) -> None:
        self.client = AsyncOpenAI(api_key=talk.KEY, base_url=url + "/v1", max_retries=0, timeout=talk.TIMEOUT_S)
        shape = OpenAIChatCompletionsModel if api == "chat" else OpenAIResponsesModel
        model = shape(model=talk.MODELS[api], openai_client=self.client)
        tools = [function_tool(talk.add_in_the_loop)]
        self.agent = Agent(name="ledger", instructions=talk.INSTRUCTIONS, model=model, tools=tools)
        self.speaker = Agent(name="speaker", instructions=talk.INSTRUCTIONS, model=model)
        self.max_turns = turns + 1

    async def run(self) -> str:
        return str((await Runner.run(self.agent, talk.QUESTION, max_turns=self.max_turns)).final_output)

    async def stream(self) -> int:
        pieces = 0
        async for event in Runner.run_streamed(self.speaker, talk.QUESTION).stream_events():
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                pieces += 1
        return pieces

    async def close(self) -> None:
        await self.client.close()
