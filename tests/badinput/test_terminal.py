"""Whatever stands in a call: nothing of it acts on the terminal, poses as ours, or is lost on the way to a person."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.agent import Agent
from copilot_kit.approval.previews import diff_of, mail, payment, table_of
from copilot_kit.cli.audit_lines import audit_lines
from copilot_kit.cli.audit_trail import trail_of
from copilot_kit.cli.card import Look, background_of, card_of
from copilot_kit.cli.queue import list_lines
from copilot_kit.cli.record_lines import Telling
from copilot_kit.display import MARGIN, recovered_block, width_of
from copilot_kit.journal import MemoryStore
from copilot_kit.journal.index import Waiting
from copilot_kit.messages import Source
from copilot_kit.records import Origin, Preview, Principal, Proposal, Reason, Step
from copilot_kit.testing import ScriptedModel, call, say
from copilot_kit.tools import tool

ADA = Principal(id="ada", name="Ada", authenticated="session")
OURS = re.compile(
    r"|── send · leaves the house ─+|  (task|costs|reaches|to|body|asked because|proposed by|from|what comes of it)\b.*"
    r"|  an argument named.*|  [A-Za-z_][A-Za-z0-9_.-]*  1|  cannot be taken back"
    r"|  exactly these bytes run:|  leaves the house"
)
"""Every line of a card that is not in the margin is one of these."""
WORDS = {"costs", "reaches", "cannot", "can", "to", "body", "what", "asked", "proposed", "exactly", "plain"}


def proposal(text: str, **more: Any) -> Proposal:
    """Return a call that holds the text wherever a call can hold one."""
    fields: dict[str, Any] = {
        "id": "prop_1", "call_id": "call_1", "path": (Step(agent="support"), Step(agent=text, call_id="call_0")),
        "tool": "send", "tool_version": "1", "effect": "external",
        "arguments": json.dumps({text: 1, "body": text, "to": [text, {text: text}]}, ensure_ascii=False),
        "preview": mail([text], text, text), "model": f"acme:{text}", "prompt_version": "p",
        "reasons": (Reason(code="x", text=text),), "call_digest": "d", "shown_digest": "s",
        "provenance": (Origin(at="/body", source=Source(kind="tool", ref=text)),),
    }  # fmt: skip
    return Proposal(**{**fields, **more})


@pytest.mark.parametrize("width", [40, 80])
def test_a_card_holds_nothing_raw_keeps_to_its_margin_and_gives_the_call_back(
    texts: list[str], width: int, raw: Callable[[str], list[str]]
):
    for text in texts:
        one = proposal(text)
        lines = list(card_of(one, Look(width, None)).lines)
        assert raw("\n".join(lines)) == [], text
        strange = [line for line in lines if not line.startswith(MARGIN[:-1]) and OURS.fullmatch(line) is None]
        assert strange == [], text
        assert all(width_of(line) <= width for line in lines), text
        assert recovered_block(lines[lines.index("  exactly these bytes run:") + 1 :]) == one.arguments
        background = "\n".join(background_of(one))
        assert raw(background) == [], text


def test_an_argument_cannot_be_named_as_a_line_of_ours():
    named = {"costs": 5, "reaches": "ann", "task": "fine", "cannot be taken back": True, "y approve": 1, "x" * 99: 2}
    lines = card_of(proposal("plain", arguments=json.dumps(named), preview=None), Look(80, 80)).lines
    chrome = [line for line in lines if not line.startswith(MARGIN[:-1])]
    named_apart = [line for line in chrome if line.startswith("  an argument named")]
    assert len(named_apart) == len(named)
    assert [line for line in chrome if line not in named_apart] == [
        "", "── send · leaves the house ────────────", "  asked because plain",
        "  proposed by support > plain with acme:plain",
    ]  # fmt: skip
    assert "  │ reaches" in lines
    assert "  │ ann" in lines


def test_a_card_that_leaves_lines_out_says_how_many(texts: list[str]):
    for text in texts:
        one = proposal("plain", arguments=json.dumps({"body": f"{text[:200]}\n" * 60}), preview=None)
        card = card_of(one, Look(80, 24))
        notes = [line for line in card.lines if line.startswith("  [")]
        assert notes == [f"  [{card.folded:,} more lines: press v]"], text
        whole = card_of(one, Look(80, None)).lines
        assert whole.index("  exactly these bytes run:") == len(card.lines) - len(notes) + card.folded


@pytest.mark.parametrize("width", [40, 80])
def test_typed_previews_hold_nothing_raw_and_keep_to_the_margin(
    texts: list[str], width: int, raw: Callable[[str], list[str]], tmp_path: Path
):
    old = tmp_path / "note"
    for text in texts:
        old.write_text(f"{text}\nold\n", encoding="utf-8")
        previews = (
            payment("10", text, text),
            table_of([{text: text, "b": "c"}, {text: "", "b": text}], title=text),
            diff_of(old, f"{text}\n+++ {text}\n@@ -1 +1 @@\n{text}"),
            diff_of(tmp_path / "missing" / text.replace("\0", "")[:80], text),
            Preview(title=text, body=text, cost=text, recipients=(text,), reversible=True),
        )
        for preview in previews:
            one = proposal("plain", preview=preview)
            lines = list(card_of(one, Look(width, None)).lines)
            assert raw("\n".join(lines)) == [], (text, preview)
            assert all(width_of(line) <= width for line in lines), (text, preview)
            ours = [line.split(" ")[2] for line in lines if line.startswith("  ") and not line.startswith(MARGIN[:-1])]
            assert set(ours) <= WORDS
            assert [ours.count(word) for word in ("to", "body", "proposed", "exactly")] == [1, 1, 1, 1], (text, preview)
            assert ours.count("costs") == (preview.cost is not None)
            assert ours.count("reaches") == len(preview.recipients)


def test_the_list_has_one_line_for_each_and_says_what_it_cuts(texts: list[str], raw: Callable[[str], list[str]]):
    now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    rows = [
        Waiting(kind="proposal", run_id="run_1", id=f"prop_{number}", path=(), seq=1, title=text, agent="a",
                tool="send", queued_at=now, expires_at=now, proposal=proposal(text, preview=preview))
        for number, text in enumerate(texts) for preview in (None, mail([text], text, text))
    ]  # fmt: skip
    for width in (60, 100):
        lines = list_lines(rows, here=0, marked=frozenset(), now=now, width=width, most=len(rows))
        assert len(lines) == len(rows)
        assert raw("\n".join(lines)) == []
        assert all(width_of(line) <= width for line in lines)
        for number, line in enumerate(lines, start=1):
            assert line[:5].strip("▸ ") == str(number)


@tool(effect="external")
def send(body: str, to: list[str]) -> str:
    """Send it."""
    return f"sent {body} to {to}"


async def test_a_run_with_it_is_kept_and_told_line_by_line(texts: list[str], raw: Callable[[str], list[str]]):
    store = MemoryStore()
    for text in texts:
        model = ScriptedModel(call("send", {"body": text, "to": [text]}), say(text or "Done."))
        agent = Agent(model, tools=[send], name="support", store=store)
        run = await agent.run(text or "Send it", by=Principal(id=text or "x", name=text))
        run = await run.approve(run.proposals[0].id, by=Principal(id=text or "x", name=text))
        entries = await store.read(run.id)
        told = list(audit_lines(trail_of(entries), width=60))
        assert raw("\n".join(told)) == [], text
        assert all(width_of(line) <= 60 for line in told), text
        assert len([line for line in told if line.startswith("── ")]) == 1
        telling = Telling()
        lines = [line for entry in entries for line in telling.lines(entry)]
        assert raw("\n".join(lines)) == [], text
        assert all(re.match(r"\d\d:\d\d:\d\d +\d+ |              ", line) for line in lines), text
        trail = trail_of(entries)
        ran = next(iter(trail.calls.values())).ran
        assert ran is not None
        assert json.loads(ran) == {"body": text, "to": [text]}
