"""What to evaluate, and by when: models of the slots that retire, and new members of their lines."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, TypeAlias

from copilot_kit.prices import LOCAL
from copilot_kit.profile import Lifecycle
from copilot_kit.slots import Slot
from copilot_kit_evals.frontier.catalogues import Catalogue, lists, newer
from copilot_kit_evals.verdict.words import counted

Kind: TypeAlias = Literal["retires", "retired", "deprecated", "gone", "newer", "unknown", "empty"]
_FEW: Final = 3


@dataclass(frozen=True, slots=True)
class News:
    """Something about a model that slots use, or a slot that has none."""

    kind: Kind
    slots: tuple[str, ...]
    model: str | None
    text: str
    evaluate: tuple[str, ...] = ()
    """Models to evaluate in its place, as provider:model."""
    days: int | None = None
    """Until it retires."""
    urgent: bool = False


def used(slots: Mapping[str, Slot]) -> dict[str, tuple[str, ...]]:
    """Return the models that slots have, or that take over one, with these slots."""
    found: dict[str, list[str]] = {}
    for name, slot in slots.items():
        for model in (slot.model, None if slot.stage is None else slot.stage.to):
            if model is not None:
                found.setdefault(model, []).append(name)
    return {model: tuple(names) for model, names in found.items()}


def news(
    slots: Mapping[str, Slot],
    catalogues: Callable[[str], list[Catalogue]],
    lifecycle: Callable[[str], Lifecycle],
    *,
    today: date,
    within_days: int = 30,
) -> list[News]:
    """Return what is new of the models that slots use, what is urgent first.

    catalogues: those of a provider; a live one wins where it says that a model is gone.
    """
    found: list[News] = []
    for model, names in used(slots).items():
        provider, _, name = model.partition(":")
        elsewhere = all(slots[one].base_url_of(model) for one in names)  # its provider's own list says nothing of that
        known = [one for one in catalogues(provider) if not (elsewhere and one.live)]
        better = list(dict.fromkeys(other for one in known for other in newer(name, one)))
        successor = lifecycle(model).successor
        candidates = tuple(f"{provider}:{one}" for one in dict.fromkeys([*([successor] if successor else []), *better]))
        ends = _ends(model, names, lifecycle(model), candidates, today=today, within_days=within_days)
        gone = [one for one in known if one.live and not lists(one, name)]
        found += [ends] if ends is not None else []
        if gone and ends is None:
            text = f"{provider} does not list it any more"
            found.append(News("gone", names, model, text, candidates, urgent=True))
        if ends is None and not gone and any(name in one.deprecated for one in known):
            found.append(News("deprecated", names, model, "its provider calls it deprecated", candidates))
        if better and (ends is None or ends.kind != "retired"):
            more = f" and {len(better) - _FEW} more" if len(better) > _FEW else ""
            text = f"newer of its line: {', '.join(better[:_FEW])}{more}"
            found.append(News("newer", names, model, text, candidates))
        if not known and ends is None and provider != LOCAL:  # weights of one's own stay
            found.append(News("unknown", names, model, f"nobody here lists the models of {provider}"))
    waits = "it waits for its first model"
    found += [News("empty", (name,), None, waits) for name, slot in slots.items() if slot.model is None]
    return sorted(found, key=lambda one: (not one.urgent, one.days if one.days is not None else 10**9))


def _ends(
    model: str, names: tuple[str, ...], life: Lifecycle, candidates: tuple[str, ...], *, today: date, within_days: int
) -> News | None:
    if life.retires is None:
        return None
    days = (life.retires - today).days
    if days < 0:
        return News("retired", names, model, f"retired on {life.retires}", candidates, days, urgent=True)
    when = f"in {counted(days, 'day')}" if days else "today"
    text = f"retires on {life.retires}, {when}"
    return News("retires", names, model, text, candidates, days, urgent=days <= within_days)
