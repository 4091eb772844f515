"""What distinguishes the servers that speak OpenAI's APIs, as data.

Each field is one observed quirk; a server that nobody described is `openai-compatible`, which assumes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from copilot_kit.errors import UsageError
from copilot_kit.request import Effort, OutputMode

Api: TypeAlias = Literal["responses", "chat"]
EffortForm: TypeAlias = Literal["reasoning_effort", "reasoning.effort", "thinking.type", "none"]


def _same(*words: Effort) -> dict[Effort, str]:
    return {word: word for word in words}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One provider's way of speaking the API."""

    name: str
    base_url: str | None = None
    """None: there is no common address; the caller or `base_url_env` gives it."""
    key_env: str | None = None
    base_url_env: str | None = None
    path: str = ""
    """Put behind an address that is a host and no more."""
    default_key: str | None = None
    """Sent where the server asks for none."""
    key_header: str | None = None
    """The header that carries the key, for servers that do not read the bearer token."""
    api: Api = "chat"
    """The API used when the model string does not say."""
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    max_tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    done: Literal["expected", "optional"] = "optional"
    """Does a stream end in `[DONE]`?"""
    stream_usage: bool = True
    """`stream_options.include_usage` is understood."""
    strict: Literal["explicit", "as_set", "never"] = "as_set"
    """How `strict` of a tool goes: always said, said where set, or not taken."""
    effort: EffortForm = "reasoning_effort"
    efforts: Mapping[Effort, str] = field(
        default_factory=lambda: _same("none", "minimal", "low", "medium", "high", "max")
    )
    """Our word to theirs; a level that is missing is not taken."""
    reasoning_back: Literal["field", "none"] = "field"
    """Does the model's reasoning go back in the field that it came in?"""
    refusal_field: bool = False
    """Assistant messages may carry `refusal`; elsewhere it is sent as text."""
    cache_marks: bool = False
    """`cache_control` on parts and tools is understood."""
    tool_media: bool = False
    """Tool messages may hold images; elsewhere a user message brings them after the results."""
    echo: frozenset[str] = frozenset({"extra_content"})
    """Fields of an answer's message that nobody else knows and that must come back."""
    call_index: bool = False
    """Calls go back with the index that they came with."""
    media: frozenset[str] = frozenset({"image"})
    """Families of files that the wire has a form for; `pdf` for documents."""
    file_urls: bool = False
    """Documents may be given by URL."""
    tool_id_pattern: str | None = None
    allowed_tools: bool = False
    """A choice among several named tools has its own form."""
    required_word: str = "required"
    seed: str | None = "seed"
    parallel_tools: bool = True
    """`parallel_tool_calls` is taken."""
    tools: bool | None = None
    """None: it depends on the model."""
    outputs: tuple[OutputMode, ...] = ("native", "tool", "prompted")
    """How JSON of a schema can be asked for, best first."""

    def origin(self, api: Api) -> str:
        """Return the label of opaque data made there."""
        return f"{self.name}.{api}"


def dialect_for(provider: str) -> tuple[Dialect, Api]:
    """Return how to speak to a provider and through which API; `openai-chat` and the like choose the other one."""
    if found := DIALECTS.get(provider):
        return found, found.api
    name, _, api = provider.rpartition("-")
    if api == "chat" and name in DIALECTS:
        return DIALECTS[name], "chat"
    if api == "responses" and name in DIALECTS:
        return DIALECTS[name], "responses"
    known = ", ".join(sorted(DIALECTS))
    raise UsageError(f"Unknown provider {provider!r}. Use 'openai-compatible' with a base_url, or one of: {known}.")


_ALL_MEDIA = frozenset({"image", "audio", "pdf"})
_OPENAI = Dialect(
    name="openai",
    base_url="https://api.openai.com/v1",
    key_env="OPENAI_API_KEY",
    base_url_env="OPENAI_BASE_URL",
    api="responses",
    max_tokens="max_completion_tokens",
    done="expected",
    strict="explicit",
    efforts={**_same("none", "minimal", "low", "medium", "high"), "max": "xhigh"},
    refusal_field=True,
    echo=frozenset({"extra_content", "annotations"}),
    media=_ALL_MEDIA,
    allowed_tools=True,
)

_LOCAL = Dialect(name="", default_key="none", tool_media=True, path="/v1")

_TABLE = (
    _OPENAI,
    replace(
        _OPENAI,
        name="azure",
        echo=frozenset({"extra_content"}),
        base_url=None,
        base_url_env="AZURE_OPENAI_ENDPOINT",
        key_env="AZURE_OPENAI_API_KEY",
        key_header="api-key",
        path="/openai/v1",
        api="chat",
    ),
    replace(
        _OPENAI,
        name="github-copilot",
        echo=frozenset({"extra_content", "reasoning_opaque"}),
        base_url="https://api.githubcopilot.com",
        base_url_env=None,
        key_env="GITHUB_COPILOT_TOKEN",
        api="chat",
        max_tokens="max_tokens",
        strict="as_set",
        media=frozenset({"image"}),
        allowed_tools=False,
    ),
    Dialect(
        name="openrouter",
        base_url="https://openrouter.ai/api/v1",
        key_env="OPENROUTER_API_KEY",
        max_tokens="max_completion_tokens",
        done="expected",
        effort="reasoning.effort",
        efforts={**_same("none", "minimal", "low", "medium", "high"), "max": "xhigh"},
        refusal_field=True,
        cache_marks=True,
        echo=frozenset({"extra_content", "annotations"}),
        media=_ALL_MEDIA | {"video"},
        file_urls=True,
    ),
    Dialect(
        name="groq",
        base_url="https://api.groq.com/openai/v1",
        key_env="GROQ_API_KEY",
        done="expected",
        efforts=_same("none", "low", "medium", "high"),
    ),
    Dialect(
        name="mistral",
        base_url="https://api.mistral.ai/v1",
        key_env="MISTRAL_API_KEY",
        done="expected",
        stream_usage=False,  # usage always comes, in the last chunk that has choices
        efforts=_same("none", "high"),
        media=frozenset({"image", "audio", "pdf"}),
        file_urls=True,
        tool_media=True,  # and no user message may follow a tool message
        tool_id_pattern="[a-zA-Z0-9]{9}",
        seed="random_seed",
        required_word="any",
        call_index=True,
    ),
    Dialect(
        name="deepseek",
        base_url="https://api.deepseek.com",
        key_env="DEEPSEEK_API_KEY",
        done="expected",
        effort="thinking.type",
        efforts={"none": "disabled", "low": "enabled", "medium": "enabled", "high": "enabled", "max": "enabled"},
        media=frozenset(),
        outputs=("tool", "prompted"),
        call_index=True,
    ),
    Dialect(
        name="xai",
        base_url="https://api.x.ai/v1",
        key_env="XAI_API_KEY",
        api="responses",
        done="expected",
        efforts=_same("low", "medium", "high"),
    ),
    Dialect(name="together", base_url="https://api.together.xyz/v1", key_env="TOGETHER_API_KEY", done="expected"),
    Dialect(
        name="fireworks", base_url="https://api.fireworks.ai/inference/v1", key_env="FIREWORKS_API_KEY", done="expected"
    ),
    Dialect(
        name="cerebras",
        base_url="https://api.cerebras.ai/v1",
        key_env="CEREBRAS_API_KEY",
        max_tokens="max_completion_tokens",
        done="expected",
        media=frozenset(),
    ),
    Dialect(name="huggingface", base_url="https://router.huggingface.co/v1", key_env="HF_TOKEN"),
    Dialect(
        name="perplexity",
        base_url="https://api.perplexity.ai",
        key_env="PERPLEXITY_API_KEY",
        tools=False,
        strict="never",
    ),
    Dialect(name="databricks", base_url_env="DATABRICKS_BASE_URL", key_env="DATABRICKS_TOKEN", cache_marks=True),
    Dialect(name="cloudflare", base_url_env="CLOUDFLARE_BASE_URL", key_env="CLOUDFLARE_API_TOKEN"),
    Dialect(name="venice", base_url="https://api.venice.ai/api/v1", key_env="VENICE_API_KEY"),
    Dialect(
        name="snowflake",
        base_url_env="SNOWFLAKE_BASE_URL",
        key_env="SNOWFLAKE_PAT",
        max_tokens="max_completion_tokens",
    ),
    Dialect(name="crusoe", base_url="https://managed-inference-api-proxy.crusoecloud.com/v1", key_env="CRUSOE_API_KEY"),
    Dialect(
        name="zai",
        base_url="https://api.z.ai/api/paas/v4",
        key_env="ZAI_API_KEY",
        effort="thinking.type",
        efforts={"none": "disabled", "low": "enabled", "medium": "enabled", "high": "enabled", "max": "enabled"},
        media=frozenset({"image", "video"}),
        outputs=("tool", "prompted"),
    ),
    Dialect(name="bedrock-mantle", base_url_env="BEDROCK_MANTLE_BASE_URL", key_env="AWS_BEARER_TOKEN_BEDROCK"),
    Dialect(name="deepinfra", base_url="https://api.deepinfra.com/v1/openai", key_env="DEEPINFRA_API_KEY"),
    Dialect(name="sambanova", base_url="https://api.sambanova.ai/v1", key_env="SAMBANOVA_API_KEY"),
    Dialect(name="minimax", base_url="https://api.minimax.io/v1", key_env="MINIMAX_API_KEY"),
    Dialect(name="novita", base_url="https://api.novita.ai/v3/openai", key_env="NOVITA_API_KEY"),
    Dialect(name="baseten", base_url="https://inference.baseten.co/v1", key_env="BASETEN_API_KEY"),
    Dialect(name="github-models", base_url="https://models.github.ai/inference", key_env="GITHUB_TOKEN"),
    Dialect(name="vercel", base_url="https://ai-gateway.vercel.sh/v1", key_env="AI_GATEWAY_API_KEY"),
    Dialect(name="litellm", base_url_env="LITELLM_BASE_URL", key_env="LITELLM_API_KEY", cache_marks=True),
    Dialect(name="nvidia", base_url="https://integrate.api.nvidia.com/v1", key_env="NVIDIA_API_KEY"),
    Dialect(name="moonshot", base_url="https://api.moonshot.ai/v1", key_env="MOONSHOT_API_KEY", done="expected"),
    Dialect(
        name="dashscope", base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1", key_env="DASHSCOPE_API_KEY"
    ),
    replace(_LOCAL, name="ollama", base_url="http://127.0.0.1:11434/v1", base_url_env="OLLAMA_BASE_URL"),
    replace(_LOCAL, name="vllm", base_url="http://127.0.0.1:8000/v1", base_url_env="VLLM_BASE_URL"),
    replace(_LOCAL, name="lmstudio", base_url="http://127.0.0.1:1234/v1", base_url_env="LMSTUDIO_BASE_URL"),
    replace(
        _LOCAL,
        name="llamacpp",
        base_url="http://127.0.0.1:8080/v1",
        base_url_env="LLAMACPP_BASE_URL",
        media=frozenset({"image", "audio"}),
    ),
    Dialect(
        name="openai-compatible",
        base_url_env="OPENAI_COMPATIBLE_BASE_URL",
        key_env="OPENAI_COMPATIBLE_API_KEY",
        default_key="none",
        media=_ALL_MEDIA | {"video"},
    ),
)

DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in _TABLE}
