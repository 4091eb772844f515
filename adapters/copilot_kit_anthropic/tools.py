"""Tools and the choice among them, as the wire wants them and back."""

import json
from collections.abc import Sequence

from copilot_kit.messages import Cache, Wire
from copilot_kit.request import AnyTool, OutputSpec, ProviderTool, Request, ToolChoice, ToolSpec
from copilot_kit.wire import Target
from copilot_kit_anthropic.encoded import mark_of
from copilot_kit_anthropic.json_bytes import Json, dumped, loaded
from copilot_kit_anthropic.profiles import Facts
from copilot_kit_anthropic.receipts import Receipts
from copilot_kit_anthropic.strict import Allowance, closed

_API = "anthropic.messages"
_TTLS: dict[str | None, Cache] = {None: "auto", "5m": "5m", "1h": "1h"}


def tool_values(tools: Sequence[AnyTool], target: Target, facts: Facts, receipts: Receipts) -> list[Json]:
    """Return the tools' definitions; those of other providers are left out with a receipt."""
    allowance = Allowance()
    values: list[Json] = []
    for tool in tools:
        if isinstance(tool, ToolSpec):
            native = _native(tool, target, facts)
            values.append(native or _tool_value(tool, target, allowance, receipts))
        elif isinstance(tool.value, dict) and tool.kind.partition(".")[0] in _makers(target):
            values.append(tool.value)
        else:
            reason = f"{target.origin} has no tool of this kind"
            receipts.leave_out(tool.kind, reason, kind="tool")
    return values


def _makers(target: Target) -> set[str]:
    return {origin.partition(".")[0] for origin in (target.origin, "anthropic.messages", *target.compatible)}


def _native(tool: ToolSpec, target: Target, facts: Facts) -> Json | None:
    """Return the provider's own tool that makes the same calls, None where the model is better sent the function."""
    value = tool.native.get(_API) if target.reads(_API) else None
    if value is None or (facts.memory is False and str(value.get("type")).startswith("memory_")):
        return None
    return {**value, **_further(tool, target), **_marked(tool)}


def _further(tool: ToolSpec, target: Target) -> Json:
    opaque = tool.wire.opaque if tool.wire is not None and target.reads(tool.wire.origin) else None
    return opaque if isinstance(opaque, dict) else {}


def _marked(tool: ToolSpec) -> Json:
    return {} if tool.cache is None else {"cache_control": loaded(mark_of(tool.cache))}


def _tool_value(tool: ToolSpec, target: Target, allowance: Allowance, receipts: Receipts) -> Json:
    rest = _further(tool, target)
    value: Json = {"name": tool.name}
    if (description := _described(tool)) is not None:
        value["description"] = description
    value["input_schema"] = tool.parameters
    if tool.strict and "strict" not in rest:
        schema = closed(tool.parameters)
        problem = allowance.take(schema)
        if problem is None:
            value |= {"input_schema": schema, "strict": True}
        else:
            receipts.leave_out(f"strict of {tool.name}", problem, kind="feature", became="a tool that is not strict")
    elif tool.strict is False:
        value["strict"] = False
    return {**value, **_marked(tool), **rest}


def _described(tool: ToolSpec) -> str | None:
    """Return the description with the examples below it: `input_examples` has no place for their situations."""
    if not tool.examples:
        return tool.description
    lines = [f"{example.situation}: {json.dumps(example.arguments, ensure_ascii=False)}" for example in tool.examples]
    return "\n".join([*([tool.description] if tool.description else []), *lines])


def answer_tool(spec: OutputSpec) -> Json:
    """Return the tool whose arguments are the answer, for the output mode `tool`."""
    description = spec.description or "Give the final answer to the user by calling this tool."
    return {"name": spec.name, "description": description, "input_schema": spec.json_schema}


def choice_value(request: Request, *, thinks: bool, receipts: Receipts) -> Json | None:
    """Return the `tool_choice` field, None to leave it out. A model that thinks cannot be forced to call."""
    choice, parallel = request.tool_choice, request.parallel_tools
    if choice is None and (parallel is not False or not request.tools):
        return None
    value: Json
    match choice:
        case None | "auto":
            value = {"type": "auto"}
        case "none":
            return {"type": "none"}
        case "required" | tuple() if thinks:
            receipts.leave_out("tool_choice", "a forced tool excludes thinking", kind="feature", became="auto")
            value = {"type": "auto"}
        case "required":
            value = {"type": "any"}
        case (str(name),):
            value = {"type": "tool", "name": name}
        case _:
            receipts.leave_out("tool_choice", "one name can be forced, not several", kind="feature", became="any")
            value = {"type": "any"}
    if parallel is not None:
        value["disable_parallel_tool_use"] = not parallel
    return value


def tool_of(value: Json, origin: str) -> AnyTool:
    """Return the tool of a definition on the wire."""
    kind = value.get("type")
    plain = kind in (None, "custom") and isinstance(value.get("name"), str)
    if not plain or not isinstance(value.get("input_schema"), dict):
        return ProviderTool(kind=f"{origin.partition('.')[0]}.{kind or 'custom'}", value=value)
    description, strict = value.get("description"), value.get("strict")
    cache = cache_of(value.get("cache_control"))
    known = {"name", "input_schema"}
    known |= {"description"} if isinstance(description, str) else set()
    known |= {"strict"} if isinstance(strict, bool) else set()
    known |= {"cache_control"} if cache is not None else set()
    rest = {k: v for k, v in value.items() if k not in known}
    tool = ToolSpec(
        name=value["name"],
        description=description if isinstance(description, str) else None,
        parameters=value["input_schema"],
        strict=strict if isinstance(strict, bool) else None,
        cache=cache,
        wire=Wire(origin=origin, opaque=rest) if rest else None,
    )
    return tool if not strict or _survives(tool, value, origin) else _verbatim_strict(tool, origin, rest)


def _survives(tool: ToolSpec, value: Json, origin: str) -> bool:
    sent = tool_values([tool], Target(origin=origin, model=""), Facts(), Receipts(model="", on_unsupported="drop"))
    return bool(dumped(sorted(sent[0].items())) == dumped(sorted(value.items())))


def _verbatim_strict(tool: ToolSpec, origin: str, rest: Json) -> ToolSpec:
    wire = Wire(origin=origin, opaque={**rest, "strict": True})
    return tool.model_copy(update={"strict": None, "wire": wire})


def choice_of(value: object) -> tuple[ToolChoice | None, bool | None]:
    """Return the choice and whether calls may be parallel, of a `tool_choice` field."""
    if not isinstance(value, dict):
        return None, None
    disabled = value.get("disable_parallel_tool_use")
    parallel = not disabled if isinstance(disabled, bool) else None
    match value:
        case {"type": "auto"}:
            return "auto", parallel
        case {"type": "any"}:
            return "required", parallel
        case {"type": "none"}:
            return "none", parallel
        case {"type": "tool", "name": str(name)}:
            return (name,), parallel
        case _:
            return None, None


def cache_of(value: object) -> Cache | None:
    """Return our hint for a cache mark; None if it is none, or one of an unknown form."""
    if not isinstance(value, dict) or value.get("type") != "ephemeral" or set(value) - {"type", "ttl"}:
        return None
    return _TTLS.get(value.get("ttl")) if "ttl" not in value or isinstance(value["ttl"], str) else None
