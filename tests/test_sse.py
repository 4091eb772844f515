"""Server-sent events, wherever the network cuts them and however lines end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.sse import ServerEvent, Splitter, server_events

BODY = (
    'event: message_start\ndata: {"a": "ö😀"}\n\n'
    ": a comment\n\n"
    "data: one\ndata: two\n\n"
    "id: 7\nretry: 10\nevent: ping\ndata:no blank\n\n"
    "event: without data\n\n"
    "data\n\n"
    "data: [DONE]\n\n"
).encode()
EVENTS = [
    ServerEvent("message_start", '{"a": "ö😀"}'.encode()),
    ServerEvent("", b"one\ntwo"),
    ServerEvent("ping", b"no blank"),
    ServerEvent("", b""),
    ServerEvent("", b"[DONE]"),
]


async def split(*chunks: bytes) -> list[ServerEvent]:
    async def coming():
        for chunk in chunks:
            yield chunk

    return [event async for event in server_events(coming())]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
async def test_events_are_the_same_at_every_cut_in_two(end):
    body = BODY.replace(b"\n", end)
    for place in range(len(body) + 1):
        assert await split(body[:place], body[place:]) == EVENTS


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_events_are_the_same_in_pieces_of_any_size(end, size):
    body = BODY.replace(b"\n", end)
    assert await split(*(body[n : n + size] for n in range(0, len(body), size))) == EVENTS


lines = st.sampled_from([b"data: a", b"data:b", b"data", b": c", b"event: e", b"id: 1", b"", b"", b"junk"])


@given(
    st.lists(lines, max_size=12),
    st.lists(st.integers(1, 5), min_size=1, max_size=60),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
def test_cutting_changes_nothing(lines, sizes, end):
    body = end.join([*lines, b""])
    whole = Splitter()
    expected = whole.feed(body) + whole.rest()
    pieces, found, place = Splitter(), [], 0
    while place < len(body):
        size = sizes[place % len(sizes)]
        found += pieces.feed(body[place : place + size])
        place += size
    assert found + pieces.rest() == expected


async def test_mixed_line_ends_are_read():
    assert await split(b"data: a\r\ndata: b\n\rdata: c\r\n\r\n") == [ServerEvent("", b"a\nb"), ServerEvent("", b"c")]


async def test_an_event_comes_as_soon_as_it_is_whole():
    splitter = Splitter()
    assert splitter.feed(b"data: a\n") == []
    assert splitter.feed(b"\n") == [ServerEvent("", b"a")]


async def test_what_the_stream_ends_in_without_a_blank_line_is_given_too():
    assert await split(b"data: a\n\ndata: b") == [ServerEvent("", b"a"), ServerEvent("", b"b")]
    assert await split(b"data: a\n\n: bye\n") == [ServerEvent("", b"a")]


async def test_a_byte_order_mark_is_passed_over():
    assert await split(b"\xef\xbb\xbfdata: a\n\ndata: b\n\n") == [ServerEvent("", b"a"), ServerEvent("", b"b")]


async def test_data_that_is_no_utf8_is_left_to_the_reader():
    assert await split(b"data: \xff\xfe\n\n") == [ServerEvent("", b"\xff\xfe")]


async def test_no_bytes_are_no_events():
    assert await split() == []
    assert await split(b"", b"\n\n\n\n") == []
