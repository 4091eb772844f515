"""Tools: plain functions that a model may ask for, and the one way in which a call of them is read and run.

    @tool(effect="external")
    def send_reply(ticket: int, body: Annotated[str, "the whole answer"]) -> str: ...

The function stays callable as it is. A model's call goes through `canonical`, which gives the bytes that are shown,
digested and stored, and then through `run`, which parses these very bytes again; so do `take_back` and `find_out`.
Nothing here asks anybody: the gate does, before `run`. `schema_tool` makes the same of a JSON schema and a function
that takes one dict.
"""

import asyncio
import hashlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from pydantic import JsonValue

from copilot_kit.arguments import Unreadable, changed_values, parse
from copilot_kit.calls import called, companion_arguments, parameters_of, source_of, takes_context
from copilot_kit.declarations import check_companions, check_declared, check_roles, checked_name
from copilot_kit.effects import ArgumentRole, Effect
from copilot_kit.errors import ToolRefused, UsageError
from copilot_kit.messages import Message, Source
from copilot_kit.outputs import ToolError, ToolOutput, cut, failed, output_of, unreadable, unsettled, words_of
from copilot_kit.request import Example, ToolSpec
from copilot_kit.schema import Signature, Unfit, check_parameters, read_docstring, read_signature, type_words

P = ParamSpec("P")
R = TypeVar("R")

_MOST_FAULTS = 5
_MOST_ARGUMENTS = 40


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
    model: str = ""
    """Which model proposed the call, as `asked > served`."""
    sources: Sequence[Source] = ()
    """Where the values of the arguments came from, one each; found out when somebody looks."""
    messages: Sequence[Message] = ()
    """The whole conversation so far of the agent that calls."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a tool's `check` found out about a call whose end was unknown."""

    done: bool | None
    """True: it had its effect. False: it had none. None: that is not known."""
    why: str = ""
    """Why it is not known."""


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
    """What each argument is for; one that is not named has no role."""
    preview: Callable[..., Any] | None = None
    """Makes what a person is shown from the arguments."""
    undo: Callable[..., Any] | None = None
    """Takes a call back."""
    check: Callable[..., Any] | None = None
    """Finds out whether a call whose end is unknown had its effect."""
    trusted_result: bool = False
    """What it returns is the application's own and holds nothing that others wrote."""
    may_decide: tuple[str, ...] = ()
    """Ids of those who may decide its calls, or `group:NAME`; empty: whom the agent says."""
    answer_within_s: float | None = None
    """A proposal of it expires after so long; None: when the agent says."""
    reads_when: Callable[[Mapping[str, JsonValue]], bool] | None = None
    """Tells of the arguments of a call whether it only reads, where the tool's other calls change something."""
    native: Mapping[str, dict[str, JsonValue]] = field(default_factory=dict)
    """By API: the provider's own tool that makes the very same calls."""
    from_schema: Signature | None = field(default=None, repr=False)
    """Its arguments, where a schema describes them and not the function."""
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
            native=dict(self.native),
        )
        for example in self.examples:
            self.canonical(json.dumps(example.arguments))
        return spec

    @cached_property
    def version(self) -> str:
        """The declared version, else a digest of the source (without one: the description) and the schema.

        Functions that it calls are not in the digest.
        """
        if self.declared_version is not None:
            return self.declared_version
        source = source_of(self.function) if self.from_schema is None else self.description or ""
        schema = json.dumps([self.name, self.effect, self._signature.parameters], sort_keys=True)
        return "sha256:" + hashlib.sha256(f"{source}\0{schema}".encode("utf-8", "surrogatepass")).hexdigest()

    def effect_of(self, arguments: Mapping[str, JsonValue]) -> Effect:
        """Return what a call with these arguments does: the tool's effect, or `read` where the tool says so of it."""
        try:
            return "read" if self.reads_when is not None and self.reads_when(arguments) is True else self.effect
        except Exception:  # noqa: BLE001  the application's code; what cannot tell is not taken for a read
            return self.effect

    def canonical(self, args_json: str) -> str:
        """Return the arguments checked, with defaults, written in the one way that is shown, digested and run.

        Raises ToolRefused with words for the model. Canonical text is its own canonical form.
        """
        try:
            raw = parse(args_json)
            checked, text = self._signature.written(raw)
            refused = changed_values(raw, checked, args_json, text)
        except Unreadable as error:
            raise ToolRefused(f"The arguments of {self.name} cannot be read: {error}") from error
        except Unfit as error:
            raise ToolRefused(self._faults(error)) from error
        if refused:
            raise ToolRefused(f"The arguments of {self.name} do not fit: {refused} {self._usage()}")
        return text

    async def run(self, canonical: str, context: ToolContext) -> ToolOutput:
        """Return what came of the call that these canonical arguments describe.

        Never raises for what the function does: its error is the output, as are arguments that no longer fit.
        Cancelling is passed on; whether the effect had happened is then not known here.
        """
        try:
            args, kwargs = self._signature.filled(canonical, context)
        except Unfit as error:
            return failed(f"It did not run. {self._faults(error)}")
        return await self._outcome(self.function, args, kwargs, doing=self.name)

    async def take_back(self, canonical: str, context: ToolContext, *, result: str = "") -> ToolOutput:
        """Return what came of undoing the call that these arguments describe; `result` is what the call had returned.

        The output is told as `run` tells it. Raises `UsageError` where the tool has no undo.
        """
        if self.undo is None:
            raise UsageError(f"Tool {self.name!r} cannot take a call back. Declare tool(undo=...), or act by hand.")
        try:
            arguments = self._signature.named(canonical)
        except Unfit as error:
            return failed(f"It was not undone. {self._faults(error)}")
        kwargs = companion_arguments(self.undo, arguments, context, result)
        return await self._outcome(self.undo, (), kwargs, doing=f"Undoing {self.name}")

    async def find_out(self, canonical: str, context: ToolContext) -> bool | None:
        """Return True if the call had its effect, False if it had none, None if that is not known; `found` says why."""
        return (await self.found(canonical, context)).done

    async def found(self, canonical: str, context: ToolContext) -> Found:
        """Return what the tool's `check` says of the call that these arguments describe; its errors are not raised."""
        if self.check is None:
            return Found(None, f"{self.name} has no check.")
        try:
            kwargs = companion_arguments(self.check, self._signature.named(canonical), context, "")
            async with asyncio.timeout(self.timeout_s):
                done = await called(self.check, **kwargs)
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            return Found(None, f"The check of {self.name} gave up: something that it waited for was cancelled.")
        except (Exception, SystemExit) as error:  # noqa: BLE001  the application's code; that it failed proves nothing
            return Found(None, f"The check of {self.name} failed: {words_of(error)}")
        if done is None or isinstance(done, bool):
            return Found(done, "" if done is not None else f"The check of {self.name} could not tell.")
        return Found(None, f"The check of {self.name} answered {type(done).__name__}, not True, False or None.")

    async def _outcome(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, doing: str
    ) -> ToolOutput:
        try:
            async with asyncio.timeout(self.timeout_s) as scope:
                value = await called(function, *args, **kwargs)
        except ToolError as error:
            return failed(str(error))
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            return failed(f"{doing} gave up: something that it waited for was cancelled.")
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a tool does must not end the run
            if isinstance(error, TimeoutError) and scope.expired():
                return self._timed_out(doing)
            return failed(words_of(error))
        try:
            return cut(output_of(value), self.max_result_chars)
        except Exception as error:  # noqa: BLE001  the call was made, whatever its result is
            return unreadable(f"{doing} ran; what it returned is no text, JSON or part: {words_of(error)}")

    @cached_property
    def _signature(self) -> Signature:
        if self.from_schema is not None:
            return self.from_schema
        return read_signature(self.function, name=self.name, inject=ToolContext, local_names=self.local_names)

    def _timed_out(self, doing: str) -> ToolOutput:
        waited = f"within {self.timeout_s:g} s"
        if self.effect == "read":
            return failed(f"{doing} gave no result {waited} and was given up.")
        return unsettled(
            f"{doing} did not end {waited}. Whether it took effect is not known. "
            "Do not repeat it before that is settled."
        )

    def _faults(self, error: Unfit) -> str:
        named = error.faults
        more = f"; and {len(named) - _MOST_FAULTS} more" if len(named) > _MOST_FAULTS else ""
        return f"The arguments of {self.name} do not fit: {'; '.join(named[:_MOST_FAULTS])}{more}. {self._usage()}"

    def _usage(self) -> str:
        properties = cast("dict[str, Any]", self._signature.parameters["properties"])
        required = cast("list[str]", self._signature.parameters.get("required", []))
        taken = [f"{name}{'' if name in required else '?'}: {type_words(each)}" for name, each in properties.items()]
        more = f", and {len(taken) - _MOST_ARGUMENTS} more" if len(taken) > _MOST_ARGUMENTS else ""
        return f"It takes ({', '.join(taken[:_MOST_ARGUMENTS])}{more}). Send the call again with all arguments right."


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
    trusted_result: bool = ...,
    may_decide: Sequence[str] = ...,
    answer_within_s: float | None = ...,
    reads_when: Callable[[Mapping[str, JsonValue]], bool] | None = ...,
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
    trusted_result: bool = False,
    may_decide: Sequence[str] = (),
    answer_within_s: float | None = None,
    reads_when: Callable[[Mapping[str, JsonValue]], bool] | None = None,
) -> Tool[P, R] | Callable[[Callable[P, R]], Tool[P, R]]:
    """Return the function as a tool; name, description and argument schema come from the function unless given.

    A tool that does not say its effect is `external`, the one that is always asked about. A plain function runs in a
    thread of its own, an `async def` in the event loop: one that waits for nothing is cheapest as `async def`.

    timeout_s: a read that takes longer is an error, anything else is of unknown outcome.
    version: raise it when what the tool does changes; without one, its source and schema are its version.
    own: what it changes belongs to the user alone.
    roles: what each argument is for (destination, object, content, wording), by its name.
    preview: makes what a person is shown of a call from its arguments.
    undo: takes a call back, plain or async. It is called with those of the tool's arguments that it names, and may
        also take `result` (the words that the call had returned), `arguments` (all of them) and a `ToolContext`.
    check: finds out whether a call whose end is unknown had its effect: True, False, or None for not known. It is
        called as `undo` is, without a result.
    trusted_result: its result holds nothing that others wrote (mail, pages, comments), so that values in it may be
        acted on as if the application had said them.
    may_decide, answer_within_s: who decides its calls (ids, or `group:NAME`), and within which time.
    reads_when: tells of a call's arguments whether it only reads, for a tool of which some calls change something.
    """
    check_declared(effect, may_decide, answer_within_s)
    caller = inspect.currentframe()
    local_names = caller.f_back.f_locals if caller is not None and caller.f_back is not None else None

    def made(function: Callable[P, R]) -> Tool[P, R]:
        named = checked_name(name or str(getattr(function, "__name__", "")))
        check_parameters(function, named)
        arguments = [one.name for one in parameters_of(function).values() if not takes_context(one, ToolContext)]
        check_roles(roles or {}, arguments, tool=named)
        check_companions({"undo": undo, "check": check}, arguments, ToolContext, tool=named)
        return Tool(
            function=function,
            name=named,
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
            trusted_result=trusted_result,
            may_decide=tuple(may_decide),
            answer_within_s=answer_within_s,
            reads_when=reads_when,
            local_names=local_names if _has_written_types(function) else None,
        )

    return made if function is None else made(function)


def schema_tool(  # noqa: PLR0913  what a tool may declare, each with a default
    name: str,
    description: str | None,
    parameters: Mapping[str, Any],
    run: Callable[..., R],
    *,
    effect: Effect = "external",
    timeout_s: float | None = None,
    max_result_chars: int = 50_000,
    version: str | None = None,
    own: bool = False,
    roles: Mapping[str, ArgumentRole] | None = None,
    preview: Callable[..., Any] | None = None,
    undo: Callable[..., Any] | None = None,
    check: Callable[..., Any] | None = None,
    trusted_result: bool = False,
    may_decide: Sequence[str] = (),
    answer_within_s: float | None = None,
    reads_when: Callable[[Mapping[str, JsonValue]], bool] | None = None,
    native: Mapping[str, dict[str, JsonValue]] | None = None,
) -> Tool[..., R]:
    """Return a tool whose arguments a JSON schema describes; `run` is called with them as one dict.

    run: plain or async; one with a second parameter is given the `ToolContext` there.
    version: without one, name, description, effect and schema are its version: what `run` does is not in it.

    native: by API, the provider's own tool that makes the very same calls; models there are given that one.

    What is declared means what it means for `tool`. Arguments that the schema does not know are kept, shown and run,
    unless it forbids them; defaults that it declares are filled in where they fit. Raises `UsageError` for a schema
    that is not one, or that refers to anything outside of itself.
    """
    from copilot_kit.json_schema import read_json_schema

    check_declared(effect, may_decide, answer_within_s)
    named = checked_name(name)
    signature = read_json_schema(parameters, name=named, takes_context=len(parameters_of(run)) > 1)
    arguments = list(signature.parameters["properties"])
    check_roles(roles or {}, arguments, tool=named)
    check_companions({"undo": undo, "check": check}, arguments, ToolContext, tool=named)
    return Tool(
        function=run,
        name=named,
        description=description,
        effect=effect,
        timeout_s=timeout_s,
        max_result_chars=max_result_chars,
        declared_version=version,
        own=own,
        roles=dict(roles or {}),
        preview=preview,
        undo=undo,
        check=check,
        trusted_result=trusted_result,
        may_decide=tuple(may_decide),
        answer_within_s=answer_within_s,
        reads_when=reads_when,
        native=dict(native or {}),
        from_schema=signature,
    )


def _is_cancelled() -> bool:
    """Return whether it is this very task that is to end, and not something that it waited for."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _has_written_types(function: Callable[..., Any]) -> bool:
    return any(isinstance(hint, str) for hint in getattr(function, "__annotations__", {}).values())


def arguments_of(canonical: str) -> dict[str, JsonValue]:
    """Return canonical arguments as data, for rules and previews."""
    return cast("dict[str, JsonValue]", json.loads(canonical))
