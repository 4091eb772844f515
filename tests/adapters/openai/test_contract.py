"""The chat adapter keeps the contract of `Model`."""

from typing import Any

import pytest

from copilot_kit.messages import user
from copilot_kit.request import Request, ToolSpec
from copilot_kit.testing import CHECKS, Check, Subject

pytestmark = pytest.mark.anyio

CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1, "b": 2}'}}


def subject(wire: Any, provider: str) -> Subject:
    tool = ToolSpec(name="add", description="Adds.", parameters={"type": "object"})

    def model(*, lost: bool = False) -> Any:
        function = {"arguments": ', "b": 2}'}
        chunks = [wire.delta(role="assistant", reasoning="Hm."), wire.delta(content="I "), wire.delta(content="add."),
                  wire.delta(tool_calls=[{**CALL, "function": {"name": "add", "arguments": '{"a": 1'}}])]  # fmt: skip
        rest = [wire.delta(tool_calls=[{"index": 0, "function": function}]), wire.delta("tool_calls")]
        body = wire.stream(*chunks, *([] if lost else rest), done=not lost, lost=lost)
        there = wire.provider(provider, body)
        whole = wire.json(wire.message("I add.", "tool_calls", tool_calls=[CALL], reasoning="Hm."))
        opened = there.model()

        class Either:
            id, profile = opened.id, opened.profile

            def stream(self, request: Request) -> Any:
                there.answers[:] = [whole if request.delivery == "whole" else body]
                return opened.stream(request)

        return Either()

    request = Request(messages=(user("1+2?"),), tools=(tool,))
    return Subject(open=model, request=request, open_cut=lambda: model(lost=True))


@pytest.mark.parametrize("provider", ["openai", "mistral", "openrouter", "ollama"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_chat_adapter_keeps_the_contract(check: Check, provider: str, wire: Any) -> None:
    await check(subject(wire, provider))
