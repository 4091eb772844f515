"""A gate as a TOML file: the rules that `rule`, `earn` and `flow_rules` make; what is not understood is an error.

    may_decide = ["group:finance"]      # for every question whose rule does not say
    answer_within = "2h"
    flow = true                         # the flow rules as well

    [[rule]]
    verdict = "allow"
    effect = "read"

    [[rule]]
    verdict = "ask"
    tool = "send_money"
    when = { amount = { above = 100 } }
    why = "more than a hundred"

    [[rule]]
    tool = "label_ticket"
    earn = { target = 0.98 }

The whole language is in docs/gate.md.
"""

import re
import tomllib
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from pydantic import ConfigDict, Field, ValidationError

from copilot_kit.approval.gate import Gate, GateVerdict, Rule, rule
from copilot_kit.effects import Effect
from copilot_kit.errors import UsageError
from copilot_kit.messages import Record

_HEADER: Final = re.compile(r"^[ \t]*\[\[[ \t]*(?:rule|\"rule\"|'rule')[ \t]*\]\]", re.MULTILINE)
_TIME: Final = re.compile(r"(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s)?")
_SECONDS: Final = (86_400, 3_600, 60, 1)
_Name = Annotated[str, Field(min_length=1)]


class _Table(Record):
    model_config = ConfigDict(strict=True)


_TableT = TypeVar("_TableT", bound=_Table)


class _Earn(_Table):
    target: float
    confidence: float = 0.95
    audit_share: float = 0.05
    wording_counts: bool = True


class _Rule(_Table):
    verdict: GateVerdict | None = None
    earn: _Earn | None = None
    tool: _Name | None = None
    tools: list[_Name] | None = None
    effect: Effect | None = None
    agent: _Name | None = None
    model: _Name | None = None
    when: Any = None
    why: str = ""
    may_decide: list[_Name] = []
    answer_within: str | None = None


class _File(_Table):
    rule: list[dict[str, Any]] = []
    flow: bool = False
    may_decide: list[_Name] = []
    answer_within: str | None = None


def read_gate(path: str | PathLike[str]) -> Gate:
    """Return the gate that the file describes; raises `UsageError`, one line with the place, for what is wrong in it.

    The file is read once. Its rules are all there are: unless one says so, reads ask too.
    """
    text = _text_of(Path(path))
    try:
        tables = tomllib.loads(text)
    except ValueError as error:
        raise UsageError(f"{path}: not valid TOML: {error}. Correct the file.") from error
    try:
        file = _read(_File, tables)
        within = _seconds(file.answer_within)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    rules: list[tuple[str, Rule]] = []
    for table, label in zip(file.rule, _labels(text, len(file.rule)), strict=True):
        try:
            rules += [(label, one) for one in _rules_of(_read(_Rule, table))]
        except UsageError as error:
            raise UsageError(f"{path}, {label}: {error}") from error
    if file.flow:
        rules += _flow()
    return Gate(
        [one for _, one in rules],
        labels=[label for label, _ in rules],
        may_decide=file.may_decide,
        answer_within_s=within,
    )


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}. Save the file as UTF-8.") from error
    except OSError as error:
        raise UsageError(f"Cannot read gate file {str(path)!r}: {error.strerror}. Correct the path.") from error


def _labels(text: str, count: int) -> list[str]:
    """Return what each rule is called: its number, and its line where that is certain."""
    lines = [text.count("\n", 0, header.start()) + 1 for header in _HEADER.finditer(text)]
    if len(lines) != count:
        return [f"rule {number}" for number in range(1, count + 1)]
    return [f"rule {number} (line {line})" for number, line in enumerate(lines, 1)]


def _read(kind: type[_TableT], table: dict[str, Any]) -> _TableT:
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        unknown = [fault for fault in faults if fault["type"] == "extra_forbidden"]  # what it was meant to be may lack
        raise UsageError(_fault(kind, (unknown or faults)[0])) from error


def _fault(kind: type[_Table], fault: Any) -> str:
    """Return what is wrong with one key, and what would be right."""
    *outer, key = map(str, fault["loc"])
    known = _Earn.model_fields if "earn" in outer else kind.model_fields
    name = ".".join([*outer, key])
    match fault["type"]:
        case "extra_forbidden":
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(known)}."
            return f"there is no key {name!r}: {hint}"
        case "missing":
            return f"{name!r} is missing. Add it."
        case _:
            return f"{name} = {fault['input']!r}: {fault['msg'].lower()}. Correct it."


def _rules_of(table: _Rule) -> list[Rule]:
    if table.tool is not None and table.tools is not None:
        raise UsageError("`tool` and `tools` together. Keep one of them.")
    tools = [table.tool] if table.tool is not None else table.tools
    if table.earn is not None:
        return _earned(table, table.earn, tools)
    if table.verdict is None:
        raise UsageError("it has no verdict. Write verdict = 'allow', 'ask' or 'deny'; or earn = { target = 0.98 }.")
    return [
        rule(
            table.verdict,
            tool=tools,
            effect=table.effect,
            agent=table.agent,
            model=table.model,
            when=table.when,
            why=table.why,
            may_decide=table.may_decide,
            answer_within_s=_seconds(table.answer_within),
        )
    ]


def _earned(table: _Rule, wanted: _Earn, tools: list[str] | None) -> list[Rule]:
    from copilot_kit.approval.trust import earn

    beside = [key for key in ("verdict", "agent", "model", "when", "why", "may_decide", "answer_within")
              if key in table.model_fields_set]  # fmt: skip
    if beside:
        raise UsageError(f"{beside[0]!r} beside `earn`, which asks or allows by itself. Take one of them out.")
    if tools == []:
        raise UsageError("tools = [] matches nothing. Name the tools, or leave it out to match every call.")

    def earned(tool: str | None) -> Rule:
        return earn(
            wanted.target,
            wanted.confidence,
            tool=tool,
            effect=table.effect,
            audit_share=wanted.audit_share,
            wording_counts=wanted.wording_counts,
        )

    return [earned(None)] if tools is None else [earned(tool) for tool in tools]


def _flow() -> list[tuple[str, Rule]]:
    from copilot_kit.approval.flow import flow_rules

    return [(f"flow rule {number}", one) for number, one in enumerate(flow_rules(), 1)]


def _seconds(written: str | None) -> float | None:
    """Return a time such as `2h` or `1h30m` in seconds."""
    if written is None:
        return None
    found = _TIME.fullmatch(written)
    seconds = sum(int(count or 0) * unit for count, unit in zip(found.groups(), _SECONDS, strict=True)) if found else 0
    if not seconds:
        raise UsageError(f"answer_within = {written!r} is no time. Write it as '2h', '45m', '1d' or '1h30m'.")
    return float(seconds)
