"""What may go to which provider: one rule for opaque data, one table for what cannot go, one way to name calls.

Adapters encode every part through `fit`, so that nothing signed or encrypted ever reaches a provider that did not
make it, and everything left out is reported.
"""

import hashlib
import re
from dataclasses import dataclass, field

from copilot_kit.messages import (
    File,
    Foreign,
    Part,
    Reasoning,
    Summary,
    Text,
    ToolCall,
    ToolResult,
    UnknownPart,
    Wire,
)
from copilot_kit.response import Dropped


@dataclass(frozen=True, slots=True)
class Target:
    """The receiving end of a request."""

    origin: str
    """As provider.api: `anthropic.messages`."""
    model: str
    compatible: frozenset[str] = field(default=frozenset())
    """Other origins whose opaque data it is documented to read."""
    binds_reasoning: bool = False
    tool_id_pattern: str | None = None

    def reads(self, origin: str) -> bool:
        """Tell whether opaque data of this origin means something there."""
        return origin == self.origin or origin in self.compatible


def may_replay(wire: Wire | None, target: Target, *, prefix_digest: str | None = None) -> bool:
    """Tell whether opaque data may go back: same or compatible origin, its own model, its prefix unchanged.

    prefix_digest: digest of the conversation that would now precede it; None where the caller does not roll one.
    """
    if wire is None or not target.reads(wire.origin):
        return False
    if wire.model is not None and wire.model != target.model:
        return False
    bound = target.binds_reasoning and wire.prefix_digest is not None and prefix_digest is not None
    return not bound or wire.prefix_digest == prefix_digest


def fit(
    part: Part, target: Target, *, message_id: str | None = None, prefix_digest: str | None = None
) -> tuple[Part | None, Dropped | None]:
    """Return what can be sent of this part, and the receipt for what cannot.

    | part | to its origin | elsewhere |
    | --- | --- | --- |
    | text | as it is | without its citations |
    | reasoning, foreign, calls and results run by the provider | as it is | left out |
    | file at a provider | as it is | a line of text that names it |
    | summary | its text | its text |
    | a part of a later version | left out | left out |

    Calls and results of the application, files and plain text go everywhere, without the opaque data of their maker;
    `call_id_for` names calls.
    """
    if may_replay(part.wire if not isinstance(part, UnknownPart) else None, target, prefix_digest=prefix_digest):
        return part, None
    match part:
        case Text(citations=()) | ToolCall(executed_by="client") | ToolResult(executed_by="client"):
            return _unmarked(part), None
        case File() if part.data is not None or part.url is not None:
            return _unmarked(part), None
        case Text():
            plain = part.model_copy(update={"citations": (), "wire": None})
            return plain, Dropped(kind="feature", name="citations", reason=_reason(part.wire, target),
                                  message_id=message_id, became="text without them")  # fmt: skip
        case Summary() if part.text:
            return Text(text=part.text, cache=part.cache, source=part.source), None
        case File():
            line = f"[file {part.name or part.media_type}: held by {_maker(part.wire)}, not readable here]"
            return Text(text=line), Dropped(kind="part", name="file", reason=_reason(part.wire, target),
                                            message_id=message_id, became="a line of text")  # fmt: skip
        case Reasoning() | Foreign() | ToolCall() | ToolResult() | Summary() | UnknownPart():
            kind = part.kind if isinstance(part, Foreign) else part.type
            wire = None if isinstance(part, UnknownPart) else part.wire
            return None, Dropped(kind="opaque" if wire else "part", name=kind, reason=_reason(wire, target),
                                 message_id=message_id)  # fmt: skip


def _unmarked(part: Text | ToolCall | ToolResult | File) -> Part:
    if part.wire is None or part.wire.opaque is None:
        return part
    return part.model_copy(update={"wire": Wire(origin=part.wire.origin, id=part.wire.id)})


def _maker(wire: Wire | None) -> str:
    return wire.origin if wire else "nobody"


def _reason(wire: Wire | None, target: Target) -> str:
    if wire is None:
        return f"{target.origin} has no form for it"
    if not target.reads(wire.origin):
        return f"made by {wire.origin}, which {target.origin} cannot read"
    if wire.model is not None and wire.model != target.model:
        return f"bound to the model {wire.model}"
    return "the conversation before it was changed"


def call_id_for(part: ToolCall | ToolResult, target: Target) -> str:
    """Return the id under which this call is known to the target.

    The provider's own where it made the call; else ours, rewritten deterministically if its alphabet or length is
    not accepted there.
    """
    if part.wire is not None and part.wire.id is not None and part.wire.origin == target.origin:
        return part.wire.id
    pattern = target.tool_id_pattern
    if pattern is None or re.fullmatch(pattern, part.call_id):
        return part.call_id
    digest = hashlib.sha256(part.call_id.encode()).hexdigest()
    for length in (9, 24, 32, 40):
        if re.fullmatch(pattern, digest[:length]):
            return digest[:length]
    return part.call_id
