"""What was said in a run, as the page holds it: made visible, in compressed packs, up to a budget of bytes.

A text of a model can hold anything. Here each line goes through `display.visible`; the page writes it as text and never
as HTML; and base64 of compressed JSON holds no character that ends a script.
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from zlib import compress

from copilot_kit.display import visible
from copilot_kit.messages import File, Foreign, Message, Reasoning, Summary, Text, ToolCall, ToolResult
from copilot_kit_evals.attempts import Attempt, Key
from copilot_kit_evals.folder import BadRun, Call, RunFolder
from copilot_kit_evals.report.cases import Case, beginning
from copilot_kit_evals.transcripts import calls_of, messages_of

MOST_BYTES: Final = 6_000_000
"""Of all packs in the page, compressed."""
MOST_ATTEMPTS: Final = 40_000
"""Looked at for a page; more would take too long to read."""
_MOST_CHARS: Final = 20_000
"""Of one part; what is beyond is counted."""
_AT_ONCE: Final = 20_000
"""Attempts whose answers are held at a time; the log of calls is read once for each so many."""
_PACK_BYTES: Final = 300_000
"""Before compression: what a browser unpacks to show one item."""
_ANSWER: Final = 90


@dataclass(slots=True)
class Packs:
    """Transcripts for the page."""

    packs: list[str] = field(default_factory=list)
    """Compressed JSON objects in base64: by the place of a case, its candidates' attempts."""
    places: dict[int, int] = field(default_factory=dict)
    """The pack of each case that is in."""
    answers: dict[tuple[int, int], str] = field(default_factory=dict)
    """The beginning of the last answer, by case and candidate."""
    attempts: int = 0
    left_out: int = 0
    """Attempts that are not in."""

    @property
    def size(self) -> int:
        """Bytes of all packs."""
        return sum(map(len, self.packs))


def packed(value: Any) -> str:
    """Return JSON data for the page."""
    return _squeezed(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _squeezed(text: str) -> str:
    return b64encode(compress(text.encode(), 6)).decode()


def packs_of(run: RunFolder, cases: Sequence[Case], *, most_bytes: int = MOST_BYTES) -> Packs:
    """Return what was said, the most telling cases first, as far as the budget goes."""
    made = Packs()
    open_pack: dict[int, str] = {}
    waiting = 0
    order = sorted(range(len(cases)), key=lambda place: (*cases[place].urgency, place))
    for place, told in _told(run, order, cases, made):
        open_pack[place] = told
        waiting += len(told)
        if waiting >= _PACK_BYTES:
            _close(made, open_pack, cases)
            waiting = 0
            if made.size >= most_bytes:
                break
    _close(made, open_pack, cases)
    made.left_out = sum(len(cell.attempts) for case in cases for cell in case.cells) - made.attempts
    return made


def _groups(order: Sequence[int], cases: Sequence[Case]) -> Iterator[list[int]]:
    """Yield places so that the log of calls is read once for many attempts."""
    group: list[int] = []
    size = looked_at = 0
    for place in order:
        if looked_at >= MOST_ATTEMPTS:
            break
        group.append(place)
        attempts = sum(len(cell.attempts) for cell in cases[place].cells)
        size, looked_at = size + attempts, looked_at + attempts
        if size >= _AT_ONCE:
            yield group
            group, size = [], 0
    yield group


def _close(made: Packs, open_pack: dict[int, str], cases: Sequence[Case]) -> None:
    if not open_pack:
        return
    made.places |= dict.fromkeys(open_pack, len(made.packs))
    made.packs.append(_squeezed("{" + ",".join(f'"{place}":{told}' for place, told in open_pack.items()) + "}"))
    made.attempts += sum(len(cell.attempts) for place in open_pack for cell in cases[place].cells)
    open_pack.clear()


def _told(run: RunFolder, order: Sequence[int], cases: Sequence[Case], made: Packs) -> Iterator[tuple[int, str]]:
    """Yield each case with what its candidates said, and note the beginnings of their answers."""
    for group in _groups(order, cases):
        attempts = [one for place in group for cell in cases[place].cells for one in cell.attempts]
        calls = {attempt.key: found for attempt, found in calls_of(run, attempts)}
        for place in group:
            yield place, _case(run, place, cases[place], calls, made)


def _case(run: RunFolder, place: int, case: Case, calls: Mapping[Key, tuple[Call, ...]], made: Packs) -> str:
    sides = []
    for number, cell in enumerate(case.cells):
        said = [_messages(run, attempt, case, calls[attempt.key]) for attempt in cell.attempts]
        made.answers[place, number] = _answer(said[0]) if said else ""
        sides.append([_attempt(attempt, messages) for attempt, messages in zip(cell.attempts, said, strict=True)])
    told = {"target": _json(case.item.target), "choices": [shown(one) for one in case.item.choices], "sides": sides}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _messages(run: RunFolder, attempt: Attempt, case: Case, calls: tuple[Call, ...]) -> tuple[Message, ...]:
    try:
        return messages_of(run, attempt, case.item, calls)
    except BadRun:  # its blob is not there; all else that is known of it is told all the same
        return ()


def _answer(messages: Sequence[Message]) -> str:
    last = next((one for one in reversed(messages) if one.role == "assistant" and (one.text or one.calls)), None)
    if last is None:
        return ""
    return beginning(last.text or ", ".join(call.name for call in last.calls), _ANSWER)


def _attempt(attempt: Attempt, messages: Sequence[Message]) -> dict[str, Any]:
    """Return an attempt without what is not set."""
    usage, timings = attempt.usage, attempt.timings
    told: dict[str, Any] = {
        "repeat": attempt.repeat,
        "variant": shown(attempt.variant),
        "outcome": attempt.outcome,
        "scores": [[shown(name), one.value, one.answer and shown(one.answer), one.reason and shown(one.reason),
                    [[shown(part), value] for part, value in one.parts.items()]]
                   for name, one in attempt.scores.items()],
        "tokens": [usage.input, usage.output],
        "cost": None if usage.cost_usd is None else float(usage.cost_usd),
        "seconds": round(timings.model_s + timings.tools_s, 4),
        "waited": round(timings.queue_s + timings.person_s, 3),
        "served": attempt.served and visible(attempt.served),
        "stop": attempt.stop,
        "trouble": attempt.trouble and f"{visible(attempt.trouble.kind)}: {shown(attempt.trouble.text)}",
        "dropped": [visible(one) for one in attempt.dropped],
        "messages": [[one.role, [_part(part) for part in one.parts]] for one in messages],
    }  # fmt: skip
    return {name: value for name, value in told.items() if value not in (None, "", [], ())}


def _part(part: Any) -> list[str]:
    """Return a part as its kind and its words: [kind, text] or [kind, title, text]."""
    match part:
        case Text(text=text, refusal=refusal):
            return ["refusal" if refusal else "text", shown(text)]
        case Reasoning(text=text, form=form):
            return ["reasoning", shown(text) if text else f"({form})"]
        case ToolCall(name=name, args_json=args):
            return ["call", visible(name), shown(_laid_out(args))]
        case ToolResult(outcome=outcome):
            return ["result", outcome, shown(part.text)]
        case File(media_type=media, name=name, data=data, url=url):
            told = visible(name or url or "") or ("" if data is None else f"{len(data):,} bytes")
            return ["file", visible(media), told]
        case Foreign(kind=kind, value=value):
            return ["other", visible(kind), shown(_json(value) or "")]
        case Summary(text=text):
            return ["summary", shown(text or "")]
        case _:
            return ["other", visible(str(getattr(part, "type", "?"))), ""]


def _laid_out(args_json: str) -> str:
    """Return arguments on several lines, as they came where they are no JSON."""
    try:
        return json.dumps(json.loads(args_json), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return args_json


def _json(value: Any) -> str | None:
    if value is None:
        return None
    return shown(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def shown(text: str) -> str:
    """Return a text with everything that a person could not see written out, line by line; a very long one is cut."""
    beyond = len(text) - _MOST_CHARS
    lines = "\n".join(visible(line) for line in text[:_MOST_CHARS].split("\n"))
    return lines if beyond <= 0 else f"{lines}\n… {beyond:,} more characters are in the folder of the run"
