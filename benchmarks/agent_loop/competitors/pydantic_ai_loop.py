"""pydantic-ai's `Agent` over the official SDKs' clients."""

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.usage import UsageLimits

from benchmarks.agent_loop import conversation as talk
from benchmarks.agent_loop.conversation import Api


class Loop:
    """See `competitors.Loop`."""

    def __init__(self, api: Api, url: str, turns: int) -> None:
        self.client = _client(api, url)
        model = _model(api, self.client)
        self.agent = Agent(model, instructions=talk.INSTRUCTIONS, tools=[talk.add_in_the_loop])
        self.speaker = Agent(model, instructions=talk.INSTRUCTIONS)
        self.limits = UsageLimits(request_limit=turns + 1)

    async def run(self) -> str:
        return str((await self.agent.run(talk.QUESTION, usage_limits=self.limits)).output)

    async def stream(self) -> int:
        pieces = 0
        async with self.speaker.run_stream(talk.QUESTION) as reply:
            async for piece in reply.stream_text(delta=True, debounce_by=None):
                pieces += bool(piece)
        return pieces

    async def close(self) -> None:
        await self.client.close()


def _client(api: Api, url: str) -> AsyncAnthropic | AsyncOpenAI:
    if api == "messages":
        return AsyncAnthropic(api_key=talk.KEY, base_url=url, max_retries=0, timeout=talk.TIMEOUT_S)
    return AsyncOpenAI(api_key=talk.KEY, base_url=url + "/v1", max_retries=0, timeout=talk.TIMEOUT_S)


def _model(api: Api, client: AsyncAnthropic | AsyncOpenAI) -> Model:
    if isinstance(client, AsyncAnthropic):
        return AnthropicModel(talk.MODELS[api], provider=AnthropicProvider(anthropic_client=client))
    shape = OpenAIChatModel if api == "chat" else OpenAIResponsesModel
    return shape(talk.MODELS[api], provider=OpenAIProvider(openai_client=client))
