"""An overlay changes what one model is told, on the way, and nothing of the request that it was given."""

import pytest

from copilot_kit.messages import Message, Source, Text, system, user
from copilot_kit.model import complete
from copilot_kit.overlays import FRAMEWORK, Overlaid, Overlay
from copilot_kit.request import ProviderTool, Request, ToolSpec
from copilot_kit.testing import FunctionModel

SEND = ToolSpec(name="send", description="Sends.", parameters={"type": "object"})
FIND = ToolSpec(name="find", description="Finds.", parameters={"type": "object"})
SEARCH = ProviderTool(kind="acme.search", value={})


def told(overlay: Overlay, *messages: Message) -> str:
    laid = overlay.over(Request(messages=messages))
    return "|".join(f"{one.role}:{one.text}" for one in laid.messages)


@pytest.mark.parametrize(
    ("overlay", "expected"),
    [
        (Overlay(prompt="Two."), "system:One.\n\nTwo.|user:Hi"),
        (Overlay(prompt="Two.", replaces=True), "system:Two.|user:Hi"),
        (Overlay(replaces=True), "system:|user:Hi"),
        (Overlay(leaves_out=("On",)), "system:e.|user:Hi"),
        (Overlay(tools={"send": "x"}), "system:One.|user:Hi"),
    ],
)
def test_the_prompt_stands_behind_the_instructions_or_in_their_place(overlay: Overlay, expected: str):
    assert told(overlay, system("One."), user("Hi")) == expected


def test_without_instructions_the_prompt_stands_alone():
    assert told(Overlay(prompt="Two."), user("Hi")) == "system:Two.|user:Hi"
    assert told(Overlay(replaces=True), user("Hi")) == "user:Hi"


def test_what_the_framework_says_is_not_replaced_with_the_instructions():
    notes = Text(text="Notes: keep them.", source=Source(kind="application", ref=FRAMEWORK))
    said = Message(id="m", role="system", parts=(Text(text="One.\n\n"), notes))
    replaced = Overlay(prompt="Two.", replaces=True)
    assert told(replaced, said, user("Hi")) == "system:Two.\n\nNotes: keep them.|user:Hi"
    assert told(Overlay(prompt="Two."), said, user("Hi")) == "system:One.\n\nTwo.\n\nNotes: keep them.|user:Hi"
    assert told(Overlay(replaces=True), said, user("Hi")) == "system:Notes: keep them.|user:Hi"
    alone = Message(id="m", role="system", parts=(notes,))
    assert told(replaced, alone, user("Hi")) == "system:Two.\n\nNotes: keep them.|user:Hi"
    assert told(Overlay(replaces=True), alone, user("Hi")) == "system:Notes: keep them.|user:Hi"


def test_tools_are_described_otherwise_and_hidden_by_name():
    request = Request(messages=(user("Hi"),), tools=(SEND, FIND, SEARCH))
    laid = Overlay(tools={"send": "Mails."}, hides=("find",)).over(request)
    assert laid.tools == (SEND.model_copy(update={"description": "Mails."}), SEARCH)
    assert request.tools == (SEND, FIND, SEARCH)


async def test_the_model_gets_it_and_keeps_its_name():
    model = FunctionModel(lambda request: request.messages[0].text, id="acme:a")
    laid = Overlaid(model, Overlay(prompt="Two."))
    response = await complete(laid, Request(messages=(system("One."), user("Hi"))))
    assert (response.text, laid.id, laid.profile) == ("One.\n\nTwo.", "acme:a", model.profile)


def test_one_that_changes_nothing_is_none():
    assert not Overlay()
    assert Overlay(hides=("x",))
