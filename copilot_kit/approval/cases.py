"""Calls that nobody makes, to try a gate on: what would be said of them, without a model and without the tools."""

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import ConfigDict, Field, JsonValue, ValidationError

from copilot_kit.approval.gate import Gate, GateCall, GateVerdict, Ruling
from copilot_kit.arguments import compact, parse
from copilot_kit.effects import ArgumentRole, Effect
from copilot_kit.errors import ToolRefused, UsageError
from copilot_kit.messages import Record, Source, Text, user
from copilot_kit.records import Step
from copilot_kit.tools import Tool, arguments_of

if TYPE_CHECKING:
    from copilot_kit.approval.provenance import Origins

FindTool: TypeAlias = Callable[[str], Tool[..., Any] | None]
"""Looks a tool up by its name."""
_USER = Source(kind="user", trusted=True)


class Case(Record):
    """A call, and what the gate should say to it."""

    model_config = ConfigDict(strict=True)

    tool: str = Field(min_length=1)
    arguments: dict[str, JsonValue] = {}
    verdict: GateVerdict | None = None
    """What is expected."""
    reason: str | None = None
    """The code of a reason that must be among those given."""
    name: str = ""
    effect: Effect | None = None
    """Of a tool that is not there to say so itself, as are `own`, `undoable` and `roles`; else it is external."""
    own: bool | None = None
    undoable: bool | None = None
    roles: dict[str, ArgumentRole] | None = None
    agent: str = "agent"
    model: str = ""
    """As it is asked for, `provider:name`, or `asked > served`."""
    said: str = ""
    """Words of the user, from which values may come."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A case and what the gate said."""

    case: Case
    ruling: Ruling

    @property
    def holds(self) -> bool:
        """Whether it said what is expected."""
        codes = [reason.code for reason in self.ruling.reasons]
        return self.case.verdict == self.ruling.verdict and (self.case.reason is None or self.case.reason in codes)


def read_cases(path: str | PathLike[str]) -> list[Case]:
    """Return the cases of a file: `[[case]]` tables of a `.toml`, or one JSON object a line of a `.jsonl`.

    Raises `UsageError`, one line with the place, for what is not understood, and for a file without cases.
    """
    where = Path(path)
    try:
        text = where.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{where}: not UTF-8 at byte {error.start}. Save the file as UTF-8.") from error
    except OSError as error:
        raise UsageError(f"Cannot read cases from {str(where)!r}: {error.strerror}. Correct the path.") from error
    match where.suffix:
        case ".toml":
            cases = _of_toml(text, where)
        case ".jsonl":
            cases = _of_lines(text, where)
        case other:
            raise UsageError(
                f"Cases are in a .toml or .jsonl file, not in {other!r} ({str(where)!r}). Rename the file."
            )
    if not cases:
        raise UsageError(f"{where} has no cases, so nothing would be tested. Write [[case]] with tool and verdict.")
    return cases


def try_cases(gate: Gate, cases: list[Case], *, find_tool: FindTool | None = None) -> list[Tried]:
    """Return what the gate says to each case; find_tool: where given, each tool is looked up and must be there."""
    return [Tried(case, gate.judge(call_of(case, find_tool=find_tool))) for case in cases]


def call_of(case: Case, *, find_tool: FindTool | None = None) -> GateCall:
    """Return the call as the gate would see it; with the tool at hand it is validated, and has its defaults.

    Raises `UsageError` for arguments that the tool does not take.
    """
    tool = None if find_tool is None else _tool_of(case, find_tool)
    try:
        written = compact(case.arguments)
        arguments = json.loads(written) if tool is None else arguments_of(tool.canonical(written))
    except (ValueError, ToolRefused) as error:
        raise UsageError(f"Case {case.name or case.tool!r}: {error}") from error
    roles = (case.roles or {}) if tool is None else tool.roles
    origins = _origins(case)
    return GateCall(
        tool=case.tool,
        version="" if tool is None else tool.version,
        effect=(case.effect or "external") if tool is None else tool.effect_of(arguments),
        arguments=arguments,
        path=(Step(agent=case.agent),),
        model=case.model,
        own=bool(case.own) if tool is None else tool.own,
        undoable=bool(case.undoable) if tool is None else tool.undo is not None,
        roles=roles,
        provenance=origins.of(arguments, roles),
        asked_for=origins.asks_for(case.tool, arguments, roles, tools=[case.tool]),
    )


def _tool_of(case: Case, find_tool: FindTool) -> Tool[..., Any]:
    tool = find_tool(case.tool)
    if tool is None:
        raise UsageError(f"Case {case.name or case.tool!r}: the agent has no tool {case.tool!r}. Correct the name.")
    told = [name for name in ("effect", "own", "undoable", "roles") if getattr(case, name) is not None]
    if told:
        raise UsageError(f"Case {case.name or case.tool!r}: {told[0]!r} is the tool's to say. Leave it out.")
    return tool


def _origins(case: Case) -> "Origins":
    from copilot_kit.approval.provenance import Origins

    origins = Origins()
    if case.said:
        origins.take(user(Text(text=case.said, source=_USER)))
    return origins


def _of_toml(text: str, where: Path) -> list[Case]:
    try:
        tables = tomllib.loads(text)
    except ValueError as error:
        raise UsageError(f"{where}: not valid TOML: {error}. Correct the file.") from error
    cases = tables.pop("case", [])
    if tables or not isinstance(cases, list):
        raise UsageError(f"{where}: it has {', '.join(tables) or 'one table `case`'}. It holds [[case]] tables only.")
    return [_case(table, f"{where}, case {number}") for number, table in enumerate(cases, 1)]


def _of_lines(text: str, where: Path) -> list[Case]:
    cases = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                cases.append(_case(parse(line), f"{where}, line {number}"))
            except ValueError as error:
                raise UsageError(f"{where}, line {number}: {error}") from error
    return cases


def _case(table: Any, where: str) -> Case:
    try:
        case = Case.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "the case"
        raise UsageError(f"{where}: {key} = {first['input']!r}: {first['msg'].lower()}. Correct it.") from error
    if case.verdict is None:
        raise UsageError(f"{where}: no verdict is expected. Write verdict = 'allow', 'ask' or 'deny'.")
    return case
