"""Tools: plain functions that a model may ask for, and the one way in which a call of them is read and run.

    @tool(effect="external")
    def send_reply(ticket: int, body: Annotated[str, "the whole answer"]) -> str: ...

The function stays callable as it is. A model's call goes through `canonical`, which gives the bytes that are shown,
digested and stored, and then through `run`, which parses these very bytes again. Nothing here asks anybody: the gate
does, before `run`.
"""

import asyncio
import hashlib
import inspect
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import CodeType
from typing import Any, Generic, ParamSpec, TypeVar, cast, get_args, overload

from pydantic import JsonValue, ValidationError

from copilot_kit.arguments import Unreadable, compact, inexact_integers, numbers_from_booleans, parse, place_name
from copilot_kit.effects import ArgumentRole, Effect
from copilot_kit.errors import ToolRefused, UsageError
from copilot_kit.outputs import ToolError, ToolOutput, cut, failed, output_of, unreadable, unsettled, words_of
from copilot_kit.request import Example, ToolSpec
from copilot_kit.schema import Signature, check_parameters, read_docstring, read_signature
from copilot_kit.threads import in_thread

P = ParamSpec("P")
R = TypeVar("R")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_MOST_FAULTS = 5


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What the application gives to a call; a parameter annotated with this type receives it."""

    run_id: str
    call_id: str
    path: tuple[str, ...] = ()
    """Call ids from the top agent down to the one that makes this call."""
    idempotency_key: str = ""
    """The same for the same action, made from what the action is; hand it to services that take one."""
    deps: Any = None
    """The application's own object: connections, the signed-in user, secrets."""
    agent: str = ""


@dataclass(frozen=True, eq=False)
class Tool(Generic[P, R]):
    """A function, and what models, people and the gate need to know of it; calling it calls the function."""

    function: Callable[P, R]
    name: str
    description: str | None
    effect: Effect = "external"
    timeout_s: float | None = None
    max_result_chars: int = 50_000
    examples: tuple[Example, ...] = ()
    strict: bool | None = None
    declared_version: str | None = None
    own: bool = False
    """What it changes belongs to the user alone."""
    roles: Mapping[str, ArgumentRole] = field(default_factory=dict)
    preview: Callable[..., Any] | None = None
    """Makes what a person is shown from the arguments."""
    undo: Callable[..., Any] | None = None
    """Takes a call back."""
    check: Callable[..., Any] | None = None
    """Finds out whether a call whose end is unknown had its effect."""
    local_names: Mapping[str, Any] | None = field(default=None, repr=False)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself, without any gate: this is for the application's own code."""
        return self.function(*args, **kwargs)

    @cached_property
    def spec(self) -> ToolSpec:
        """The tool as a model sees it."""
        spec = ToolSpec(
            name=self.name,
            description=self.description,
            parameters=self._signature.parameters,
            strict=self.strict,
            examples=self.examples,
        )
        for example in self.examples:
            self.canonical(json.dumps(example.arguments))
        return spec

    @cached_property
    def version(self) -> str:
        """The declared version, else a digest of source and schema. Functions that it calls are not in the digest."""
        if self.declared_version is not None:
            return self.declared_version
        source = _source(self.function)
        schema = json.dumps([self.name, self.effect, self._signature.parameters], sort_keys=True)
        return "sha256:" + hashlib.sha256(f"{source}\0{schema}".encode()).hexdigest()

    def canonical(self, args_json: str) -> str:
        """Return the arguments checked, with defaults, written in the one way that is shown, digested and run.

        Raises ToolRefused with words for the model. Canonical text is its own canonical form.
        """
        try:
            raw = parse(args_json)
            checked = self._dump(self._validate_python(raw))
            text = compact(checked)
            refused = _refused_values(raw, checked, args_json, text)
        except Unreadable as error:
            raise ToolRefused(f"The arguments of {self.name} cannot be read: {error}") from error
        except ValidationError as error:
            raise ToolRefused(self._faults(error)) from error
        if refused:
            raise ToolRefused(f"The arguments of {self.name} do not fit: {refused} {self._usage()}")
        self._check_stable(text, checked)
        return text

    async def run(self, canonical: str, context: ToolContext) -> ToolOutput:
        """Return what came of the call that these canonical arguments describe.

        Never raises for what the function does: its error is the output, as are arguments that no longer fit.
        Cancelling is passed on; whether the effect had happened is then not known here.
        """
        signature = self._signature
        try:
            arguments = dict(vars(signature.adapter.validator.validate_json(canonical)))
        except ValidationError as error:
            return failed(f"It did not run. {self._faults(error)}")
        if signature.injected is not None:
            arguments[signature.injected] = context
        try:
            async with asyncio.timeout(self.timeout_s) as scope:
                value = await self._call(arguments)
        except ToolError as error:
            return failed(str(error))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return failed(f"{self.name} gave up: something that it waited for was cancelled.")
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a tool does must not end the run
            if isinstance(error, TimeoutError) and scope.expired():
                return self._timed_out()
            return failed(words_of(error))
        try:
            return cut(output_of(value), self.max_result_chars)
        except Exception as error:  # noqa: BLE001  the call was made, whatever its result is
            return unreadable(f"{self.name} ran; what it returned is no text, JSON or part: {words_of(error)}")

    @cached_property
    def _signature(self) -> Signature:
        return read_signature(self.function, name=self.name, inject=ToolContext, local_names=self.local_names)

    @cached_property
    def _is_async(self) -> bool:
        return inspect.iscoroutinefunction(inspect.unwrap(self.function)) or inspect.iscoroutinefunction(
            getattr(self.function, "__call__", None)  # noqa: B004  an object with an async __call__
        )

    @cached_property
    def _validate_python(self) -> Callable[[Any], Any]:
        return self._signature.adapter.validator.validate_python

    def _check_stable(self, text: str, checked: Any) -> None:
        try:
            again = self._dump(self._signature.adapter.validator.validate_json(text))
        except ValidationError:
            again = None
        if again != checked and compact(again) != text:
            raise UsageError(
                f"The arguments of tool {self.name!r} change when they are written and read again, so that what is "
                "approved would not be what runs. Use types whose JSON form is also their input."
            )

    def _dump(self, arguments: Any) -> Any:
        return self._signature.adapter.serializer.to_python(arguments, mode="json", by_alias=True)

    async def _call(self, arguments: dict[str, Any]) -> Any:
        function = cast("Callable[..., Any]", self.function)
        if self._is_async:
            return await function(**arguments)
        value = await in_thread(partial(function, **arguments))
        return await value if isinstance(value, Awaitable) else value

    def _timed_out(self) -> ToolOutput:
        waited = f"within {self.timeout_s:g} s"
        if self.effect == "read":
            return failed(f"{self.name} gave no result {waited} and was given up.")
        return unsettled(
            f"{self.name} did not end {waited}. Whether it took effect is not known. "
            "Do not repeat it before that is settled."
        )

    def _faults(self, error: ValidationError) -> str:
        faults = error.errors(include_url=False, include_context=False)
        named = [_fault(place_name(fault["loc"]), fault["type"], fault["msg"], fault["input"]) for fault in faults]
        more = f"; and {len(named) - _MOST_FAULTS} more" if len(named) > _MOST_FAULTS else ""
        return f"The arguments of {self.name} do not fit: {'; '.join(named[:_MOST_FAULTS])}{more}. {self._usage()}"

    def _usage(self) -> str:
        properties = cast("dict[str, Any]", self._signature.parameters["properties"])
        required = cast("list[str]", self._signature.parameters.get("required", []))
        taken = [f"{name}{'' if name in required else '?'}: {_type(schema)}" for name, schema in properties.items()]
        return f"It takes ({', '.join(taken)}). Send the call again with all arguments right."


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...
@overload
def tool(
    *,
    effect: Effect = ...,
    name: str | None = ...,
    description: str | None = ...,
    timeout_s: float | None = ...,
    max_result_chars: int = ...,
    examples: list[Example] | tuple[Example, ...] = ...,
    version: str | None = ...,
    strict: bool | None = ...,
    own: bool = ...,
    roles: Mapping[str, ArgumentRole] | None = ...,
    preview: Callable[..., Any] | None = ...,
    undo: Callable[..., Any] | None = ...,
    check: Callable[..., Any] | None = ...,
) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
def tool(  # noqa: PLR0913  what a tool may declare, each with a default
    function: Callable[P, R] | None = None,
    /,
    *,
    effect: Effect = "external",
    name: str | None = None,
    description: str | None = None,
    timeout_s: float | None = None,
    max_result_chars: int = 50_000,
    examples: list[Example] | tuple[Example, ...] = (),
    version: str | None = None,
    strict: bool | None = None,
    own: bool = False,
    roles: Mapping[str, ArgumentRole] | None = None,
    preview: Callable[..., Any] | None = None,
    undo: Callable[..., Any] | None = None,
    check: Callable[..., Any] | None = None,
) -> Tool[P, R] | Callable[[Callable[P, R]], Tool[P, R]]:
    """Return the function as a tool; name, description and argument schema come from the function unless given.

    A tool that does not say its effect is `external`, the one that is always asked about. A plain function runs in a
    thread of its own, an `async def` in the event loop: one that waits for nothing is cheapest as `async def`.

    timeout_s: a read that takes longer is an error, anything else is of unknown outcome.
    version: raise it when what the tool does changes; without one, its source and schema are its version.
    preview: makes what a person is shown of a call from its arguments.
    own, roles, undo, check: kept for the inbox and trust to come; nothing reads them yet.
    """
    if effect not in get_args(Effect):
        raise UsageError(f"There is no effect {effect!r}. Write one of {', '.join(get_args(Effect))}.")
    caller = inspect.currentframe()
    local_names = caller.f_back.f_locals if caller is not None and caller.f_back is not None else None

    def made(function: Callable[P, R]) -> Tool[P, R]:
        called = _checked_name(name or str(getattr(function, "__name__", "")))
        check_parameters(function, called)
        return Tool(
            function=function,
            name=called,
            description=description or read_docstring(inspect.getdoc(function))[0],
            effect=effect,
            timeout_s=timeout_s,
            max_result_chars=max_result_chars,
            examples=tuple(examples),
            strict=strict,
            declared_version=version,
            own=own,
            roles=dict(roles or {}),
            preview=preview,
            undo=undo,
            check=check,
            local_names=local_names if _has_written_types(function) else None,
        )

    return made if function is None else made(function)


def _checked_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            f"Tool name {name!r} is not one that all providers take: 1 to 64 letters, digits, '_' and '-', no digit "
            "first. Give one: tool(name='...')."
        )
    return name


def _has_written_types(function: Callable[..., Any]) -> bool:
    return any(isinstance(hint, str) for hint in getattr(function, "__annotations__", {}).values())


def _source(function: Callable[..., Any]) -> str:
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


def _refused_values(raw: Any, checked: Any, args_json: str, text: str) -> str:
    if places := inexact_integers(raw, checked, args_json + text):
        return f"{', '.join(places)}: an integer beyond 2^53, which other programs read as another number."
    if ("true" in args_json or "false" in args_json) and (places := numbers_from_booleans(raw, checked)):
        return f"{', '.join(places)}: true or false where a number is wanted."
    return ""


def _fault(place: str, kind: str, message: str, given: Any) -> str:
    match kind:
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            return f"{place} is missing"
        case "unexpected_keyword_argument" | "extra_forbidden":
            return f"{place} is not an argument"
        case _:
            shown = json.dumps(given, ensure_ascii=False, default=str)
            shown = shown if len(shown) <= 80 else f"{shown[:80]}… ({len(shown)} characters)"  # noqa: PLR2004  one line
            return f"{place or 'the arguments'}: {message[:1].lower()}{message[1:]}, not {shown}"


def _type(schema: Any) -> str:
    match schema:
        case {"enum": list(values)}:
            return " | ".join(json.dumps(value) for value in values)
        case {"const": value}:
            return json.dumps(value)
        case {"anyOf": list(options)}:
            return " | ".join(_type(option) for option in options)
        case {"type": "array", "items": items}:
            return f"array of {_type(items)}"
        case {"type": str(kind)}:
            return kind
        case {"$ref": str(ref)}:
            return ref.rsplit("/", 1)[-1]
        case _:
            return "any"


def arguments_of(canonical: str) -> dict[str, JsonValue]:
    """Return canonical arguments as data, for rules and previews."""
    return cast("dict[str, JsonValue]", json.loads(canonical))
