"""An argument text is refused with words, or what is shown, what is digested and what runs are one value."""

import json
from typing import Any

import pytest

from copilot_kit.approval.digests import call_digest
from copilot_kit.cli.card import Look, card_of
from copilot_kit.display import recovered_block
from copilot_kit.errors import ToolRefused
from copilot_kit.records import Proposal, Step
from copilot_kit.tools import Tool, ToolContext, schema_tool, tool

RAN: list[Any] = []


@tool(effect="external")
async def strict(
    to: str | None = None,
    amount: float = 0,
    id: int = 0,  # noqa: A002
    note: str = "",
    data: Any = None,
) -> str:
    """Take what comes, by its types."""
    RAN.append({"to": to, "amount": amount, "id": id, "note": note, "data": data})
    return "done"


async def keep(arguments: dict[str, Any]) -> str:
    RAN.append(arguments)
    return "done"


loose = schema_tool("loose", "Take whatever comes.", {"type": "object", "properties": {}}, keep)
CONTEXT = ToolContext(run_id="run_1", call_id="call_1")


def proposal(one: Tool[..., Any], canonical: str) -> Proposal:
    path = (Step(agent="support"),)
    digest = call_digest(run_id="run_1", path=path, call_id="call_1", tool=one.name, version="1", arguments=canonical)
    return Proposal(
        id="prop_1", call_id="call_1", path=path, tool=one.name, tool_version="1", effect="external",
        arguments=canonical, model="m > m", prompt_version="p", reasons=(), call_digest=digest, shown_digest="s",
    )  # fmt: skip


@pytest.mark.parametrize("one", [strict, loose], ids=["typed", "schema"])
async def test_what_is_taken_is_shown_digested_and_run_as_one_value(one: Tool[..., Any], argument_texts: list[str]):
    taken = 0
    words: list[str] = []
    for text in argument_texts:
        try:
            canonical = one.canonical(text)
        except ToolRefused as error:
            words.append(str(error))
            continue
        taken += 1
        assert one.canonical(canonical) == canonical
        canonical.encode()
        lines = list(card_of(proposal(one, canonical), Look(60, None)).lines)
        shown = recovered_block(lines[lines.index("  exactly these bytes run:") + 1 :])
        assert shown == canonical
        RAN.clear()
        output = await one.run(canonical, CONTEXT)
        assert output.outcome == "ok"
        assert [json.dumps(ran, sort_keys=True) for ran in RAN] == [json.dumps(json.loads(shown), sort_keys=True)]
    assert 3 <= taken < len(argument_texts)
    assert all(words)
    "".join(words).encode()


@pytest.mark.parametrize(
    "text",
    ['{"amount": NaN}', '{"amount": 1e999}', '{"to": "a", "to": "b"}', '{"note": "\\ud800"}', '{"to": "a"}{"to": "b"}',
     '{"id": 9007199254740993}', "[]", '{"amount": true}', '\ufeff{"to": "ann"}'],
)  # fmt: skip
def test_values_that_programs_read_differently_are_refused(text: str):
    with pytest.raises(ToolRefused):
        strict.canonical(text)
