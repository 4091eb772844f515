"""Where the values of a call came from, in a word beside each of them."""

import json
from collections.abc import Iterator

from copilot_kit.display import visible
from copilot_kit.messages import Source
from copilot_kit.records import Origin, Proposal

_WORDS: dict[str, str] = {"tool": "tool result", "model": "the model", "user": "user", "summary": "a summary"}
_WORST_FIRST = ("model", "tool", "document", "memory", "derived", "summary", "application", "person", "user")
_DECIDES = frozenset({"destination", "object"})


def mark_of(proposal: Proposal, name: str) -> tuple[str, bool]:
    """Return where the values of this argument came from, in few words, and whether that deserves a second look.

    It does where no trusted part of the conversation names whom the call reaches, or what it acts on.
    """
    origins = [origin for origin in proposal.provenance if _top_of(origin) == name]
    origins.sort(key=lambda origin: _WORST_FIRST.index(origin.source.kind))
    marks = dict.fromkeys(words_of(origin.source) for origin in origins)
    doubtful = any(origin.role in _DECIDES and not origin.source.trusted for origin in origins)
    return ", ".join(marks), doubtful


def words_of(source: Source) -> str:
    """Return what a source is called on a card, with its name as it is."""
    name = _WORDS.get(source.kind, source.kind)
    return name if source.ref is None or source.kind in {"model", "user"} else f"{name} {source.ref}"


def origin_lines(proposal: Proposal) -> Iterator[str]:
    """Yield a line for each value whose origin is known."""
    for origin in proposal.provenance:
        role = "" if origin.role is None else f" ({origin.role})"
        trust = "" if origin.source.trusted else ", not trusted"
        at = visible(json.dumps(origin.at, ensure_ascii=False))
        yield f"value at {at}{role}: {visible(words_of(origin.source))}{trust}"


def _top_of(origin: Origin) -> str:
    """Return the argument that a JSON pointer is about."""
    return origin.at.removeprefix("/").split("/", 1)[0].replace("~1", "/").replace("~0", "~")
