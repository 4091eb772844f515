"""langchain's `create_agent`, which is a langgraph graph, over its own OpenAI and Anthropic packages."""

import os

from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI

from benchmarks.agent_loop import conversation as talk
from benchmarks.agent_loop.conversation import Api

os.environ["LANGSMITH_TRACING"] = "false"


class Loop:
    """See `competitors.Loop`."""

    def __init__(self, api: Api, url: str, turns: int) -> None:
        model = _model(api, url)
        self.agent = create_agent(model, tools=[talk.add_in_the_loop], system_prompt=talk.INSTRUCTIONS)
        self.speaker = create_agent(model, tools=[], system_prompt=talk.INSTRUCTIONS)
        self.question = {"messages": [{"role": "user", "content": talk.QUESTION}]}
        self.config = {"recursion_limit": 4 * turns + 25}

    async def run(self) -> str:
        state = await self.agent.ainvoke(self.question, self.config)
        return str(state["messages"][-1].text)

    async def stream(self) -> int:
        pieces = 0
        async for message, _ in self.speaker.astream(self.question, self.config, stream_mode="messages"):
            pieces += bool(message.text)
        return pieces

    async def close(self) -> None:
        """Nothing: its clients are shared by the process and close with it."""


def _model(api: Api, url: str) -> BaseChatModel:
    if api == "messages":
        return ChatAnthropic(
            model=talk.MODELS[api],
            api_key=talk.KEY,
            base_url=url,
            max_retries=0,
            timeout=talk.TIMEOUT_S,
            max_tokens=talk.MAX_TOKENS,
        )
    return ChatOpenAI(
        model=talk.MODELS[api],
        api_key=talk.KEY,
        base_url=url + "/v1",
        max_retries=0,
        timeout=talk.TIMEOUT_S,
        use_responses_api=api == "responses",
    )
