"""A card: the whole call, what matters first, each value with its origin, and what is another than before."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from copilot_kit import Principal
from copilot_kit.inbox.cards import card_of
from copilot_kit.inbox.values import CHARS_A_LINE, excerpt, values_of
from copilot_kit.journal import MemoryStore
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Draft
from copilot_kit.messages import Message, Source, Text, ToolCall
from copilot_kit.records import (
    MessageAdded,
    Origin,
    Preview,
    Proposal,
    Proposed,
    Reason,
    Requested,
    Responded,
    RunStarted,
    Step,
)
from copilot_kit.response import Response, Served, Stop

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ANNA = Principal(id="anna", groups=("support",))


def proposal(name="prop_1", **fields):  # noqa: ANN003
    made = {
        "id": name, "call_id": "call_1", "path": (Step(agent="support"),), "tool": "send", "tool_version": "1",
        "effect": "external", "arguments": '{"to":"eve@x.org"}', "model": "m > m", "prompt_version": "p",
        "reasons": (Reason(code="new", text="unknown receiver"),), "call_digest": "c" * 64, "shown_digest": "s" * 64,
    }  # fmt: skip
    return Proposal(**(made | fields))


async def state_of(*proposals, note="I write to Eve."):  # noqa: ANN002
    store = MemoryStore()
    call = ToolCall(call_id="call_1", name="send", args_json="{}")
    answer = Message(id="msg_2", role="assistant", parts=(Text(text=note), call))
    task = Message(id="msg_1", role="user", parts=(Text(text="Write to Eve"),))
    bodies = [
        RunStarted(agent="support", prompt_version="p", model="m", title="Write to Eve"),
        MessageAdded(message=task),
        Requested(model="m", first="msg_1", last="msg_1", tools_digest="t"),
        Responded(response=Response(message=answer, model=Served(asked="m", provider="p"), stop=Stop(kind="tool")),
                  took_s=1.0),
        *(Proposed(proposal=one) for one in proposals),
    ]  # fmt: skip
    await store.append("run_1", [Draft(body) for body in bodies], after=-1)
    return RunState.of(await store.read("run_1"))


async def card(*proposals, opened=(), **fields):  # noqa: ANN002, ANN003
    found = proposals or (proposal(**fields),)
    return card_of(await state_of(*found), found[-1].id, for_whom=ANNA, now=NOW, opened=opened)


def rows(arguments, *, roles=None, provenance=()):
    return values_of(arguments, roles=roles or {}, provenance=provenance)


def test_each_leaf_is_a_row_and_nothing_is_left_out():
    found = rows({"a": [1, {"b": None}], "c": {}, "d": [], "e": "", "f": True, "g~/": "x"})
    assert [(row.at, row.name, row.kind, row.text.lines) for row in found] == [
        ("/a/0", "a[0]", "number", ("1",)),
        ("/a/1/b", "a[1].b", "nothing", ("null",)),
        ("/c", "c", "empty object", ("{}",)),
        ("/d", "d", "empty list", ("[]",)),
        ("/e", "e", "empty text", ("",)),
        ("/f", "f", "true or false", ("true",)),
        ("/g~0~1", "g~/", "text", ("x",)),
    ]


def test_money_and_receivers_come_first():
    found = rows({"body": "Hi", "order": 4711, "refund_amount": 12.5, "zz": "eve@x.org"},
                 roles={"zz": "destination", "order": "object"})  # fmt: skip
    assert [row.name for row in found] == ["refund_amount", "zz", "order", "body"]
    assert [(row.is_money, row.is_receiver) for row in found[:2]] == [(True, False), (False, True)]


def test_a_receiver_that_is_nobody_is_not_put_first():
    found = rows({"body": "Hi", "cc": [], "to": "eve@x.org"}, roles={"cc": "destination", "to": "destination"})
    assert [row.name for row in found] == ["to", "body", "cc"]


@pytest.mark.parametrize("name", ["total", "totalAmount", "price_eur", "refundCents"])
def test_money_is_known_by_the_words_of_a_name(name):
    assert rows({name: 3})[0].is_money
    assert rows({name: "12.50 EUR"})[0].is_money
    assert not rows({name: "all of it, please"})[0].is_money
    assert not rows({f"un{name}": 3, "subtotals": 1})[1].is_money


def test_each_value_says_where_it_came_from():
    provenance = (
        Origin(at="/to", role="destination", source=Source(kind="user", trusted=True)),
        Origin(at="/cc/0", role="destination", source=Source(kind="tool", ref="read_mail")),
        Origin(at="/body", role="wording", source=Source(kind="model")),
    )
    found = rows({"body": "Hi", "cc": ["x@y.z"], "to": "a@b.c", "x": 1}, provenance=provenance)
    assert [(row.name, row.origin and (row.origin.words, row.origin.trusted)) for row in found] == [
        ("cc[0]", ("from a tool result: read_mail", False)),
        ("to", ("from the request", True)),
        ("body", ("the model's own", False)),
        ("x", None),
    ]


@pytest.mark.parametrize(
    ("text", "shown", "more"),
    [
        ("a\nb", 2, ""),
        ("\n".join("abcd" for _ in range(24)), 24, ""),
        ("\n".join("abcd" for _ in range(420)), 8, "412 more lines"),
        ("x" * CHARS_A_LINE * 24, 1, ""),
        ("x" * 10_000, 1, "9,200 more characters"),
        ("x" * 10_000 + "\ny", 1, "9,200 more characters and 1 more line"),
        ("a\n" + "x" * 10_000, 1, "1 more line"),
    ],
)
def test_a_long_text_says_how_much_is_folded(text, shown, more):
    found = excerpt(text, fold="/body")
    assert (len(found.lines), found.more, found.is_open) == (shown, more, not more)
    assert "\n".join(excerpt(text, fold="/body", opened=("/body",)).lines) == text
    assert excerpt(text, fold="/body", opened=("/other",)) == found


async def test_the_card_is_folded_until_each_fold_is_open():
    long = "\n".join("line" for _ in range(99))
    fields = {"arguments": json.dumps({"a": long, "b": long}), "preview": Preview(title="t", body=long)}
    assert (await card(**fields)).folded == ("/a", "/b", "preview")
    assert (await card(**fields, opened=("/a", "preview"))).folded == ("/b",)
    assert (await card(**fields, opened=("*",))).folded == ()


async def test_the_models_words_stand_apart_from_what_was_said_before():
    found = await card()
    assert found.note == "I write to Eve."
    assert [(said.label, said.text) for said in found.conversation] == [("user", "Write to Eve")]


async def test_a_diff_is_told_line_by_line():
    body = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n same"
    found = await card(preview=Preview(kind="diff", title="x", body=body))
    assert [line.kind for line in found.preview.diff] == ["place", "place", "place", "removed", "added", "same"]


async def test_a_table_has_a_head():
    found = await card(preview=Preview(kind="table", title="x", rows=(("order", "amount"), ("7", "1.00"))))
    assert (found.preview.head, found.preview.rows) == (("order", "amount"), (("7", "1.00"),))


async def test_expiry_is_warned_of_and_is_a_state_of_its_own():
    for minutes, soon, state in ((60, False, "pending"), (14, True, "pending"), (-1, True, "expired")):
        found = await card(expires_at=NOW + timedelta(minutes=minutes))
        assert (found.expires_soon, found.outcome.state) == (soon, state)


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({"arguments": '{"to":"mallory@x.org"}'}, ("the arguments",)),
        ({"tool_version": "2", "model": "n > n"}, ("the tool", "the model")),
        ({"prompt_version": "q"}, ("the prompt",)),
        ({}, ("nothing",)),
    ],
)
async def test_what_is_asked_anew_says_what_changed_since(fields, changed):
    found = await card(proposal(), proposal("prop_2", again_of="prop_1", **fields))
    assert found.changed == changed


async def test_a_card_says_who_may_decide():
    for named, entitled in (((), True), (("anna",), True), (("group:support",), True), (("support",), False)):
        assert (await card(may_decide=named)).entitled is entitled


async def test_there_is_no_card_of_what_was_never_asked():
    assert card_of(await state_of(proposal()), "other", for_whom=ANNA, now=NOW) is None
