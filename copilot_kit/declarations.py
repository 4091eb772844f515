"""What a tool may declare of itself, refused where it is declared if it could not hold."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from copilot_kit.calls import BY_NAME, COMPANION_NAMES, parameters_of, takes_context
from copilot_kit.effects import ArgumentRole, Effect
from copilot_kit.errors import UsageError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def is_tool_name(name: str) -> bool:
    """Tell whether a tool can be called so."""
    return _NAME.fullmatch(name) is not None


def checked_name(name: str) -> str:
    """Return the name; raises UsageError for one that some provider would refuse."""
    if not is_tool_name(name):
        raise UsageError(
            f"Tool name {name!r} is not one that all providers take: 1 to 64 letters, digits, '_' and '-', no digit "
            "first. Give one: tool(name='...')."
        )
    return name


def check_declared(effect: str, may_decide: Sequence[str], answer_within_s: float | None) -> None:
    """Raise UsageError for an effect that there is not, and for persons and times that nobody could keep."""
    if effect not in get_args(Effect):
        raise UsageError(f"There is no effect {effect!r}. Write one of {', '.join(get_args(Effect))}.")
    if isinstance(may_decide, str) or not all(may_decide):
        raise UsageError(f"may_decide={may_decide!r} is no list of names. Write may_decide=['ada', 'group:finance'].")
    if answer_within_s is not None and answer_within_s <= 0:
        raise UsageError(f"answer_within_s={answer_within_s!r} leaves no time to answer. Give seconds, more than 0.")


def check_roles(roles: Mapping[str, str], arguments: Sequence[str], *, tool: str) -> None:
    """Raise UsageError for a role that there is not, or of an argument that there is not."""
    for name, role in roles.items():
        if name not in arguments:
            raise UsageError(
                f"roles= of tool {tool!r} names {name!r}, which is no argument of it. Name one of: "
                f"{', '.join(arguments) or 'it has none'}."
            )
        if role not in get_args(ArgumentRole):
            raise UsageError(
                f"roles= of tool {tool!r} gives {name!r} the role {role!r}. Write one of "
                f"{', '.join(get_args(ArgumentRole))}."
            )


def check_companions(
    named: Mapping[str, Callable[..., Any] | None], arguments: Sequence[str], context: type, *, tool: str
) -> None:
    """Raise UsageError where a function that stands beside a tool wants what the tool's calls do not have."""
    for what, function in named.items():
        for name, parameter in ({} if function is None else parameters_of(function)).items():
            known = name in arguments or name in COMPANION_NAMES or takes_context(parameter, context)
            if parameter.kind in BY_NAME and parameter.default is inspect.Parameter.empty and not known:
                raise UsageError(
                    f"{what}= of tool {tool!r} wants {name!r}, which is no argument of the tool. It may take the "
                    f"tool's arguments ({', '.join(arguments) or 'none'}), {', '.join(COMPANION_NAMES)}, and a "
                    f"{context.__name__}."
                )
