"""Ours: an `Agent` with the journal in memory; retries as for a model that is opened by name."""

import copilot_kit_anthropic
import copilot_kit_openai
from benchmarks.agent_loop import conversation as talk
from benchmarks.agent_loop.conversation import Api
from copilot_kit import Agent, Limits, Model, tool
from copilot_kit.events import PartDelta
from copilot_kit.retry import Retry


class Loop:
    """See `competitors.Loop`."""

    def __init__(self, api: Api, url: str, turns: int) -> None:
        model = Retry(_model(api, url))
        add = tool(effect="read")(talk.add_in_the_loop)
        self.agent = Agent(model, tools=[add], instructions=talk.INSTRUCTIONS, limits=Limits(turns=turns + 1))
        self.speaker = Agent(model, instructions=talk.INSTRUCTIONS)

    async def run(self) -> str:
        return (await self.agent.run(talk.QUESTION)).text

    async def stream(self) -> int:
        pieces = 0
        async for event in self.speaker.stream(talk.QUESTION):
            if isinstance(event, PartDelta) and event.text:
                pieces += 1
        return pieces

    async def close(self) -> None:
        """Nothing: its clients are shared by the process and close with it."""


def _model(api: Api, url: str) -> Model:
    if api == "messages":
        return copilot_kit_anthropic.open_model("anthropic", talk.MODELS[api], base_url=url, api_key=talk.KEY)
    provider = "openai-chat" if api == "chat" else "openai"
    return copilot_kit_openai.open_model(provider, talk.MODELS[api], base_url=url + "/v1", api_key=talk.KEY)
