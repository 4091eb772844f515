"""What the fallback promises: the next model only if nobody has heard the first, and a receipt."""

import pytest

from copilot_kit.errors import AuthFailed, InvalidRequest, ModelGone, Overloaded, QuotaExceeded, TransportFailed
from copilot_kit.events import Failed
from copilot_kit.fallback import Fallback
from copilot_kit.messages import user
from copilot_kit.model import complete
from copilot_kit.profile import Profile
from copilot_kit.request import Request, Settings
from copilot_kit.response import Attempt
from copilot_kit.testing import CHECKS, Check, FunctionModel, ScriptedModel, Subject, say

ASK = Request(messages=(user("hi"),))


async def test_the_first_model_answers_alone_while_it_can():
    second = ScriptedModel("from b", id="b:two")
    response = await complete(Fallback([ScriptedModel("from a", id="a:one"), second]), ASK)
    assert (response.text, response.attempts, response.warnings, second.requests) == ("from a", (), (), [])


@pytest.mark.parametrize("error", [Overloaded("busy"), QuotaExceeded("no money"), ModelGone("retired")])
async def test_another_model_answers_for_one_that_cannot_and_the_response_says_so(error):
    first, second = ScriptedModel(error, id="a:one"), ScriptedModel("from b", id="b:two")
    response = await complete(Fallback([first, second]), ASK)
    kind = type(error).__name__
    assert response.text == "from b"
    assert response.model.provider == "b"
    assert response.attempts == (
        Attempt(model="a:one", error=kind, message=str(error)),
        Attempt(model="b:two"),
    )
    assert response.warnings == (f"a:one did not answer ({kind}: {error})",)


@pytest.mark.parametrize("error", [InvalidRequest("bad schema"), AuthFailed("no key")])
async def test_an_error_of_the_request_itself_is_not_hidden(error):
    second = ScriptedModel("from b", id="b:two")
    with pytest.raises(type(error)):
        await complete(Fallback([ScriptedModel(error, id="a:one"), second]), ASK)
    assert second.requests == []


async def test_the_caller_chooses_the_errors():
    models = [ScriptedModel(AuthFailed("no key"), id="a:one"), ScriptedModel("from b", id="b:two")]
    assert (await complete(Fallback(models, on=(AuthFailed,)), ASK)).text == "from b"


async def test_half_an_answer_is_never_followed_by_another_models():
    second = ScriptedModel("from b", id="b:two")
    first = ScriptedModel([say("from"), TransportFailed("cut")], id="a:one")
    events = [event async for event in Fallback([first, second]).stream(ASK)]
    assert isinstance(events[-1], Failed)
    assert second.requests == []


async def test_the_last_models_failure_is_the_failure():
    models = [ScriptedModel(Overloaded("a is busy"), id="a:one"), ScriptedModel(Overloaded("b is busy"), id="b:two")]
    with pytest.raises(Overloaded, match="b is busy"):
        await complete(Fallback(models), ASK)


async def test_the_next_model_gets_what_is_left_of_the_deadline():
    ticks = iter([0.0, 0.0, 4.0])
    models = [ScriptedModel(Overloaded("busy"), id="a:one"), ScriptedModel("from b", id="b:two")]
    request = Request(messages=(user("hi"),), settings=Settings(deadline_s=10.0))
    await complete(Fallback(models, clock=lambda: next(ticks)), request)
    assert models[1].requests[0].settings.deadline_s == 6.0


def test_it_is_known_by_its_first_model():
    models = [ScriptedModel(id="a:one", profile=Profile(tools=True)), ScriptedModel(id="b:two")]
    assert (Fallback(models).id, Fallback(models).profile.tools) == ("a:one", True)


def test_no_models_is_an_error_at_once():
    with pytest.raises(ValueError, match="at least one model"):
        Fallback([])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_it_keeps_the_contract(check: Check):
    def opened() -> Fallback:
        return Fallback([FunctionModel(lambda _: Overloaded("busy")), FunctionModel(lambda _: "Hello.")])

    await check(Subject(open=opened, on_wire=False))
