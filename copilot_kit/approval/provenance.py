"""Where each value of a call came from, inferred from what was said: provenance does not pass through a model.

A value counts as a trusted part's only where that part holds it as a whole, and in a way that fits what the value is
for: receivers and things must be named by something distinctive, numbers must be said as amounts, text must stand
there word for word. What a model wrote is the model's, whatever it had read.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from pydantic import JsonValue

from copilot_kit.approval.mentions import Mentions, as_number, is_distinctive, verb_of
from copilot_kit.approval.moments import is_moment
from copilot_kit.approval.passages import Passages
from copilot_kit.approval.quotations import own_words
from copilot_kit.effects import ArgumentRole
from copilot_kit.messages import Foreign, Message, Part, Reasoning, Role, Source, Summary, Text, ToolCall, ToolResult
from copilot_kit.records import Origin

REFUSED = "refused"
"""The `ref` of a value that a trusted part names only to say no to it."""
_MODEL = Source(kind="model")
_UNSAID: dict[Role, Source] = {
    "user": Source(kind="user", trusted=True),
    "system": Source(kind="application", trusted=True),
    "tool": Source(kind="tool"),
    "assistant": _MODEL,
}
"""Where a part comes from that does not say so."""
_PASTED = Source(kind="document", ref="pasted into the request")
_Target: TypeAlias = frozenset[tuple[str, str]]
_RAN = frozenset({"ok", "unknown", "interrupted"})
"""How a call may have ended that had its effect; one that has no result yet may still have it."""
_ASKS = frozenset({"user", "person"})
_MADE = frozenset({"summary", "derived"})
_TEXT_ROLES = frozenset({"content", "wording"})
_SHORTEST_TELLING = 4


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of a call's arguments."""

    at: str
    """JSON pointer."""
    argument: str
    """The argument that it belongs to."""
    value: JsonValue
    keys: tuple[str, ...] = ()
    """Names of the members that it stands in, below the argument: a model may have made them up."""


def leaves(arguments: Mapping[str, JsonValue]) -> Iterator[Leaf]:
    """Yield each value that says something: not null, and nothing empty, unless the name it goes by says something."""
    for name, value in arguments.items():
        for leaf in _leaves(Leaf(f"/{_escaped(name)}", name, value)):
            if leaf.keys or (leaf.value is not None and leaf.value not in ("", [], {})):
                yield leaf


class Origins:
    """The parts of one conversation, and which of them hold a value.

    Taking a message costs next to nothing; its parts are read when a value is first looked for, each of them once.
    """

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._order = 0
        self._trusted: list[tuple[Source, Mentions]] = []
        self._own = Passages()
        self._untrusted = Passages()
        self._calls: dict[str, list[ToolCall]] = {}
        self._by_id: dict[str, ToolCall] = {}
        self._outcomes: dict[str, str] = {}
        self._refused: set[str] = set()
        self._targets: dict[str, list[tuple[str, _Target]]] = {}

    def take(self, message: Message) -> None:
        """Add a message of the conversation; one that was taken before is left out."""
        if message.id in self._seen:
            return
        self._seen.add(message.id)
        for part in message.parts:
            self._order += 1
            self._take(part, message.role)

    def of(self, arguments: Mapping[str, JsonValue], roles: Mapping[str, ArgumentRole]) -> tuple[Origin, ...]:
        """Return where each value came from, by its JSON pointer; what is found nowhere came from the model."""
        found = {leaf.at: (leaf, self._source(leaf, roles.get(leaf.argument))) for leaf in leaves(arguments)}
        said = [leaf.value for leaf, source in found.values() if source.trusted and isinstance(leaf.value, str)]
        for at, (leaf, source) in found.items():
            later = None if source.trusted or roles.get(leaf.argument) not in _TEXT_ROLES else self._later(leaf, said)
            found[at] = (leaf, later or source)
        return tuple(
            Origin(at=at, role=roles.get(leaf.argument), source=source) for at, (leaf, source) in found.items()
        )

    def asks_for(
        self, tool: str, arguments: Mapping[str, JsonValue], roles: Mapping[str, ArgumentRole], *, tools: Iterable[str]
    ) -> bool:
        """Tell whether the user, or a person who decided, speaks of doing this, and to these receivers and things.

        What a tool does is the word that its name begins with. A receiver that the text names for another of the
        `tools` is not one of this.
        """
        verb, others = verb_of(tool), frozenset(map(verb_of, tools))
        asking = [said for source, said in self._trusted if source.kind in _ASKS]
        if not verb or not any(said.speaks_of(verb) for said in asking):
            return False
        for leaf in leaves(arguments):
            if isinstance(leaf.value, str) and roles.get(leaf.argument) not in _TEXT_ROLES:
                meant = [said.means(leaf.value, argument=leaf.argument, verb=verb, verbs=others) for said in asking]
                if any(one is not None for one in meant) and not any(meant):
                    return False
        return True

    def made_before(
        self, tool: str, arguments: Mapping[str, JsonValue], roles: Mapping[str, ArgumentRole], *, call_id: str
    ) -> bool:
        """Tell whether a call before this one ran, or may run, with the same tool on the same receivers and things."""
        target = _target(arguments, roles)
        for earlier_id, earlier in self._targets_of(tool, roles):
            if earlier_id == call_id:
                return False
            alike = earlier == target or (earlier and target and (earlier <= target or target <= earlier))
            if alike and self._outcomes.get(earlier_id, "ok") in _RAN:
                return True
        return False

    def _targets_of(self, tool: str, roles: Mapping[str, ArgumentRole]) -> list[tuple[str, _Target]]:
        calls, known = self._calls.get(tool, []), self._targets.setdefault(tool, [])
        known += [(call.call_id, _target(_arguments(call) or {}, roles)) for call in calls[len(known) :]]
        return known

    def _take(self, part: Part, role: Role) -> None:
        match part:
            case Text(text=text, source=source):
                self._file(_label(source, role), text)
            case Summary(text=str(text), source=source):
                self._file(_label(source or Source(kind="summary"), role), text)
            case Reasoning(text=str(text)):
                self._untrusted.add(self._order, _MODEL, lambda: text)
            case ToolCall():
                self._calls.setdefault(part.name, []).append(part)
                self._by_id[part.call_id] = part
                self._untrusted.add(self._order, _MODEL, partial(_written, part))
            case ToolResult():
                self._take_result(part)
            case Foreign(kind=kind, value=value):
                self._untrusted.add(self._order, Source(kind="tool", ref=kind), partial(json.dumps, value))
            case _:
                pass  # files are not read, and what a later version adds is not known

    def _take_result(self, result: ToolResult) -> None:
        call = self._by_id.get(result.call_id)
        self._outcomes[result.call_id] = result.outcome
        if result.outcome == "denied" and call is not None:
            self._refused |= {text.casefold() for text in _texts(_arguments(call) or {}) if is_distinctive(text)}
        source = result.source or Source(kind="tool", ref=None if call is None else call.name)
        for one in result.content:
            if isinstance(one, Text):
                self._file(_label(one.source or source, "tool"), one.text)
            elif isinstance(one, Foreign):
                self._untrusted.add(self._order, source, partial(json.dumps, one.value))

    def _file(self, source: Source, text: str) -> None:
        if not source.trusted:
            self._untrusted.add(self._order, source, lambda: text)
        elif source.kind == "tool":
            self._own.add(self._order, source, lambda: text)
        else:
            self._trusted.append((source, Mentions(text)))
            if own_words(text) != text:
                self._untrusted.add(self._order, _PASTED, lambda: text)

    def _source(self, leaf: Leaf, role: ArgumentRole | None) -> Source:
        for key in leaf.keys:
            if not any(said.content(key) for _, said in self._trusted):
                return self._unvouched(key)
        match leaf.value:
            case bool():
                source = self._of_flag(leaf.argument, value=leaf.value)
            case int() | float():
                source = self._of_number(leaf.argument, leaf.value, role)
            case str() if role in _TEXT_ROLES:
                source = self._of_text(leaf)
            case str():
                source = self._of_target(leaf, role)
            case _:
                source = None if not leaf.keys else self._trusted[0][0]
        return source or self._unvouched(str(leaf.value))

    def _of_flag(self, argument: str, *, value: bool) -> Source | None:
        """Return who bears out a yes or no: a yes must be spoken of, a no holds while nobody speaks of it."""
        spoken = [source for source, said in self._trusted if said.flag(argument)]
        if value or spoken:
            return spoken[0] if value and spoken else None
        return self._trusted[0][0] if self._trusted else None

    def _of_number(self, argument: str, number: float, role: ArgumentRole | None) -> Source | None:
        source = self._said(lambda said: said.number(float(number))) if role in _TEXT_ROLES else None
        if source is not None or role in (None, "destination"):
            return source
        return self._of_own(argument, _number_forms(number))

    def _of_text(self, leaf: Leaf) -> Source | None:
        text = str(leaf.value)
        source = self._said(lambda said: said.content(text))
        if source is not None:
            return source
        number = as_number(text)
        source = None if number is None else self._said(lambda said: said.number(number))
        if source is None and is_moment(text):
            source = self._said(lambda said: said.moment(text))
        return self._of_own(leaf.argument, [text]) if source is None else _derived(source)

    def _of_target(self, leaf: Leaf, role: ArgumentRole | None) -> Source | None:
        text = str(leaf.value)
        standings = [(said.target(text, argument=leaf.argument), source) for source, said in self._trusted]
        refusals = [source for standing, source in standings if standing == "refused"]
        if refusals or text.casefold() in self._refused:
            return Source(kind="derived", ref=REFUSED, of=tuple(refusals[:1]))
        source = next((source for standing, source in standings if standing == "named"), None)
        return self._of_own(leaf.argument, [text]) if source is None and role == "object" else source

    def _of_own(self, argument: str, forms: Iterable[str]) -> Source | None:
        """Return the first-party result that lists the value under the argument's name, if nobody else said it before.

        What a model or a stranger wrote does not become the user's own by being stored and read again.
        """
        for form in forms:
            own = self._own.listed(argument, form)
            if own is not None:
                before = self._untrusted.first(form) if is_distinctive(form) else None
                return own.source if before is None or own.order < before.order else None
        return None

    def _later(self, leaf: Leaf, said: list[Any]) -> Source | None:
        """Return the part that says how long something lasts, where the value is its end and its begin was said."""
        text = leaf.value
        if not isinstance(text, str) or leaf.keys or not is_moment(text):
            return None
        source = self._said(lambda one: one.later(text, said))
        return None if source is None else _derived(source)

    def _said(self, holds: Callable[[Mentions], bool]) -> Source | None:
        return next((source for source, said in self._trusted if holds(said)), None)

    def _unvouched(self, value: str) -> Source:
        """Return who said it first, among those whom nobody vouches for; the model, if that cannot be told."""
        if not _is_telling(value):
            return _MODEL
        found = self._untrusted.first(value)
        if found is not None:
            return found.source
        own = self._own.first(value)
        return _MODEL if own is None else own.source.model_copy(update={"trusted": False})


def _label(source: Source | None, role: Role) -> Source:
    """Return where a part came from, trusted only if all that it was made of is."""
    if role == "assistant":
        return _MODEL
    if source is None:
        return _UNSAID[role]
    return source if source.trusted == _is_trusted(source) else source.model_copy(update={"trusted": False})


def _is_trusted(source: Source) -> bool:
    if not source.trusted or source.kind == "model" or (source.kind in _MADE and not source.of):
        return False
    return all(map(_is_trusted, source.of))


def _derived(source: Source) -> Source:
    return Source(kind="derived", ref=source.ref, trusted=True, of=(source,))


def _is_telling(value: str) -> bool:
    """Tell whether finding a value says where it came from: too many texts hold a short word or a small number."""
    return is_distinctive(value) or (len(value) >= _SHORTEST_TELLING and any(char in value for char in ".:- "))


def _number_forms(value: float) -> list[str]:
    return [str(value), str(int(value))] if float(value).is_integer() else [str(value)]


def _target(arguments: Mapping[str, JsonValue], roles: Mapping[str, ArgumentRole]) -> _Target:
    """Return whom a call reaches and what it acts on, or all it says where it names neither."""
    values = [(leaf.argument, leaf) for leaf in leaves(arguments)]
    aimed = [one for one in values if roles.get(one[0]) not in _TEXT_ROLES]
    return frozenset((name, str(leaf.value).casefold()) for name, leaf in aimed or values)


def _arguments(call: ToolCall) -> dict[str, JsonValue] | None:
    try:
        arguments = json.loads(call.args_json)
    except ValueError:
        return None
    return arguments if isinstance(arguments, dict) else None


def _written(call: ToolCall) -> str:
    return "\n".join(_texts(_arguments(call) or {})) or call.args_json


def _texts(arguments: Mapping[str, JsonValue]) -> Iterator[str]:
    for leaf in leaves(arguments):
        yield from leaf.keys
        yield str(leaf.value)


def _leaves(leaf: Leaf) -> Iterator[Leaf]:
    match leaf.value:
        case dict() if leaf.value:
            for name, member in leaf.value.items():
                yield from _leaves(Leaf(f"{leaf.at}/{_escaped(name)}", leaf.argument, member, (*leaf.keys, name)))
        case list() if leaf.value:
            for index, item in enumerate(leaf.value):
                yield from _leaves(Leaf(f"{leaf.at}/{index}", leaf.argument, item, leaf.keys))
        case _:
            yield leaf


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
