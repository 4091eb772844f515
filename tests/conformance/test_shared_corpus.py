"""The shipped adapters against all recorded traffic there is."""

import pytest

from copilot_kit.conformance import Report, check_corpus, installed


@pytest.fixture(scope="module")
def found(shared) -> Report:
    import asyncio

    return asyncio.run(check_corpus(shared / "wire", checks=installed()))


def test_no_recorded_exchange_is_sent_or_understood_wrongly(found: Report):
    assert [(verdict.id, verdict.reason) for verdict in found.verdicts if verdict.status == "failed"] == []


@pytest.mark.parametrize(
    ("provider", "api"),
    [("openai", "chat"), ("openai", "responses"), ("azure", "chat"), ("groq", "chat"), ("anthropic", "messages")],
)
def test_the_providers_of_the_shipped_adapters_are_claimed(found: Report, provider: str, api: str):
    theirs = [verdict for verdict in found.verdicts if (verdict.provider, verdict.api) == (provider, api)]
    unclaimed = [verdict.reason for verdict in theirs if verdict.status == "not_claimed"]
    assert theirs
    assert all("GET /" in reason or "/compact" in reason for reason in unclaimed), "only what is no model's answer"


def test_what_is_not_claimed_says_so_by_provider_and_api(found: Report):
    for verdict in found.verdicts:
        assert verdict.status != "not_claimed" or "no installed adapter claims" in verdict.reason
