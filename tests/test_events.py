"""Events and their fold, and the assembly that makes them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.assembly import Assembly
from copilot_kit.errors import Overloaded, TransportFailed
from copilot_kit.events import Ended, Event, Failed, PartDelta, PartEnd, PartStart, Started, closing, fold, parts_of
from copilot_kit.messages import Foreign, Message, Part, Reasoning, Text, ToolCall
from copilot_kit.response import Response, Served, Stop

SERVED = Served(asked="m", provider="p")


def response(*parts: Part, state="complete"):
    return Response(
        message=Message(id="m", role="assistant", parts=parts), model=SERVED, stop=Stop(kind="end"), state=state
    )


async def stream(*events: Event):
    for event in events:
        yield event


async def test_folding_gives_what_the_stream_ended_in():
    whole = response(Text(text="Hello."))
    assert await fold(stream(Started(SERVED), Ended(whole))) == whole


async def test_folding_a_failure_raises_it_with_the_partial_answer():
    half = response(Text(text="Hel"), state="partial")
    with pytest.raises(Overloaded) as caught:
        await fold(stream(Started(SERVED), Failed(Overloaded("busy"), half)))
    assert caught.value.partial == half


async def test_folding_a_stream_that_just_stops_is_a_failed_transport():
    with pytest.raises(TransportFailed, match="'a:b' stopped without Ended or Failed") as caught:
        await fold(stream(Started(SERVED)), model="a:b")
    assert caught.value.started
    with pytest.raises(TransportFailed) as caught:
        await fold(stream())
    assert not caught.value.started


async def test_folding_closes_the_stream_it_consumed():
    closed = []

    async def watched():
        try:
            yield Ended(response())
            yield Ended(response())
        finally:
            closed.append(True)

    await fold(watched())
    assert closed == [True]


async def test_an_iterator_without_aclose_may_be_closed_too():
    class Plain:
        def __aiter__(self):
            return self

        async def __anext__(self):
            raise StopAsyncIteration

    async with closing(Plain()) as events:
        assert [event async for event in events] == []


def test_parts_are_in_order_of_their_index_not_of_their_end():
    one, two = Text(text="1"), Text(text="2")
    assert parts_of([PartEnd(1, two), PartStart(2, one), PartEnd(0, one)]) == (one, two)


# what an assembly is told: open a part of some kind, add to one of the open ones, close one of them
moves = st.lists(
    st.tuples(
        st.sampled_from(["text", "reasoning", "call", "add", "close"]), st.integers(0, 9), st.text("ab{", max_size=3)
    ),
    max_size=25,
)
EMPTY = {
    "text": Text(text=""),
    "reasoning": Reasoning(text=""),
    "call": ToolCall(call_id="c", name="n", args_json=""),
}


def played(moves):
    """What an assembly tells under these moves, and what each part should hold."""
    parts, events, held, is_open = Assembly(), [], {}, []
    for move, number, piece in moves:
        if move in EMPTY:
            start = parts.open(EMPTY[move])
            events.append(start)
            held[start.index] = ""
            is_open.append(start.index)
        elif is_open:
            index = is_open[number % len(is_open)]
            if move == "close":
                events.append(parts.close(index))
                is_open.remove(index)
            else:
                call = isinstance(parts.part(index), ToolCall)
                events.append(parts.add_args(index, piece) if call else parts.add_text(index, piece))
                held[index] += piece
    return parts, events, held, is_open


def content(part):
    return part.args_json if isinstance(part, ToolCall) else part.text


@given(moves)
def test_an_assembly_finishes_each_part_with_all_that_was_added(moves):
    parts, events, held, _ = played(moves)
    events += parts.close_all()
    finished = parts.finished()
    assert parts_of(events) == finished
    assert [start.index for start in events if isinstance(start, PartStart)] == list(range(len(finished)))
    for index, part in enumerate(finished):
        wanted = held[index] or ("{}" if isinstance(part, ToolCall) else "")
        assert content(part) == wanted
        pieces = [e.text or e.args_json or "" for e in events if isinstance(e, PartDelta) and e.index == index]
        assert "".join(pieces) == held[index]


@given(moves)
def test_half_an_assembly_has_all_words_and_no_unfinished_call(moves):
    parts, _, held, is_open = played(moves)
    so_far = parts.so_far()
    assert len(so_far) == len(held)
    for index, part in enumerate(so_far):
        if isinstance(part, Foreign):
            assert index in is_open
            assert part.kind == "copilot_kit.partial_tool_call"
            assert part.value == {"name": "n", "args_json": held[index]}
        else:
            assert not (isinstance(part, ToolCall) and index in is_open)
            assert content(part) == (held[index] or ("{}" if isinstance(part, ToolCall) else ""))


def test_a_part_may_begin_with_words():
    parts = Assembly()
    start = parts.open(Text(text="Hel"))
    parts.add_text(start.index, "lo")
    assert parts.collected(0) == "Hello"
    assert parts.close(0).part == Text(text="Hello")


def test_a_part_that_came_whole_is_begun_and_finished_at_once():
    parts = Assembly()
    data = Foreign(kind="a.b", value={"x": 1})
    assert parts.whole(data) == (PartStart(0, data), PartEnd(0, data))
    assert not parts.is_open(0)
    assert parts.finished() == (data,)


def test_a_part_may_be_finished_as_something_better():
    parts = Assembly()
    parts.open(Reasoning(text=""))
    signed = Reasoning(text="hm", form="summary")
    assert parts.close(0, signed) == PartEnd(0, signed)
    assert parts.part(0) == signed


def test_a_call_without_arguments_gets_an_empty_object():
    parts = Assembly()
    parts.open(ToolCall(call_id="c", name="n", args_json=""))
    parts.add_args(0, " ")
    assert json.loads(content(parts.close(0).part)) == {}
