"""Standing rules: they match what a person saw and nothing else, are used no more often than said, and they end."""

import asyncio
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from copilot_kit.approval import GateCall
from copilot_kit.approval.standing import (
    call_of,
    check,
    check_for,
    grant,
    in_words,
    listed,
    matches,
    offered,
    revoke,
    use,
    would_have_matched,
)
from copilot_kit.arguments import compact
from copilot_kit.errors import UsageError
from copilot_kit.journal.index import CallRow
from copilot_kit.journal.memory import MemoryStore
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.store import Draft
from copilot_kit.messages import Source
from copilot_kit.records import (
    ArgumentMatch,
    Intended,
    Origin,
    Principal,
    Proposal,
    Proposed,
    Reason,
    RuleUsed,
    StandingRule,
    Step,
)
from copilot_kit.sync import wait

ADA = Principal(id="ada", name="Ada", authenticated="local")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
USER = Source(kind="user", trusted=True)
MODEL = Source(kind="model")
ROLES = {"to": "destination", "amount": "object", "subject": "wording", "body": "content"}
ARGUMENTS = {"to": "eve@example.org", "amount": 12, "subject": "Rent", "body": "Here it is", "urgent": False}
TRUSTED = (Origin(at="/to", role="destination", source=USER), Origin(at="/amount", role="object", source=USER))


def a_call(arguments: Any = None, **changes: Any) -> GateCall:
    fields: dict[str, Any] = {
        "tool": "send",
        "version": "1",
        "effect": "external",
        "arguments": ARGUMENTS if arguments is None else arguments,
        "path": (Step(agent="desk"),),
        "model": "acme:large > large-2",
        "prompt_version": "p1",
        "roles": {},
    }
    return GateCall(**fields | changes)


def a_rule(*wanted: ArgumentMatch, **changes: Any) -> StandingRule:
    fields: dict[str, Any] = {
        "id": "rule_1",
        "agent": "desk",
        "tool": "send",
        "tool_version": "1",
        "model": "acme:large > large-2",
        "prompt_version": "p1",
        "matches": wanted,
        "expires_at": NOW + timedelta(days=1),
        "uses": 3,
        "by": ADA,
        "at": NOW,
    }
    return StandingRule(**fields | changes)


def a_proposal(arguments: Any = None, **changes: Any) -> Proposal:
    fields: dict[str, Any] = {
        "id": "prop_1",
        "call_id": "call_1",
        "path": (Step(agent="desk"),),
        "tool": "send",
        "tool_version": "1",
        "effect": "external",
        "arguments": compact(ARGUMENTS if arguments is None else arguments),
        "model": "acme:large > large-2",
        "prompt_version": "p1",
        "reasons": (Reason(code="effect-external", text="it leaves the house"),),
        "call_digest": "d",
        "shown_digest": "s",
        "roles": ROLES,
        "provenance": TRUSTED,
    }
    return Proposal(**fields | changes)


def equals(value: Any, at: str = "/x") -> ArgumentMatch:
    return ArgumentMatch(at=at, equals=value)


def fits(match: ArgumentMatch, value: Any) -> bool:
    return matches(a_rule(match), a_call({"x": value}))


# what a rule matches


def test_a_rule_matches_the_very_call_that_it_was_made_from():
    rule = offered(a_proposal(), by=ADA, now=NOW)
    assert rule is not None
    assert matches(rule, call_of(a_proposal()))


@pytest.mark.parametrize(
    "change",
    [
        {"tool": "send2"},
        {"version": "2"},
        {"model": "acme:large > large-3"},
        {"model": "acme:large"},
        {"prompt_version": "p2"},
        {"prompt_version": ""},
        {"path": (Step(agent="other"),)},
        {"path": (Step(agent="desk"), Step(agent="helper", call_id="c"))},
        {"path": ()},
    ],
)
def test_another_tool_version_model_prompt_or_agent_is_another_matter(change: dict[str, Any]):
    rule = a_rule(equals(1))
    assert matches(rule, a_call({"x": 1}))
    assert not matches(rule, a_call({"x": 1}, **change))


def test_a_call_with_a_further_argument_does_not_match():
    rule = a_rule(equals(1))
    assert not matches(rule, a_call({"x": 1, "y": None}))
    assert not matches(rule, a_call({"x": 1, "": []}))
    assert not matches(rule, a_call({}))


def test_a_further_value_inside_an_argument_does_not_match_either():
    rule = a_rule(equals(5, at="/order/id"))
    assert matches(rule, a_call({"order": {"id": 5}}))
    assert not matches(rule, a_call({"order": {"id": 5, "rush": True}}))
    assert not matches(rule, a_call({"order": {"id": 5, "items": []}}))
    first = a_rule(equals("a", at="/to/0"))
    assert matches(first, a_call({"to": ["a"]}))
    assert not matches(first, a_call({"to": ["a", "b"]}))


def test_a_value_that_is_not_there_is_not_null():
    assert fits(equals(None), None)
    assert not matches(a_rule(equals(None), equals(1, at="/y")), a_call({"y": 1}))


CONFUSABLE = [
    (1, True), (0, False), (1, 1.0), (1, "1"), (0, -0.0), (0.0, -0.0), (None, "null"), (None, ""), (None, []),
    ([], {}), ("", " "), ("eve", "eve "), ("eve", "Eve"), ("eve", "\u0435ve"), ("eve", "eve\u200b"),
    ("caf\u00e9", "cafe\u0301"), ("\u212b", "\u00c5"), ("a", ["a"]), ([1, 2], [2, 1]), ("1e3", 1000.0),
    (2**53, 2**53 + 1), (10**30, 10**30 + 1), (float(2**53), 2**53), ([True], [1]), ({"a": 1}, {"a": True}),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), CONFUSABLE)
def test_values_that_can_be_confused_are_different_values(one: Any, other: Any):
    assert fits(equals(one), one)
    assert fits(equals(other), other)
    assert not fits(equals(one), other)
    assert not fits(equals(other), one)
    assert not fits(ArgumentMatch(at="/x", one_of=(one,)), other)


def test_the_order_of_the_members_of_an_object_is_no_difference():
    assert fits(equals({"a": 1, "b": [2]}), {"b": [2], "a": 1})


@pytest.mark.parametrize("value", [0, 100, 99.5, 0.0])
def test_a_limit_takes_numbers_up_to_it(value: Any):
    assert fits(ArgumentMatch(at="/x", at_most=100), value)


@pytest.mark.parametrize("value", [100.01, 101, -1, -0.5, True, False, "5", None, [5], 10**400, {"x": 5}])
def test_a_limit_takes_no_more_nothing_below_zero_and_nothing_that_is_no_number(value: Any):
    assert not fits(ArgumentMatch(at="/x", at_most=100), value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_json_cannot_hold_equals_nothing(value: Any):
    assert not fits(equals("x"), value)
    assert not fits(ArgumentMatch(at="/x", one_of=("x", 1)), value)


def test_a_match_that_says_two_things_matches_nothing():
    assert not fits(ArgumentMatch(at="/x", any=True, equals=1), 1)
    assert not fits(ArgumentMatch(at="/x", one_of=(1,), at_most=5), 1)


@pytest.mark.parametrize("at", ["", "x", "/y", "/x/", "/x/0/0", "/x/00", "/x/-1", "/x/-", "/x/1", "/x/\u0660"])
def test_a_pointer_to_nothing_matches_nothing(at: str):
    assert not matches(a_rule(ArgumentMatch(at=at, any=True)), a_call({"x": [1]}))


def test_names_with_slashes_and_tildes_are_named_as_pointers_do():
    rule = a_rule(equals(1, at="/a~1b"), equals(2, at="/c~0d"))
    assert matches(rule, a_call({"a/b": 1, "c~d": 2}))
    assert not matches(rule, a_call({"a": {"b": 1}, "c~d": 2}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(json_values, json_values)
def test_values_are_equal_exactly_where_the_bytes_a_person_saw_are(one: Any, other: Any):
    try:
        shown = compact(one), compact(other)
    except ValueError:  # half of a surrogate pair
        return
    assert fits(equals(one), other) == (shown[0] == shown[1])


@given(st.dictionaries(st.text(), json_values, min_size=1, max_size=4), st.data())
def test_changing_adding_or_dropping_any_argument_ends_the_match(arguments: dict[str, Any], data: st.DataObject):
    try:
        compact(arguments)
    except ValueError:
        return
    rule = offered(a_proposal(arguments, roles={}, provenance=()), by=ADA, now=NOW)
    if rule is None:  # all of it is empty
        return
    assert matches(rule, a_call(arguments))
    name = data.draw(st.sampled_from(sorted(arguments)))
    assert not matches(rule, a_call({key: value for key, value in arguments.items() if key != name}))
    assert not matches(rule, a_call(arguments | {name + "x": 1})) or name + "x" in arguments
    assert not matches(rule, a_call(arguments | {name: [arguments[name]]}))


# targets


@pytest.mark.parametrize("empty", ["", " ", None, [], {}, [""], ["a", None], {"a": []}])
@pytest.mark.parametrize("match", [{"any": True}, {"equals": ...}])
def test_an_empty_target_matches_nothing(empty: Any, match: dict[str, Any]):
    wanted = ArgumentMatch(at="/to", **{key: empty if value is ... else value for key, value in match.items()})
    rule = a_rule(wanted, ArgumentMatch(at="/body", any=True), accepts_untrusted=True)
    roles = {"to": "destination", "body": "content"}
    assert not matches(rule, a_call({"to": empty, "body": "b"}, roles=roles))
    assert not matches(a_rule(equals("b", at="/body"), accepts_untrusted=True), a_call({"body": "b"}, roles=roles))


def test_a_second_target_may_be_left_out_if_the_rule_says_so():
    roles = {"to": "destination", "cc": "destination"}
    call = a_call({"to": "a", "cc": None}, roles=roles, provenance=(Origin(at="/to", source=USER),))
    assert matches(a_rule(equals("a", at="/to"), equals(None, at="/cc")), call)
    assert not matches(a_rule(equals("a", at="/to"), ArgumentMatch(at="/cc", any=True)), call)
    blank = a_call({"to": "a", "cc": ""}, roles=roles, provenance=(Origin(at="/to", source=USER),))
    assert not matches(a_rule(equals("a", at="/to"), equals("", at="/cc")), blank)


@pytest.mark.parametrize(
    "provenance",
    [
        (),
        TRUSTED[:1],
        TRUSTED[1:],
        (TRUSTED[0], Origin(at="/amount", source=Source(kind="tool", ref="inbox"))),
        (*TRUSTED, Origin(at="/to", source=MODEL)),
        (Origin(at="/to/0", source=USER), TRUSTED[1]),
    ],
)
def test_a_target_that_no_trusted_part_supports_is_allowed_only_where_the_rule_accepts_that(provenance: Any):
    rule = offered(a_proposal(), by=ADA, now=NOW)
    accepting = offered(a_proposal(), by=ADA, now=NOW, accepts_untrusted=True)
    assert rule is not None
    assert accepting is not None
    call = a_call(roles=ROLES, provenance=provenance)
    assert not matches(rule, call)
    assert matches(accepting, call)


def test_each_receiver_of_a_list_needs_a_trusted_origin():
    rule = a_rule(equals(["a", "b"], at="/to"))
    origins = (Origin(at="/to/0", source=USER), Origin(at="/to/1", source=USER))
    call = {"roles": {"to": "destination"}}
    assert matches(rule, a_call({"to": ["a", "b"]}, provenance=origins, **call))
    assert not matches(rule, a_call({"to": ["a", "b"]}, provenance=origins[:1], **call))


# what is offered


def test_the_offered_rule_fixes_the_targets_and_frees_what_the_tool_calls_content_or_wording():
    rule = offered(a_proposal(), by=ADA, now=NOW, new_id=lambda prefix: f"{prefix}_7")
    assert rule == StandingRule(
        id="rule_7",
        agent="desk",
        tool="send",
        tool_version="1",
        model="acme:large > large-2",
        prompt_version="p1",
        matches=(
            ArgumentMatch(at="/amount", equals=12),
            ArgumentMatch(at="/body", any=True),
            ArgumentMatch(at="/subject", any=True),
            ArgumentMatch(at="/to", equals="eve@example.org"),
            ArgumentMatch(at="/urgent", equals=False),
        ),
        expires_at=datetime(2026, 12, 22, 12, 0, tzinfo=UTC),
        uses=50,
        by=ADA,
        at=NOW,
        proposal_id="prop_1",
    )


def test_a_tool_that_declares_no_target_is_offered_only_the_same_call_again():
    rule = offered(a_proposal({"text": "hi"}, roles={"text": "content"}, provenance=()), by=ADA, now=NOW)
    assert rule is not None
    assert [(match.at, match.equals, match.any) for match in rule.matches] == [("/text", "hi", False)]


@pytest.mark.parametrize(
    "proposal",
    [
        a_proposal({}, roles={}),
        a_proposal({"path": ""}, roles={}),
        a_proposal({"to": "", "body": "b"}),
        a_proposal({"body": "b"}, roles={"to": "destination"}),
        a_proposal(provenance=()),
        a_proposal(provenance=(TRUSTED[0], Origin(at="/amount", source=MODEL))),
    ],
)
def test_nothing_is_offered_without_a_target_that_somebody_trusted_named(proposal: Proposal):
    assert offered(proposal, by=ADA, now=NOW) is None


def test_a_rule_in_words_leaves_nothing_out_and_hides_nothing():
    proposal = a_proposal({"to": "e\u202eve", "body": "b"}, provenance=(Origin(at="/to", source=USER),))
    rule = offered(proposal, by=ADA, now=NOW)
    assert rule is not None
    assert in_words(rule) == (
        "send, called by desk, runs without asking if\n"
        "  body is anything\n"
        '  to is exactly "e⟦U+202E⟧ve"\n'
        "  and it has no other argument.\n"
        "Only where a trusted part of the conversation names the target.\n"
        "Until 2026-12-22 12:00 UTC, 50 times at most.\n"
        "Proposed by model acme:large > large-2; tool version 1; prompt version p1.\n"
        "Granted by Ada on 2026-11-22 12:00 UTC."
    )
    other = a_rule(ArgumentMatch(at="/a", one_of=("x", 1)), ArgumentMatch(at="/b/c", at_most=2.5),
                   accepts_untrusted=True)  # fmt: skip
    assert in_words(other).splitlines()[1:5] == [
        '  a is one of "x", 1', "  /b/c is a number from 0 to 2.5", "  and it has no other argument.",
        "Also where no trusted part of the conversation names the target.",
    ]  # fmt: skip


# what may be granted


@pytest.mark.parametrize(
    "wrong",
    [
        a_rule(equals(1), uses=0),
        a_rule(equals(1), uses=-1),
        a_rule(equals(1), expires_at=NOW),
        a_rule(equals(1), expires_at=NOW + timedelta(days=367)),
        a_rule(equals(1), expires_at=datetime(2026, 11, 23)),  # noqa: DTZ001  the mistake
        a_rule(equals(1), model=""),
        a_rule(equals(1), agent=""),
        a_rule(equals(1), tool=""),
        a_rule(equals(1), tool_version=""),
        a_rule(equals(1), id=""),
        a_rule(ArgumentMatch(at="/x")),
        a_rule(ArgumentMatch(at="/x", one_of=())),
        a_rule(ArgumentMatch(at="/x", any=True, equals=1)),
        a_rule(ArgumentMatch(at="/x", at_most=-1)),
        a_rule(ArgumentMatch(at="x", any=True)),
        a_rule(ArgumentMatch(at="", any=True)),
        a_rule(ArgumentMatch(at="/x~2", any=True)),
        a_rule(equals("\ud800")),
        a_rule(equals(1), equals(1)),
        a_rule(equals(1), equals(1, at="/x/y")),
    ],
)
async def test_a_rule_without_an_end_or_that_does_not_say_what_it_means_is_not_granted(wrong: StandingRule):
    store = MemoryStore()
    with pytest.raises(UsageError):
        await grant(store, wrong, now=NOW)
    assert await store.read("@rules") == []


def test_a_rule_with_a_field_that_there_is_not_or_without_expiry_or_uses_cannot_be_made():
    fields = a_rule(equals(1)).model_dump()
    with pytest.raises(ValidationError, match="unless_rich"):
        StandingRule(**fields, unless_rich=True)
    with pytest.raises(ValidationError, match="at_least"):
        ArgumentMatch(at="/x", at_least=5)
    for missing in ("expires_at", "uses", "by", "model"):
        with pytest.raises(ValidationError, match=missing):
            StandingRule(**{name: value for name, value in fields.items() if name != missing})


def test_a_rule_that_wants_null_says_so():
    check(a_rule(ArgumentMatch(at="/cc", equals=None)), now=NOW)
    check(StandingRule.model_validate_json(a_rule(equals(None, at="/cc")).model_dump_json()), now=NOW)


async def test_granting_again_changes_nothing_and_revives_nothing():
    store = MemoryStore()
    rule = a_rule(equals(1))
    await grant(store, rule, now=NOW)
    await revoke(store, "rule_1", by=ADA)
    await grant(store, rule, now=NOW)
    assert len(await store.read("@rules")) == 2
    assert (await listed(store, now=NOW))[0].ended == "revoked"
    with pytest.raises(UsageError, match="another standing rule"):
        await grant(store, a_rule(equals(True)), now=NOW)


# using


def a_store() -> MemoryStore:
    return MemoryStore(clock=lambda: NOW)


async def used(store: Any, call_id: str, call: GateCall | None = None, *, now: datetime = NOW) -> str | None:
    rule = await use(store, call or a_call({"x": 1}), run_id="run_1", call_id=call_id, now=now)
    return None if rule is None else rule.id


async def test_a_rule_is_used_as_often_as_it_says_and_no_more():
    store = a_store()
    await grant(store, a_rule(equals(1)), now=NOW)
    assert [await used(store, f"call_{n}") for n in range(5)] == ["rule_1"] * 3 + [None] * 2
    (granted,) = await listed(store, now=NOW)
    assert (granted.used, granted.left, granted.ended) == (3, 0, "used-up")


async def test_the_same_call_again_uses_nothing_more():
    store = a_store()
    await grant(store, a_rule(equals(1), uses=1), now=NOW)
    assert [await used(store, "call_1") for _ in range(3)] == ["rule_1"] * 3
    assert await used(store, "call_2") is None
    assert await used(store, "call_1", a_call({"x": 2})) is None


async def test_another_call_of_the_same_name_in_another_run_is_another_call():
    store = a_store()
    await grant(store, a_rule(equals(1), uses=1), now=NOW)
    assert await used(store, "call_1") == "rule_1"
    assert await use(store, a_call({"x": 1}), run_id="run_2", call_id="call_1", now=NOW) is None


async def test_a_revoked_rule_allows_nothing_not_even_the_call_that_has_used_it():
    store = a_store()
    await grant(store, a_rule(equals(1)), now=NOW)
    assert await used(store, "call_1") == "rule_1"
    assert (await revoke(store, "rule_1", by=ADA)).revoked == ADA
    assert await used(store, "call_1") is None
    assert await used(store, "call_2") is None
    await revoke(store, "rule_1", by=ADA)
    assert len(await store.read("@rules")) == 3


async def test_an_expired_rule_allows_nothing_and_a_clock_set_back_revives_nothing():
    late = NOW + timedelta(days=1)
    now = NOW
    store = MemoryStore(clock=lambda: now)
    await grant(store, a_rule(equals(1)), now=NOW)
    assert await used(store, "call_1", now=late - timedelta(microseconds=1)) == "rule_1"
    assert await used(store, "call_2", now=late) is None
    now = late
    await grant(store, a_rule(equals(2), id="rule_2", expires_at=late + timedelta(days=1)), now=late)
    assert await used(store, "call_3", now=NOW) is None
    assert [one.ended for one in await listed(store, now=NOW)] == ["expired", None]


async def test_a_rule_of_somebody_who_might_not_decide_this_call_does_not_count():
    store = a_store()
    await grant(store, a_rule(equals(1), by=Principal(id="bob", groups=("sales",))), now=NOW)
    asked = {"run_id": "run_1", "call_id": "call_1", "now": NOW}
    for others in (["ada"], ["group:finance", "sales"]):
        assert await use(store, a_call({"x": 1}), may_decide=others, **asked) is None
    for named in (["bob"], ["ada", "group:sales"], []):
        assert await use(store, a_call({"x": 1}), may_decide=named, **asked) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"by": Principal(id="bob")},
        {"by": Principal(id="ada")},
        {"proposal_id": "prop_2"},
        {"proposal_id": None},
        {"tool": "burn"},
        {"tool_version": "2"},
        {"agent": "other"},
        {"model": "acme:large > large-3"},
        {"prompt_version": "p2"},
        {"matches": (equals(1),)},
        {"uses": 0},
    ],
)
def test_a_rule_comes_only_with_a_yes_to_a_call_that_it_matches_by_the_one_who_says_it(changes: dict[str, Any]):
    rule = offered(a_proposal(), by=ADA, now=NOW)
    assert rule is not None
    check_for(rule, a_proposal(), by=ADA, now=NOW)
    with pytest.raises(UsageError):
        check_for(rule.model_copy(update=changes), a_proposal(), by=ADA, now=NOW)


async def test_the_next_rule_is_used_where_the_first_has_ended():
    store = a_store()
    await grant(store, a_rule(equals(1), uses=1), now=NOW)
    await grant(store, a_rule(ArgumentMatch(at="/x", at_most=5), id="rule_2", uses=1), now=NOW)
    assert [await used(store, f"call_{n}") for n in range(3)] == ["rule_1", "rule_2", None]


async def test_what_another_process_appended_counts_at_once(tmp_path: Path):
    here, there = open_store(str(tmp_path / "j.db")), open_store(str(tmp_path / "j.db"))
    await grant(here, a_rule(equals(1), uses=2, expires_at=NOW + timedelta(days=300)), now=NOW)
    assert await used(there, "call_1") == "rule_1"
    assert await used(here, "call_1") == "rule_1"
    await revoke(there, "rule_1", by=ADA)
    assert await used(here, "call_2") is None
    await here.close()
    await there.close()


async def test_an_unknown_rule_cannot_be_revoked_and_somebody_must_do_it():
    store = a_store()
    with pytest.raises(UsageError, match="no standing rule 'rule_9'"):
        await revoke(store, "rule_9", by=ADA)
    with pytest.raises(UsageError, match="no Principal"):
        await revoke(store, "rule_9", by="ada")  # type: ignore[arg-type]


async def test_a_forged_use_beyond_the_last_one_leaves_the_rule_used_up():
    store = a_store()
    await grant(store, a_rule(equals(1), uses=1), now=NOW)
    for seq in range(3):
        await store.append("@rules", [Draft(RuleUsed(rule_id="rule_1", run_id="r", call_id=f"c{seq}"))], after=seq)
    assert await used(store, "call_1") is None
    assert [(one.used, one.left) for one in await listed(store, now=NOW)] == [(3, 0)]


async def test_an_erased_use_counts_for_every_rule_and_an_erased_revocation_ends_them_all():
    class Erased(MemoryStore):
        kinds: tuple[str, ...] = ()

        async def read(self, run_id: str, *, after: int = -1) -> list[Any]:
            entries = await super().read(run_id, after=after)
            return [type(one)(one.head, None) if one.head.kind in self.kinds else one for one in entries]

    store = a_store()
    await grant(store, a_rule(equals(1), uses=1), now=NOW)
    await grant(store, a_rule(equals(2), id="rule_2", uses=1), now=NOW)
    await used(store, "call_1")
    erased = Erased(clock=lambda: NOW)
    erased._rows = store._rows
    erased.kinds = ("rule_used",)
    assert await used(erased, "call_2", a_call({"x": 2})) is None
    await revoke(store, "rule_1", by=ADA)
    again = Erased(clock=lambda: NOW)
    again._rows = store._rows
    again.kinds = ("rule_revoked",)
    assert [one.ended for one in await listed(again, now=NOW)] == ["revoked", "revoked"]


# at once


async def test_200_tasks_use_a_rule_exactly_as_often_as_it_says():
    store = a_store()
    await grant(store, a_rule(equals(1), uses=50), now=NOW)
    got = await asyncio.gather(*(used(store, f"call_{n}") for n in range(200)))
    assert got.count("rule_1") == 50
    assert (await listed(store, now=NOW))[0].used == 50


def test_200_threads_use_a_rule_of_one_file_exactly_as_often_as_it_says(tmp_path: Path):
    store = open_store(str(tmp_path / "j.db"))
    wait(grant(store, a_rule(equals(1), uses=7, expires_at=NOW + timedelta(days=300)), now=NOW))
    got: list[str | None] = []
    threads = [
        threading.Thread(target=lambda n=n: got.append(asyncio.run(used(store, f"call_{n}")))) for n in range(200)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (len(got), got.count("rule_1")) == (200, 7)
    assert wait(listed(store, now=NOW))[0].used == 7
    wait(store.close())


RIVAL = """
import asyncio, sys
from datetime import UTC, datetime
from copilot_kit.approval import GateCall
from copilot_kit.approval.standing import use
from copilot_kit.journal.opening import open_store
from copilot_kit.records import Step

async def main():
    store = open_store(sys.argv[1])
    call = GateCall("send", "1", "external", {"x": 1}, (Step(agent="desk"),), "acme:large > large-2", "p1")
    print("ready", flush=True)
    sys.stdin.readline()
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    got = await asyncio.gather(*(use(store, call, run_id=sys.argv[2], call_id=f"call_{n}", now=now) for n in range(30)))
    print(sum(rule is not None for rule in got))
    await store.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def test_two_processes_use_a_rule_exactly_as_often_as_it_says(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
):
    place = str(tmp_path / "j.db") if kind == "sqlite" else request.getfixturevalue("postgres_url")
    wait(made_ready(place))
    rivals = [
        subprocess.Popen([sys.executable, "-c", RIVAL, place, name], stdin=-1, stdout=-1, text=True)
        for name in ("run_a", "run_b")
    ]
    for rival in rivals:
        assert rival.stdout is not None
        assert rival.stdout.readline() == "ready\n"
    for rival in rivals:
        assert rival.stdin is not None
        rival.stdin.write("go\n")
        rival.stdin.flush()
    won = [int(rival.communicate()[0]) for rival in rivals]
    assert sum(won) == 41
    assert wait(uses_at(place)) == [41]


async def made_ready(place: str) -> None:
    store = open_store(place)
    await grant(store, a_rule(equals(1), uses=41, expires_at=NOW + timedelta(days=300)), now=NOW)
    await store.close()


async def uses_at(place: str) -> list[int]:
    store = open_store(place)
    used = [one.used for one in await listed(store, now=NOW)]
    await store.close()
    return used


# what it would have matched


class Calls(MemoryStore):
    """A journal whose list of calls is given."""

    rows: tuple[CallRow, ...] = ()

    async def calls(self, *, tool: str | None = None, limit: int = 50) -> list[CallRow]:
        return [row for row in self.rows if tool in (None, row.tool)][:limit]


def a_row(seq: int, run_id: str = "run_1", **changes: Any) -> CallRow:
    fields: dict[str, Any] = {
        "run_id": run_id, "call_id": f"call_{seq}", "proposal_id": None, "seq": seq, "agent": "desk", "tool": "send",
        "tool_version": "1", "effect": "external", "model": "acme:large > large-2", "prompt_version": "p1",
        "state": "pending", "outcome": None, "wording_only": False, "by": None, "looked_s": None, "asked_at": NOW,
        "decided_at": None,
    }  # fmt: skip
    return CallRow(**fields | changes)


async def test_a_person_is_told_how_many_of_the_last_calls_a_rule_would_have_matched():
    store = Calls(clock=lambda: NOW)
    other = a_proposal(ARGUMENTS | {"to": "mallory@example.org"})
    told = Intended(call_id="c", call_digest="d", idempotency_key="k", arguments=compact(ARGUMENTS | {"body": "other"}))
    bodies = [Proposed(proposal=a_proposal()), Proposed(proposal=other), Proposed(proposal=a_proposal(provenance=())),
              told]  # fmt: skip
    await store.append("run_1", [Draft(body) for body in bodies], after=-1)
    await store.append("run_2", [Draft(Proposed(proposal=a_proposal()))], after=-1)
    store.rows = (
        *(a_row(seq) for seq in range(4)), a_row(0, "run_2"), a_row(0, "run_2", model="acme:small > small"),
        a_row(0, "run_9"),
    )  # fmt: skip
    rule = offered(a_proposal(), by=ADA, now=NOW)
    assert rule is not None
    assert await would_have_matched(store, rule) == (3, 7)  # type: ignore[arg-type]
    assert await would_have_matched(store, rule, last=1) == (1, 1)  # type: ignore[arg-type]
