"""Models by name: `provider:model`, or a slot of `frontier.toml`.

    [slots.default]
    model = "anthropic:claude-sonnet-4-5"
    settings = { effort = "low", max_output_tokens = 2000 }

The file is looked for in the working folder and upward, or where COPILOT_KIT_FRONTIER says. Names of models are data:
one that nobody here has heard of is passed on to its provider. The file is read anew whenever a slot is asked for, so
that a process that lives long follows it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from copilot_kit.errors import UnknownModel, UsageError
from copilot_kit.messages import Record
from copilot_kit.model import Model
from copilot_kit.overlays import Overlaid, Overlay
from copilot_kit.providers import GROUP, OpenModel, listed, opener, providers, some_providers
from copilot_kit.records import SlotMoved, Stage
from copilot_kit.request import Settings
from copilot_kit.sending import MaySend, check_asked, server_of, wrong_entry

if TYPE_CHECKING:
    import httpx2

__all__ = [
    "FILE_NAME",
    "FILE_VARIABLE",
    "GROUP",
    "Crutch",
    "Frontier",
    "OpenModel",
    "Opened",
    "Placed",
    "Sharing",
    "Slot",
    "SlotOverlay",
    "find_frontier",
    "open_model",
    "place",
    "providers",
    "read_frontier",
    "slot_in",
    "slot_of",
    "store_of",
]

FILE_NAME = "frontier.toml"
FILE_VARIABLE = "COPILOT_KIT_FRONTIER"


class SlotOverlay(Record):
    """What goes with one model of a slot, and is dropped with it."""

    prompt: str = ""
    """Behind the instructions of whoever uses the slot."""
    prompt_file: str | None = None
    """A file with the prompt, beside frontier.toml."""
    replaces: bool = False
    """The prompt stands in the place of the instructions."""
    settings: Settings = Settings()
    """Over those of the slot."""
    tools: dict[str, str] = {}
    """Other descriptions, by the name of the tool."""
    hides: tuple[str, ...] = ()
    """Names of tools that it is not offered, such as helpers that it does not need."""
    tries: int | None = Field(default=None, ge=0)
    """How often an agent lets it try again, in the place of the agent's `output_tries` and `check_tries`."""
    base_url: str | None = None

    @model_validator(mode="after")
    def _one_prompt(self) -> Self:
        if self.prompt and self.prompt_file is not None:
            raise ValueError("give 'prompt' or 'prompt_file', not both")
        return self


class Crutch(Record):
    """Something that a weaker model needed; each verdict tells whether the candidate still does."""

    prompt: str = ""
    """A part of the prompt."""
    tools: tuple[str, ...] = ()
    """Helper tools."""
    retries: bool = False
    """All further tries of an agent whose answer or work was not accepted."""

    @model_validator(mode="after")
    def _is_something(self) -> Self:
        if not self.prompt and not self.tools and not self.retries:
            raise ValueError("say what it is: 'prompt', 'tools' or 'retries = true'")
        return self

    def without(self, overlay: Overlay | None) -> Overlay:
        """Return the overlay that does without it."""
        known = overlay or Overlay()
        left_out = (*known.leaves_out, *((self.prompt,) if self.prompt else ()))
        tries = 0 if self.retries else known.tries
        return known.model_copy(update={"leaves_out": left_out, "hides": (*known.hides, *self.tools), "tries": tries})


class Slot(Record):
    """A model under a name of the project's own, with what goes with it and what it must hold."""

    model: str | None = None
    """As provider:model. None: it waits for its first one, which `copilot-kit snap` finds fit or not."""
    base_url: str | None = None
    """Another server that speaks the provider's language; for models of the same provider only."""
    settings: Settings = Settings()
    overlays: dict[str, SlotOverlay] = {}
    """By provider:model."""
    stage: Stage | None = None
    """A model that takes over step by step."""
    suites: tuple[str, ...] = ()
    """What a candidate is evaluated on, as `copilot-kit eval run` takes it; files lie beside frontier.toml."""
    required_reliability: float | None = Field(default=None, gt=0, lt=1)
    margin: float | None = Field(default=None, ge=0)
    """How much worse counts as no worse."""
    slices: tuple[str, ...] | None = None
    """Tags and tasks on which a candidate must be shown to be no worse, too; None: each task. Losses that are shown
    count on every slice."""
    margins: dict[str, float] = {}
    """Other margins, by tag or task."""
    budget_usd: Decimal | None = Field(default=None, gt=0)
    """Of one evaluation."""
    may_send_to: tuple[str, ...] | None = None
    """Providers that data of this slot may go to, and servers other than their own; None: not limited."""
    parked: str | None = None
    """A dataset of items that were too hard or too expensive; each candidate is asked them, too."""
    crutches: dict[str, Crutch] = {}

    @field_validator("may_send_to")
    @classmethod
    def _names_alone(cls, entries: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if (wrong := wrong_entry(entries or ())) is not None:
            raise ValueError(f"{wrong!r} is neither a provider nor a server; write a server as 'host' or 'host:port'")
        return entries

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.model is None and not self.suites:
            raise ValueError("it has neither a 'model' nor 'suites' to find one by")
        return self

    def model_of(self, name: str, run_id: str) -> str | None:
        """Return the model that a new run gets: while one takes over, the same share of runs, and the same ones.

        One that data of the slot may not go to any more takes nothing over.
        """
        if self.stage is None or not run_id or not self.allows(self.stage.to):
            return self.model
        drawn = int.from_bytes(sha256(f"stage\0{name}\0{self.stage.to}\0{run_id}".encode()).digest()[:8], "big")
        return self.stage.to if drawn < self.stage.share * 2**64 else self.model

    def moved(self, move: SlotMoved) -> "Slot":
        """Return the slot as the shared record of it says."""
        overlays = {model: one for model, one in self.overlays.items() if model not in move.overlays}
        overlays |= {model: SlotOverlay.model_validate(one) for model, one in move.overlays.items() if one is not None}
        changed = {"model": move.model, "base_url": move.base_url, "stage": move.stage, "overlays": overlays}
        return self.model_copy(update=changed)

    def base_url_of(self, model: str) -> str | None:
        """Return the server that a model of this slot is asked at; None leaves it to the adapter."""
        laid = self.overlays.get(model)
        if laid is not None and laid.base_url:
            return laid.base_url
        same = self.model is None or model.partition(":")[0] == self.model.partition(":")[0]
        return self.base_url if same else None

    def allows(self, model: str) -> bool:
        """Tell whether data of this slot may go to this model, at the server that the slot names for it."""
        return self.may_send("").allows(model, self.base_url_of(model))

    def may_send(self, name: str) -> MaySend:
        """Return where data of this slot, which has this name, may go."""
        return MaySend(name, self.may_send_to)


class Sharing(Record):
    """Where slots are shared."""

    store: str | None = None
    """A journal by URL: where it says of a slot which model it has, this file does not count."""


class Frontier(Record):
    """What a `frontier.toml` says."""

    frontier: Sharing = Sharing()
    slots: dict[str, Slot] = {}


@dataclass(frozen=True, slots=True)
class Placed:
    """A model as a slot has it."""

    slot: str
    model: str
    base_url: str | None
    settings: Settings
    overlay: Overlay | None
    may_send: MaySend
    """Where data of the slot may go."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A model ready to be asked, and what its slot says of it."""

    model: Model
    settings: Settings = field(default_factory=Settings)
    slot: str | None = None
    base_url: str | None = None
    overlay: Overlay | None = None
    """Laid over all that the model is asked."""
    server: str | None = None
    """Where the model is asked, if that is not its provider's own address."""


def open_model(
    name: str,
    *,
    base_url: str | None = None,
    folder: Path | None = None,
    api_key: str | None = None,
    http_client: "httpx2.AsyncClient | None" = None,
) -> Opened:
    """Return the model of this name.

    base_url: another server that speaks the provider's language; for a slot, its own is the default.
    folder: where the search for `frontier.toml` begins.
    api_key: wins over the one in the environment.
    http_client: used in place of the adapter's own; the caller closes it.
    Raises UnknownModel where neither a provider nor a slot answers to the name, and NotAllowed where data of the slot
    may not go there.
    """
    if ":" in name:
        opened = _opened(name, base_url, api_key, http_client)
        check_asked(name, opened.server)
        return opened
    placed = place(name, slot_of(name, folder), folder=folder)
    opened = _opened(placed.model, base_url or placed.base_url, api_key, http_client)
    placed.may_send.check(placed.model, opened.server)
    check_asked(placed.model, opened.server)
    model = opened.model if placed.overlay is None else Overlaid(opened.model, placed.overlay)
    return replace(opened, model=model, settings=placed.settings, slot=name, overlay=placed.overlay)


def _opened(
    name: str, base_url: str | None, api_key: str | None, http_client: "httpx2.AsyncClient | None"
) -> Opened:  # fmt: skip
    provider, _, model = name.partition(":")
    made = opener(name)(provider, model, base_url=base_url, api_key=api_key, http_client=http_client)
    return Opened(model=made, base_url=base_url, server=server_of(made) or base_url)


def slot_of(name: str, folder: Path | None = None) -> Slot:
    """Return the slot of this name, as the journal has it that `[frontier] store` names.

    Raises UnknownModel where there is none.
    """
    slot, path = slot_in(name, folder), find_frontier(folder)
    store = None if path is None else store_of(path)
    if store is None:
        return slot
    from copilot_kit.journal.slots import move_in

    move = move_in(store, name)
    return slot if move is None else slot.moved(move)


def slot_in(name: str, folder: Path | None = None) -> Slot:
    """Return the slot of this name as frontier.toml has it; raises UnknownModel where there is none."""
    path = find_frontier(folder)
    slots = read_frontier(path).slots if path is not None else {}
    slot = slots.get(name)
    if slot is None:
        raise UnknownModel(_no_slot(name, slots, path))
    return slot


def place(
    name: str, slot: Slot, *, model: str | None = None, run_id: str = "", folder: Path | None = None
) -> Placed:  # fmt: skip
    """Return the model that the slot gives, with what goes with it.

    model: this one in the place of the slot's own. run_id: of a new run, which a model that takes over may get.
    Raises UnknownModel where the slot has none.
    """
    named = model or slot.model_of(name, run_id)
    if named is None:
        raise UnknownModel(
            f"Slot {name!r} has no model yet. Evaluate one and put it there: copilot-kit snap {name} --to provider:name"
        )
    if ":" not in named:
        raise UsageError(
            f"Slot {name!r} of {find_frontier(folder)} names the model {named!r}: write it as 'provider:name', with "
            f"one of the installed providers ({some_providers('')})."
        )
    may_send, url = slot.may_send(name), slot.base_url_of(named)
    may_send.check(named, url)
    laid = slot.overlays.get(named, SlotOverlay())
    overlay = Overlay(
        prompt=_prompt(laid, folder), replaces=laid.replaces, tools=laid.tools, hides=laid.hides, tries=laid.tries
    )
    return Placed(name, named, url, laid.settings.over(slot.settings), overlay or None, may_send)


def _prompt(laid: SlotOverlay, folder: Path | None) -> str:
    if laid.prompt_file is None:
        return laid.prompt
    beside = find_frontier(folder)
    path = Path(laid.prompt_file) if beside is None else beside.parent / laid.prompt_file
    try:
        return path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The prompt_file {str(path)!r} cannot be read: {error}. Correct {beside}.") from error


def find_frontier(folder: Path | None = None) -> Path | None:
    """Return the `frontier.toml` that counts here, None if there is none. folder: or the file itself, by any name."""
    if folder is not None and folder.is_file():
        return folder
    named = os.environ.get(FILE_VARIABLE)
    if named and folder is None:
        if not Path(named).is_file():
            raise UsageError(f"{FILE_VARIABLE} names {named!r}, which is no file. Correct it, or unset it.")
        return Path(named)
    start = (folder or Path.cwd()).absolute()
    return next((path for place in (start, *start.parents) if (path := place / FILE_NAME).is_file()), None)


def read_frontier(path: Path) -> Frontier:
    """Return what the file says; raises UsageError that names the file and the place."""
    return _parsed(path, path.read_bytes())


def store_of(path: Path) -> str | None:
    """Return the journal that this file names, the same one for whoever reads it from wherever; None: it names none."""
    url = read_frontier(path).frontier.store
    if url is None or url == "memory" or url.startswith("sqlite:////"):
        return url
    scheme, mark, rest = url.partition("://")
    if mark and (scheme != "sqlite" or not rest.startswith("/")):
        return url
    place = Path(rest[1:] if mark else url).expanduser()
    return str(path.absolute().parent / place)


_SHAPES: Final = {
    "tuple_type": 'Input should be a list, as in ["one", "two"]',
    "dict_type": "Input should be a table, as in { name = value }",
    "model_type": "Input should be a table, as in { name = value }",
}
"""What TOML calls the types that pydantic has names of Python for."""


@lru_cache(maxsize=16)
def _parsed(path: Path, content: bytes) -> Frontier:
    import tomllib

    try:
        return Frontier.model_validate(tomllib.loads(content.decode("utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}. Correct it there.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        wrong = _SHAPES.get(first["type"]) or first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{path}: {place!r} is wrong: {wrong}. {_fields(first['loc'])}") from error


def _fields(place: tuple[int | str, ...]) -> str:
    """Return which fields there are where something is wrong."""
    for name, kind in (("settings", Settings), ("overlays", SlotOverlay), ("crutches", Crutch), ("stage", Stage)):
        if name in place:
            return f"There are {listed(kind.model_fields)}."
    if place[0] == "frontier":
        return f"There is {listed(Sharing.model_fields)}."
    if place[0] not in Frontier.model_fields:
        return f"There are {listed(Frontier.model_fields)}, as in [slots.default]."
    return f"A slot has 'model' or 'suites' and, if you like, {listed(sorted(Slot.model_fields))}."


def _no_slot(name: str, slots: Mapping[str, Slot], path: Path | None) -> str:
    if name.endswith(".gguf"):
        return f"Cannot open model {name!r}: a file of weights is opened as 'local:{name}'."
    ask = f"write it as 'provider:name', with one of the installed providers ({some_providers('')})"
    if path is None:
        return (
            f"Cannot open model {name!r}: {ask}, or make a {FILE_NAME} with a [slots.{name}] that names a model; "
            "there is none in this folder or above."
        )
    return f"Cannot open model {name!r}: {ask}, or with a slot of {path} ({listed(slots)})."
