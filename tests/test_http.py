"""What HTTP says when there is no answer: waiting times, faults below HTTP, deadlines."""

import asyncio
import json
from datetime import UTC, datetime

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.errors import BadAnswer, ModelError, TimedOut, TransportFailed
from copilot_kit.http import duration_s, moment_s, retry_after_s, transport_failure, within
from copilot_kit.request import Settings

NOON = datetime(2026, 8, 19, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        ("0.5", 0.5),
        ("6ms", 0.006),
        ("48s", 48.0),
        ("34.4s", 34.4),
        ("1m0.052s", 60.052),
        ("1h2m3s", 3723.0),
        ("2d", 172800.0),
        (" 7 ", 7.0),
        ("-3", 0.0),
        ("", None),
        ("soon", None),
        ("5 apples", None),
        ("s", None),
    ],
)
def test_durations_as_providers_write_them(text, seconds):
    found = duration_s(text)
    assert found == pytest.approx(seconds) if seconds is not None else found is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-08-19T12:00:30Z", 30.0),
        ("2026-08-19T14:00:30+02:00", 30.0),
        ("2026-08-19T12:00:30", 30.0),
        ("Wed, 19 Aug 2026 12:01:00 GMT", 60.0),
        ("2026-08-19T11:00:00Z", 0.0),
        ("tomorrow", None),
    ],
)
def test_moments_as_providers_write_them(text, seconds):
    assert moment_s(text, now=NOON) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "31"}, 31.0),
        ({"retry-after": "Wed, 19 Aug 2026 12:01:00 GMT"}, 60.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "?", "retry-after": "9"}, 9.0),
        ({"retry-after": "later"}, None),
    ],
)
def test_waiting_times_in_headers(headers, seconds):
    assert retry_after_s(httpx2.Headers(headers), now=NOON) == seconds


@given(st.text(max_size=30))
def test_no_header_can_break_the_reading(text):
    for found in (duration_s(text), moment_s(text, now=NOON), retry_after_s({"retry-after": text}, now=NOON)):
        assert found is None or found >= 0


def wrapped(cause: BaseException) -> Exception:
    """As an SDK wraps a fault of its transport."""
    try:
        try:
            raise cause
        except type(cause) as error:
            raise RuntimeError("Connection error.") from error
    except RuntimeError as error:
        return error


REQUEST = httpx2.Request("POST", "http://a")


@pytest.mark.parametrize(
    ("fault", "started", "kind", "phase"),
    [
        (httpx2.ConnectTimeout("t", request=REQUEST), False, TimedOut, "connect"),
        (httpx2.ReadTimeout("t", request=REQUEST), False, TimedOut, "first_event"),
        (httpx2.ReadTimeout("t", request=REQUEST), True, TimedOut, "stream"),
        (httpx2.ConnectError("refused", request=REQUEST), False, TransportFailed, None),
        (httpx2.RemoteProtocolError("cut", request=REQUEST), True, TransportFailed, None),
        (httpx2.ReadError("reset", request=REQUEST), True, TransportFailed, None),
        (json.JSONDecodeError("Expecting value", "<html>", 0), False, BadAnswer, None),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), True, BadAnswer, None),
    ],
)
def test_faults_below_http_become_ours_also_when_wrapped(fault, started, kind, phase):
    for error in (fault, wrapped(fault)):
        found = transport_failure(error, model="a:b", started=started)
        assert isinstance(found, ModelError)
        assert (type(found), found.started, found.model, found.retryable) == (kind, started, "a:b", True)
        assert getattr(found, "phase", None) == phase


def test_other_errors_are_not_taken_for_faults_of_the_line():
    assert transport_failure(KeyError("choices"), model="a:b", started=False) is None
    assert transport_failure(ValueError("no"), model="a:b", started=False) is None


async def slow(*waits: float, closed: list[bool] | None = None):
    try:
        for number, wait in enumerate(waits):
            await asyncio.sleep(wait)
            yield number
    finally:
        if closed is not None:
            closed.append(True)


async def test_without_deadlines_items_pass():
    assert [item async for item in within(slow(0, 0), Settings(), model="a:b")] == [0, 1]


@pytest.mark.parametrize(
    ("waits", "settings", "phase", "heard"),
    [
        ((5,), Settings(first_event_deadline_s=0.02), "first_event", 0),
        ((5,), Settings(first_event_deadline_s=0.02, deadline_s=3), "first_event", 0),
        ((5,), Settings(first_event_deadline_s=3, deadline_s=0.02), "deadline", 0),
        ((0, 5), Settings(deadline_s=0.05), "deadline", 1),
        ((0, 5), Settings(first_event_deadline_s=0.02, deadline_s=0.05), "deadline", 1),
    ],
)
async def test_a_deadline_that_passes_is_a_typed_timeout_and_closes_the_source(waits, settings, phase, heard):
    closed, items = [], []

    async def listen():
        async for item in within(slow(*waits, closed=closed), settings, model="a:b"):
            items.append(item)  # noqa: PERF401  what was heard counts

    with pytest.raises(TimedOut) as caught:
        await listen()
    assert (caught.value.phase, caught.value.started, len(items), closed) == (phase, heard > 0, heard, [True])


async def test_the_first_item_ends_the_wait_for_the_first_event():
    settings = Settings(first_event_deadline_s=0.02)
    assert [item async for item in within(slow(0, 0.05), settings, model="a:b")] == [0, 1]


async def test_cancelling_is_not_taken_for_a_deadline():
    async def consume():
        async for _ in within(slow(5), Settings(deadline_s=60), model="a:b"):
            pass

    task = asyncio.ensure_future(consume())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_closing_early_closes_the_source():
    closed = []
    items = within(slow(0, 5, closed=closed), Settings(deadline_s=60), model="a:b")
    assert await anext(items) == 0
    await items.aclose()
    assert closed == [True]
