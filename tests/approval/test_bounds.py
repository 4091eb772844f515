"""Bounds of a rate: the reference values to ten digits, and what must hold whatever the counts."""

import json
import os
import random
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.approval.bounds import (
    Interval,
    anytime,
    cases_once,
    cases_watched,
    clopper_pearson,
    reached,
    wilson,
    zero_failures_upper,
)
from copilot_kit.errors import UsageError

SHARED = Path(os.environ.get("COPILOT_KIT_SHARED") or Path(__file__).parents[3] / "shared")
REFERENCE = SHARED / "data" / "statistics" / "reference_values.json"
TEN_DIGITS = 6e-11


def near(interval: Interval, expected: list[float]) -> bool:
    return tuple(interval) == pytest.approx(expected, abs=TEN_DIGITS)


@pytest.fixture(scope="module")
def reference() -> Any:
    if not REFERENCE.exists():
        pytest.skip(f"the shared reference values are not at {REFERENCE}; name their folder in COPILOT_KIT_SHARED")
    return json.loads(REFERENCE.read_text())


@pytest.mark.parametrize(
    ("successes", "trials", "score", "exact"),
    [
        (0, 300, [0, 0.0126429712], [0, 0.0122209747]),
        (45, 50, [0.7863976856, 0.9565242351], [0.7818646336, 0.9667249064]),
        (98, 100, [0.9299882093, 0.9944980324], [0.9296160675, 0.9975686632]),
    ],
)
def test_wilson_and_clopper_pearson_are_those_of_the_tables(
    successes: int, trials: int, score: list[float], exact: list[float]
):
    assert near(wilson(successes, trials), score)
    assert near(clopper_pearson(successes, trials), exact)


@pytest.mark.parametrize(
    ("successes", "trials", "expected"),
    [
        (98, 100, [0.8953213939, 0.9995247266]),
        (980, 1000, [0.9593645941, 0.9921810109]),
        (0, 100, [0, 0.0570285976]),
        (0, 0, [0, 1]),
    ],
)
def test_the_interval_that_holds_at_any_time_is_that_of_the_table(successes: int, trials: int, expected: list[float]):
    assert near(anytime(successes, trials), expected)


@pytest.mark.parametrize(
    ("trials", "rate"), [(30, 0.0950338529), (100, 0.0295130496), (300, 0.0099360819), (1000, 0.0029912495), (0, 1)]
)
def test_a_row_without_failures_leaves_a_failure_rate_possible(trials: int, rate: float):
    assert zero_failures_upper(trials) == pytest.approx(rate, abs=TEN_DIGITS)


@pytest.mark.parametrize(("target", "once", "watched"), [(0.70, 9, 14), (0.98, 149, 320), (0.999, 2995, 8062)])
def test_a_rate_takes_so_many_clean_cases_looked_at_once_and_watched_all_the_time(
    target: float, once: int, watched: int
):
    assert (cases_once(target), cases_watched(target)) == (once, watched)
    assert reached(watched, watched, target)
    assert not reached(watched - 1, watched - 1, target)


@pytest.mark.parametrize(
    ("target", "cases"), [(0.98, [149, 236, 313, 386, 523]), (0.999, [2995, 4742, 6294, 7752, 10511])]
)
def test_each_failure_costs_more_cases(target: float, cases: list[int]):
    assert [cases_once(target, failures=failures) for failures in (0, 1, 2, 3, 5)] == cases


def test_every_reference_value_is_reproduced_to_ten_digits(reference: Any):
    binomial = reference["binomial"]
    pairs = {name: values for name, values in binomial.items() if "wilson" in values}
    assert len(pairs) == 6
    for name, expected in pairs.items():
        successes, trials = map(int, name.split("/"))
        assert near(wilson(successes, trials), expected["wilson"]), name
        assert near(clopper_pearson(successes, trials), expected["clopper_pearson"]), name
    for trials, rate in binomial["upper95_one_sided_zero_failures"].items():
        assert zero_failures_upper(int(trials)) == pytest.approx(rate, abs=TEN_DIGITS)
    for target, cases in binomial["trials_with_zero_failures_for_95%_confidence_of_reliability"].items():
        assert cases_once(float(target)) == cases
    for target, by_failures in binomial["n_for_lower_bound(failures)"].items():
        for failures, cases in by_failures.items():
            assert cases_once(float(target), failures=int(failures)) == cases
    for name, expected in reference["sequential"]["anytime_bernoulli_cs95"].items():
        successes, trials = map(int, name.split("/"))
        assert near(anytime(successes, trials), expected), name


counts = st.integers(0, 5000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))
targets = st.floats(0.01, 0.9999)
confidences = st.floats(0.5, 0.9999)


@given(counts, confidences)
def test_every_interval_holds_the_observed_rate_and_lies_between_0_and_1(case: tuple[int, int], confidence: float):
    successes, trials = case
    rate = successes / trials if trials else 0.5
    for interval in (wilson, clopper_pearson, anytime):
        lower, upper = interval(successes, trials, confidence=confidence)
        assert 0 <= lower <= rate + 1e-12
        assert rate - 1e-12 <= upper <= 1
        assert lower < upper


@given(counts, confidences)
def test_swapping_successes_and_failures_mirrors_every_interval(case: tuple[int, int], confidence: float):
    successes, trials = case
    for interval in (wilson, clopper_pearson, anytime):
        lower, upper = interval(successes, trials, confidence=confidence)
        mirrored = interval(trials - successes, trials, confidence=confidence)
        assert (1 - mirrored.upper, 1 - mirrored.lower) == pytest.approx((lower, upper), abs=1e-9)


@given(counts, confidences)
def test_a_success_never_lowers_the_bound_and_a_failure_never_raises_it(case: tuple[int, int], confidence: float):
    successes, trials = case
    lower = anytime(successes, trials, confidence=confidence).lower
    assert anytime(successes + 1, trials + 1, confidence=confidence).lower >= lower - 1e-12
    assert anytime(successes, trials + 1, confidence=confidence).lower <= lower + 1e-12


@given(counts, targets, confidences)
def test_the_target_is_reached_exactly_when_the_lower_end_is_there(
    case: tuple[int, int], target: float, confidence: float
):
    lower = anytime(*case, confidence=confidence).lower
    if abs(lower - target) > 1e-9:
        assert reached(*case, target, confidence=confidence) == (lower > target)


@given(st.floats(0.5, 0.995), st.integers(0, 4))
def test_the_number_of_cases_is_the_first_that_does(target: float, failures: int):
    cases = cases_watched(target, failures=failures)
    assert reached(cases - failures, cases, target)
    assert not any(reached(fewer - failures, fewer, target) for fewer in range(failures, cases))
    assert cases >= cases_once(target, failures=failures)


@pytest.mark.parametrize(("target", "rate"), [(0.7, 0.699), (0.9, 0.899), (0.98, 0.9795)])
def test_looking_after_each_case_grants_wrongly_at_most_once_in_twenty(target: float, rate: float):
    """And a bound for one look does not hold then, so that this test can fail."""
    looks, rounds, rng = 1000, 600, random.Random(7)
    first = {failures: (cases_watched(target, failures=failures), cases_once(target, failures=failures))
             for failures in range(looks) if cases_once(target, failures=failures) <= looks}  # fmt: skip
    watched = once = 0
    for _ in range(rounds):
        failed = list(accumulate(rng.random() >= rate for _ in range(looks)))
        looked = [(seen, first[failures]) for seen, failures in enumerate(failed, 1) if failures in first]
        watched += any(seen >= cases[0] for seen, cases in looked)
        once += any(seen >= cases[1] for seen, cases in looked)
    assert watched <= 0.05 * rounds
    assert once > 0.08 * rounds


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: anytime(3, 2),
        lambda: wilson(-1, 2),
        lambda: clopper_pearson(1, 2, confidence=1.0),
        lambda: cases_watched(1.0),
        lambda: cases_once(0.0),
        lambda: cases_watched(0.9, confidence=95),
    ],
)
def test_counts_and_shares_that_cannot_be_are_refused(wrong: Any):
    with pytest.raises(UsageError):
        wrong()
