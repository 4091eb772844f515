"""Calling an application's functions, plain or async, and telling from a function's signature what it wants."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import CodeType
from typing import Any

from copilot_kit.threads import in_thread

BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
COMPANION_NAMES = ("result", "arguments")
"""What a function beside a tool may take besides the tool's own arguments."""


async def called(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return what the function gives: an `async def` runs in the event loop, a plain one in a thread of its own."""
    if is_async(function):
        return await function(*args, **kwargs)
    value = await in_thread(partial(function, *args, **kwargs))
    return await value if isinstance(value, Awaitable) else value


def is_async(function: Callable[..., Any]) -> bool:
    """Return whether calling the function gives something to await."""
    return inspect.iscoroutinefunction(inspect.unwrap(function)) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  an object with an async __call__
    )


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the function's parameters by name; none for what is built in and does not say."""
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}


def takes_context(parameter: inspect.Parameter, context: type) -> bool:
    """Return whether the parameter is written with the context's type, also where types are kept as text."""
    hint = parameter.annotation
    return hint is context or (isinstance(hint, str) and hint.rpartition(".")[2] == context.__name__)


def companion_arguments(
    function: Callable[..., Any], arguments: Mapping[str, Any], context: object, result: str
) -> dict[str, Any]:
    """Return what the function wants of a call: arguments that it names, `arguments`, `result`, the context."""
    parameters = parameters_of(function)
    named = {name: one for name, one in parameters.items() if one.kind in BY_NAME}
    takes_all = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    given = {name: value for name, value in arguments.items() if takes_all or name in named}
    for name, parameter in named.items():
        if takes_context(parameter, type(context)):
            given[name] = context
        elif name in COMPANION_NAMES and name not in arguments:
            given[name] = result if name == "result" else dict(arguments)
    return given


def source_of(function: Callable[..., Any]) -> str:
    """Return the function's source, or text that stands for it: the same in every process."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):  # typed in a shell, shipped without its source, or built in
        return _code_text(getattr(inspect.unwrap(function), "__code__", None))


def _code_text(code: Any) -> str:
    """Return what the code does as text that is the same in every process: no addresses, no order of sets."""
    match code:
        case CodeType():
            return f"{code.co_code.hex()}{code.co_names}{[_code_text(value) for value in code.co_consts]}"
        case frozenset():
            return repr(sorted(map(repr, code)))
        case _:
            return repr(code)
