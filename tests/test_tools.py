"""A plain function becomes a tool; its arguments are read strictly and it is run in one way."""
# ruff: noqa: A002, FBT001, FBT002  tools as users write them

import asyncio
import contextvars
import json
import threading
import time
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, JsonValue, PlainSerializer, SecretStr

from copilot_kit.errors import ToolRefused, UsageError
from copilot_kit.messages import File, Text
from copilot_kit.outputs import ToolOutput
from copilot_kit.request import Example
from copilot_kit.tools import Tool, ToolContext, ToolError, tool

CONTEXT = ToolContext(run_id="run_1", call_id="call_1", path=("call_0",), idempotency_key="key_1", deps={"desk": 7})


class Customer(BaseModel):
    name: str
    age: int = Field(default=30, ge=0)


class Mood(Enum):
    KIND = "kind"
    FIRM = "firm"


@tool(effect="external")
def send_reply(
    ticket: int,
    body: Annotated[str, "the whole answer, as the customer reads it"],
    mood: Mood = Mood.KIND,
    cc: list[str] = [],  # noqa: B006  as users write it
    about: Customer | None = None,
) -> str:
    """Send a reply to the customer.

    It goes out at once.

    Args:
        ticket: number of the ticket,
            as the list shows it
        body: overruled by the annotation
    """
    return f"{ticket}:{body}:{mood.value}:{cc}:{about.name if about else None}"


async def outcome(made: Tool[..., Any], args_json: str = "{}") -> ToolOutput:
    return await made.run(made.canonical(args_json), CONTEXT)


async def text_of(made: Tool[..., Any], args_json: str = "{}") -> str:
    return "".join(part.text for part in (await outcome(made, args_json)).content if isinstance(part, Text))


# --- what the model is told of a tool


def test_name_description_and_schema_come_from_the_function():
    assert send_reply.spec.name == "send_reply"
    assert send_reply.spec.description == "Send a reply to the customer.\n\nIt goes out at once."
    assert send_reply.spec.parameters == {
        "type": "object",
        "properties": {
            "ticket": {"type": "integer", "description": "number of the ticket, as the list shows it"},
            "body": {"type": "string", "description": "the whole answer, as the customer reads it"},
            "mood": {"$ref": "#/$defs/Mood", "default": "kind"},
            "cc": {"type": "array", "items": {"type": "string"}},
            "about": {"anyOf": [{"$ref": "#/$defs/Customer"}, {"type": "null"}], "default": None},
        },
        "required": ["ticket", "body"],
        "additionalProperties": False,
        "$defs": {
            "Mood": {"enum": ["kind", "firm"], "type": "string"},
            "Customer": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0, "default": 30}},
                "required": ["name"],
            },
        },
    }


def test_sphinx_field_lists_describe_arguments_too():
    @tool
    def look(what: str, deep: bool = False) -> str:
        """Look something up.

        :param what: the thing,
            in words
        :param bool deep: also below
        :returns: what was found
        """
        return what

    assert look.description == "Look something up."
    assert look.spec.parameters["properties"]["what"]["description"] == "the thing, in words"
    assert look.spec.parameters["properties"]["deep"]["description"] == "also below"


def test_a_tool_that_does_not_say_its_effect_leaves_the_house():
    @tool
    def anything() -> None: ...

    assert anything.effect == "external"


def test_an_argument_or_default_called_title_stays_in_the_schema():
    @tool
    def post(title: str, meta: dict[str, str] = {"title": "x"}) -> str:  # noqa: B006
        return title

    assert post.spec.parameters["properties"]["title"] == {"type": "string"}
    assert post.canonical('{"title": "hello"}') == '{"meta":{"title":"x"},"title":"hello"}'


def test_names_that_pydantic_uses_itself_can_be_arguments():
    @tool
    def send(json: str, schema: str, copy: bool = False, model_config: str = "") -> str:
        return json + schema

    assert send.canonical('{"json":"a","schema":"b"}') == '{"copy":false,"json":"a","model_config":"","schema":"b"}'


def test_types_written_as_text_inside_a_function_are_found():
    @dataclass
    class Local:
        size: int

    @tool
    def measure(thing: "Local") -> int:
        return thing.size

    assert measure.canonical('{"thing": {"size": 3}}') == '{"thing":{"size":3}}'


def test_the_injected_context_is_not_in_the_schema():
    @tool
    def who(question: str, context: ToolContext) -> str:
        return question

    assert list(who.spec.parameters["properties"]) == ["question"]


def test_examples_are_checked_against_the_arguments():
    @tool(examples=[Example(situation="x", arguments={"count": "many"})])
    def count(count: int) -> int:
        return count

    with pytest.raises(ToolRefused, match="count: input should be a valid integer"):
        _ = count.spec


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: tool(lambda x: x), "'<lambda>' is not one that all providers take"),
        (lambda: tool(name="send reply")(lambda: None), "'send reply' is not one"),
        (lambda: tool(_untyped), "Argument 'ticket' of tool '_untyped' has no type"),
        (lambda: tool(_any_number), r"'\*tickets: int', which a model cannot name"),
        (lambda: tool(_positional), "cannot name"),
        (lambda: tool(_with_secret).spec, "takes a secret as an argument"),
        (lambda: tool(_with_socket).spec, "have no JSON schema"),
    ],
)
def test_a_function_that_cannot_be_a_tool_is_refused_with_what_to_do(make: Any, complaint: str):
    with pytest.raises(UsageError, match=complaint):
        make()


def _untyped(ticket) -> None: ...  # type: ignore[no-untyped-def]
def _any_number(*tickets: int) -> None: ...
def _positional(ticket: int, /) -> None: ...
def _with_secret(key: SecretStr) -> None: ...
def _with_socket(thread: threading.Thread) -> None: ...


# --- version


def test_the_version_changes_with_the_source_and_with_the_schema():
    def made(number: int) -> Tool[..., Any]:
        if number == 1:

            def act(a: int) -> int:
                return a
        elif number == 2:

            def act(a: int) -> int:
                return a + 1
        else:

            def act(a: str) -> int:  # type: ignore[misc]
                return a  # type: ignore[return-value]

        return tool(act)

    versions = {made(number).version for number in (1, 2, 3)}
    assert len(versions) == 3
    assert made(1).version == made(1).version
    assert all(version.startswith("sha256:") for version in versions)


def test_a_declared_version_is_taken_as_it_is():
    @tool(version="7")
    def act() -> None: ...

    assert act.version == "7"


# --- the function stays what it was


def test_a_tool_can_be_called_like_the_function():
    assert send_reply(1, "hello", cc=["a"]) == "1:hello:kind:['a']:None"


# --- canonical arguments


def test_canonical_arguments_have_defaults_and_sorted_keys():
    assert send_reply.canonical('{"ticket": "17", "about": {"name": "Ada"}, "body": "hé"}') == (
        '{"about":{"age":30,"name":"Ada"},"body":"hé","cc":[],"mood":"kind","ticket":17}'
    )


@pytest.mark.parametrize(
    ("args_json", "complaint"),
    [
        ('{"body": "x"}', "do not fit: ticket is missing. It takes (ticket: integer, body: string, mood?: Mood"),
        ('{"ticket": "soon", "body": "x"}', "ticket: input should be a valid integer"),
        ('{"ticket": 1, "body": "x", "urgent": true}', "urgent is not an argument"),
        ('{"ticket": true, "body": "x"}', "ticket: true or false where a number is wanted"),
        ('{"ticket": 9007199254740993, "body": "x"}', "ticket: an integer beyond 2^53"),
        ('{"ticket": 1.5, "body": "x"}', "fractional part, not 1.5"),
        ('{"ticket": 1, "body": null}', "body: input should be a valid string, not null"),
        ('{"ticket": 1, "body": "x", "about": {"name": "A", "age": -1}}', "about.age: input should be greater"),
        ('{"ticket": 1, "body": "\\ud800"}', "half of a surrogate pair"),
        ('{"ticket": NaN, "body": "x"}', "NaN is not JSON"),
        ("hello", "not valid JSON"),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_refused_in_words_a_model_can_act_on(args_json: str, complaint: str):
    with pytest.raises(ToolRefused) as refused:
        send_reply.canonical(args_json)
    assert complaint in str(refused.value)
    assert str(refused.value).startswith("The arguments of send_reply ")
    assert "\n" not in str(refused.value)


def test_a_long_wrong_value_is_not_sent_back_whole():
    with pytest.raises(ToolRefused, match=r"… \(10002 characters\)"):
        send_reply.canonical(json.dumps({"ticket": "x" * 10_000, "body": ""}))


def test_an_integer_beyond_2_to_the_53_is_kept_digit_by_digit_where_text_is_wanted():
    @tool
    def find(id: str) -> str:
        return id

    assert find.canonical('{"id": 9007199254740993}') == '{"id":"9007199254740993"}'


@pytest.mark.parametrize("amount", ["9007199254740993", '"NaN"', '"Infinity"', '"1e400"', "1e400", "true", '"yes"'])
def test_a_number_that_would_become_another_one_is_refused(amount: str):
    @tool
    def pay(amount: float) -> float:
        return amount

    with pytest.raises(ToolRefused):
        pay.canonical(f'{{"amount": {amount}}}')


def test_types_that_json_lacks_are_written_in_their_json_form():
    @tool
    def book(day: date, price: Decimal, kind: Literal["a", "b"] = "a") -> str:
        return f"{day:%d.%m.%y} {price!r} {kind}"

    assert book.canonical('{"day": "2026-11-22", "price": "1.50"}') == '{"day":"2026-11-22","kind":"a","price":"1.50"}'


async def test_types_that_json_lacks_reach_the_function_as_themselves():
    @tool
    def book(day: date, price: Decimal) -> str:
        return f"{day:%d.%m.%y} {price!r}"

    assert await text_of(book, '{"day": "2026-11-22", "price": "1.50"}') == "22.11.26 Decimal('1.50')"


def test_an_argument_that_changes_when_written_and_read_again_is_the_tools_fault():
    @tool
    def act(size: Annotated[int, PlainSerializer(lambda size: size + 1)]) -> int:
        return size

    with pytest.raises(UsageError, match="change when they are written and read again"):
        act.canonical('{"size": 1}')


def test_argument_texts_as_providers_send_them_are_refused_or_are_their_own_canonical_form(shared: Path):
    @tool
    def pay(
        to: str = "x", amount: float = 1, id: int = 1, note: str = "", d: dict[str, Any] = {}  # noqa: B006
    ) -> str:  # fmt: skip
        return to

    refused = []
    for line in (shared / "data/badinput/args_json.jsonl").read_text().splitlines():
        case = json.loads(line)
        try:
            canonical = pay.canonical(case["raw"])
        except ToolRefused:
            refused.append(case["note"])
            continue
        canonical.encode()
        assert pay.canonical(canonical) == canonical
        assert json.loads(canonical).keys() == {"to", "amount", "id", "note", "d"}
    assert len(refused) == 10


@tool
def anything(
    size: int = 1, share: float = 0.5, name: str = "", flag: bool = False, tags: list[str] = [],  # noqa: B006
    more: dict[str, JsonValue] = {}, when: datetime | None = None,  # noqa: B006
) -> None:  # fmt: skip
    """Take all sorts of arguments."""


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
NAMES = st.sampled_from(["size", "share", "name", "flag", "tags", "more", "when", "other"])


@given(st.dictionaries(NAMES, VALUES))
def test_any_arguments_are_refused_or_have_one_form_that_is_exact_and_stays(arguments: dict[str, object]):
    try:
        canonical = anything.canonical(json.dumps(arguments))
    except ToolRefused:
        return
    canonical.encode()
    assert anything.canonical(canonical) == canonical
    assert list(json.loads(canonical)) == ["flag", "more", "name", "share", "size", "tags", "when"]


# --- running


async def test_a_synchronous_function_runs_in_a_thread_with_the_callers_context():
    asked_by = contextvars.ContextVar("asked_by", default="nobody")
    asked_by.set("ada")

    @tool
    def where() -> str:
        return f"{asked_by.get()} {threading.current_thread() is threading.main_thread()}"

    assert await text_of(where) == "ada False"


async def test_an_asynchronous_function_runs_in_the_loop():
    loop = asyncio.get_running_loop()

    @tool
    async def where() -> bool:
        return asyncio.get_running_loop() is loop

    assert await text_of(where) == "true"


async def test_the_context_is_injected_whatever_the_parameter_is_called():
    @tool
    def who(question: str, *, around: ToolContext) -> str:
        return f"{question} {around.deps['desk']} {around.idempotency_key} {around.path}"

    assert await text_of(who, '{"question": "desk?"}') == "desk? 7 key_1 ('call_0',)"


async def test_what_runs_is_what_the_canonical_bytes_say():
    seen: list[Any] = []

    @tool
    def act(tags: list[str], about: Customer) -> None:
        seen.append((tags, about))

    canonical = act.canonical('{"tags": ["a"], "about": {"name": "Ada", "age": 41}}')
    await act.run(canonical, CONTEXT)
    await act.run(canonical, CONTEXT)
    assert seen == [(["a"], Customer(name="Ada", age=41))] * 2
    assert seen[0][0] is not seen[1][0], "a call must not see what an earlier one did to its arguments"


async def test_stored_arguments_that_no_longer_fit_do_not_run():
    called: list[int] = []

    @tool
    def act(size: int) -> None:
        called.append(size)

    output = await act.run('{"breadth":1}', CONTEXT)
    assert output.outcome == "error"
    assert isinstance(output.content[0], Text)
    assert output.content[0].text.startswith("It did not run. The arguments of act do not fit")
    assert called == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (None, "null"),
        (17, "17"),
        ({"b": 1, "a": [Decimal("1.5"), date(2026, 1, 2)]}, '{"b":1,"a":["1.5","2026-01-02"]}'),
        (Customer(name="Ada"), '{"name":"Ada","age":30}'),
        ([Customer(name="Ada", age=1)], '[{"name":"Ada","age":1}]'),
        (float("inf"), "Infinity"),
        (b"\xff\xfe", '"__4="'),
        ("half \ud800 pair", "half ? pair"),
    ],
)
async def test_return_values_become_text(value: object, text: str):
    @tool
    def give() -> Any:
        return value

    assert await text_of(give) == text


async def test_parts_pass_through_as_they_are():
    picture = File(media_type="image/png", data=b"\x89PNG")

    @tool
    def draw() -> list[Any]:
        return [Text(text="here"), picture]

    assert (await outcome(draw)).content == (Text(text="here"), picture)


async def test_a_long_result_is_cut_and_says_how_much_is_missing():
    @tool(max_result_chars=10)
    def tell() -> str:
        return "x" * 35

    assert (
        await text_of(tell) == "xxxxxxxxxx\n[Cut here: 25 of 35 characters are missing. Ask for less, or for a part.]"
    )


async def test_an_error_for_the_model_is_its_words_alone():
    @tool
    def act() -> None:
        raise ToolError("There is no ticket 9. Take one of 1 to 8.")

    output = await outcome(act)
    assert output == ToolOutput(content=(Text(text="There is no ticket 9. Take one of 1 to 8."),), outcome="error")


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit("no"), TimeoutError("no")])
async def test_any_other_error_is_its_type_and_text_without_a_traceback(error: BaseException):
    @tool
    def act() -> None:
        raise error

    output = await outcome(act)
    assert output.outcome == "error"
    assert isinstance(output.content[0], Text)
    assert output.content[0].text.endswith("no")
    assert len(output.content[0].text) < 60


async def test_a_stray_stop_iteration_is_an_error_and_no_hang():
    @tool
    def act() -> None:
        next(iter([]))

    assert (await outcome(act)).outcome == "error"


async def test_secrets_of_the_environment_do_not_reach_the_model_in_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BILLING_API_KEY", "sk-very-secret-1")

    @tool
    def act() -> None:
        raise RuntimeError("401 for https://billing.example?key=sk-very-secret-1")

    assert await text_of(act) == "RuntimeError: 401 for https://billing.example?key=[BILLING_API_KEY]"


async def test_a_read_that_takes_too_long_is_an_error():
    @tool(effect="read", timeout_s=0.01)
    async def look() -> None:
        await asyncio.sleep(60)

    output = await outcome(look)
    assert output.outcome == "error"
    assert isinstance(output.content[0], Text)
    assert output.content[0].text == "look gave no result within 0.01 s and was given up."


@pytest.mark.parametrize("effect", ["write", "external"])
async def test_an_effect_that_takes_too_long_is_unknown(effect: Literal["write", "external"]):
    @tool(effect=effect, timeout_s=0.01)
    def act() -> None:
        time.sleep(0.2)

    output = await outcome(act)
    assert output.outcome == "unknown"
    assert isinstance(output.content[0], Text)
    assert output.content[0].text.startswith("act did not end within 0.01 s. Whether it took effect is not known.")


async def test_a_cancellation_inside_the_tool_is_its_error_and_not_the_callers():
    @tool
    async def wait() -> None:
        inner = asyncio.create_task(asyncio.sleep(60))
        inner.cancel()
        await inner

    output = await outcome(wait)
    assert output.outcome == "error"


async def test_cancelling_is_passed_on():
    @tool
    async def wait() -> None:
        await asyncio.sleep(60)

    task = asyncio.create_task(outcome(wait))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class Wordless(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


def _endless() -> list[object]:
    items: list[object] = []
    items.append(items)
    return items


@pytest.mark.parametrize(
    "value",
    [_endless(), {"half": "\ud800"}, ToolOutput(content=(5,)), type("Odd", (), {"__str__": lambda _self: 1 / 0})()],
    ids=["a circle", "half a character", "no part", "no words"],
)
async def test_a_result_that_cannot_be_told_does_not_make_a_call_that_ran_a_failure(value: Any):
    @tool(effect="external")
    async def pay() -> Any:
        return value

    output = await pay.run("{}", CONTEXT)
    assert output.outcome == "ok"
    assert output.content[0].text.startswith("pay ran; what it returned is no text, JSON or part: ")


async def test_an_error_without_words_is_told_by_its_name():
    @tool(effect="external")
    async def pay() -> str:
        raise Wordless

    assert await pay.run("{}", CONTEXT) == ToolOutput(content=(Text(text="Wordless"),), outcome="error")


async def test_half_a_character_in_a_part_becomes_a_question_mark():
    @tool(effect="read")
    async def look() -> Text:
        return Text(text="a\ud800b")

    assert (await look.run("{}", CONTEXT)).content == (Text(text="a?b"),)


def test_the_version_of_what_has_no_source_is_the_same_in_every_process():
    space: dict[str, Any] = {}
    words = "def send(to: str) -> str:\n    return max([to], key=lambda word: word in {'a', 'b', 'c', 'd'})\n"
    exec(words, space)  # noqa: S102  that is how it comes to have no source
    first = tool(space["send"]).version
    exec(words, space)  # noqa: S102
    assert tool(space["send"]).version == first


def test_the_version_of_what_has_no_source_changes_with_what_it_does():
    space: dict[str, Any] = {}
    exec("def send(to: str) -> str:\n    return [to + 'a' for _ in 'x'][0]\n", space)  # noqa: S102
    first = tool(space["send"]).version
    exec("def send(to: str) -> str:\n    return [to + 'b' for _ in 'x'][0]\n", space)  # noqa: S102
    assert tool(space["send"]).version != first


def test_an_effect_that_there_is_not_is_refused_with_those_there_are():
    with pytest.raises(UsageError) as refused:
        tool(effect="sends")
    assert str(refused.value) == "There is no effect 'sends'. Write one of read, write, external."
