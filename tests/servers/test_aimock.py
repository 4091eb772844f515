"""Our adapters at the scripted server aimock: answers, tool loops and faults over all three wires."""

import json
from collections.abc import Iterator

import httpx2
import pytest

from copilot_kit.errors import BadAnswer, ModelError, RateLimited, TransportFailed
from copilot_kit.events import Failed
from copilot_kit.messages import Reasoning, answer, results, user
from copilot_kit.model import complete
from copilot_kit.request import OutputSpec, Request, Settings, ToolSpec
from copilot_kit.retry import Retry

pytestmark = pytest.mark.slow

WIRES = ("chat", "responses", "messages")
REFUND = ToolSpec(
    name="refund",
    description="Pay back money.",
    parameters={"type": "object", "properties": {"ticket": {"type": "integer"}, "usd": {"type": "number"}}},
)


def asking(text: str, *, delivery: str = "stream") -> Request:
    request = Request(messages=(user(text),), tools=(REFUND,), settings=Settings(max_output_tokens=200))
    return request.model_copy(update={"delivery": delivery})


@pytest.fixture
def url(aimock_url: str) -> Iterator[str]:
    """The server, with no faults but those of its answers."""
    yield aimock_url
    httpx2.delete(f"{aimock_url}/__aimock/chaos")


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("delivery", ["stream", "whole"])
async def test_words_come_over_every_wire(url, opened, wire, delivery):
    response = await complete(opened(wire, url), asking("good day", delivery=delivery))
    assert (response.text, response.stop.kind, response.state) == ("Good day to you.", "end", "complete")
    assert response.usage.input is not None


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("delivery", ["stream", "whole"])
async def test_reasoning_is_told_apart_from_words(url, opened, wire, delivery):
    response = await complete(opened(wire, url), asking("six times seven", delivery=delivery))
    thoughts = [part.text for part in response.message.parts if isinstance(part, Reasoning)]
    assert (thoughts, response.text) == (["six sevens are forty-two"], "42")


@pytest.mark.parametrize("wire", WIRES)
async def test_an_answer_of_a_schema_is_json(url, opened, wire):
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}
    request = asking("who is it").model_copy(
        update={"output": OutputSpec(json_schema=schema, mode="native"), "tools": ()}
    )
    response = await complete(opened(wire, url), request)
    assert json.loads(response.text) == {"name": "Anna", "age": 20}
    assert response.output_mode == "native"


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("delivery", ["stream", "whole"])
@pytest.mark.parametrize(
    ("outcome", "result", "words"), [("ok", "paid", "Refunded."), ("denied", "denied by Ada", "You refused it.")]
)
async def test_a_call_its_result_and_the_words_after_it(url, opened, wire, delivery, outcome, result, words):
    model, asked = opened(wire, url), asking("refund ticket 17", delivery=delivery)
    turn = await complete(model, asked)
    (call,) = turn.calls
    assert (call.name, json.loads(call.args_json), turn.stop.kind) == ("refund", {"ticket": 17, "usd": 5}, "tool")
    messages = (*asked.messages, turn.message, results(answer(call, result, outcome=outcome)))
    response = await complete(model, asked.model_copy(update={"messages": messages}))
    assert (response.text, response.calls) == (words, ())


@pytest.mark.parametrize("first", WIRES)
@pytest.mark.parametrize("second", WIRES)
async def test_a_conversation_moves_from_one_wire_to_another_between_call_and_result(url, opened, first, second):
    asked = asking("refund ticket 17")
    turn = await complete(opened(first, url), asked)
    messages = (*asked.messages, turn.message, results(answer(turn.calls[0], "paid")))
    response = await complete(opened(second, url), asked.model_copy(update={"messages": messages}))
    assert response.text == "Refunded."


@pytest.mark.parametrize("wire", WIRES)
async def test_a_limit_and_an_error_are_waited_out(url, opened, wire):
    response = await complete(Retry(opened(wire, url), first_wait_s=0.1), asking(f"be quick over {wire}"))
    assert response.text == "There you are."
    assert [attempt.error for attempt in response.attempts] == ["RateLimited", "ProviderFailed", None]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("text", ["count to ten", "count slowly"])
async def test_a_line_that_is_cut_is_ours_and_keeps_what_came(url, opened, wire, text):
    *_, last = [event async for event in Retry(opened(wire, url)).stream(asking(text))]
    assert isinstance(last, Failed)
    assert isinstance(last.error, TransportFailed)
    assert last.partial is not None
    assert last.partial.text.startswith("one ")
    assert "ten" not in last.partial.text


@pytest.mark.parametrize("wire", WIRES)
async def test_a_call_that_is_cut_is_never_a_call(url, opened, wire):
    *_, last = [event async for event in opened(wire, url).stream(asking("refund cut"))]
    assert isinstance(last, Failed)
    assert last.partial is not None
    assert last.partial.calls == ()
    assert '"usd": 500' not in str(last.partial.message.calls)


@pytest.mark.parametrize("wire", ["chat", "responses"])  # over messages the server itself sends {} in their place
async def test_arguments_that_are_no_json_are_kept_as_they_came(url, opened, wire):
    response = await complete(opened(wire, url), asking("refund half"))
    assert response.calls[0].args_json == '{"ticket": 17, "usd": 5'


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("delivery", ["stream", "whole"])
async def test_a_body_that_is_no_json_is_a_bad_answer(url, opened, wire, delivery):
    *_, last = [event async for event in opened(wire, url).stream(asking("garbage", delivery=delivery))]
    assert isinstance(last, Failed)
    assert isinstance(last.error, BadAnswer)
    assert last.error.retryable


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("delivery", ["stream", "whole"])
@pytest.mark.parametrize(
    ("chaos", "error"), [("rateLimitRate", RateLimited), ("disconnectRate", TransportFailed), ("dropRate", ModelError)]
)
async def test_chaos_at_run_time_is_ours(url, opened, wire, delivery, chaos, error):
    httpx2.post(f"{url}/__aimock/chaos", json={chaos: 1.0}).raise_for_status()
    *_, last = [event async for event in opened(wire, url).stream(asking("good day", delivery=delivery))]
    assert isinstance(last, Failed)
    assert isinstance(last.error, error)
    assert last.error.retryable
