"""What a perfect model, a weaker one, one that says nothing and one that echoes make of an item."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from copilot_kit.messages import Message, Text, ToolCall
from copilot_kit_evals.items import Item
from copilot_kit_evals.scores import Output


def said(text: str) -> Output:
    """An answer in words."""
    return Output(text=text, messages=(Message(id="m", role="assistant", parts=(Text(text=text),)),))


def called(calls: Iterable[tuple[str, Mapping[str, Any]]], text: str = "") -> Output:
    """An answer of calls."""
    parts = tuple(
        ToolCall(call_id=f"c{n}", name=name, args_json=json.dumps(args)) for n, (name, args) in enumerate(calls)
    )
    return Output(text=text, messages=(Message(id="m", role="assistant", parts=parts),))


def wanted(target: Iterable[Mapping[str, Mapping[str, list[Any]]]]) -> list[tuple[str, dict[str, Any]]]:
    """The calls of a target, each argument as the first of its accepted values; what may be left out is."""
    return [(name, _first(accepted)) for call in target for name, accepted in call.items()]


def _first(accepted: Mapping[str, list[Any]]) -> dict[str, Any]:
    return {
        name: _first(values[0]) if isinstance(values[0], dict) else values[0]
        for name, values in accepted.items()
        if "" not in values
    }


def due(options: list[str]) -> str:
    """Words that say the first of several things."""
    return f"Tell me, {options[0][1:]}?" if options[0].startswith("?") else f"It is {options[0]}."


def echo(item: Item) -> Output:
    """The user's last words again."""
    return said(item.input[-1].text if isinstance(item.input, tuple) else str(item.input))
