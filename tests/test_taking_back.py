"""A tool's undo and check get what the call was made with; nothing they do ends a run."""

import asyncio
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from copilot_kit.errors import UsageError
from copilot_kit.messages import Text
from copilot_kit.outputs import ToolOutput
from copilot_kit.tools import Found, Tool, ToolContext, schema_tool, tool

CONTEXT = ToolContext(run_id="run_1", call_id="call_1", idempotency_key="key_1")


def booking(**declared: Any) -> Tool[..., Any]:
    @tool(effect="write", **declared)
    def book(day: date, seats: int = 1) -> str:
        return f"booked {day:%d.%m.} for {seats}"

    return book


async def taken_back(made: Tool[..., Any], args_json: str = '{"day": "2026-11-22"}') -> ToolOutput:
    return await made.take_back(made.canonical(args_json), CONTEXT, result="booking 17")


async def test_undo_gets_the_arguments_that_it_names_as_the_tool_gets_them():
    def undo(day: date) -> str:
        return f"{day:%d.%m.} is free again"

    assert await taken_back(booking(undo=undo)) == ToolOutput(content=(Text(text="22.11. is free again"),))


async def test_undo_may_take_the_result_all_arguments_and_the_context_and_may_be_async():
    async def undo(result: str, arguments: dict[str, Any], around: ToolContext) -> str:
        return f"{result} {arguments['seats']} {around.idempotency_key}"

    assert (await taken_back(booking(undo=undo))).content == (Text(text="booking 17 1 key_1"),)


async def test_undo_of_a_tool_from_a_schema_names_arguments_too():
    schema = {"type": "object", "properties": {"to": {"type": "string"}, "class": {"type": "string"}}}
    made = schema_tool("add", None, schema, dict, undo=lambda to, arguments: f"{to} {arguments['class']}")
    assert (await made.take_back('{"class":"b","to":"a"}', CONTEXT)).content == (Text(text="a b"),)


async def test_undo_that_takes_any_name_gets_all_arguments():
    made = booking(undo=lambda **arguments: sorted(arguments))
    assert (await taken_back(made)).content == (Text(text='["day","seats"]'),)


async def test_an_undo_that_fails_is_an_error_and_one_that_takes_too_long_is_unknown():
    def fails() -> None:
        raise ValueError("gone")

    assert await taken_back(booking(undo=fails)) == ToolOutput(
        content=(Text(text="ValueError: gone"),), outcome="error"
    )
    late = await taken_back(booking(undo=lambda: time.sleep(0.2), timeout_s=0.01))
    assert late.outcome == "unknown"
    assert isinstance(late.content[0], Text)
    assert late.content[0].text.startswith("Undoing book did not end within 0.01 s.")


async def test_what_no_longer_fits_is_not_undone():
    called: list[int] = []
    output = await booking(undo=lambda: called.append(1)).take_back('{"seats":1}', CONTEXT)
    assert output.outcome == "error"
    assert called == []


async def test_a_tool_without_undo_says_so():
    with pytest.raises(UsageError, match="Tool 'book' cannot take a call back"):
        await taken_back(booking())


@pytest.mark.parametrize("done", [True, False, None])
async def test_a_check_says_what_became_of_the_call(done: Any):
    made = booking(check=lambda day: done if day == date(2026, 11, 22) else "other day")
    assert await made.find_out('{"day":"2026-11-22","seats":1}', CONTEXT) is done


async def _slow() -> bool:
    await asyncio.sleep(60)
    return True


def _fails() -> bool:
    raise ConnectionError("no answer")


@pytest.mark.parametrize(
    ("check", "why"),
    [
        (_fails, "The check of book failed: ConnectionError: no answer"),
        (_slow, "The check of book failed: TimeoutError: "),
        (lambda: "yes", "The check of book answered str, not True, False or None."),
        (lambda: 1, "The check of book answered int, not True, False or None."),
        (lambda: None, "The check of book could not tell."),
        (None, "book has no check."),
    ],
)
async def test_a_check_that_cannot_tell_leaves_it_unknown_and_says_why(check: Callable[..., Any] | None, why: str):
    made = booking(check=check, timeout_s=0.05)
    assert await made.found('{"day":"2026-11-22","seats":1}', CONTEXT) == Found(None, why)


async def test_a_check_of_arguments_that_no_longer_fit_knows_nothing():
    found = await booking(check=lambda: True).found('{"seats":1}', CONTEXT)
    assert found.done is None
    assert found.why == "The check of book failed: Unfit: day is missing"


@pytest.mark.parametrize("what", ["undo", "check"])
def test_a_companion_that_wants_more_than_the_call_has_is_refused_where_it_is_declared(what: str):
    with pytest.raises(UsageError, match=f"{what}= of tool 'book' wants 'room', which is no argument"):
        booking(**{what: lambda room: room})


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [
        ({"roles": {"room": "object"}}, "names 'room', which is no argument of it. Name one of: day, seats"),
        ({"roles": {"day": "target"}}, "the role 'target'. Write one of destination, object, content, wording"),
        ({"may_decide": "ada"}, "may_decide='ada' is no list"),
        ({"may_decide": [""]}, "is no list of names"),
        ({"answer_within_s": 0}, "leaves no time to answer"),
    ],
)
def test_what_could_not_hold_is_refused_where_it_is_declared(declared: dict[str, Any], complaint: str):
    with pytest.raises(UsageError, match=complaint):
        booking(**declared)


def test_what_a_tool_declares_can_be_read_from_it():
    made = booking(
        roles={"day": "object"}, may_decide=["ada", "group:desk"], answer_within_s=60, trusted_result=True, own=True
    )
    assert (made.roles, made.may_decide, made.answer_within_s) == ({"day": "object"}, ("ada", "group:desk"), 60)
    assert (made.trusted_result, made.own) == (True, True)
    assert booking().trusted_result is False
