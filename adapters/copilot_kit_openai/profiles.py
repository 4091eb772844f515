"""What is known of models by the beginning of their names: the shipped table, as of November 2026.

A name that is not listed gets an empty profile, and everything is tried. Sources: the providers' model pages, the
levels of effort that OpenAI's API itself listed in its refusals, recorded refusals, and genai-prices for windows.
"""

from collections.abc import Mapping

from copilot_kit.profile import Profile
from copilot_kit.request import Effort, OutputMode
from copilot_kit_openai.dialects import Dialect

_LOW_TO_HIGH: tuple[Effort, ...] = ("low", "medium", "high")
_NONE_TO_HIGH: tuple[Effort, ...] = ("none", *_LOW_TO_HIGH)
_NONE_TO_MAX: tuple[Effort, ...] = ("none", *_LOW_TO_HIGH, "max")
_SAMPLING = ("temperature", "top_p")
_OLD_OUTPUT: tuple[OutputMode, ...] = ("tool", "prompted")
_SEES = ("image", "application/pdf")

_PLAIN = Profile(efforts=(), tools=True, media_in=_SEES, context_window=128_000)
_O = Profile(efforts=_LOW_TO_HIGH, tools=True, refuses=(*_SAMPLING, "stop"), media_in=_SEES, context_window=200_000)
_GPT_5 = Profile(efforts=("minimal", *_LOW_TO_HIGH), tools=True, refuses=(*_SAMPLING, "stop"), media_in=_SEES,
                 context_window=400_000)  # fmt: skip
_GPT_5_2 = Profile(efforts=_NONE_TO_MAX, tools=True, media_in=_SEES, context_window=400_000)
_GPT_5_6 = Profile(efforts=_NONE_TO_MAX, tools=True, refuses=_SAMPLING, media_in=_SEES, context_window=1_050_000)
_NO_TOOLS = Profile(efforts=(), tools=False, context_window=128_000)

_OPENAI: Mapping[str, Profile] = {
    "gpt-3.5-turbo": Profile(efforts=(), tools=True, output_modes=_OLD_OUTPUT, media_in=(), context_window=16_385),
    "gpt-4": Profile(efforts=(), tools=True, output_modes=_OLD_OUTPUT, media_in=(), context_window=8_192),
    "gpt-4-vision": Profile(media_in=("image",)),
    "gpt-4-1106-vision": Profile(media_in=("image",)),
    "gpt-4-turbo": Profile(efforts=(), tools=True, output_modes=_OLD_OUTPUT, media_in=("image",),
                           context_window=128_000),
    "gpt-4o": _PLAIN,
    "gpt-4o-audio-preview": _PLAIN.model_copy(update={"media_in": ("audio",), "media_out": ("audio",)}),
    "gpt-4o-search-preview": _NO_TOOLS,
    "gpt-4o-mini-search-preview": _NO_TOOLS,
    "gpt-audio": _PLAIN.model_copy(update={"media_in": ("audio",), "media_out": ("audio",)}),
    "gpt-4.1": _PLAIN.model_copy(update={"context_window": 1_000_000}),
    "o1": _O,
    "o1-mini": _NO_TOOLS.model_copy(update={"refuses": (*_SAMPLING, "stop")}),
    "o1-preview": _NO_TOOLS.model_copy(update={"refuses": (*_SAMPLING, "stop")}),
    "o3": _O,
    "o3-mini": _O.model_copy(update={"media_in": ()}),
    "o4-mini": _O,
    "gpt-5": _GPT_5,
    "gpt-5-pro": _GPT_5.model_copy(update={"efforts": ("high",)}),
    "gpt-5-chat": _PLAIN,
    "gpt-5.1": Profile(efforts=_NONE_TO_HIGH, tools=True, media_in=_SEES, context_window=400_000),
    "gpt-5.1-codex-max": Profile(efforts=("none", *_LOW_TO_HIGH, "max"), tools=True, context_window=400_000),
    "gpt-5.2": _GPT_5_2,
    "gpt-5.3": _GPT_5_2,
    "gpt-5.4": _GPT_5_2.model_copy(update={"context_window": 1_050_000}),
    "gpt-5.4-mini": _GPT_5_2,
    "gpt-5.4-nano": _GPT_5_2,
    "gpt-5.5": _GPT_5_2.model_copy(update={"refuses": _SAMPLING, "context_window": 1_000_000}),
    "gpt-5.6": _GPT_5_6,
}  # fmt: skip
_NATIVE_MAX = ("gpt-5.6", "gpt-6", "gpt-6.1", "gpt-6.2")
"""Families whose highest level is called `max`; in the older ones it is `xhigh`."""

_TABLE: Mapping[str, Mapping[str, Profile]] = {
    "openai": _OPENAI,
    "azure": _OPENAI,
    "github-copilot": _OPENAI,
    "groq": {
        "openai/gpt-oss": Profile(efforts=_LOW_TO_HIGH, tools=True, context_window=131_072),
        "qwen/qwen3": Profile(efforts=("none",), tools=True, context_window=131_072),
        "llama-3.1": Profile(efforts=(), tools=True, media_in=()),
        "llama-3.3": Profile(efforts=(), tools=True, media_in=()),
        "meta-llama/llama-4": Profile(efforts=(), tools=True, media_in=("image",), context_window=131_072),
    },
    "cerebras": {"gpt-oss": Profile(efforts=_LOW_TO_HIGH, tools=True, context_window=131_072)},
    "xai": {
        "grok-3": Profile(efforts=(), tools=True, context_window=131_072),
        "grok-3-mini": Profile(efforts=("low", "high"), tools=True, context_window=131_072),
        "grok-4": Profile(efforts=(), tools=True, refuses=("stop",), context_window=256_000),
    },
    "perplexity": {"sonar": Profile(tools=False)},
    "deepseek": {
        "deepseek-reasoner": Profile(refuses=_SAMPLING),
        "deepseek-v4": Profile(tools=True, context_window=1_000_000),
    },
}


def profile_for(provider: str, model: str) -> Profile:
    """Return the facts of the longest listed name that this model's name begins with; else nothing."""
    listed = _TABLE.get(provider, {})
    found = _longest(model, listed)
    if found is None:
        return Profile()
    facts = listed[found]
    return facts.model_copy(update={"sources": dict.fromkeys(sorted(facts.model_fields_set), "table")})


def effort_words(dialect: Dialect, model: str) -> Mapping[Effort, str]:
    """Return the levels of effort in the words of a provider and model."""
    if dialect.efforts.get("max") == "xhigh" and _longest(model.rpartition("/")[2], _NATIVE_MAX):
        return {**dialect.efforts, "max": "max"}
    return dialect.efforts


def _longest(model: str, listed: Mapping[str, Profile] | tuple[str, ...]) -> str | None:
    """Return the longest listed beginning that ends where a word of the name ends: gpt-5 is not gpt-5.1."""
    fitting = [name for name in listed if model == name or (model.startswith(name) and not model[len(name)].isalnum()
                                                            and model[len(name)] != ".")]  # fmt: skip
    return max(fitting, key=len, default=None)
