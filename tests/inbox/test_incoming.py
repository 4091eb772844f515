"""What a request brings: names through an address, and no more of a body than is taken."""

from urllib.parse import unquote

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from copilot_kit.errors import UsageError
from copilot_kit.inbox.incoming import body_of, fields_of, named, segment


def of_path(part: str) -> Request:
    return Request({"type": "http", "path_params": {"run": part}})


def with_body(*chunks: bytes) -> Request:
    left = list(chunks)

    async def receive():
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def test_a_name_survives_its_way_through_an_address():
    for name in ("a b", "a/b", "100%", "%2e%2e", "..", "ö?#&", "a\\b"):
        part = segment(name)
        assert "/" not in part
        assert named(of_path(unquote(part)), "run") == name  # a server decodes once


def test_no_name_has_a_zero_byte():
    with pytest.raises(HTTPException, match="There is nothing of the name"):
        named(of_path("a%00b"), "run")


async def test_a_body_is_read_no_further_than_is_taken():
    assert await body_of(with_body(b"ab", b"cd"), most=4) == b"abcd"
    with pytest.raises(HTTPException, match="A request has at most 3 bytes"):
        await body_of(with_body(b"ab", b"cd", b"never read"), most=3)


@pytest.mark.parametrize("body", [b"a=\xff", b"a=1&b=2&c=3"])
async def test_what_is_no_form_of_ours_is_refused_in_words(body):
    with pytest.raises(UsageError, match="The form cannot be read"):
        await fields_of(with_body(body), fields=2)


async def test_an_empty_field_is_a_field():
    assert await fields_of(with_body(b"a=&b=x%20y")) == {"a": "", "b": "x y"}
