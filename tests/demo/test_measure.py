"""What is measured is the whole proposal, and the small model reaches what the demo says of it."""

import pytest

from copilot_kit.demo import read_tickets
from copilot_kit.demo.gold import actions
from copilot_kit.demo.measure import ENOUGH, Set, first_proposals
from copilot_kit.slots import open_model
from copilot_kit.testing import ScriptedModel, call, say

pytestmark = pytest.mark.anyio


async def test_a_right_tool_with_a_wrong_argument_is_wrong() -> None:
    wanted = actions("tickets")
    first, *rest = [wanted[ticket.id] for ticket in read_tickets()]
    script = [call(one.tool, one.arguments) for one in rest]
    wrong = {**first.arguments, "reason": "wrong_item"}
    rows = await first_proposals(ScriptedModel(call(first.tool, wrong), *script))
    assert [row.ticket for row in rows if not row.is_right] == ["01"]


async def test_words_instead_of_a_proposal_are_wrong() -> None:
    rows = await first_proposals(ScriptedModel(*[say("I do not know.")] * 20), Set.DEVELOPMENT)
    assert sum(row.is_right for row in rows) == 0


@pytest.mark.slow
async def test_smollm2_is_right_on_17_of_20_tickets() -> None:
    pytest.importorskip("xllamacpp")
    weights = pytest.importorskip("copilot_kit_local.pulling")
    if weights.find(weights.CATALOGUE[0]) is None:
        pytest.skip("needs: copilot-kit models pull smollm2")
    rows = await first_proposals(open_model("local:smollm2").model)
    assert sum(row.is_right for row in rows) >= ENOUGH
