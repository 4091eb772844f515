"""A request as the body of a chat completion of llama.cpp, and receipts for what it cannot hold."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import JsonValue

from copilot_kit.errors import InvalidRequest
from copilot_kit.request import OutputMode, Request, Settings, ToolSpec
from copilot_kit.response import Dropped
from copilot_kit.wire import Target
from copilot_kit_local.choice import form_of, name_key, written
from copilot_kit_local.likeness import Embed, nearest
from copilot_kit_local.situation import Situation, plain_messages, situation_of

SHOWN_EXAMPLES = 4
DEFAULT_OUTPUT_TOKENS = 256
_INSTRUCTIONS = "You are a helpful assistant."  # the model's own default makes it doubt what it knows
_CALL = "Answer with the next action as JSON."
_NOT_TAKEN = {
    "context": "nobody takes anything out of a conversation here",
    "effort": "a local model has no levels of thinking",
    "cache": "it is off: with it, an answer would depend on what was asked before",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is sent, and what the answer will be."""

    body: dict[str, Any]
    answer: Literal["text", "json", "call"]
    sent: dict[str, JsonValue]
    """The settings among it."""
    dropped: tuple[Dropped, ...]
    output_mode: OutputMode | None = None
    key: str = ""
    """Of the tool's name, in a call."""


def offered(request: Request) -> tuple[ToolSpec, ...]:
    """Return the tools that the answer may call now; empty: it must be words.

    A model of this size cannot be trusted to choose between words and a call. So `auto` means: a call as long as the
    user's last words are unanswered or a call was refused; words when the results are in.
    """
    tools = tuple(tool for tool in request.tools if isinstance(tool, ToolSpec))
    match request.tool_choice:
        case "none":
            return ()
        case "required":
            return tools
        case tuple(names):
            return _named(tools, names)
        case _:
            last = request.messages[-1] if request.messages else None
            answered = last is not None and last.role == "tool" and bool(situation_of(request.messages).facts)
            return () if answered else tools


def _named(tools: tuple[ToolSpec, ...], names: tuple[str, ...]) -> tuple[ToolSpec, ...]:
    named = tuple(tool for tool in tools if tool.name in names)
    if not named:
        have = ", ".join(tool.name for tool in tools) or "none"
        raise InvalidRequest(
            f"None of the tools {names!r} is among those of the request ({have}).", param="tool_choice"
        )
    return named


async def ask(request: Request, tools: tuple[ToolSpec, ...], *, target: Target, embed: Embed) -> Asked:
    """Return the body for this request, with a call asked for where there are tools."""
    sent, dropped = _settings(request.settings)
    dropped += _unknown_tools(request)
    said, receipts = plain_messages(request.messages, target)
    dropped += receipts
    refused = [lost for lost in dropped if lost.kind in {"setting", "tool", "feature"}]
    if refused and request.settings.on_unsupported == "error":
        raise InvalidRequest(
            f"{target.model} does not take {refused[0].name!r}: {refused[0].reason}. Leave it out.",
            param=refused[0].name,
            model=target.model,
        )
    body: dict[str, Any] = dict(sent)
    situation = situation_of(request.messages)
    if tools:
        key = name_key(tools)
        body["messages"] = await _call_messages(said, situation, tools, key=key, embed=embed)
        body["response_format"] = _json_form(form_of(tools, key), "call")
        return Asked(body, "call", sent, tuple(dropped), key=key)
    body["messages"] = _text_messages(said, situation)
    if request.output is not None:
        body["response_format"] = _json_form(request.output.json_schema, request.output.name)
        return Asked(body, "json", sent, tuple(dropped), output_mode="native")
    return Asked(body, "text", sent, tuple(dropped))


async def _call_messages(
    said: list[dict[str, str]], situation: Situation, tools: tuple[ToolSpec, ...], *, key: str, embed: Embed
) -> list[dict[str, str]]:
    """Return instructions, the worked examples most like the situation (the nearest last), and the situation."""
    worked = [(example.situation, written(tool, example.arguments, key)) for tool in tools for example in tool.examples]
    notes = [refused.note for refused in situation.refused]
    now = "\n".join([*notes, situation.text, *situation.facts])
    order = await nearest([*notes, situation.text], [words for words, _ in worked], embed=embed, most=SHOWN_EXAMPLES)
    instructions = _instructions(said)
    if not worked:
        instructions += "\nActions:" + "".join(f"\n{tool.name}: {tool.description or ''}" for tool in tools)
    messages = [{"role": "system", "content": f"{instructions}\n{_CALL}"}]
    for index in reversed(order):
        words, call = worked[index]
        messages += [{"role": "user", "content": words}, {"role": "assistant", "content": call}]
    return [*messages, {"role": "user", "content": now}]


def _text_messages(said: list[dict[str, str]], situation: Situation) -> list[dict[str, str]]:
    """Return the conversation, with results as facts: shown its own calls, a small model writes one again."""
    rest = [one for one in said if one["role"] != "system"]
    if situation.facts or situation.refused:
        facts = " ".join([*situation.facts, *(refused.note for refused in situation.refused)])
        rest = [{"role": "user", "content": f"{situation.text}\nFacts: {facts}"}]
    return [{"role": "system", "content": _instructions(said)}, *rest]


def _instructions(said: list[dict[str, str]]) -> str:
    return "\n".join(one["content"] for one in said if one["role"] == "system") or _INSTRUCTIONS


def _json_form(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": True}}


def _settings(settings: Settings) -> tuple[dict[str, JsonValue], list[Dropped]]:
    most = settings.max_output_tokens
    sent: dict[str, JsonValue] = {"max_tokens": DEFAULT_OUTPUT_TOKENS if most is None else most}
    for name in ("temperature", "top_p", "seed"):
        if (value := getattr(settings, name)) is not None:
            sent[name] = value
    if settings.stop:
        sent["stop"] = list(settings.stop)
    sent |= settings.extra.get("local", {})
    dropped = [
        Dropped(kind="setting", name=name, reason=reason)
        for name, reason in _NOT_TAKEN.items()
        if getattr(settings, name) not in (None, "off", "none")
    ]
    return sent, dropped


def _unknown_tools(request: Request) -> list[Dropped]:
    return [
        Dropped(kind="tool", name=tool.kind, reason="a local model has no tools of its provider")
        for tool in request.tools
        if not isinstance(tool, ToolSpec)
    ]
