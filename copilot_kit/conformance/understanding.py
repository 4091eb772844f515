"""Compares what an adapter understood of an answer with what the raw answer says."""

import json
from collections.abc import Sequence
from typing import Any

from copilot_kit.conformance.wire_check import Said
from copilot_kit.events import Ended, Event, Failed, PartEnd, PartStart, Started, parts_of
from copilot_kit.messages import Foreign, Reasoning, Text, ToolCall, ToolResult
from copilot_kit.response import Response


def misunderstandings(events: Sequence[Event], said: Said) -> list[str]:
    """Return where the events do not say what the raw answer says, each as one line."""
    last = events[-1] if events else None
    lines = _order(events)
    match last:
        case Ended(response) if said.error is None:
            told = parts_of(events)
            if told != response.message.parts:
                lines.append("the parts of the PartEnd events are not the parts of the response")
            if Response.model_validate_json(response.model_dump_json()) != response:
                lines.append("the response does not survive JSON")
            return lines + _content(response, said) + _figures(response, said)
        case Failed(error, partial) if said.error is not None:
            if type(error).__name__ != said.error:
                lines.append(f"error: the answer is {said.error}, understood as {type(error).__name__}: {error}")
            if partial is not None:
                lines += _partial(partial, said)
            elif said.text or said.reasoning:
                lines.append("error: the partial answer is lost")
            return lines
        case Failed(error):
            return [*lines, f"error: the answer is good, understood as {type(error).__name__}: {error}"]
        case Ended():
            return [*lines, f"error: the answer is {said.error}, taken for a good one"]
        case _:
            return [*lines, f"the events end in {type(last).__name__}, not in Ended or Failed"]


def same_answer(events: Sequence[Event], other: Sequence[Event]) -> list[str]:
    """Return a line if two ways to read the same bytes end differently."""
    a, b = _end(events), _end(other)
    return [] if a == b else [f"another answer: {a!r} and {b!r}"]


def _order(events: Sequence[Event]) -> list[str]:
    lines = []
    starts = [n for n, event in enumerate(events) if isinstance(event, Started)]
    if starts not in ([0], []):
        lines.append(f"Started must come first and once; it came at {starts}")
    ends = [n for n, event in enumerate(events) if isinstance(event, Ended | Failed)]
    if ends != [len(events) - 1]:
        lines.append(f"one Ended or Failed must come last; of {len(events)} events they were at {ends}")
    opened = [event.index for event in events if isinstance(event, PartStart)]
    closed = [event.index for event in events if isinstance(event, PartEnd)]
    if len(set(opened)) != len(opened) or len(set(closed)) != len(closed) or not set(closed) <= set(opened):
        lines.append(f"parts must be opened and closed once: opened {opened}, closed {closed}")
    if events and isinstance(events[-1], Ended) and len(closed) != len(opened):
        lines.append(f"every part must be closed before Ended: opened {opened}, closed {closed}")
    return lines


def _content(response: Response, said: Said) -> list[str]:
    parts = response.message.parts
    kinds = {"executed_by": "provider"}
    pairs: list[tuple[str, Any, Any]] = [
        ("text", said.text, "".join(p.text for p in parts if isinstance(p, Text) and not p.refusal)),
        ("refusal", said.refusal, "".join(p.text for p in parts if isinstance(p, Text) and p.refusal)),
        ("reasoning", said.reasoning, _thoughts(response)),
        ("calls", _plain(said.calls), _plain([(c.name, _args(c.args_json)) for c in response.message.calls])),
        ("calls run by the provider", said.provider_calls, _run_there(parts, ToolCall, kinds)),
        ("results of the provider", said.provider_results, _run_there(parts, ToolResult, kinds)),
        ("stop", said.stop, response.stop.kind),
        ("state", "complete", response.state),
    ]
    return [f"{name}: the answer says {a!r}, understood as {b!r}" for name, a, b in pairs if a is not None and a != b]


def _figures(response: Response, said: Said) -> list[str]:
    usage = response.usage
    pairs = [
        ("input tokens", said.input, usage.input),
        ("output tokens", said.output, usage.output),
        ("tokens from the cache", said.cache_read, usage.cache_read),
        ("reasoning tokens", said.reasoning_tokens, usage.reasoning),
    ]
    return [f"{name}: the answer says {a!r}, understood as {b!r}" for name, a, b in pairs if a != b]


def _partial(partial: Response, said: Said) -> list[str]:
    lines = []
    if partial.state != "partial":
        lines.append(f"error: the partial answer calls itself {partial.state!r}")
    if partial.calls:
        lines.append(f"error: half an answer gives calls to run: {partial.calls!r}")
    if (words := "".join(p.text for p in partial.message.parts if isinstance(p, Text))) != said.text + said.refusal:
        lines.append(f"error: the words until then are {said.text!r}, kept are {words!r}")
    if (thoughts := _thoughts(partial)) != said.reasoning:
        lines.append(f"error: the reasoning until then is {said.reasoning!r}, kept is {thoughts!r}")
    return lines


def _thoughts(response: Response) -> str:
    return "".join(p.text or "" for p in response.message.parts if isinstance(p, Reasoning))


def _run_there(parts: Sequence[Any], kind: type, fields: dict[str, str]) -> int:
    """Count calls or results run by the provider, as typed parts; results may also be kept as foreign data."""
    typed = [p for p in parts if isinstance(p, kind) and all(getattr(p, k) == v for k, v in fields.items())]
    if kind is ToolResult:
        return len(typed) + sum(isinstance(p, Foreign) and p.kind.endswith("_result") for p in parts)
    return len(typed)


def _args(args_json: str) -> Any:
    try:
        return json.loads(args_json) if args_json.strip() else {}
    except ValueError:
        return args_json


def _plain(calls: Any) -> list[tuple[str, str]]:
    return [(name, json.dumps(args, sort_keys=True, ensure_ascii=False)) for name, args in calls]


def _end(events: Sequence[Event]) -> tuple[Any, ...]:
    """Return what the last event says, without ids of ours."""
    match events[-1] if events else None:
        case Ended(response):
            return ("ended", *_told(response))
        case Failed(error, partial):
            return ("failed", type(error).__name__, *(() if partial is None else _told(partial)))
        case _:
            return ("nothing",)


def _told(response: Response) -> tuple[Any, ...]:
    parts = [part.model_dump(exclude={"call_id"}) for part in response.message.parts]
    return parts, response.stop, response.usage, response.dropped, response.response_id
