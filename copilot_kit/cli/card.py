"""A proposal as a person sees it in the terminal: every argument in full, and nothing that could pose as ours."""

import json
from dataclasses import dataclass
from textwrap import wrap

from copilot_kit.cli.screen import bold, dim
from copilot_kit.display import block, visible
from copilot_kit.effects import Effect
from copilot_kit.records import Proposal

_EFFECTS: dict[Effect, str] = {
    "read": "changes nothing",
    "write": "changes something of yours",
    "external": "leaves the house",
}
_SHOWN_OF_FOLDED = 4
_LONGEST_SHORT = 60
_RULE = 12
_GAPS = 4
_FEWEST_LINES = 8


@dataclass(frozen=True, slots=True)
class Card:
    """Lines for the screen, and how many were left out: while any are, the call cannot be approved."""

    lines: tuple[str, ...]
    folded: int = 0


def card_of(
    proposal: Proposal, *, width: int, most_lines: int | None, edited: str | None = None, preview: str | None = None
) -> Card:
    """Return the proposal as lines; values longer than fits are folded, with a count. None: everything is shown.

    edited: canonical arguments that a person wants instead. preview: what the tool makes of the arguments.
    """
    arguments = proposal.arguments if edited is None else edited
    values = [
        (visible(name), *_value(value, width, beside=visible(name))) for name, value in json.loads(arguments).items()
    ]
    if preview is None and proposal.preview is not None and edited is None:
        preview = proposal.preview.body
    coming = [] if preview is None else block(preview, width=width)
    room = None if most_lines is None else max(_FEWEST_LINES, most_lines - 8)
    fold = room is not None and sum(len(lines) for _, _, lines in values) + len(coming) > room
    head = f"── {visible(proposal.tool)}"
    effect = f" · {_EFFECTS[proposal.effect]} "
    lines = ["", bold(head) + effect + "─" * min(_RULE, width - len(head) - len(effect))]
    if edited is not None:
        lines.append("  edited by you")
    folded = 0
    for name, kind, value in values:
        left = _folded(value, fold=fold)
        folded += len(value) - len(left)
        lines += [f"  {bold(name)}  {dim(kind) if value else kind}{_missing(len(value) - len(left))}", *left]
    if not values:
        lines.append("  without arguments")
    if coming:
        left = _folded(coming, fold=fold)
        folded += len(coming) - len(left)
        lines += [f"  what comes of it{_missing(len(coming) - len(left))}", *left]
    if proposal.reasons:
        why = f"asked because {visible('; '.join(reason.text for reason in proposal.reasons))}"
        lines += wrap(why, width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    return Card(tuple(lines), folded)


def whole_of(proposal: Proposal, *, width: int, edited: str | None = None, preview: str | None = None) -> Card:
    """Return the card with nothing folded, and the canonical bytes that would run."""
    card = card_of(proposal, width=width, most_lines=None, edited=edited, preview=preview)
    canonical = proposal.arguments if edited is None else edited
    return Card((*card.lines, "  exactly these bytes run:", *block(canonical, width=width)))


def background_of(proposal: Proposal) -> list[str]:
    """Return who proposes it and why a person is asked."""
    agents = " > ".join(step.agent for step in proposal.path) or "agent"
    return [
        *(f"{visible(reason.code)}: {visible(reason.text)}" for reason in proposal.reasons),
        f"proposed by {visible(agents)} with {visible(proposal.model)}",
        f"tool version {visible(proposal.tool_version)}",
        f"prompt version {visible(proposal.prompt_version)}",
        f"call digest {visible(proposal.call_digest)}",
    ]


def _value(value: object, width: int, *, beside: str) -> tuple[str, list[str]]:
    """Return what stands beside the name, and the lines below: a short value stands there itself, as JSON.

    It is short if the terminal has no need to wrap it: what is wrapped has no margin, and could pose as ours.
    """
    short = visible(json.dumps(value, ensure_ascii=False))
    if len(short) <= min(_LONGEST_SHORT, (width - _GAPS - len(beside)) // (1 if short.isascii() else 2)):
        return short, []
    if not isinstance(value, str):
        return "", block(json.dumps(value, ensure_ascii=False, indent=2), width=width)
    lines = value.count("\n") + 1
    return f"text, {len(value):,} characters" + (f" in {lines} lines" if lines > 1 else ""), block(value, width=width)


def _folded(lines: list[str], *, fold: bool) -> list[str]:
    return lines[:_SHOWN_OF_FOLDED] if fold else lines


def _missing(lines: int) -> str:
    return f"  [{lines} more lines: press v]" if lines else ""
