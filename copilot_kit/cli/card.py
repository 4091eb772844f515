"""A proposal as a person sees it in the terminal: every argument in full, and nothing that could pose as ours."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from copilot_kit.cli.origin_lines import mark_of, origin_lines
from copilot_kit.cli.preview_lines import body_lines, consequence_lines, title_of
from copilot_kit.cli.screen import bold, dim, warned
from copilot_kit.display import block, visible, width_of
from copilot_kit.effects import ArgumentRole, Effect
from copilot_kit.records import Preview, Proposal

_EFFECTS: dict[Effect, str] = {
    "read": "changes nothing",
    "write": "changes something of yours",
    "external": "leaves the house",
}
_FIRST: dict[ArgumentRole | None, int] = {"destination": 0, "object": 1, None: 2, "content": 2, "wording": 2}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_OUR_WORDS = frozenset(
    {"task", "costs", "reaches", "from", "edited", "expires", "expired", "asked", "proposed", "what"}
)
"""An argument that a model named so must not stand where our own lines begin so."""
_SHOWN_OF_FOLDED = 4
_LONGEST_SHORT = 60
_RULE = 12
_AMPLE = 16
"""With less room for the call than so many lines, less of each folded value is shown."""
_KEYS = 4
"""Lines that the keys below a card take, at most, with the one that the cursor stands on."""
_FEWEST_LINES = 6


@dataclass(frozen=True, slots=True)
class Card:
    """Lines for the screen, and how many were left out: while any are, the call cannot be approved."""

    lines: tuple[str, ...]
    folded: int = 0


@dataclass(frozen=True, slots=True)
class _Section:
    """Words of ours, and others' lines below them, which may be folded."""

    head: str
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Look:
    """The screen that a card is made for."""

    width: int
    most_lines: int | None = None
    """Values longer than fit are folded, with a count. None: everything is shown, and the bytes that would run."""
    context: tuple[str, ...] = ()
    """Further lines of ours below the title."""


def card_of(proposal: Proposal, look: Look, *, edited: str | None = None, preview: Preview | None = None) -> Card:
    """Return the proposal as lines for this screen.

    edited: canonical arguments that a person wants instead. preview: what the tool makes of these, or of the
    proposal's own by now.
    """
    shown = proposal.preview if edited is None and preview is None else preview
    above = ["", *_title(proposal, look.width), *look.context]
    below = _reasons(proposal, look.width)
    room = None if look.most_lines is None else max(_FEWEST_LINES, look.most_lines - len(above) - len(below) - _KEYS)
    left, folded = _fitted(list(_sections(proposal, shown, edited, look.width)), room)
    if look.most_lines is None:
        canonical = proposal.arguments if edited is None else edited
        below += ["  exactly these bytes run:", *block(canonical, width=look.width)]
    return Card((*above, *left, *below), folded)


def background_of(proposal: Proposal) -> list[str]:
    """Return who proposes it, why a person is asked, and where each value came from."""
    return [
        *(f"{visible(reason.code)}: {visible(reason.text)}" for reason in proposal.reasons),
        *origin_lines(proposal),
        f"proposed by {visible(proposed_by(proposal))}",
        f"tool version {visible(proposal.tool_version)}",
        f"prompt version {visible(proposal.prompt_version)}",
        f"call digest {visible(proposal.call_digest)}",
    ]


def proposed_by(proposal: Proposal) -> str:
    """Return the agents, from the top one down to the one that asks, and the model."""
    agents = " > ".join(step.agent for step in proposal.path) or "agent"
    asked, _, served = proposal.model.partition(" > ")
    return f"{agents} with {asked if asked.endswith(f':{served}') else proposal.model}"


def _title(proposal: Proposal, width: int) -> list[str]:
    effect = _EFFECTS[proposal.effect]
    name = visible(proposal.tool)
    head = f"── {name}"
    if width_of(head) + len(effect) + 4 > width:  # not beside each other: what the terminal wraps could pose as ours
        lines = [bold(head)] if width_of(head) <= width else [bold("── a tool named"), *block(name, width=width)]
        return [*lines, f"  {effect}"]
    rule = "─" * min(_RULE, width - width_of(head) - len(effect) - 4)
    return [f"{bold(head)} · {effect} {rule}"]


def _sections(proposal: Proposal, preview: Preview | None, edited: str | None, width: int) -> Iterator[_Section]:
    if edited is not None:
        yield _Section("  edited by you", [])
    if preview is not None:
        for line in consequence_lines(preview, width=width):
            yield _Section(line, [])
    arguments = json.loads(proposal.arguments if edited is None else edited)
    named = [
        _argument(proposal, name, arguments[name], changed=edited is not None, width=width)
        for name in sorted(arguments, key=lambda name: _FIRST[proposal.roles.get(name)])
    ]
    if not arguments:
        yield _Section("  without arguments", [])
    yield from (section for section in named if len(section.lines) <= _SHOWN_OF_FOLDED)
    if preview is not None:
        said_already = preview.kind == "text" and preview.body in arguments.values()
        body = body_lines(preview, tool=proposal.tool, width=width, without_body=said_already)
        heading = title_of(preview, tool=proposal.tool, width=width)
        if body or (heading.endswith(visible(preview.title)) and preview.kind != "text"):
            yield _Section(heading, body)
    yield from (section for section in named if len(section.lines) > _SHOWN_OF_FOLDED)


def _argument(proposal: Proposal, name: str, value: object, *, changed: bool, width: int) -> _Section:
    """Return a short value beside its name, as JSON, and a longer one below it in the margin.

    It is short if the terminal has no need to wrap it: what is wrapped has no margin, and could pose as ours.
    """
    words, doubtful = ("", False) if changed and not _is_same(proposal, name, value) else mark_of(proposal, name)
    mark = _mark(visible(words), doubtful=doubtful)
    heading, lines = name, []
    if _NAME.fullmatch(name) is None or name in _OUR_WORDS or len(name) > min(_LONGEST_SHORT, width // 2):
        heading, lines = "an argument named", block(name, width=width)
    short = visible(json.dumps(value, ensure_ascii=False))
    taken = width_of(heading) + (width_of(visible(words)) + 3 if words else 0) + 4
    if not lines and width_of(short) <= min(_LONGEST_SHORT, width - taken):
        return _Section(f"  {bold(heading)}  {short}{mark}", [])
    kind = _kind(value)
    if taken + len(kind) > width:  # the narrowest screens
        kind = ""
    if taken > width:
        lines, mark = [*_said("from", words, width), *lines], ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    head = f"  {bold(heading)}{f'  {dim(kind)}' if kind else ''}{mark}"
    return _Section(head, [*lines, *block(text, width=width)])


def _mark(words: str, *, doubtful: bool) -> str:
    if not words:
        return ""
    return f" · {warned(words)}" if doubtful else dim(f" · {words}")


def _kind(value: object) -> str:
    if not isinstance(value, str):
        return ""
    lines = value.count("\n") + 1
    return f"text, {len(value):,} characters" + (f" in {lines:,} lines" if lines > 1 else "")


def _is_same(proposal: Proposal, name: str, value: object) -> bool:
    asked = json.loads(proposal.arguments)
    return name in asked and json.dumps(asked[name]) == json.dumps(value)


def _fitted(sections: list[_Section], room: int | None) -> tuple[list[str], int]:
    """Return all lines that are shown, and how many are not; of long sections the first ones get most of the room."""
    total = sum(1 + len(section.lines) for section in sections)
    if room is None or total <= room:
        return [line for section in sections for line in (section.head, *section.lines)], 0
    fewest = _SHOWN_OF_FOLDED if room >= _AMPLE else _SHOWN_OF_FOLDED // 2
    left = room - sum(1 + min(len(one.lines), fewest + 1) for one in sections)
    lines: list[str] = []
    folded = 0
    for section in sections:
        count = min(len(section.lines), fewest + max(0, left))
        if count >= len(section.lines) - 1:  # the line that says so would take no less room
            count = len(section.lines)
        left -= max(0, count - fewest)
        missing = len(section.lines) - count
        note = [warned(f"  [{missing:,} more lines: press v]")] if missing else []
        lines += [section.head, *section.lines[:count], *note]
        folded += missing
    return lines, folded


def _reasons(proposal: Proposal, width: int) -> list[str]:
    """Return why a person is asked, and by whom; words of rules may quote the call, so that they keep to the margin."""
    lines: list[str] = []
    if proposal.again_of is not None:
        lines.append(dim("  asked anew: something has changed since"))
    if proposal.reasons:
        lines += _said("asked because", "; ".join(reason.text for reason in proposal.reasons), width)
    return [*lines, *_said("proposed by", proposed_by(proposal), width)]


def _said(label: str, words: str, width: int) -> list[str]:
    shown = visible(words)
    if width_of(shown) + len(label) + 3 <= width:
        return [f"  {dim(label)} {shown}"]
    return [f"  {dim(label)}", *block(words, width=width)]
