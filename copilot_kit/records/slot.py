"""Which model a slot has."""

from typing import Literal

from pydantic import Field, JsonValue

from copilot_kit.messages import Record
from copilot_kit.records.principal import Principal


class Stage(Record):
    """A model that takes over a slot step by step."""

    to: str
    """As provider:model."""
    share: float = Field(gt=0, lt=1)
    """Of new runs."""


class SlotMoved(Record):
    """A slot has another model from here on; kept in the stream `@frontier`."""

    kind: Literal["slot_moved"] = "slot_moved"
    slot: str
    model: str | None
    base_url: str | None = None
    stage: Stage | None = None
    overlays: dict[str, JsonValue] = Field(default_factory=dict)
    """Those that are not as frontier.toml has them, by model; null: none."""
    entry: JsonValue = None
    """What the record of promotions says of it: by what evidence, from what, and so on."""
    by: Principal
