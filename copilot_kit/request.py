"""What is asked of a model: the conversation, the tools, the form of the answer, and settings.

No setting has a default of its own: what the caller did not set is not sent. What a model does not take is dropped
and reported in the response, or refused (`on_unsupported="error"`); it is never silently ignored.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, JsonValue

from copilot_kit.messages import Cache, Message, Record, Wire

Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "max"]
OutputMode: TypeAlias = Literal["native", "tool", "prompted"]
ContextEdit: TypeAlias = Literal["clear_results", "compact"]
"""What a provider can do with a long conversation: clear old results of tools, sum up what came before."""
ToolChoice: TypeAlias = Literal["auto", "none", "required"] | tuple[str, ...]
"""Free, no tool, some tool, or one of these by name."""


def _is_empty(value: object) -> bool:
    return not value


def _is_none(value: object) -> bool:
    return value is None


class Example(Record):
    """A worked call: a situation in words and the arguments that fit it. Small models learn a tool from these."""

    situation: str
    arguments: dict[str, JsonValue]


class ToolSpec(Record):
    """A tool as the model sees it; the application runs it."""

    type: Literal["function"] = "function"
    name: str
    description: str | None = None
    parameters: dict[str, JsonValue]
    """JSON schema of the arguments, always an object."""
    strict: bool | None = None
    """Ask the provider to hold the model to the schema; None leaves it to the adapter."""
    examples: tuple[Example, ...] = ()
    native: dict[str, dict[str, JsonValue]] = Field(default_factory=dict, exclude_if=_is_empty)
    """By API (`anthropic.messages`): the provider's own tool that makes the very same calls, sent in its place."""
    cache: Cache | None = None
    wire: Wire | None = None
    """Further fields that one provider knows for a tool (`defer_loading`, …)."""


class ProviderTool(Record):
    """A tool that the provider itself defines or runs; sent to its origin only, as it is."""

    type: Literal["provider"] = "provider"
    kind: str
    """As provider.type: `anthropic.web_search_20250305`, `openai.web_search`."""
    value: JsonValue
    """The tool's definition in the provider's own words."""


AnyTool: TypeAlias = Annotated[ToolSpec | ProviderTool, Field(discriminator="type")]


class OutputSpec(Record):
    """The answer must be JSON of this schema; `mode` says how it is asked for (auto: by the model's profile)."""

    json_schema: dict[str, JsonValue]
    name: str = "answer"
    description: str | None = None
    mode: Literal["auto"] | OutputMode = "auto"
    strict: bool | None = None


class ContextEditing(Record):
    """What the provider itself takes out of a conversation that has grown long; what is sent stays as it is.

    Counted in input tokens, as the provider counts them.
    """

    clear_results_at: int | None = None
    """From here on old results of tools are cleared, oldest first; their calls stay."""
    keep_results: int | None = None
    """How many of the last results are never cleared."""
    keep_results_of: tuple[str, ...] = ()
    """Names of tools whose results are never cleared."""
    clear_at_least: int | None = None
    """Nothing is cleared for less than this: what was cached of the conversation is lost each time."""
    compact_at: int | None = None
    """From here on all that came before is summed up; the summary comes back in the answer."""


class Settings(Record):
    """How to answer. Everything unset is left to the provider."""

    effort: Effort | None = None
    """How much to think."""
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    cache: Literal["off", "auto"] | Cache | None = None
    """Prompt caching: off, left to the adapter, or with a time to live."""
    context: ContextEditing | None = Field(default=None, exclude_if=_is_none)
    """What the provider takes out of a long conversation, where it can."""
    deadline_s: float | None = None
    """Seconds for the whole answer, retries included."""
    first_event_deadline_s: float | None = None
    """Seconds until the first event of a stream."""
    extra: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    """By provider: fields of its API that have no neutral name; each provider gets only its own."""
    on_unsupported: Literal["drop", "error"] = "drop"

    def over(self, lower: "Settings") -> "Settings":
        """Return these settings, with those of `lower` where these set nothing; `extra` is merged by provider."""
        merged = {**lower.model_dump(exclude_unset=True), **self.model_dump(exclude_unset=True)}
        extra = {name: {**lower.extra.get(name, {}), **self.extra.get(name, {})}
                 for name in (*lower.extra, *self.extra)}  # fmt: skip
        return Settings.model_validate({**merged, "extra": extra} if extra else merged)


UNSET = Settings()
"""Nothing is set; one for all, since pydantic would copy a default each time."""


class Request(Record):
    """One call of a model."""

    messages: tuple[Message, ...]
    tools: tuple[AnyTool, ...] = ()
    tool_choice: ToolChoice | None = None
    """None sends nothing, which every provider reads as auto."""
    parallel_tools: bool | None = None
    """May one answer hold several calls? None leaves it to the provider."""
    output: OutputSpec | None = None
    settings: Settings = Field(default_factory=lambda: UNSET)
    delivery: Literal["stream", "whole"] = "stream"
    """How the answer travels; the events are the same."""
