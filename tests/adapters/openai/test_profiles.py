"""The shipped table of models, found by the beginning of a name."""

import pytest

from copilot_kit.profile import Profile
from copilot_kit_openai.chat_files import sees
from copilot_kit_openai.dialects import DIALECTS
from copilot_kit_openai.profiles import effort_words, profile_for


@pytest.mark.parametrize(
    ("provider", "model", "efforts"),
    [
        ("openai", "gpt-4o-mini-2024-07-18", ()),
        ("openai", "gpt-5-mini", ("minimal", "low", "medium", "high")),
        ("openai", "gpt-5-pro-2025-10-06", ("high",)),
        ("openai", "gpt-5.1", ("none", "low", "medium", "high")),
        ("azure", "gpt-5.6-luna", ("none", "low", "medium", "high", "max")),
        ("groq", "openai/gpt-oss-120b", ("low", "medium", "high")),
        ("openai", "gpt-9-nova", None),
        ("openai", "gpt-4omega", None),
        ("openrouter", "openai/gpt-5-mini", None),
    ],
)
def test_the_longest_beginning_counts_and_an_unknown_name_knows_nothing(
    provider: str, model: str, efforts: tuple[str, ...] | None
) -> None:
    assert profile_for(provider, model).efforts == efforts


@pytest.mark.parametrize(
    ("model", "images"),
    [("gpt-4-0613", False), ("gpt-4-vision-preview", True), ("gpt-4-turbo", True), ("gpt-3.5-turbo", False),
     ("gpt-9-nova", True)],
)  # fmt: skip
def test_a_model_sees_unless_the_table_says_that_it_does_not(model: str, images: object) -> None:
    assert sees(profile_for("openai", model)) is images


def test_each_fact_names_the_table_as_its_source() -> None:
    assert profile_for("cerebras", "gpt-oss-120b") == Profile(
        efforts=("low", "medium", "high"), tools=True, context_window=131_072,
        sources={"efforts": "table", "tools": "table", "context_window": "table"})  # fmt: skip


@pytest.mark.parametrize(("model", "word"), [("gpt-5.2", "xhigh"), ("gpt-5.6-sol", "max"), ("gpt-6.1-terra", "max")])
def test_the_highest_effort_has_the_name_that_the_model_knows(model: str, word: str) -> None:
    assert effort_words(DIALECTS["openai"], model)["max"] == word


def test_all_dialects_have_a_name_and_a_way_to_be_reached() -> None:
    for name, dialect in DIALECTS.items():
        assert name == dialect.name
        assert dialect.base_url or dialect.base_url_env
        assert dialect.key_env or dialect.default_key
