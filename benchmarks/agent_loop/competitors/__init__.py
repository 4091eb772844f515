"""Who is measured: one module per competitor, each with a `Loop`; this table is what the runner knows of them."""

from dataclasses import dataclass
from typing import Final, Protocol

from benchmarks.agent_loop.conversation import APIS, Api


class Loop(Protocol):
    """A competitor's agent over one API, built as its documentation says.

    Contract:
    - one instance makes all runs of a measurement, also at once, and keeps its connections between them;
    - retries are off and no default of the library that a user would keep is turned off;
    - the tool is called by the competitor's own machinery, one run asks `turns` times for it.
    """

    def __init__(self, api: Api, url: str, turns: int) -> None:
        """Open the client for the provider at `url`, `/v1` not included."""

    async def run(self) -> str:
        """Answer of one agent run."""

    async def stream(self) -> int:
        """Count of the text pieces that reach the caller of one streamed answer, without tools."""

    async def close(self) -> None:
        """Let go of the connections."""


@dataclass(frozen=True, slots=True)
class Competitor:
    """How to install and import a competitor. `{root}` in a requirement is this repository."""

    title: str
    module: str
    requires: tuple[str, ...]
    imports: tuple[str, ...]
    apis: tuple[Api, ...] = APIS


COMPETITORS: Final[dict[str, Competitor]] = {
    "httpx2": Competitor(
        "httpx2, by hand",
        module="httpx2_loop",
        requires=("httpx2",),
        imports=("import httpx2",),
    ),
    "openai": Competitor(
        "openai SDK, by hand",
        module="openai_loop",
        requires=("openai",),
        imports=("import openai",),
        apis=("chat", "responses"),
    ),
    "anthropic": Competitor(
        "anthropic SDK, by hand",
        module="anthropic_loop",
        requires=("anthropic",),
        imports=("import anthropic",),
        apis=("messages",),
    ),
    "pydantic_ai": Competitor(
        "pydantic-ai",
        module="pydantic_ai_loop",
        requires=("pydantic-ai-slim[openai,anthropic]",),
        imports=("import pydantic_ai", "import pydantic_ai.models.openai, pydantic_ai.models.anthropic"),
    ),
    "openai_agents": Competitor(
        "openai-agents",
        module="openai_agents_loop",
        requires=("openai-agents",),
        imports=("import agents",),
        apis=("chat", "responses"),
    ),
    "langchain": Competitor(
        "langchain, langgraph",
        module="langchain_loop",
        requires=("langchain", "langgraph", "langchain-openai", "langchain-anthropic"),
        imports=("import langchain.agents", "import langchain.agents, langchain_openai, langchain_anthropic"),
    ),
    "copilot_kit": Competitor(
        "copilot_kit",
        module="copilot_kit_loop",
        requires=("-e {root}[openai,anthropic]",),
        imports=(
            "import copilot_kit",
            "from copilot_kit import Agent, tool",
            "import copilot_kit.agent, copilot_kit_openai.chat, copilot_kit_anthropic.messages, openai, anthropic",
        ),
    ),
}
