"""The stream of rules against a plain model of it: whatever is granted, revoked and used, and in what order."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_kit.approval import GateCall
from copilot_kit.approval.standing import grant, listed, revoke, use
from copilot_kit.journal.memory import MemoryStore
from copilot_kit.journal.verify import verify
from copilot_kit.records import ArgumentMatch, Principal, StandingRule, Step
from copilot_kit.sync import wait

ADA = Principal(id="ada")
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Process:
    """A process of its own over a store that all of them share: what it knows of the rules, it has read itself."""

    def __init__(self, store: MemoryStore) -> None:
        self.append = store.append
        self.read = store.read


_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)  # nothing is written yet


@dataclass
class Plain:
    """What rules are, said once more and as simply as can be."""

    rules: dict[str, StandingRule] = field(default_factory=dict)
    used: dict[str, list[str]] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    latest: datetime = _LONG_AGO

    def use(self, call_id: str, amount: int, now: datetime) -> str | None:
        moment = max(now, self.latest)
        live = [name for name, rule in self.rules.items() if name not in self.revoked and rule.expires_at > moment]
        fitting = [name for name in live if amount <= (self.rules[name].matches[0].at_most or 0)]
        mine = [name for name in fitting if call_id in self.used[name]]
        left = [name for name in fitting if len(self.used[name]) < self.rules[name].uses]
        if mine or not left:
            return mine[0] if mine else None
        self.used[left[0]].append(call_id)
        self.latest = moment
        return left[0]


def a_rule(number: int, uses: int, hours: int, limit: int, now: datetime) -> StandingRule:
    return StandingRule(
        id=f"rule_{number}", agent="desk", tool="pay", tool_version="1", model="m", prompt_version="p", uses=uses,
        matches=(ArgumentMatch(at="/amount", at_most=limit),), expires_at=now + timedelta(hours=hours), by=ADA, at=now,
    )  # fmt: skip


steps = st.one_of(
    st.tuples(st.just("grant"), st.integers(0, 4), st.integers(1, 3), st.integers(1, 5), st.integers(1, 9)),
    st.tuples(st.just("revoke"), st.integers(0, 4)),
    st.tuples(st.just("use"), st.integers(0, 7), st.integers(0, 10)),
    st.tuples(st.just("use"), st.integers(0, 7), st.integers(0, 10)),
    st.tuples(st.just("clock"), st.integers(-2, 4)),
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), steps), max_size=40))
def test_three_processes_and_a_jumping_clock_use_rules_as_the_plain_model_does(played: list[tuple[int, Any]]):
    wait(play(played))


async def play(played: list[tuple[int, Any]]) -> None:
    now = START
    store = MemoryStore(clock=lambda: now)
    processes: list[Any] = [Process(store) for _ in range(3)]
    plain = Plain()
    for number, step in played:
        here = processes[number]
        match step:
            case "grant", name, uses, hours, limit if f"rule_{name}" not in plain.rules:
                rule = a_rule(name, uses, hours, limit, now)
                await grant(here, rule, now=now)
                plain.rules[rule.id] = rule
                plain.used[rule.id] = []
                plain.latest = max(plain.latest, now)
            case "revoke", name if f"rule_{name}" in plain.rules:
                if f"rule_{name}" not in plain.revoked:
                    plain.latest = max(plain.latest, now)
                await revoke(here, f"rule_{name}", by=ADA)
                plain.revoked.add(f"rule_{name}")
            case "use", call, amount:
                seen = GateCall("pay", "1", "external", {"amount": amount}, (Step(agent="desk"),), "m", "p")
                rule_used = await use(here, seen, run_id="run", call_id=f"call_{call}", now=now)
                expected = plain.use(f"call_{call}", amount, now)
                assert (rule_used and rule_used.id) == expected
            case "clock", hours:
                now += timedelta(hours=hours)
            case _:
                pass
    for process in processes:
        assert {one.rule.id: one.used for one in await listed(process, now=now)} == {
            name: len(calls) for name, calls in plain.used.items()
        }
    if plain.rules:
        assert verify(await store.sealed("@rules")).ok
