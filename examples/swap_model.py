"""One conversation on two providers: begun on Anthropic's protocol, continued on OpenAI's, with what was left out.

The real adapters and the official SDKs run here; only the two servers are in this process, so that no key is needed.
Run it as it is, after pip install "copilot-kit[openai,anthropic]": python examples/swap_model.py
"""

import asyncio
import json

import httpx2

from copilot_kit import Agent, Settings
from copilot_kit_anthropic import open_model as open_anthropic
from copilot_kit_openai import open_model as open_openai


def anthropic_server(_request: httpx2.Request) -> httpx2.Response:
    """Think, sign the thinking, and answer."""
    said = [
        {"type": "thinking", "thinking": "A capital, then.", "signature": "c2lnbmVk"},
        {"type": "text", "text": "The capital of Italy is Rome."},
    ]
    usage = {"input_tokens": 20, "output_tokens": 15}
    return httpx2.Response(200, json={"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5",
                                      "content": said, "stop_reason": "end_turn", "usage": usage})  # fmt: skip


def openai_server(request: httpx2.Request) -> httpx2.Response:
    """Answer with what came over the wire, to show it."""
    sent = json.loads(request.content)
    print("  what the second provider is sent:")
    for message in sent["messages"]:
        print("   ", message["role"], json.dumps(message["content"]))
    said = {"role": "assistant", "content": "Rome has about 2.8 million people."}
    usage = {"prompt_tokens": 30, "completion_tokens": 10, "total_tokens": 40}
    return httpx2.Response(200, json={"id": "chat_1", "object": "chat.completion", "created": 1, "model": "gpt-5",
                                      "choices": [{"index": 0, "message": said, "finish_reason": "stop"}],
                                      "usage": usage})  # fmt: skip


def client(server) -> httpx2.AsyncClient:  # noqa: ANN001
    return httpx2.AsyncClient(transport=httpx2.MockTransport(server))


async def main() -> None:
    first = open_anthropic("anthropic", "claude-sonnet-5", api_key="-", http_client=client(anthropic_server))
    second = open_openai("openai-chat", "gpt-5", api_key="-", http_client=client(openai_server))

    agent = Agent(first, instructions="Be brief.", settings=Settings(temperature=0.2))
    run = await agent.run("What is the capital of Italy?")
    print(first.id, "says:", run.text)
    # Opened by name it is one word: run.say(..., model="openai:gpt-5"). These two only live in this process.
    agent.model = second
    run = await run.say("How many people live there?")
    print(second.id, "says:", run.text)
    for one in run.response.dropped:
        print("  did not carry over:", f"{one.kind} {one.name}: {one.reason}")


asyncio.run(main())
