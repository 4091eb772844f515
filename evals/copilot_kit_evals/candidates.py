"""What is compared: a model with a prompt, tools and settings; any change of one of them is another candidate."""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from pydantic import Field, ValidationError

from copilot_kit.budget import listed_price
from copilot_kit.errors import UsageError
from copilot_kit.messages import Record
from copilot_kit.overlays import Overlaid, Overlay
from copilot_kit.request import Settings
from copilot_kit.response import Usage
from copilot_kit.slots import Opened, open_model

_THOUSAND: Final = 1_000
_MILLION: Final = Decimal(1_000_000)
_PROMPT, _TOOLS = "prompt", "tools"


def _is_none(value: object) -> bool:
    return value is None


def _is_empty(value: object) -> bool:
    return not value


class Prices(Record):
    """USD per million tokens on the day of the run."""

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    """None: as input."""
    cache_write: Decimal | None = None
    source: str = "given"
    """`given` by the user, or the list that it was taken from, with its date."""

    def cost(self, usage: Usage) -> Decimal | None:
        """Return what so many tokens cost; None where the usage is not known."""
        if usage.input is None or usage.output is None:
            return None
        read, written = usage.cache_read or 0, usage.cache_write or 0
        fresh = max(0, usage.input - read - written)
        total = fresh * self.input + usage.output * self.output
        total += read * (self.input if self.cache_read is None else self.cache_read)
        total += written * (self.input if self.cache_write is None else self.cache_write)
        return total / _MILLION

    @classmethod
    def listed(cls, model: str) -> "Prices | None":
        """Return what the public list says today for short requests; None where it does not know the model."""
        per_input, per_output = (
            listed_price(model, Usage(input=_THOUSAND)),
            listed_price(model, Usage(output=_THOUSAND)),
        )
        if per_input is None or per_output is None:
            return None
        read = listed_price(model, Usage(input=_THOUSAND, cache_read=_THOUSAND))
        written = listed_price(model, Usage(input=_THOUSAND, cache_write=_THOUSAND))
        scale = _MILLION / _THOUSAND
        return cls(
            input=per_input * scale,
            output=per_output * scale,
            cache_read=None if read is None else read * scale,
            cache_write=None if written is None else written * scale,
            source="listed",
        )


class Candidate(Record):
    """A model with what goes with it. Unset is what the task says."""

    name: str = Field(min_length=1)
    """Unique in the run; the key of its attempts."""
    model: str
    """As provider:model, or a slot of frontier.toml."""
    prompt: str | None = Field(default=None, exclude_if=_is_none)
    """In the place of the task's own instructions."""
    tools: tuple[str, ...] | None = Field(default=None, exclude_if=_is_none)
    """Names of the tools that it may use; None: all of the task's."""
    settings: Settings = Field(default_factory=Settings)
    """Over those of the task and of the slot."""
    overlay: Overlay | None = Field(default=None, exclude_if=_is_none)
    """What it is told beside the instructions, laid over each of its requests."""
    base_url: str | None = Field(default=None, exclude_if=_is_none)
    """Another server that speaks the provider's language."""
    prices: Prices | None = Field(default=None, exclude_if=_is_none)
    """What was paid; `given` ones count, listed ones are for the reader: each answer is priced by the list itself."""

    @property
    def digest(self) -> str:
        """64 bits over model, server, prompt, overlay, tools and settings; not over name and prices."""
        told = self.model_dump(mode="json", exclude={"name", "prices"}, exclude_unset=True)
        text = json.dumps({**told, "settings": self.settings.model_dump(mode="json", exclude_unset=True)},
                          sort_keys=True)  # fmt: skip
        return sha256(text.encode()).hexdigest()[:16]


def opened_as(candidate: Candidate, opening: Callable[[str], Opened | None] | None) -> Opened:
    """Return the candidate's model: as its suite opens it, or else by its name."""
    own = None if opening is None else opening(candidate.model)
    return open_model(candidate.model, base_url=candidate.base_url) if own is None else own


def laid_over(candidate: Candidate, opened: Opened) -> Opened:
    """Return the candidate's model with what it is told beside the instructions."""
    if candidate.overlay is None:
        return opened
    return replace(opened, model=Overlaid(opened.model, candidate.overlay), overlay=candidate.overlay)


def candidates_of(models: Sequence[str], vary: Sequence[str] = ()) -> list[Candidate]:
    """Return a candidate for each model and each combination of what is varied.

    vary: `prompt=a.md,b.md` (files), `tools=search+read,search` (names), or a setting: `effort=low,high`.
    Raises `UsageError` for what cannot be varied.
    """
    if not models or not all(map(str.strip, models)):
        raise UsageError("No model is named. Say which with --model provider:name, once for each.")
    axes = [_axis(one) for one in vary]
    made = []
    for model in models:
        for combination in itertools.product(*axes):
            label = " ".join([model, *(f"{name}={shown}" for name, shown, _ in combination)])
            made.append(_candidate(label, model, {name: value for name, _, value in combination}))
    names = [one.name for one in made]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"The candidate {twice!r} is named twice. Name each once; repeats are asked for by --repeats.")
    return made


def _axis(text: str) -> list[tuple[str, str, object]]:
    name, _, values = text.partition("=")
    if not values:
        raise UsageError(f"Cannot vary {text!r}: write what, and its values: --vary prompt=a.md,b.md")
    if name not in (_PROMPT, _TOOLS) and name not in Settings.model_fields:
        raise UsageError(
            f"Cannot vary {name!r}: it may be {_PROMPT}, {_TOOLS}, or a setting: {', '.join(Settings.model_fields)}."
        )
    return [(name, Path(value).name if name == _PROMPT else value, _value(name, value)) for value in values.split(",")]


def _value(name: str, text: str) -> object:
    if name == _PROMPT:
        return prompt_in(Path(text))
    if name == _TOOLS:
        return tuple(text.split("+")) if text != "none" else ()
    return setting_of(text)


def prompt_in(file: Path) -> str:
    """Return the text of a prompt's file; raises `UsageError` where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8-sig")  # editors on Windows write a mark in front
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The prompt {str(file)!r} cannot be read: {error}. Name a text file.") from error


def setting_of(text: str) -> Any:
    """Return the value of a setting as a person writes it: as JSON, or else as a word."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _candidate(label: str, model: str, varied: Mapping[str, object]) -> Candidate:
    own = {name: value for name, value in varied.items() if name in (_PROMPT, _TOOLS)}
    try:
        settings = Settings.model_validate({name: value for name, value in varied.items() if name not in own})
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{label}: {first['loc'][0]!r} is {first['input']!r}: {first['msg'].lower()}.") from error
    return Candidate.model_validate({"name": label, "model": model, **own, "settings": settings})
