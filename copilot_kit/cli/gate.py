"""`copilot-kit gate`: what a gate says to a call and why, policies tested without a model, and standing rules."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer

from copilot_kit.approval.cases import Case, FindTool, Tried, call_of, read_cases, try_cases
from copilot_kit.approval.gate import Gate, GateCall, Ruling
from copilot_kit.approval.standing import Granted, in_words, listed, revoke
from copilot_kit.arguments import compact, parse
from copilot_kit.cli.journals import JsonOption, StoreOption, at_journal
from copilot_kit.cli.record_lines import duration
from copilot_kit.cli.screen import as_json, bold, columns, dim, shown, told, width
from copilot_kit.display import in_margin, visible
from copilot_kit.errors import UsageError
from copilot_kit.journal import Journal
from copilot_kit.records import StandingRule

FILE: Final = "gate.toml"
_NOTHING: Final = "-"

app = typer.Typer(
    help="The gate: what it says to a call and why, and standing rules.\n\nExample: copilot-kit gate rules",
    no_args_is_help=True,
)

_Gate = Annotated[str | None, typer.Option("--gate", metavar="FILE", help=f"A gate file; else the agent's, or {FILE}.")]
_Agent = Annotated[
    str | None,
    typer.Option("--agent", metavar="MODULE:NAME", help="An agent, whose gate and tools are used."),
]


class _Bench(NamedTuple):
    """What calls are tried on."""

    gate: Gate
    find_tool: FindTool | None
    agent: str | None


@app.command("explain")
def explain(
    tool: Annotated[str, typer.Argument(help="The tool's name.")],
    *,
    args: Annotated[str, typer.Option("--args", metavar="JSON", help="Its arguments.")] = "{}",
    effect: Annotated[
        str | None, typer.Option(help="read, write or external, where no --agent knows the tool.")
    ] = None,
    model: Annotated[str, typer.Option(help="The model that would propose it.")] = "",
    said: Annotated[str, typer.Option(help="Words of the user, from which values may come.")] = "",
    gate: _Gate = None,
    agent: _Agent = None,
    json: JsonOption = False,
) -> None:
    """Show what the gate says to a call, and what each of its rules says by itself.

    Standing rules and earned trust are not looked up: they are in a journal, not in the gate.

    Example: copilot-kit gate explain send_money --args '{"amount": 500}'
    """
    bench = _bench(gate, agent)
    call = call_of(_case(tool, args, effect=effect, model=model, said=said, agent=bench.agent),
                   find_tool=bench.find_tool)  # fmt: skip
    ruling = bench.gate.judge(call)
    rules = bench.gate.explain(call)
    if json:
        told_of = [{"rule": label, **({"verdict": None} if one is None else _ruling(one))} for label, one in rules]
        as_json({"tool": tool, "arguments": call.arguments, "effect": call.effect, **_ruling(ruling), "rules": told_of})
        return
    _explained(call, ruling, rules)


@app.command("test")
def try_cases_of(
    file: Annotated[Path, typer.Argument(help="Cases: tables named case of a .toml, or lines of a .jsonl.")],
    *,
    gate: _Gate = None,
    agent: _Agent = None,
    json: JsonOption = False,
) -> None:
    """Try calls on the gate, without a model: each case names a tool, its arguments and the verdict expected.

    Example: copilot-kit gate test policy_cases.toml --gate gate.toml
    """
    bench = _bench(gate, agent)
    tried = try_cases(bench.gate, read_cases(file), find_tool=bench.find_tool)
    failed = sum(not one.holds for one in tried)
    if json:
        as_json([_tried(one) for one in tried])
    else:
        cells = [("ok" if one.holds else "FAILED", one.case.name or one.case.tool, _expected(one), one.ruling.verdict,
                  _codes(one.ruling)) for one in tried]  # fmt: skip
        columns(cells, header=("", "case", "expected", "verdict", "reasons"))
        told(f"{len(tried) - failed} of {len(tried)} cases hold.")
    if failed:
        raise typer.Exit(1)


@app.command("rules")
def list_rules(
    *,
    every: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """List the standing rules that people granted: each in words, what is left of it, until when, and by whom.

    Example: copilot-kit gate rules --all
    """
    granted = [one for one in at_journal(store, listed) if every or one.ended is None]
    if json:
        as_json([_granted(one) for one in granted])
        return
    for one in granted:
        shown(f"{bold(visible(one.rule.id))}  {_state(one)}")
        for line in in_margin(in_words(one.rule).split("\n"), width=width()):
            shown(line)
    if not granted:
        told("No standing rules are in force here. A person grants one when they decide a call.")


@app.command("revoke")
def revoke_rule(
    rule: Annotated[str, typer.Argument(help="As `gate rules` shows it; its beginning or end is enough.")],
    *,
    store: StoreOption = None,
) -> None:
    """End a standing rule now: from here on its calls are asked about again.

    Example: copilot-kit gate revoke rule_0193
    """
    from copilot_kit.cli.approvals import this_person

    async def ended(journal: Journal) -> Granted:
        return await revoke(journal, _found(rule, await listed(journal)), by=this_person())

    one = at_journal(store, ended)
    shown(f"Revoked {visible(one.rule.id)}: {visible(one.rule.tool)} is asked about again.")


def _bench(gate: str | None, agent: str | None) -> _Bench:
    """Return the gate that is meant; a file that an agent has besides is named, never guessed."""
    if agent is not None:
        from copilot_kit.cli.agents import load_agent

        known = load_agent(agent)
        bench = _Bench(known.gate if gate is None else Gate.from_file(gate), known.tool, known.name)
        _tell_unknown_tools(bench)
        return bench
    if gate is None and not Path(FILE).is_file():
        raise UsageError(
            f"No gate is named, and there is no {FILE} here. Name one: --gate FILE, or --agent module:name."
        )
    return _Bench(Gate.from_file(gate or FILE), None, None)


def _tell_unknown_tools(bench: _Bench) -> None:
    """Tell which rules are about tools that the agent has not: a misspelt name denies nothing."""
    for label, named in bench.gate.tools_named():
        if bench.find_tool is not None and bench.find_tool(named) is None:
            told(f"{visible(label)} is about the tool {visible(repr(named))}, which agent {bench.agent!r} has not.")


def _case(tool: str, args: str, *, effect: str | None, model: str, said: str, agent: str | None) -> Case:
    if effect not in (None, "read", "write", "external"):
        raise UsageError(f"An effect is read, write or external, not {effect!r}. Correct --effect.")
    try:
        arguments = parse(args)
    except ValueError as error:
        raise UsageError(f"--args {args!r}: {error}") from error
    fields = {"tool": tool, "arguments": arguments, "effect": effect, "model": model, "said": said,
              "agent": agent or "agent"}  # fmt: skip
    return Case.model_validate(fields)


def _explained(call: GateCall, ruling: Ruling, rules: Sequence[tuple[str, Ruling | None]]) -> None:
    shown(f"{bold(ruling.verdict)}: {visible(call.tool)} {visible(compact(call.arguments))}")
    for reason in ruling.reasons:
        shown(f"  because {visible(reason.text)} {dim(visible(f'({reason.code})'))}")
    if ruling.may_decide:
        shown(f"  may decide: {visible(', '.join(ruling.may_decide))}")
    if ruling.answer_within_s is not None:
        shown(f"  answer within: {duration(ruling.answer_within_s)}")
    if ruling.verdict == "ask" and not ruling.explicit:
        shown("  a standing rule may allow it: no rule of the gate forbids that")
    shown()
    cells = [(_NOTHING if one is None else one.verdict, label, "" if one is None else _words(one))
             for label, one in rules]  # fmt: skip
    columns(cells, header=("says", "rule", "why"))


def _words(ruling: Ruling) -> str:
    return "; ".join(reason.text for reason in ruling.reasons)


def _codes(ruling: Ruling) -> str:
    return ", ".join(reason.code for reason in ruling.reasons)


def _expected(one: Tried) -> str:
    return str(one.case.verdict) + (f" ({one.case.reason})" if one.case.reason else "")


def _ruling(ruling: Ruling) -> dict[str, Any]:
    return {
        "verdict": ruling.verdict,
        "reasons": [{"code": reason.code, "text": reason.text} for reason in ruling.reasons],
        "may_decide": list(ruling.may_decide),
        "answer_within_s": ruling.answer_within_s,
        "explicit": ruling.explicit,
    }


def _tried(one: Tried) -> dict[str, Any]:
    return {"case": one.case.name or one.case.tool, "holds": one.holds, "expected": one.case.verdict,
            "expected_reason": one.case.reason, **_ruling(one.ruling)}  # fmt: skip


def _granted(one: Granted) -> dict[str, Any]:
    return {**one.rule.model_dump(mode="json"), "used": one.used, "left": one.left, "ended": one.ended,
            "revoked_by": None if one.revoked is None else one.revoked.id, "words": in_words(one.rule)}  # fmt: skip


def _state(one: Granted) -> str:
    by = "" if one.revoked is None else f" by {visible(one.revoked.name or one.revoked.id)}"
    ended = f"ended: {one.ended}{by}" if one.ended else f"in force for {_left(one.rule)}"
    return (
        f"{one.used} of {one.rule.uses} uses used · {ended} · granted by {visible(one.rule.by.name or one.rule.by.id)}"
    )


def _left(rule: StandingRule) -> str:
    return duration((rule.expires_at - datetime.now(rule.expires_at.tzinfo)).total_seconds())


def _found(name: str, granted: Sequence[Granted]) -> str:
    """Return the one rule of this name; a part that only one rule has will do."""
    ids = [one.rule.id for one in granted]
    alike = [name] if name in ids else [
        one for one in ids if one.removeprefix("rule_").startswith(name) or one.startswith(name) or one.endswith(name)
    ]  # fmt: skip
    if len(alike) == 1 and name:
        return alike[0]
    told_of = f"{len(alike)} rules are called so" if alike else "there is none in this journal"
    raise UsageError(f"Cannot revoke rule {name!r}: {told_of}. List them with: copilot-kit gate rules --all")
