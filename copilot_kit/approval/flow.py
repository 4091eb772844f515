"""Rules by information flow: a call runs unasked where everything that it says comes from somebody who may say it.

They do not look at what a model says about its reasons, and need no model. A call that they cannot vouch for is asked
about, with the reason that a person needs; they never make another rule milder.
"""

import re
from collections.abc import Iterator, Mapping

from copilot_kit.approval.gate import GateCall, Rule, Ruling
from copilot_kit.approval.provenance import REFUSED, Leaf, leaves
from copilot_kit.effects import ArgumentRole
from copilot_kit.messages import Source
from copilot_kit.records import Origin, Reason

_MODEL = Source(kind="model")
_WORDS: dict[ArgumentRole | None, str] = {
    "destination": "the receiver", "object": "what it acts on", "content": "a value", "wording": "a text",
    None: "a value",
}  # fmt: skip
_FROM = {
    "tool": "came from a tool's result", "document": "came from a document", "memory": "came from memory",
    "summary": "came from a summary", "derived": "was made from text that nobody vouches for",
    "user": "came from text that nobody vouches for", "application": "came from text that nobody vouches for",
    "person": "came from text that nobody vouches for", "model": "was named by the model alone",
}  # fmt: skip
_HOST = re.compile(r"(?:[\w-]+\.)+[A-Za-z]{2,24}(?::\d+)?[/?#]")
"""A host with something behind it, as in `name.example/?q=`; the name of a file has nothing there."""
_AIMS: frozenset[ArgumentRole | None] = frozenset({"destination", "object", None})
"""What no role is declared for is held to the same as a receiver."""


def flow_rules(*, undoable_own_writes_run: bool = True, refuse_unknown_receivers: bool = False) -> tuple[Rule, ...]:
    """Return rules for a `Gate`; rules of one's own may stand beside them and make them stricter.

    - Reads run, unless a value that they would reach out to is nobody's that is trusted.
    - Own writes that the tool can take back run, if `undoable_own_writes_run`, and are listed with Undo.
    - Every other call runs where the request says to do it and each value of it comes from a trusted part, at least one
      of them a receiver or thing that the request itself names. The second call to the same target is asked about.

    refuse_unknown_receivers: a receiver that no trusted part names is refused, not asked about.

        Agent(..., gate=Gate([*flow_rules()]))
    """

    def reads(call: GateCall) -> Ruling | None:
        if call.effect != "read":
            return None
        reasons = _reasons(_reached(call))
        return Ruling("ask", reasons, explicit=False) if reasons else _allow("read", "it changes nothing")

    def own_writes(call: GateCall) -> Ruling | None:
        if not (undoable_own_writes_run and _can_be_undone(call)):
            return None
        return _allow("undoable", "it changes only what is yours, and can be undone")

    def flows(call: GateCall) -> Ruling | None:
        if call.effect == "read" or (undoable_own_writes_run and _can_be_undone(call)):
            return None
        unknown = [one for one in _traced(call) if one[1].role == "destination" and not one[1].source.trusted]
        if refuse_unknown_receivers and unknown:
            return Ruling("deny", _reasons(unknown))
        reasons = (*_reasons(_unsupported(call)), *_of_the_whole(call))
        return Ruling("ask", reasons, explicit=False) if reasons else _allow("supported", "all of it was asked for")

    rules = (reads, own_writes, flows)
    for one in rules:
        one.wants_provenance = True  # type: ignore[attr-defined]
    return rules


def _allow(code: str, text: str) -> Ruling:
    return Ruling("allow", (Reason(code=code, text=text),))


def _can_be_undone(call: GateCall) -> bool:
    """Tell whether a call stays in the house, and can be taken back: whom it reaches must then be nobody."""
    reaches = any(call.roles.get(leaf.argument) == "destination" for leaf in leaves(call.arguments))
    return call.effect == "write" and call.own and call.undoable and not reaches


def _traced(call: GateCall) -> list[tuple[Leaf, Origin]]:
    """Return each value with its origin; one that nobody traced is the model's."""
    origins = {origin.at: origin for origin in call.provenance}
    return [
        (leaf, origins.get(leaf.at) or Origin(at=leaf.at, role=call.roles.get(leaf.argument), source=_MODEL))
        for leaf in leaves(call.arguments)
    ]


def _reached(call: GateCall) -> Iterator[tuple[Leaf, Origin]]:
    """Yield what a read would reach out to, where no trusted part names it: an address can carry data away."""
    for leaf, origin in _traced(call):
        looks_so = any(map(_looks_like_place, (str(leaf.value), *leaf.keys)))
        if (origin.role == "destination" or looks_so) and not origin.source.trusted:
            yield leaf, origin


def _only_opens(traced: list[tuple[Leaf, Origin]]) -> bool:
    """Tell whether a call does nothing but go to addresses of the web: to name one is to ask for that."""
    return all(one.role == "destination" and _looks_like_place(str(leaf.value)) for leaf, one in traced)


def _looks_like_place(value: str) -> bool:
    if any(map(str.isspace, value)):
        return False
    return "://" in value or value.startswith("www.") or _HOST.match(value) is not None


def _unsupported(call: GateCall) -> Iterator[tuple[Leaf, Origin]]:
    for leaf, origin in _traced(call):
        private = origin.source.kind == "tool" and origin.role != "object" and call.effect == "external"
        if not origin.source.trusted or private:
            yield leaf, origin


def _of_the_whole(call: GateCall) -> Iterator[Reason]:
    """Yield why the call as a whole is asked about, whatever its values are."""
    traced = _traced(call)
    named = [one for _, one in traced if one.role in _AIMS and one.source.trusted and one.source.kind != "tool"]
    aimed = any(origin.role in _AIMS for _, origin in traced)
    if not aimed and traced:
        yield Reason(code="no-target", text="it names nobody that it reaches and nothing that it acts on")
    elif not named and all(origin.source.trusted for _, origin in traced):
        yield Reason(code="no-target", text="nothing that it acts on was named in the request")
    if call.made_before:
        yield Reason(code="again", text="the same was done before in this run, or waits to be")
    if not call.asked_for and not _only_opens(traced):
        yield Reason(code="not-asked-for", text="the request does not say to do this")


def _reasons(found: Iterator[tuple[Leaf, Origin]] | list[tuple[Leaf, Origin]]) -> tuple[Reason, ...]:
    """Return one reason for each argument and way to fail, receivers and things first."""
    order: Mapping[ArgumentRole | None, int] = {"destination": 0, "object": 1, None: 2, "content": 3, "wording": 4}
    ranked = sorted(found, key=lambda one: order[one[1].role])
    return tuple(dict.fromkeys(_reason(leaf, origin) for leaf, origin in ranked))


def _reason(leaf: Leaf, origin: Origin) -> Reason:
    source = origin.source
    what = f"{_WORDS[origin.role]} ({leaf.argument})"
    if source.trusted:
        return Reason(code="private-value", text=f"{what} is data of yours, from {source.ref or 'a tool'}")
    if source.ref == REFUSED:
        return Reason(code="refused-before", text=f"{what} is one that was said no to")
    by = f" ({source.ref})" if source.ref is not None else ""
    if origin.role == "destination":
        return Reason(code="unknown-receiver", text=f"{what} {_FROM[source.kind]}{by}")
    code = source.kind if source.kind in ("tool", "document", "memory", "summary", "model") else "untrusted"
    return Reason(code=f"value-from-{code}", text=f"{what} {_FROM[source.kind]}{by}")
