"""What recurs in judgments, whatever they are: nothing is claimed that the decisions do not say."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.memory.judged import Judged
from copilot_kit.memory.patterns import Seen, recurring

BEGAN = datetime(2026, 11, 2, tzinfo=UTC)
ARGUMENTS = st.fixed_dictionaries(
    {
        "cc": st.sampled_from(["", "x", "y"]),
        "amount": st.sampled_from([1, 5, 9]),
        "text": st.sampled_from(["Hi Ada", "Dear Ada", "Hi Bob, it rains", "Dear Bob, it rains"]),
    }
)
JUDGMENTS = st.lists(
    st.tuples(
        st.sampled_from(["approve", "edit", "edit", "reject", "answer"]),
        ARGUMENTS,
        ARGUMENTS,
        st.sampled_from(["", "ask the customer", "the customer, ask", "too much money"]),
    ),
    max_size=30,
)


def judged(place: int, verdict: Any, before: dict[str, Any], after: dict[str, Any], said: str) -> Judged:
    at = BEGAN + timedelta(minutes=place)
    edits = verdict == "edit"
    return Judged(f"run_{place}", f"prop_{place}", "send", verdict, "ada", at, before, after if edits else before,
                  "" if edits or verdict == "approve" else said, {}, None)  # fmt: skip


@given(JUDGMENTS, st.integers(2, 4))
def test_what_is_proposed_is_what_people_mostly_did_and_its_cases_are_theirs(rows: Any, least: int):
    calls = [judged(place, *row) for place, row in enumerate(rows)]
    by_id = {one.proposal_id: one for one in calls}
    seen = Seen(calls, [one.at for one in calls], [one.at for one in calls if one.verdict == "approve"])
    found = recurring("send", seen, least=least)
    assert len({one.id for one in found}) == len(found)
    for one in found:
        cases = [by_id[case.proposal_id] for case in one.cases]
        assert len({case.proposal_id for case in one.cases}) == len(cases) >= least
        assert one.share >= 2 / 3
        assert {case.verdict for case in cases} == {
            {"edited": "edit", "rejected": "reject", "answered": "answer"}[one.kind]
        }
        assert one.judged >= len(cases)
        if one.change is not None:
            assert all(one.change.made(case.proposed, case.wanted) for case in cases)
            against = [call for call in calls if call.at >= cases[0].at and call.verdict in {"approve", "edit"}
                       and one.change.applies(call.wanted)]  # fmt: skip
            assert one.against == len(against)
    assert recurring("send", seen, least=least) == found
