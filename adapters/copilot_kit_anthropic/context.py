"""What the provider takes out of a long conversation: how it is asked for, and what comes back of it.

Sources: platform.claude.com, "Context editing" and "Compaction", and the types of the official SDK 2.12. Compaction
takes 50,000 input tokens and more. A conversation that holds a compaction block is refused where its strategy is not
named, so it is named there with a threshold that is never reached.
"""

from typing import Any

from copilot_kit.messages import Summary, Wire
from copilot_kit.profile import Profile
from copilot_kit.request import ContextEditing
from copilot_kit_anthropic.json_bytes import Json
from copilot_kit_anthropic.receipts import Receipts

FIELD = "context_management"
_CLEAR, _COMPACT = "clear_tool_uses_20250919", "compact_20260112"
_LEAST_TO_COMPACT = 50_000
_NEVER = 2_000_000


def edits_of(editing: ContextEditing | None, profile: Profile, receipts: Receipts) -> Json | None:
    """Return the field that asks for these edits; None where there is nothing to ask for."""
    if editing is None:
        return None
    edits = []
    if editing.compact_at is not None and _does("compact", profile, receipts):
        least = max(editing.compact_at, _LEAST_TO_COMPACT)
        if least != editing.compact_at:
            receipts.leave_out("context.compact_at", "the provider sums up 50,000 tokens and more", became=str(least))
        edits.append({"type": _COMPACT, "trigger": _tokens(least)})
    if editing.clear_results_at is not None and _does("clear_results", profile, receipts):
        edit: Json = {"type": _CLEAR, "trigger": _tokens(editing.clear_results_at)}
        if editing.keep_results is not None:
            edit["keep"] = {"type": "tool_uses", "value": editing.keep_results}
        if editing.clear_at_least is not None:
            edit["clear_at_least"] = _tokens(editing.clear_at_least)
        if editing.keep_results_of:
            edit["exclude_tools"] = list(editing.keep_results_of)
        edits.append(edit)
    return {"edits": edits} if edits else None


def editing_of(field: Any) -> ContextEditing | None:
    """Return what a field asks for, as far as it has a neutral form; encoding that shows whether it is all."""
    edits = field.get("edits") if isinstance(field, dict) else None
    values: Json = {}
    for edit in edits if isinstance(edits, list) else ():
        match edit:
            case {"type": "compact_20260112", "trigger": {"value": int(at)}}:
                values["compact_at"] = at
            case {"type": "clear_tool_uses_20250919", "trigger": {"value": int(at)}}:
                values |= {"clear_results_at": at, **_clearing(edit)}
            case _:
                return None
    return ContextEditing(**values) if values else None


def with_strategy(values: Json) -> Json:
    """Return a request's fields with compaction named in them, without anything being compacted that was not before."""
    management = values.get(FIELD)
    named = management if isinstance(management, dict) else {}
    edits = named.get("edits")
    edits = edits if isinstance(edits, list) else []
    if any(isinstance(edit, dict) and edit.get("type") == _COMPACT for edit in edits):
        return values
    return {**values, FIELD: {**named, "edits": [{"type": _COMPACT, "trigger": _tokens(_NEVER)}, *edits]}}


def summary_of(block: Json, origin: str, replaces: tuple[str, str]) -> Summary | None:
    """Return the summary that a compaction block holds; None if the compaction failed: nothing is replaced then."""
    text = block.get("content")
    if block.get("type") != "compaction" or not isinstance(text, str) or not text:
        return None
    rest = {name: value for name, value in block.items() if name != "content"}
    return Summary(text=text, replaces=replaces, wire=Wire(origin=origin, opaque=rest))


def _clearing(edit: Json) -> Json:
    values: Json = {}
    for name, ours in (("keep", "keep_results"), ("clear_at_least", "clear_at_least")):
        limit = edit.get(name)
        if isinstance(limit, dict) and isinstance(limit.get("value"), int):
            values[ours] = limit["value"]
    kept = edit.get("exclude_tools")
    if isinstance(kept, list) and all(isinstance(name, str) for name in kept):
        values["keep_results_of"] = tuple(kept)
    return values


def _does(edit: str, profile: Profile, receipts: Receipts) -> bool:
    if profile.edits_context is None or edit in profile.edits_context:
        return True
    name = {"compact": "context.compact_at", "clear_results": "context.clear_results_at"}[edit]
    receipts.leave_out(name, "it is not done for this model")
    return False


def _tokens(count: int) -> Json:
    return {"type": "input_tokens", "value": count}
