"""The fields of a request apart from messages, system and tools: settings, thinking, output format, tool choice.

Nothing is sent that the caller did not ask for, save `max_tokens`, which the API demands.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from copilot_kit.profile import Profile
from copilot_kit.request import Effort, OutputMode, Request
from copilot_kit_anthropic.context import FIELD, edits_of, with_strategy
from copilot_kit_anthropic.json_bytes import Json
from copilot_kit_anthropic.profiles import DEFAULT_OUTPUT_TOKENS, Facts
from copilot_kit_anthropic.receipts import Receipts
from copilot_kit_anthropic.strict import closed
from copilot_kit_anthropic.tools import choice_value

_BUDGETS: dict[Effort, int] = {"minimal": 1_024, "low": 2_048, "medium": 8_192, "high": 16_384, "max": 32_000}
"""Tokens of thought for models that are told a number; ours, as the provider names no levels for them."""
_LEAST_BUDGET = 1_024
_MOST_AT_ONCE = 20_000
"""More is not asked for in an answer that does not stream: it would take over ten minutes, and lines break."""
_LEAST_TOP_P = 0.95


@dataclass(frozen=True, slots=True)
class Fields:
    """Top-level fields by their names on the wire, and the way structured output is asked for."""

    values: Json
    output_mode: OutputMode | None
    betas: tuple[str, ...]


def fields_of(request: Request, *, provider: str, profile: Profile, facts: Facts, receipts: Receipts) -> Fields:
    """Return the fields of a request; `extra` of this provider is laid over ours, and None there removes a field."""
    settings = request.settings
    extra: Json = dict(settings.extra.get(provider, {}))
    betas = extra.pop("betas", None)
    values: Json = {}
    maximum = settings.max_output_tokens or _default_maximum(request, profile, facts)
    values["max_tokens"] = maximum
    if profile.efforts == ():
        facts = replace(facts, thinking="never")
    thinking, output_config = _thinking(request, maximum, facts, receipts)
    if thinking:
        values["thinking"] = thinking
    mode = _mode(request, profile)
    if mode == "native" and request.output is not None:
        output_config["format"] = {"type": "json_schema", "schema": closed(request.output.json_schema)}
    if isinstance(extra.get("output_config"), dict):
        output_config |= extra.pop("output_config")
    if output_config:
        values["output_config"] = output_config
    values |= _sampling(request, profile, receipts, thinks=_is_on(thinking))
    choice = _choice(request, mode, receipts, thinks=_is_on(thinking))
    if choice is not None:
        values["tool_choice"] = choice
    if (edits := edits_of(settings.context, profile, receipts)) is not None:
        values[FIELD] = edits
    if request.delivery == "stream":
        values["stream"] = True
    values |= extra
    wanted = tuple(b for b in betas if isinstance(b, str)) if isinstance(betas, list) else ()
    return Fields({k: v for k, v in values.items() if v is not None}, mode, _betas(wanted, values))


def for_summaries(fields: Fields) -> Fields:
    """Return the fields as a conversation needs them that holds a summary of the provider's own making."""
    values = with_strategy(fields.values)
    return fields if values is fields.values else Fields(values, fields.output_mode, _betas(fields.betas, values))


def _default_maximum(request: Request, profile: Profile, facts: Facts) -> int:
    """Return the output to allow where the caller did not say: tokens to think with come on top."""
    usual = profile.default_output_tokens or DEFAULT_OUTPUT_TOKENS
    if request.delivery == "whole":
        usual = min(usual, _MOST_AT_ONCE)
    if facts.thinking == "budget" and request.settings.effort is not None:
        usual += _BUDGETS.get(request.settings.effort, 0)
    return min(usual, profile.max_output_tokens or usual)


def _is_on(thinking: object) -> bool:
    return isinstance(thinking, dict) and thinking.get("type") in ("enabled", "adaptive")


def _thinking(request: Request, maximum: int, facts: Facts, receipts: Receipts) -> tuple[Json, Json]:
    """Return the `thinking` field and the part of `output_config` that the wanted effort comes to."""
    effort = request.settings.effort
    if effort is None:
        return {}, {}
    if facts.thinking == "never":
        receipts.leave_out("effort", "the model does not think")
        return {}, {}
    if effort == "none":
        return _without_thinking(facts, receipts)
    if facts.thinking == "budget":
        return _budget(effort, maximum, request, receipts)
    level = "low" if effort == "minimal" else effort
    if effort == "minimal":
        receipts.leave_out("effort", "the lowest level here is low", became="low")
    if _forces(request):
        receipts.leave_out("thinking", "a forced tool excludes thinking", became="the effort alone")
        return {}, {"effort": level}
    return {"type": "adaptive"}, {"effort": level}


def _without_thinking(facts: Facts, receipts: Receipts) -> tuple[Json, Json]:
    if facts.efforts is not None and "none" not in facts.efforts:
        receipts.leave_out("effort", "the model always thinks", became="low")
        return {}, {"effort": "low"}
    return {"type": "disabled"}, {}


def _budget(effort: Effort, maximum: int, request: Request, receipts: Receipts) -> tuple[Json, Json]:
    budget = min(_BUDGETS[effort], max(_LEAST_BUDGET, maximum * 3 // 4))
    if _forces(request):
        receipts.leave_out("effort", "a forced tool excludes thinking")
        return {}, {}
    if budget >= maximum:
        receipts.leave_out(
            "effort", f"thinking needs more than {_LEAST_BUDGET} tokens of output, {maximum} are allowed"
        )
        return {}, {}
    return {"type": "enabled", "budget_tokens": budget}, {}


def _forces(request: Request) -> bool:
    return request.tool_choice == "required" or isinstance(request.tool_choice, tuple)


def _mode(request: Request, profile: Profile) -> OutputMode | None:
    """Return how structured output is asked for: native where it may be, then a tool, then in words."""
    if request.output is None:
        return None
    if request.output.mode != "auto":
        return request.output.mode
    return "tool" if profile.output_modes is None else profile.output_modes[0]


def _choice(request: Request, mode: OutputMode | None, receipts: Receipts, *, thinks: bool) -> Json | None:
    chosen = choice_value(request, thinks=thinks, receipts=receipts)
    if mode != "tool" or request.output is None or chosen is not None:
        return chosen
    if thinks:
        return {"type": "auto"}
    return {"type": "any"} if request.tools else {"type": "tool", "name": request.output.name}


def _sampling(request: Request, profile: Profile, receipts: Receipts, *, thinks: bool) -> Json:
    settings = request.settings
    values: Json = {}
    stops = [stop for stop in settings.stop if stop.strip()]
    if len(stops) < len(settings.stop):
        receipts.leave_out("stop", "a stop sequence must not be white space alone")
    if stops:
        values["stop_sequences"] = stops
    if settings.seed is not None:
        receipts.leave_out("seed", "the Messages API has no seed")
    for name, value, fits in (
        ("temperature", settings.temperature, settings.temperature == 1),
        ("top_p", settings.top_p, settings.top_p is not None and settings.top_p >= _LEAST_TOP_P),
    ):
        if value is None:
            continue
        if name in profile.refuses:
            receipts.leave_out(name, "the model refuses sampling settings")
        elif thinks and not fits:
            receipts.leave_out(name, "thinking excludes it")
        else:
            values[name] = value
    return values


def _betas(wanted: tuple[str, ...], values: Json) -> tuple[str, ...]:
    """Return the beta features to name in the header: those the caller named, and those that the fields need."""
    needed = [beta for name, beta in _NEEDED_BETAS.items() if values.get(name) is not None]
    management = values.get("context_management")
    edits = management.get("edits") if isinstance(management, dict) else None
    if any(isinstance(edit, dict) and str(edit.get("type")).startswith("compact_") for edit in edits or ()):
        needed.append("compact-2026-01-12")
    thinking = values.get("thinking")
    if isinstance(thinking, dict) and "block_binding" in thinking:
        needed.append("thinking-binding-controls-2026-08-01")
    return merged_betas(wanted, needed)


def merged_betas(wanted: Sequence[str], needed: Sequence[str]) -> tuple[str, ...]:
    """Return the wanted ones, and of the needed ones those that are not wanted in another version."""
    families = {beta[:-_DATE] for beta in wanted}
    return (*wanted, *[beta for beta in needed if beta[:-_DATE] not in families])


_DATE = len("-2025-11-20")
_NEEDED_BETAS = {
    "context_management": "context-management-2025-06-27",
    "mcp_servers": "mcp-client-2025-11-20",
    "fallbacks": "server-side-fallback-2026-07-01",
    "speed": "fast-mode-2026-02-01",
}
