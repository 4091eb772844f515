"""What is known of the models that speak this API, by the beginning of their names; any other name is simply tried.

Sources: platform.claude.com (models overview, thinking, preserved thinking, effort, memory tool, context editing,
compaction, model deprecations), the type comments and model lists of the official SDK 2.12, and recorded refusals.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, TypeAlias

from copilot_kit.profile import Lifecycle, Profile
from copilot_kit.request import ContextEdit, Effort, OutputMode

Thinking: TypeAlias = Literal["adaptive", "budget", "never"]
"""How thinking is asked for: the model decides within an effort, a number of tokens, or it cannot think."""

DEFAULT_OUTPUT_TOKENS = 8_192
"""Sent for a model that the table does not know, as the API demands a maximum."""

_LEVELS: tuple[Effort, ...] = ("none", "low", "medium", "high")
_ALL_LEVELS: tuple[Effort, ...] = (*_LEVELS, "max")
_ALWAYS_THINKING: tuple[Effort, ...] = ("low", "medium", "high", "max")
_NATIVE: tuple[OutputMode, ...] = ("native", "tool", "prompted")
_NOT_NATIVE: tuple[OutputMode, ...] = ("tool", "prompted")
_SAMPLING = ("temperature", "top_p", "top_k")
_SOURCE = "table of copilot_kit_anthropic, November 2026"


@dataclass(frozen=True, slots=True)
class Facts:
    """One line of the table. None means that nobody knows, and then it is tried."""

    max_output: int | None = None
    window: int | None = None
    thinking: Thinking | None = None
    efforts: tuple[Effort, ...] | None = None
    modes: tuple[OutputMode, ...] | None = None
    mid_system: bool | None = None
    """Takes a message of role system in the middle of the conversation."""
    samples: bool = True
    """Takes temperature, top_p and top_k."""
    binds: bool | None = None
    """Refuses thinking whose preceding conversation was changed."""
    edits: tuple[ContextEdit, ...] | None = None
    """What is taken out of a long conversation where a request asks for it."""
    memory: bool | None = None
    """Takes the memory tool, `memory_20250818`: without a beta header, on every platform."""
    retires: date | None = None
    successor: str | None = None


_CLEARS: tuple[ContextEdit, ...] = ("clear_results",)
_COMPACTS: tuple[ContextEdit, ...] = ("clear_results", "compact")
_OLD = Facts(4_096, 200_000, "never", (), _NOT_NATIVE, mid_system=False, binds=False, edits=(), memory=False)
_OLD_8K = replace(_OLD, max_output=8_192)
_BUDGET = Facts(64_000, 200_000, "budget", _LEVELS, _NOT_NATIVE, mid_system=False, binds=False, edits=_CLEARS)
_BUDGET_NATIVE = replace(_BUDGET, modes=_NATIVE)
_ADAPTIVE = Facts(128_000, 1_000_000, "adaptive", _ALL_LEVELS, _NATIVE, mid_system=False, binds=False, edits=_COMPACTS)
_NO_SAMPLING = replace(_ADAPTIVE, samples=False)
_FIVE = replace(_NO_SAMPLING, mid_system=None)
_ALWAYS = replace(_FIVE, efforts=_ALWAYS_THINKING)

_TABLE: tuple[tuple[str, Facts], ...] = (  # the first prefix that fits wins: longer ones stand first
    ("claude-2", replace(_OLD, retires=date(2025, 7, 21), successor="claude-sonnet-4-6")),
    ("claude-3-5-haiku", replace(_OLD_8K, retires=date(2026, 2, 19), successor="claude-haiku-4-5")),
    ("claude-3-5", replace(_OLD_8K, retires=date(2025, 10, 28), successor="claude-sonnet-4-6")),
    ("claude-3-7", replace(_BUDGET, edits=(), memory=False, retires=date(2026, 2, 19), successor="claude-sonnet-4-6")),
    ("claude-3-haiku", replace(_OLD, retires=date(2026, 4, 20), successor="claude-haiku-4-5")),
    ("claude-3-opus", replace(_OLD, retires=date(2026, 1, 5), successor="claude-opus-4-6")),
    ("claude-3-sonnet", replace(_OLD, retires=date(2025, 7, 21), successor="claude-sonnet-4-6")),
    ("claude-3", _OLD),
    ("claude-haiku-4-5", _BUDGET_NATIVE),
    ("claude-sonnet-4-5", replace(_BUDGET_NATIVE, retires=date(2026, 11, 30), successor="claude-sonnet-4-6")),
    ("claude-sonnet-4-6", replace(_ADAPTIVE, max_output=64_000)),
    ("claude-sonnet-4", replace(_BUDGET, retires=date(2026, 6, 15), successor="claude-sonnet-4-6")),
    ("claude-opus-4-1", replace(_BUDGET_NATIVE, max_output=32_000)),
    ("claude-opus-4-5", _BUDGET_NATIVE),
    ("claude-opus-4-6", _ADAPTIVE),
    ("claude-opus-4-7", _NO_SAMPLING),
    ("claude-opus-4-8", replace(_NO_SAMPLING, mid_system=True)),
    ("claude-opus-4", replace(_BUDGET, max_output=32_000, retires=date(2026, 6, 15), successor="claude-opus-4-6")),
    ("claude-mythos-preview", replace(_ALWAYS, retires=date(2026, 6, 30))),
    ("claude-fable-5-", replace(_ALWAYS, binds=True)),
    ("claude-mythos-5-", replace(_ALWAYS, binds=True)),
    ("claude-fable-5", _ALWAYS),
    ("claude-mythos-5", _ALWAYS),
    ("claude-opus-5-5", replace(_FIVE, binds=True)),
    ("claude-sonnet-5-5", replace(_FIVE, binds=True)),
    ("claude-haiku-5-5", replace(_FIVE, binds=True)),
    ("claude-opus-5", _FIVE),
    ("claude-sonnet-5", _FIVE),
)


def facts_of(model: str) -> Facts:
    """Return what the table knows of a model, by its name here, at Bedrock, at Vertex or at a gateway."""
    name = model.lower().replace("_", "-").replace(".", "-")
    begin = name.find("claude-")
    name = name[begin:] if begin >= 0 else name
    return next((facts for prefix, facts in _TABLE if name.startswith(prefix)), Facts())


def profile_of(model: str) -> Profile:
    """Return the facts of the table as a profile; of an unknown name hardly more than that it must be tried."""
    facts = facts_of(model)
    known = facts.thinking is not None
    values: dict[str, object] = {
        "tools": True if known else None,
        "parallel_tools": True if known else None,
        "forced_tools": True if known else None,
        "forced_tools_with_reasoning": False if known and facts.thinking != "never" else None,
        "output_modes": facts.modes,
        "media_in": ("image", "application/pdf", "text/plain") if known else None,
        "media_out": () if known else None,
        "efforts": facts.efforts,
        "context_window": facts.window,
        "max_output_tokens": facts.max_output,
        "binds_reasoning": facts.binds,
        "edits_context": facts.edits,
        "caching": "marked" if known else None,
    }
    stated = {name: value for name, value in values.items() if value is not None}
    default = DEFAULT_OUTPUT_TOKENS if facts.max_output is None else min(facts.max_output, 32_000)
    always = {"default_output_tokens": default, "tool_id_pattern": r"[a-zA-Z0-9_-]{1,64}"}
    lifecycle = Lifecycle(retires=facts.retires, successor=facts.successor)
    refuses = ("seed",) if facts.samples else ("seed", *_SAMPLING)
    sources = dict.fromkeys([*stated, *always, "refuses"], _SOURCE)
    return Profile.model_validate({**stated, **always, "refuses": refuses, "lifecycle": lifecycle, "sources": sources})
