"""What a recording promises: everything that was said, again and exactly, and no key."""

import json
from datetime import UTC, datetime

import pytest

from copilot_kit.errors import BrokenRecord, RateLimited, TimedOut, TransportFailed
from copilot_kit.events import Failed, fold, parts_of
from copilot_kit.messages import Message, Text, user
from copilot_kit.model import complete
from copilot_kit.recording import Exchange, Recorder, events_of, fingerprint, recorded
from copilot_kit.redaction import LEFT_OUT, without_secrets
from copilot_kit.request import Request, Settings
from copilot_kit.testing import CHECKS, Check, FunctionModel, ReplayModel, ScriptedModel, Subject, call, say, think

ASK = Request(messages=(user("hi"),))


async def events(model, request=ASK):
    return [event async for event in model.stream(request)]


async def test_an_exchange_comes_back_as_it_was(tmp_path):
    model = ScriptedModel([think("hm"), say("Zwei\u2028Zeilen"), call("look", {"where": "ü"})])
    response = await complete(Recorder(model, tmp_path / "a.jsonl"), ASK)
    (exchange,) = recorded(tmp_path / "a.jsonl")
    assert (exchange.model, exchange.request, exchange.response) == ("scripted:model", ASK, response)


async def test_the_recorder_passes_every_event_on(tmp_path):
    model = FunctionModel(lambda _: "Hello, world, hello.", new_id=lambda prefix: prefix)
    assert await events(Recorder(model, tmp_path / "a.jsonl")) == await events(model)


async def test_a_failure_is_recorded_with_its_fields_and_its_partial_answer(tmp_path):
    error = RateLimited("slow down", status=429, retry_after_s=2.5, request_id="req_1")
    model = Recorder(ScriptedModel([say("Hel"), error]), tmp_path / "a.jsonl")
    await events(model)
    *told, last = await events(ReplayModel(recorded(tmp_path / "a.jsonl")))
    assert isinstance(last, Failed)
    assert isinstance(last.error, RateLimited)
    assert str(last.error) == "slow down"
    kept = last.error
    assert (kept.status, kept.retry_after_s, kept.request_id, kept.started) == (429, 2.5, "req_1", True)
    assert last.partial is not None
    assert last.partial.text == "Hel"
    assert parts_of(told) == (Text(text="Hel"),)


async def test_a_timeout_keeps_its_phase(tmp_path):
    await events(Recorder(ScriptedModel(TimedOut("late", phase="connect")), tmp_path / "a.jsonl"))
    (last,) = await events(ReplayModel(recorded(tmp_path / "a.jsonl")))
    assert isinstance(last, Failed)
    assert isinstance(last.error, TimedOut)
    assert last.error.phase == "connect"


async def test_each_exchange_is_a_line(tmp_path):
    model = Recorder(ScriptedModel("one", "two"), tmp_path / "a.jsonl")
    await complete(model, ASK)
    await complete(model, ASK)
    assert [e.response.text for e in recorded(tmp_path / "a.jsonl") if e.response] == ["one", "two"]
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 2


async def test_replay_answers_what_was_asked_whatever_the_order(tmp_path):
    model = Recorder(FunctionModel(lambda request: f"re {request.messages[-1].text}"), tmp_path / "a.jsonl")
    for word in ("one", "two"):
        await complete(model, Request(messages=(user(word),)))
    replay = ReplayModel(recorded(tmp_path / "a.jsonl"))
    answers = [(await complete(replay, Request(messages=(user(word),)))).text for word in ("two", "one")]
    assert answers == ["re two", "re one"]
    replay.assert_done()


async def test_replay_fails_at_a_question_that_was_not_recorded(tmp_path):
    await complete(Recorder(ScriptedModel("one"), tmp_path / "a.jsonl"), ASK)
    replay = ReplayModel(recorded(tmp_path / "a.jsonl"))
    with pytest.raises(AssertionError, match=r"No unused recorded exchange .* 'bye'"):
        await complete(replay, Request(messages=(user("bye"),)))
    with pytest.raises(AssertionError, match="1 recorded exchanges"):
        replay.assert_done()


async def test_replay_in_order_does_not_look_at_the_question(tmp_path):
    await complete(Recorder(ScriptedModel("one"), tmp_path / "a.jsonl"), ASK)
    replay = ReplayModel(recorded(tmp_path / "a.jsonl"), match="order")
    assert (await complete(replay, Request(messages=(user("bye"),)))).text == "one"


def test_a_fingerprint_is_of_what_is_asked_not_of_ids():
    assert fingerprint(ASK) == fingerprint(Request(messages=(user("hi"),), delivery="whole"))
    assert fingerprint(ASK) != fingerprint(Request(messages=(user("hi!"),)))
    assert fingerprint(ASK) != fingerprint(Request(messages=ASK.messages, settings=Settings(seed=1)))


async def test_keys_never_reach_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "correct-horse-battery")
    shown = "the key is correct-horse-battery and sk-proj-abcdefghijklmnop1234"
    settings = Settings(extra={"openai": {"api_key": "abc", "headers": {"Authorization": "Bearer abcdefgh.ijkl"}}})
    request = Request(messages=(user(shown),), settings=settings)
    error = TransportFailed("401 for Bearer abcdefgh.ijkl")
    await events(Recorder(ScriptedModel(error), tmp_path / "a.jsonl"), request)
    text = (tmp_path / "a.jsonl").read_text()
    for secret in ("correct-horse", "sk-proj", "abcdefgh", '"abc"'):
        assert secret not in text
    assert json.loads(text)["request"]["messages"][0]["parts"][0]["text"] == f"the key is {LEFT_OUT} and {LEFT_OUT}"


def test_words_that_only_sound_like_secrets_are_kept():
    value = {"max_output_tokens": 5, "secretary": "Anna", "cache_read": 3, "text": "ask-me-anything-you-like-today"}
    assert without_secrets(value, environment={"NAME": "Anna"}) == value


def test_a_broken_line_is_named(tmp_path):
    (tmp_path / "a.jsonl").write_text('\n{"format": "copilot-kit-exchange/9"}\n')
    with pytest.raises(BrokenRecord, match="line 2, is no exchange"):
        recorded(tmp_path / "a.jsonl")


async def test_telling_a_response_again_gives_the_response():
    response = await complete(ScriptedModel([think(), think("hm"), "Hello, ", "world.", call("a", {"b": 1})]), ASK)
    for size in (0, 1, 7):
        told = list(events_of(response, chunk_chars=size))
        assert parts_of(told) == response.message.parts

        async def stream(events=told):
            for event in events:
                yield event

        assert await fold(stream()) == response


def test_an_error_of_a_later_version_is_still_an_error():
    from copilot_kit.recording import ErrorRecord

    assert type(ErrorRecord(kind="Melted", message="too hot").error()).__name__ == "ModelError"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_recorder_keeps_the_contract(check: Check, tmp_path):
    await check(Subject(open=lambda: Recorder(FunctionModel(lambda _: "Hello."), tmp_path / "a.jsonl"), on_wire=False))


def test_an_exchange_survives_json():
    request = Request(messages=(Message(id="m", role="user", parts=()),))
    exchange = Exchange(model="a:b", at=datetime(2026, 1, 1, tzinfo=UTC), request=request)
    assert Exchange.model_validate_json(exchange.model_dump_json()) == exchange
