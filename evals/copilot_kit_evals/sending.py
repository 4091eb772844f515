"""Where the items of a run may go: as the slots say whose data they are.

A run of `copilot-kit snap` is of a slot. An item that was made of recorded runs names the slots of those, and what they
said then, in its meta: `may_send_to = {"default": ["acme"]}`. What frontier.toml says of the slot now holds as well.
"""

import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import FunctionType, MethodType
from typing import Any, Final, TypeAlias

from pydantic import TypeAdapter, ValidationError

from copilot_kit.errors import CopilotError, UnknownModel
from copilot_kit.model import Model
from copilot_kit.sending import MaySend, NotAllowed, server_of
from copilot_kit.slots import Opened, place, slot_in
from copilot_kit_evals.candidates import Candidate, opened_as
from copilot_kit_evals.items import BadDataset, Dataset
from copilot_kit_evals.tasks import Rule, Task

MAY_SEND_TO: Final = "may_send_to"
"""In the meta of an item: by slot, where its data might go when the item was made; null: anywhere."""
_LISTS: Final = TypeAdapter(dict[str, tuple[str, ...] | None])
_THEN: Final = "its may_send_to, when the items were made of its runs, had"
_AGAIN: Final = "Make them again (copilot-kit eval from-journal) once it is named there."
_DEEP: Final = 6
_WHOLE: Final = (str, bytes, int, float, type(None), type, Dataset)

Asked: TypeAlias = tuple[str, str | None]
"""A model, and where it is asked if that is not its provider's own address."""


def limits_of(datasets: Iterable[Dataset], rule: Rule | None = None) -> tuple[MaySend, ...]:
    """Return what holds for whoever is asked about these items, or judges what was answered; rule: of their run.

    Raises `UsageError` for a run of a slot that frontier.toml does not have, since nobody can say what holds.
    """
    found: dict[MaySend, None] = {}
    slot = None if rule is None else rule.slot
    if slot is not None:
        found[slot_in(slot).may_send(slot)] = None
    for dataset in datasets:
        found |= dict.fromkeys(_recorded(dataset))
    return tuple(one for one in found if one.to is not None)


def _recorded(dataset: Dataset) -> Iterator[MaySend]:
    told = {_told(line) for line in dataset.lines if f'"{MAY_SEND_TO}"'.encode() in line}
    for text in sorted(told):
        try:
            lists = _LISTS.validate_json(text)
        except ValidationError as error:
            raise BadDataset(
                f"An item of {dataset.name!r} says in a way that nobody can read where it may go: {text}. Write "
                f'{MAY_SEND_TO} as {{"slot": ["provider"]}} in its meta.'
            ) from error
        for slot, to in lists.items():
            yield MaySend(slot, to, _THEN, _AGAIN)
            with suppress(UnknownModel):
                yield slot_in(slot).may_send(slot)


def _told(line: bytes) -> str:
    return json.dumps(json.loads(line).get("meta", {}).get(MAY_SEND_TO, {}), sort_keys=True)


def check_asked_by(tasks: Iterable[Task], candidates: Iterable[Asked], limits: Sequence[MaySend]) -> None:
    """Raise `NotAllowed` where a candidate, or a model that a scorer or a solver holds, may not get the items."""
    if not limits:
        return
    held = [one for task in tasks for what in (*task.scorers, task.solver) for one in models_in(what)]
    for model, server in (*candidates, *held):
        for limit in limits:
            limit.check(model, server)


def asked(opened: Opened) -> Asked:
    """Return which model was opened, and where it is asked."""
    return opened.model.id, opened.server or server_of(opened.model)


def check_planned(
    tasks: Sequence[Task], candidates: Sequence[Candidate], opening: Callable[[str], Opened | None], *,
    rule: Rule | None = None,
) -> None:  # fmt: skip
    """Raise `NotAllowed` as a run would, before there is one; nothing is asked."""
    limits = limits_of([task.dataset for task in tasks], rule)
    if limits:
        check_asked_by(tasks, [_planned(one, opening) for one in candidates], limits)


def _planned(candidate: Candidate, opening: Callable[[str], Opened | None]) -> Asked:
    try:
        return asked(opened_as(candidate, opening))
    except NotAllowed:
        raise
    except CopilotError:  # no key, say: a plan needs none; where the model is asked is known as far as it is written
        if ":" in candidate.model:
            return candidate.model, candidate.base_url
        placed = place(candidate.model, slot_in(candidate.model))
        return placed.model, candidate.base_url or placed.base_url


def models_in(what: object) -> list[Asked]:
    """Return the models that a scorer or a solver holds: in its fields, in what its function closes over or names."""
    models = [one for one in _reached(what, _within) if _is_model(one)]
    return list(dict.fromkeys((one.id, server_of(each)) for one in models for each in _reached(one, _wrapped)))


def _reached(what: Any, within: Callable[[Any], Iterable[Any]]) -> Iterator[Any]:
    """Yield an object and what is within it, the nearest first: so nothing that is held twice ends a way too early."""
    seen: dict[int, Any] = {}
    nearest = [what]
    for _ in range(_DEEP):
        new = {id(one): one for one in nearest if id(one) not in seen and not isinstance(one, _WHOLE)}
        yield from new.values()
        seen |= new
        nearest = [each for one in new.values() for each in within(one)]


def _wrapped(model: object) -> list[Any]:
    """Return the models that a model asks in its own name, such as with retries."""
    held = [one if isinstance(one, list | tuple) else (one,) for one in _members(model)]
    return [one for some in held for one in some if _is_model(one)]


def _is_model(what: object) -> bool:
    try:
        return not isinstance(what, _WHOLE) and isinstance(what, Model)
    except Exception:  # noqa: BLE001  a property of somebody's own object
        return False


def _within(what: object) -> Iterable[Any]:
    if _is_model(what):
        return ()
    if isinstance(what, Mapping):
        return list(what.values())
    if isinstance(what, list | tuple | set | frozenset):
        return list(what)
    if isinstance(what, partial):
        return [what.func, *what.args, *what.keywords.values()]
    if isinstance(what, MethodType):
        return [what.__self__, what.__func__]
    if isinstance(what, FunctionType):
        return _named(what)
    return _members(what)


def _named(function: FunctionType) -> list[Any]:
    """Return what a function closes over, and the globals that it names, as far as those ask or hold a model."""
    try:
        names = inspect.getclosurevars(function)
    except (TypeError, ValueError):
        return []
    asks = [one for one in names.globals.values() if _is_model(one) or _is_model(getattr(one, "model", None))]
    return [*names.nonlocals.values(), *asks]


def _members(what: object) -> list[Any]:
    slots = [name for kind in type(what).__mro__ for name in _slots(kind)]
    return [*getattr(what, "__dict__", {}).values(), *(getattr(what, name, None) for name in slots)]


def _slots(kind: type) -> list[str]:
    names = kind.__dict__.get("__slots__", ())
    return [names] if isinstance(names, str) else list(names)
