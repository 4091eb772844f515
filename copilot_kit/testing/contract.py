"""The contract of `copilot_kit.model.Model` as checks that any adapter can run, in pytest or without.

    from copilot_kit.testing import CHECKS, Check, Subject

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    async def test_my_model_keeps_the_contract(check: Check) -> None:
        await check(Subject(open=my_model, open_cut=my_model_on_a_line_that_is_lost))

Every check opens models of its own. They must answer the same question each time in the same way.
"""
# ruff: noqa: D401  the first lines of the checks are the promises

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from copilot_kit.errors import ModelError
from copilot_kit.events import Ended, Event, Failed, PartDelta, PartEnd, PartStart, Started, closing, parts_of
from copilot_kit.messages import Foreign, Reasoning, Text, ToolCall, Wire, assistant, user
from copilot_kit.model import Model, complete
from copilot_kit.request import Request
from copilot_kit.response import Response

_STRANGER = Wire(origin="nobody.knows", model="no-model", opaque={"signature": "c2lnbmVk"})


class ContractBroken(AssertionError):
    """A model does not do what `copilot_kit.model.Model` promises; the text says which promise, and what came."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked: how to open the model, and what to ask it."""

    open: Callable[[], Model]
    """A fresh model, whose backend answers `request` with some words, or with a call."""
    request: Request = field(default_factory=lambda: Request(messages=(user("Say hello."),)))
    open_cut: Callable[[], Model] | None = None
    """The same over a line that is lost in mid-answer, best in the middle of a call's arguments."""
    on_wire: bool = True
    """False for a model that sends nothing anywhere, and so has nothing to leave out."""


Check: TypeAlias = Callable[[Subject], Awaitable[None]]


async def check_model(subject: Subject | Callable[[], Model]) -> None:
    """Run every check on what the subject, or the function alone, opens; raises `ContractBroken` at the first."""
    subject = subject if isinstance(subject, Subject) else Subject(open=subject)
    for check in CHECKS:
        await check(subject)


def _hold(promise: str, came: object, *, kept: bool) -> None:
    if not kept:
        raise ContractBroken(f"Broken promise: {promise}. What came: {came!r}")


async def _events(model: Model, request: Request) -> list[Event]:
    async with closing(model.stream(request)) as events:
        return [event async for event in events]


async def _answer(model: Model, request: Request) -> Response:
    events = await _events(model, request)
    last = events[-1] if events else None
    if isinstance(last, Ended):
        return last.response
    raise ContractBroken(f"The model under check must answer {request.messages[-1].text!r}, but it ended in {last!r}")


async def it_names_itself_and_has_a_profile(subject: Subject) -> None:
    """`id` is a name, the same on each opening; `profile` is there."""
    model = subject.open()
    _hold("it has id, profile and stream", model, kept=isinstance(model, Model))
    _hold("its id is a name", model.id, kept=model.id != "")
    _hold("its id is the same on each opening", subject.open().id, kept=subject.open().id == model.id)


async def started_comes_first_and_once(subject: Subject) -> None:
    """`Started` is the first event, and there is no second."""
    events = await _events(subject.open(), subject.request)
    places = [place for place, event in enumerate(events) if isinstance(event, Started)]
    _hold("Started comes first and once", places, kept=places == [0])


async def it_ends_once_and_last(subject: Subject) -> None:
    """Exactly one `Ended` or `Failed`, and nothing after it."""
    events = await _events(subject.open(), subject.request)
    places = [place for place, event in enumerate(events) if isinstance(event, Ended | Failed)]
    _hold("one Ended or Failed, as the last event", places, kept=places == [len(events) - 1])


async def every_part_is_opened_and_closed_once(subject: Subject) -> None:
    """Indices count from 0, deltas come between start and end, nothing is open at `Ended`."""
    is_open: set[int] = set()
    begun = 0
    for event in await _events(subject.open(), subject.request):
        match event:
            case PartStart(index):
                _hold("part indices count from 0", index, kept=index == begun)
                begun += 1
                is_open.add(index)
            case PartDelta(index):
                _hold("a delta belongs to an open part", event, kept=index in is_open)
            case PartEnd(index):
                _hold("only an open part is closed", event, kept=index in is_open)
                is_open.discard(index)
            case Ended():
                _hold("no part is open at Ended", is_open, kept=not is_open)
            case _:
                pass


async def the_parts_told_are_the_parts_of_the_response(subject: Subject) -> None:
    """The parts of `PartEnd`, by index, are those of `Ended.response.message`."""
    events = await _events(subject.open(), subject.request)
    response = events[-1].response if isinstance(events[-1], Ended) else None
    _hold("it answers the request of the check", events[-1], kept=response is not None)
    if response is not None:
        told = parts_of(events)
        _hold("the parts told are the parts of the response", told, kept=told == response.message.parts)


async def the_pieces_add_up_to_the_parts(subject: Subject) -> None:
    """What came in deltas, after what the part began with, is what the finished part holds."""
    pieces: dict[int, str] = {}
    for event in await _events(subject.open(), subject.request):
        match event:
            case PartStart(index, part):
                pieces[index] = _content(part)
            case PartDelta(index, text, args_json):
                pieces[index] += (text or "") + (args_json or "")
            case PartEnd(index, part) if pieces[index]:
                whole = _content(part)
                _hold(f"the pieces of part {index} make {whole!r}", pieces[index], kept=pieces[index] == whole)
            case _:
                pass


async def folding_gives_the_response(subject: Subject) -> None:
    """A stream consumed by `complete` says the same as the one consumed event by event."""
    first, second = await _answer(subject.open(), subject.request), await complete(subject.open(), subject.request)
    _hold("the same answer to the same request", (_gist(first), _gist(second)), kept=_gist(first) == _gist(second))


async def whole_delivery_gives_the_same_answer(subject: Subject) -> None:
    """`delivery` chooses how the answer travels, not what it is."""
    streamed = await _answer(subject.open(), subject.request.model_copy(update={"delivery": "stream"}))
    whole = await _answer(subject.open(), subject.request.model_copy(update={"delivery": "whole"}))
    pair = (_gist(streamed), _gist(whole))
    _hold("whole delivery gives the same answer as a stream", pair, kept=pair[0] == pair[1])


async def a_complete_answer_says_so(subject: Subject) -> None:
    """A good answer is `complete`, by an assistant, with a stop that fits its calls."""
    response = await _answer(subject.open(), subject.request)
    _hold("Ended carries a complete response", response.state, kept=response.state == "complete")
    _hold("the assistant speaks", response.message.role, kept=response.message.role == "assistant")
    stopped = response.stop.kind == "tool"
    _hold("stop is 'tool' exactly if there are calls to run", response, kept=stopped == bool(response.calls))


async def a_response_survives_json(subject: Subject) -> None:
    """`Response` to JSON and back is equal."""
    response = await _answer(subject.open(), subject.request)
    again = Response.model_validate_json(response.model_dump_json())
    _hold("a response survives JSON", again, kept=again == response)


async def the_request_is_left_alone(subject: Subject) -> None:
    """A request is read, never changed."""
    before = subject.request.model_dump_json()
    await _answer(subject.open(), subject.request)
    _hold("the request is left alone", subject.request, kept=subject.request.model_dump_json() == before)


async def it_keeps_nothing_between_requests(subject: Subject) -> None:
    """The second answer of one model is the first answer of a fresh one."""
    model = subject.open()
    await _answer(model, subject.request)
    second, fresh = await _answer(model, subject.request), await _answer(subject.open(), subject.request)
    pair = (_gist(second), _gist(fresh))
    _hold("nothing is kept between requests", pair, kept=pair[0] == pair[1])


async def two_at_once_do_not_mix(subject: Subject) -> None:
    """Two streams of one model at the same time both tell the whole answer."""
    model = subject.open()
    first, second = await asyncio.gather(_answer(model, subject.request), _answer(model, subject.request))
    _hold("two at once do not mix", (first, second), kept=_gist(first) == _gist(second))


async def call_ids_are_never_repeated(subject: Subject) -> None:
    """Message ids and call ids are ours: no two answers share one."""
    model = subject.open()
    answers = [await _answer(model, subject.request) for _ in range(2)]
    ids = [answer.message.id for answer in answers] + [call.call_id for a in answers for call in a.message.calls]
    _hold("ids are unique", ids, kept=len(set(ids)) == len(ids))


async def what_it_cannot_send_is_reported(subject: Subject) -> None:
    """Signed reasoning and data of a stranger are not sent, and `dropped` lists them."""
    if not subject.on_wire:
        return
    thought = Reasoning(text="secret thought", wire=_STRANGER)
    data = Foreign(kind="nobody.block", value={"a": 1}, wire=_STRANGER)
    turn = assistant(thought, data, Text(text="Good day."))
    messages = (user("Good day."), turn, *subject.request.messages)
    response = await _answer(subject.open(), subject.request.model_copy(update={"messages": messages}))
    names = {dropped.name for dropped in response.dropped if dropped.message_id == turn.id}
    _hold("dropped lists the part 'reasoning' of a stranger", response.dropped, kept="reasoning" in names)
    _hold("dropped lists the part 'nobody.block'", response.dropped, kept="nobody.block" in names)


async def closing_early_leaves_nothing_running(subject: Subject) -> None:
    """After `aclose` in mid-answer no task of the model is left."""
    before = asyncio.all_tasks()
    async with closing(subject.open().stream(subject.request)) as events:
        await anext(events)
    await _settle()
    left = asyncio.all_tasks() - before
    _hold("closing early leaves nothing running", left, kept=not left)


async def cancelling_leaves_nothing_running(subject: Subject) -> None:
    """A cancelled consumer gets `CancelledError`, soon, and no task of the model is left."""
    before = asyncio.all_tasks()
    begun = asyncio.Event()

    async def consume() -> None:
        async with closing(subject.open().stream(subject.request)) as events:
            async for _ in events:
                begun.set()
                await asyncio.sleep(3600)

    task = asyncio.ensure_future(consume())
    await begun.wait()
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=5)
    _hold("a cancelled stream ends in 5 s", task, kept=bool(done))
    _hold("cancelling is not swallowed", task, kept=task.cancelled())
    await _settle()
    left = asyncio.all_tasks() - before
    _hold("cancelling leaves nothing running", left, kept=not left)


async def a_lost_line_is_a_typed_failure(subject: Subject) -> None:
    """A stream that breaks ends in `Failed` with a `ModelError`, and raises nothing. Needs `open_cut`."""
    if subject.open_cut is None:
        return
    try:
        events = await _events(subject.open_cut(), subject.request)
    except Exception as error:
        raise ContractBroken(f"stream() must not raise, but yield Failed. What it raised: {error!r}") from error
    last = events[-1] if events else None
    _hold("a lost line ends in Failed", last, kept=isinstance(last, Failed) and isinstance(last.error, ModelError))
    if isinstance(last, Failed):
        begun = any(isinstance(event, PartStart) for event in events)
        _hold("the error knows that output had begun", last.error.started, kept=last.error.started or not begun)


async def half_a_stream_gives_no_calls(subject: Subject) -> None:
    """What comes before a break is kept as partial, with its words, and without calls to run. Needs `open_cut`."""
    if subject.open_cut is None:
        return
    events = await _events(subject.open_cut(), subject.request)
    last = events[-1]
    partial = last.partial if isinstance(last, Failed) else None
    begun = any(isinstance(event, PartStart) for event in events)
    _hold("the partial answer is kept", last, kept=partial is not None or not begun)
    if partial is not None:
        _hold("it says that it is partial", partial.state, kept=partial.state == "partial")
        _hold("it gives no calls to run", partial.calls, kept=partial.calls == ())
        pieces = [event for event in events if isinstance(event, PartDelta) and event.text]
        said = "".join(event.text or "" for event in sorted(pieces, key=lambda event: event.index))
        kept = "".join(p.text or "" for p in partial.message.parts if isinstance(p, Text | Reasoning))
        _hold(f"it keeps the words that came ({said!r})", kept, kept=all(word in kept for word in said.split()))


CHECKS: tuple[Check, ...] = (
    it_names_itself_and_has_a_profile,
    started_comes_first_and_once,
    it_ends_once_and_last,
    every_part_is_opened_and_closed_once,
    the_parts_told_are_the_parts_of_the_response,
    the_pieces_add_up_to_the_parts,
    folding_gives_the_response,
    whole_delivery_gives_the_same_answer,
    a_complete_answer_says_so,
    a_response_survives_json,
    the_request_is_left_alone,
    it_keeps_nothing_between_requests,
    two_at_once_do_not_mix,
    call_ids_are_never_repeated,
    what_it_cannot_send_is_reported,
    closing_early_leaves_nothing_running,
    cancelling_leaves_nothing_running,
    a_lost_line_is_a_typed_failure,
    half_a_stream_gives_no_calls,
)
"""The whole contract, one promise a check."""


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def _content(part: Any) -> str:
    if isinstance(part, Text | Reasoning):
        return part.text or ""
    return part.args_json if isinstance(part, ToolCall) else ""


def _gist(response: Response) -> tuple[object, ...]:
    """What an answer says, without the ids that differ from one to the next."""
    thoughts = "".join(p.text or "" for p in response.message.parts if isinstance(p, Reasoning))
    calls = [(call.name, _parsed(call.args_json)) for call in response.message.calls]
    return (response.text, thoughts, calls, response.stop.kind)


def _parsed(args_json: str) -> Any:
    try:
        return json.loads(args_json)
    except ValueError:
        return args_json
