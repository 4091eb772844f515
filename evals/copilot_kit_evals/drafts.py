"""Items that a model has proposed and nobody has confirmed yet, in a file beside the dataset.

    support.jsonl           the dataset; only a person's key puts a drafted item into it
    support.drafts.jsonl    every draft, and what a person decided of it; it only grows

An item that came from a draft says so in `meta.drafted`: which model wrote it and who took it, so that a candidate is
not measured by its own questions (`independent`).
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from copilot_kit.display import visible
from copilot_kit.errors import UsageError
from copilot_kit.messages import Record
from copilot_kit_evals.items import BadDataset, Dataset, Input, Item

DRAFTED: Final = "drafted"
"""In `Item.meta`, and a tag of the item."""
_SUFFIX: Final = ".drafts.jsonl"
_WORD: Final = re.compile(r"\w+")
_ALIKE: Final = 0.8
"""Share of words in common from which two questions are the same."""


class Draft(Record):
    """An item as a model proposes it."""

    type: Literal["draft"] = "draft"
    id: str
    """That of the item, too."""
    input: str
    target: str | None = None
    tags: tuple[str, ...] = ()
    why: str
    """What makes it a good case, in the model's words."""
    quote: str | None = None
    """What it stands on, as the model quotes it."""
    quoted: bool = False
    """The quote stands in the source, word for word."""
    source: str | None = None
    """Name of the file that it was made of; None: of the dataset's own items."""
    model: str
    """Who wrote it, as provider:model."""
    served: str | None = None
    """The name that the provider gave back."""
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))


class Decided(Record):
    """What a person made of a draft."""

    type: Literal["decided"] = "decided"
    draft: str
    decision: Literal["confirmed", "rejected"]
    by: str
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))


_LINE: Final = TypeAdapter[Draft | Decided](Annotated[Draft | Decided, Field(discriminator="type")])


class Drafts:
    """A dataset with the drafts beside it."""

    def __init__(self, dataset: Path) -> None:
        if dataset.suffix.lower() != ".jsonl":
            raise UsageError(
                f"Items are drafted for a dataset of JSON lines, and {visible(dataset.name)!r} is none. Bring it into "
                "one first: copilot-kit eval import"
            )
        self.dataset = dataset
        self.path = dataset.with_name(dataset.name.removesuffix(dataset.suffix) + _SUFFIX)

    def items(self) -> list[Item]:
        """Return the items of the dataset; none where there is no such file yet, or nothing in it."""
        try:
            is_empty = not self.dataset.stat().st_size
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise UsageError(f"{visible(str(self.dataset))!r} cannot be read: {error}. Name a dataset.") from error
        return [] if is_empty else list(Dataset.read(self.dataset))

    def all(self) -> list[Draft]:
        """Return every draft that there has been, also those that were decided."""
        return [one for one in self._lines() if isinstance(one, Draft)]

    def waiting(self) -> list[Draft]:
        """Return the drafts that nobody has decided, oldest first."""
        lines = self._lines()
        done = {one.draft for one in lines if isinstance(one, Decided)} | {item.id for item in self.items()}
        return [one for one in lines if isinstance(one, Draft) and one.id not in done]

    def asked(self) -> "Asked":
        """Return what is asked already, by items and by drafts, the rejected ones too."""
        return Asked([*(_words_of(item.input) for item in self.items()), *(one.input for one in self.all())])

    def keep(self, drafts: Iterable[Draft]) -> None:
        """Append drafts; nothing of it enters the dataset."""
        self._append(self.path, [one.model_dump_json() for one in drafts])

    def confirm(self, draft: Draft, *, by: str, edited: Collection[str] = ()) -> Item:
        """Put a draft into the dataset, as a person has seen it; `edited` names the fields that they changed.

        Raises `UsageError` if an item of this id is there already.
        """
        if any(item.id == draft.id for item in self.items()):
            raise UsageError(f"{visible(self.dataset.name)} has the item {draft.id!r} already. Reject the draft.")
        item = item_of_draft(draft, by=by, edited=edited)
        line = item.model_dump_json()
        self._append(self.dataset, [line])
        self._decide(draft, "confirmed", by)
        return item

    def reject(self, draft: Draft, *, by: str) -> None:
        """Note that a draft is not wanted; nothing like it is proposed again."""
        self._decide(draft, "rejected", by)

    def _decide(self, draft: Draft, decision: Literal["confirmed", "rejected"], by: str) -> None:
        self._append(self.path, [Decided(draft=draft.id, decision=decision, by=by).model_dump_json()])

    def _lines(self) -> list[Draft | Decided]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise BadDataset(f"{visible(self.path.name)} cannot be read: {error}. Take it from a copy.") from error
        found = []
        for number, line in enumerate(text.split("\n")[:-1], 1):  # a last line without its end was never written
            try:
                found.append(_LINE.validate_json(line))
            except ValidationError as error:
                raise BadDataset(
                    f"{visible(self.path.name)}, line {number}: this is no draft ({error.errors()[0]['msg']}). "
                    "Take the line out."
                ) from error
        return found

    def _append(self, path: Path, lines: list[str]) -> None:
        try:
            broken = path.exists() and path.stat().st_size and not path.read_bytes().endswith(b"\n")
            with path.open("a", encoding="utf-8") as file:
                file.write("".join(("\n" if broken and not place else "") + line + "\n"
                                   for place, line in enumerate(lines)))  # fmt: skip
        except OSError as error:
            raise UsageError(
                f"{str(path)!r} cannot be written: {error.strerror}. Make room, or name another."
            ) from error


def item_of_draft(draft: Draft, *, by: str, edited: Collection[str] = ()) -> Item:
    """Return the item, with who drafted it and who took it."""
    drafted: dict[str, JsonValue] = {
        "model": draft.model, "provider": draft.model.partition(":")[0], "served": draft.served,
        "source": draft.source, "why": draft.why, "at": draft.at.isoformat(), "confirmed_by": by,
        "edited": [*sorted(edited)],
    }  # fmt: skip
    tags = tuple(dict.fromkeys([*draft.tags, DRAFTED]))
    return Item(id=draft.id, input=draft.input, target=draft.target, tags=tags, meta={DRAFTED: drafted})


def drafter_of(item: Item) -> str | None:
    """Return the model that drafted an item, as provider:model."""
    drafted = item.meta.get(DRAFTED)
    model = drafted.get("model") if isinstance(drafted, dict) else None
    return model if isinstance(model, str) else None


def independent(dataset: Dataset, models: Collection[str]) -> Dataset:
    """Return the dataset without the items that one of these models drafted: they would be measured by their own."""
    kept = (item for item in dataset if drafter_of(item) not in models)
    return Dataset.of(kept, name=dataset.name, folder=dataset.folder)


def drafted_by(dataset: Dataset, models: Collection[str]) -> Counter[str]:
    """Return how many items each of these models drafted, of those that drafted some."""
    mark = f'"{DRAFTED}"'.encode()
    items = (item for line, item in zip(dataset.lines, dataset, strict=True) if mark in line)
    return Counter(model for item in items if (model := drafter_of(item)) in models and model is not None)


class Asked:
    """Questions, to tell whether another one is among them, in these or in nearly the same words."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._known = [_bag(text) for text in texts]

    def has(self, text: str) -> bool:
        """Tell whether it is asked already."""
        words = _bag(text)
        return any(len(words & known) >= _ALIKE * len(words | known) for known in self._known)

    def add(self, text: str) -> None:
        """Take in another one."""
        self._known.append(_bag(text))


def _bag(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold())) or frozenset({text.strip()})


def _words_of(asked: Input) -> str:
    if isinstance(asked, str):
        return asked
    return " ".join(map(str, asked.values())) if isinstance(asked, dict) else "\n".join(turn.text for turn in asked)
