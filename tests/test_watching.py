"""A watched model answers as ever; its watch hears of each request and of what became of it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from copilot_kit import Request, complete, user
from copilot_kit.errors import ModelError, Overloaded
from copilot_kit.events import PartDelta
from copilot_kit.testing import CHECKS, Check, FunctionModel, ScriptedModel, Subject, say
from copilot_kit.watching import Watched, logged

ASK = Request(messages=(user("Hello"),))


class Diary:
    def __init__(self) -> None:
        self.lines: list[str] = []

    @contextmanager
    def watch(self, model: str, request: Request) -> Iterator:
        self.lines.append(f"asked {model} {request.messages[-1].text}")
        yield lambda outcome: self.lines.append(type(outcome).__name__)
        self.lines.append("over")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_it_keeps_the_contract_of_a_model(check: Check):
    await check(Subject(open=lambda: Watched(FunctionModel(lambda _: "Good day."), Diary().watch), on_wire=False))


async def test_the_watch_hears_the_request_the_answer_and_the_end():
    diary = Diary()
    response = await complete(Watched(ScriptedModel("Hi."), diary.watch), ASK)
    assert response.text == "Hi."
    assert diary.lines == ["asked scripted:model Hello", "Response", "over"]


async def test_the_watch_hears_of_failures():
    diary = Diary()
    with pytest.raises(Overloaded):
        await complete(Watched(ScriptedModel(Overloaded("busy")), diary.watch), ASK)
    assert diary.lines == ["asked scripted:model Hello", "Overloaded", "over"]


async def test_a_log_line_has_figures_and_no_words(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG, logger="copilot_kit")
    await complete(Watched(ScriptedModel("My password is swordfish."), logged), ASK)
    (record,) = caplog.records
    assert (record.model, record.messages, record.stop, record.levelname) == ("scripted:model", 1, "end", "DEBUG")
    assert "swordfish" not in str(vars(record))


async def test_a_failure_is_a_warning_with_its_class_and_status(caplog: pytest.LogCaptureFixture):
    with pytest.raises(ModelError):
        await complete(Watched(ScriptedModel(Overloaded("busy", status=529)), logged), ASK)
    (record,) = caplog.records
    assert (record.levelname, record.error, record.status) == ("WARNING", "Overloaded", 529)


async def test_an_answer_that_nobody_waits_for_ends_its_watch(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG, logger="copilot_kit")
    stream = Watched(ScriptedModel([say("one two three four five")]), logged).stream(ASK)
    async for event in stream:
        if isinstance(event, PartDelta):
            break
    await stream.aclose()
    assert "nobody waited" in caplog.text
