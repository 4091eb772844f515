"""The support copilot, with a scripted model: what it may propose, what an approval carries out, what it cannot do."""

import json
import sqlite3
from email import message_from_bytes
from pathlib import Path

import pytest

from copilot_kit import Principal
from copilot_kit.demo import Desk, Ticket, build_agent, read_tickets, task_for
from copilot_kit.demo.gold import actions, corrections
from copilot_kit.demo.support import support_tools
from copilot_kit.demo.tickets import DEVELOPMENT, TICKETS
from copilot_kit.errors import UsageError
from copilot_kit.testing import ScriptedModel, call, say

pytestmark = pytest.mark.anyio
CLERK = Principal(id="clerk")
TICKET = Ticket("07", "Ann Lee <ann@shop.test>", "HP-1042", "Mon", "My teapot HP-1042 is broken.\nAnn\n> earlier mail")


def written_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def numbers_of(ticket: Ticket, desk: Desk) -> list[str]:
    return [order.number for order in desk.orders_of(ticket)]


def test_the_words_of_a_ticket_are_without_the_mail_it_quotes() -> None:
    assert TICKET.words == "My teapot HP-1042 is broken.\nAnn"
    assert TICKET.name == "Ann Lee"
    assert TICKET.address == "ann@shop.test"


def test_the_task_is_marked_as_untrusted() -> None:
    part = task_for(TICKET)[0]
    assert part.text == "My teapot HP-1042 is broken.\nAnn\nAnn Lee"
    assert part.source is not None
    assert not part.source.trusted


def test_a_refund_is_offered_only_for_orders_of_the_ticket(tmp_path: Path) -> None:
    refund = support_tools(TICKET, Desk(tmp_path))[0].spec
    assert refund.name == "refund"
    assert refund.parameters["properties"]["order"]["enum"] == ["HP-1042"]
    assert refund.parameters["properties"]["amount"]["enum"] == [84.4]


def test_without_an_order_there_is_no_refund(tmp_path: Path) -> None:
    stranger = Ticket("08", "Nobody <nobody@shop.test>", "hello", "Mon", "hello")
    names = [tool.name for tool in support_tools(stranger, Desk(tmp_path))]
    assert names == ["send_reply", "escalate", "close_ticket"]


def test_orders_are_found_by_number_then_by_sender(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert numbers_of(TICKET, desk) == ["HP-1042"]
    known = Ticket("09", "Maria Keller <maria.keller@example.net>", "hello", "Mon", "hello, HP-9999")
    assert numbers_of(known, desk) == ["HP-1042"]


async def test_an_approved_refund_is_one_row_of_the_ledger(tmp_path: Path) -> None:
    arguments = {"order": "HP-1042", "amount": 84.4, "reason": "damaged"}
    agent = build_agent(TICKET, Desk(tmp_path), model=ScriptedModel(call("refund", arguments), say("Done.")))
    run = await agent.run(task_for(TICKET))
    assert not (tmp_path / "desk.sqlite").exists()
    run = await run.approve(run.proposals[0].id, by=CLERK)
    assert run.status == "done"
    database = sqlite3.connect(tmp_path / "desk.sqlite")
    rows = database.execute("SELECT ticket, order_no, amount_eur, reason FROM refunds").fetchall()
    database.close()
    assert rows == [("07", "HP-1042", 84.4, "damaged")]


async def test_a_person_may_pay_back_a_part_but_never_more_than_the_price(tmp_path: Path) -> None:
    arguments = {"order": "HP-1042", "amount": 84.4, "reason": "damaged"}
    model = ScriptedModel(call("refund", arguments), call("refund", {**arguments, "amount": 900.0}), say("Done."))
    run = await build_agent(TICKET, Desk(tmp_path), model=model).run(task_for(TICKET))
    run = await run.edit(run.proposals[0].id, {**arguments, "amount": 20.0}, by=CLERK)
    run = await run.approve(run.proposals[0].id, by=CLERK)
    database = sqlite3.connect(tmp_path / "desk.sqlite")
    rows = database.execute("SELECT amount_eur FROM refunds").fetchall()
    database.close()
    assert rows == [(20.0,)]


async def test_an_approved_reply_is_a_mail_in_the_outbox(tmp_path: Path) -> None:
    model = ScriptedModel(call("send_reply", {"template": "invoice", "name": "Ann"}), say("Done."))
    run = await build_agent(TICKET, Desk(tmp_path), model=model).run(task_for(TICKET))
    await run.approve(run.proposals[0].id, by=CLERK)
    (path,) = (tmp_path / "outbox").iterdir()
    mail = message_from_bytes(path.read_bytes())
    assert (mail["To"], mail["Subject"]) == ("ann@shop.test", "Your invoice")
    assert str(mail.get_payload()).startswith("Dear Ann,")


async def test_what_is_rejected_leaves_no_trace(tmp_path: Path) -> None:
    model = ScriptedModel(call("close_ticket", {"reason": "spam"}), say("All right."))
    run = await build_agent(TICKET, Desk(tmp_path), model=model).run(task_for(TICKET))
    await run.reject(run.proposals[0].id, "It is a customer.", by=CLERK)
    assert written_in(tmp_path) == []


def test_a_file_that_is_no_ticket_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("hello")
    with pytest.raises(UsageError, match=r"notes\.md' is no ticket"):
        read_tickets(tmp_path)


@pytest.mark.parametrize(("name", "folder"), [("tickets", TICKETS), ("development", DEVELOPMENT)])
def test_each_ticket_has_a_right_action_that_its_tools_accept(name: str, folder: Path, tmp_path: Path) -> None:
    wanted = actions(name)
    tickets = {ticket.id: ticket for ticket in read_tickets(folder)}
    assert sorted(wanted) == sorted(tickets)
    assert len(tickets) == 20
    for ticket_id, action in wanted.items():
        tools = {tool.name: tool for tool in support_tools(tickets[ticket_id], Desk(tmp_path))}
        assert json.loads(tools[action.tool].canonical(json.dumps(action.arguments))) == action.arguments


@pytest.mark.parametrize("name", ["tickets", "development"])
def test_what_a_correction_rejects_is_not_what_it_wants(name: str) -> None:
    assert [one.ticket for one in corrections(name) if one.rejected == one.wanted] == []
