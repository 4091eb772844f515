"""An answer whose values are of other types than the API's is a typed failure or still an answer, never a crash."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from copilot_kit.conformance import recordings
from copilot_kit.conformance.playback import Playback
from copilot_kit.events import Ended, Failed

WRONG: dict[str, Any] = {"null": None, "a text": "zz", "a number": 7, "a list": [], "an object": {}}
CASES = {
    "openai-chat-parallel-tools": "copilot_kit_openai.check:CHECK",
    "openai-chat-stream-parallel-tools": "copilot_kit_openai.check:CHECK",
    "openrouter-chat-reasoning-details-round-trip": "copilot_kit_openai.check:CHECK",
    "groq-chat-server-tool": "copilot_kit_openai.check:CHECK",
    "openai-responses-interleaved-reasoning-between-tools": "copilot_kit_openai.check:CHECK",
    "openai-responses-stream-reasoning-summary": "copilot_kit_openai.check:CHECK",
    "anthropic-messages-thinking-tool-round-trip": "copilot_kit_anthropic.check:check",
    "anthropic-messages-stream-thinking-tool-round-trip": "copilot_kit_anthropic.check:check",
    "anthropic-messages-document-citations": "copilot_kit_anthropic.check:check",
}


def places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*place, key)
        yield from places(item, (*place, key))


def spoilt(document: dict, seen: set) -> Iterator[dict]:
    """The document with one value of a wrong type, for each kind of place and each wrong type."""
    for place in places(document):
        for name, wrong in WRONG.items():
            kind = (document.get("type"), name, tuple("*" if isinstance(key, int) else key for key in place))
            if kind in seen:
                continue
            seen.add(kind)
            copied = copy.deepcopy(document)
            target: Any = copied
            for key in place[:-1]:
                target = target[key]
            target[place[-1]] = wrong
            yield copied


def spoilt_answers(answer) -> Iterator[Any]:
    seen: set = set()
    if answer.chunks is None:
        for body in spoilt(answer.body, seen):
            yield answer.model_copy(update={"body": body})
        return
    for number, chunk in enumerate(answer.chunks):
        found = re.search(r"^data: ?(\{.*\})", chunk, re.MULTILINE)
        for event in spoilt(json.loads(found[1]), seen) if found else ():
            spoilt_chunk = chunk[: found.start(1)] + json.dumps(event) + chunk[found.end(1) :]
            yield answer.model_copy(
                update={"chunks": (*answer.chunks[:number], spoilt_chunk, *answer.chunks[number + 1 :])}
            )


@pytest.mark.parametrize("name", CASES)
async def test_values_of_wrong_types_never_crash_the_reader(shared, name):
    module, _, attribute = CASES[name].partition(":")
    check = getattr(pytest.importorskip(module), attribute)
    (recording,) = [one for one in recordings(shared / "wire") if one.id == name]
    first, (provider, api) = recording.interactions[0], recording.speaker(0)
    model_name, request = check.parse_request(provider, api, first.request.body)
    for answer in spoilt_answers(first.response):
        playback = Playback(answer)
        async with playback.client() as client:
            model = check.open(provider, api, model_name, path=first.request.path, http_client=client)
            *_, last = [event async for event in model.stream(request)]
        assert isinstance(last, Ended | Failed)
