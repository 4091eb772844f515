"""The list: what is urgent first, found by words, and not slow when there is much."""

import re
import time

import pytest

from copilot_kit import Principal
from copilot_kit.testing import call


def order_of(page, *words):  # noqa: ANN002
    places = [page.index(word) for word in words]
    return [word for _, word in sorted(zip(places, words, strict=True))]


async def test_like_calls_of_one_run_stand_together(office, anna):
    await office.waiting(call("send", {"to": "a@x.org"}), call("refund", {"order": 7, "amount": 1}),
                         call("send", {"to": "b@x.org"}))  # fmt: skip
    page = (await anna.get("/")).text
    assert page.count('<section class="group') == 2
    assert order_of(page, "a@x.org", "b@x.org", "refund</a>") == ["a@x.org", "b@x.org", "refund</a>"]
    assert "decide 2 together" in page


@pytest.mark.parametrize(("order", "first"), [("queued", "old@x.org"), ("due", "due@x.org"), ("newest", "due@x.org")])
async def test_the_list_has_three_orders(office, anna, order, first):
    await office.waiting(call("send", {"to": "old@x.org"}), run_id="run_1")
    await office.waiting(call("send", {"to": "due@x.org"}), run_id="run_2", answer_within_s=3600)
    assert order_of((await anna.get(f"/?order={order}")).text, "old@x.org", "due@x.org")[0] == first


async def test_words_find_what_a_run_a_tool_or_an_argument_says(office, anna):
    await office.waiting(call("send", {"to": "eve@x.org"}), run_id="run_1", task="Ticket 17")
    await office.waiting(call("refund", {"order": 9, "amount": 1}), run_id="run_2", task="Ticket 18")
    for words, found in (("EVE", {"run_1"}), ("ticket 18", {"run_2"}), ("refund", {"run_2"}), ("nowhere", set())):
        page = (await anna.get("/", params={"q": words})).text
        assert set(re.findall(r"/cards/(run_\d)/", page)) == found


async def test_what_expires_soon_and_who_it_is_for_is_said(office, anna):
    await office.waiting(call("send", {"to": "eve@x.org"}), answer_within_s=600, may_decide=("group:finance",))
    page = (await anna.get("/")).text
    assert 'class="due soon"' in page
    assert "for others" in page


async def test_an_empty_inbox_says_so(anna):
    assert "Nothing waits for you." in (await anna.get("/")).text


@pytest.mark.parametrize(
    "query", ["?page=-1", "?page=99999999999999", "?order=<script>", "?tool=", "?page=٣", "?q=%00"]
)
async def test_an_odd_address_shows_a_list_all_the_same(office, anna, query):
    await office.waiting(call("send", {"to": "eve@x.org"}))
    assert (await anna.get(f"/{query}")).status_code == 200


async def test_a_long_list_comes_in_pages(office, anna):
    await office.waiting(*(call("send", {"to": f"{number}@x.org"}) for number in range(60)))
    first, second = (await anna.get("/")).text, (await anna.get("/?page=2")).text
    assert (first.count('class="row"'), second.count('class="row"')) == (50, 10)
    assert 'rel="next"' in first
    assert 'rel="prev"' in second


async def test_with_a_thousand_waiting_the_first_page_is_there_at_once(office, seat):
    for run in range(10):
        calls = (call("send", {"to": f"{number}@x.org", "body": "Hello\n" * 20}) for number in range(100))
        await office.waiting(*calls, run_id=f"run_{run}")
    browser = seat(Principal(id="ben"))
    await browser.get("/")
    took = []
    for _ in range(3):
        begun = time.perf_counter()
        assert '<span class="count">1000</span>' in (await browser.get("/")).text
        took.append(time.perf_counter() - begun)
    assert min(took) < 0.5
