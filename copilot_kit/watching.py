"""Watching models: the seam for tracing, metrics and structured logs, as a model that wraps a model.

@contextmanager
def span(model, request):
    with tracer.start_as_current_span(f"chat {model}") as current:
        yield lambda outcome: current.set_attribute("outcome", type(outcome).__name__)

agent = Agent("default", middleware=[lambda model: Watched(model, span)])
"""

import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

from copilot_kit.errors import ModelError
from copilot_kit.events import Ended, Event, Failed, closing
from copilot_kit.model import Model
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.response import Response

Outcome: TypeAlias = Response | ModelError
Watch: TypeAlias = Callable[[str, Request], AbstractContextManager[Callable[[Outcome], None]]]
"""Entered with the model's id and the request before it is asked, left when its answer is over, however it ends; the
function it gives is called with the outcome, and not at all if nobody waited for one."""

_LOG = logging.getLogger("copilot_kit.models")


class Watched:
    """Answers as the wrapped model does, and tells a watch of each request."""

    def __init__(self, model: Model, watch: Watch) -> None:
        self._model = model
        self._watch = watch

    @property
    def id(self) -> str:
        """The wrapped model's name."""
        return self._model.id

    @property
    def profile(self) -> Profile:
        """The wrapped model's profile."""
        return self._model.profile

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the events unchanged."""
        last: Ended | Failed | None = None
        with self._watch(self._model.id, request) as tell:
            async with closing(self._model.stream(request)) as events:
                async for event in events:
                    if isinstance(event, Ended | Failed):
                        last = event
                        tell(event.response if isinstance(event, Ended) else event.error)
                        break
                    yield event
        if last is not None:
            yield last  # the watch is over by now: whoever listens stops listening here


@contextmanager
def logged(model: str, request: Request) -> Iterator[Callable[[Outcome], None]]:
    """Log each answer as one record of the logger `copilot_kit.models`, its figures as fields; never any words.

    Answers are DEBUG, failures WARNING. To see them: `logging.getLogger("copilot_kit").setLevel("DEBUG")`.
    """
    begun = time.monotonic()
    outcomes: list[Outcome] = []
    try:
        yield outcomes.append
    finally:
        _log(model, request, outcomes[0] if outcomes else None, begun=begun)


def _log(model: str, request: Request, outcome: Outcome | None, *, begun: float) -> None:
    took_s = round(time.monotonic() - begun, 3)
    fields: dict[str, object] = {"model": model, "messages": len(request.messages), "took_s": took_s}
    match outcome:
        case Response(usage=usage):
            fields |= {"served": outcome.model.served, "stop": outcome.stop.kind, "input_tokens": usage.input}
            fields |= {"output_tokens": usage.output, "dropped": len(outcome.dropped)}
            _LOG.debug("%s answered in %.2f s", model, took_s, extra=fields)
        case ModelError():
            fields |= {"error": type(outcome).__name__, "status": outcome.status, "request_id": outcome.request_id}
            _LOG.warning("%s failed after %.2f s: %s", model, took_s, type(outcome).__name__, extra=fields)
        case None:
            _LOG.debug("%s: nobody waited for the answer", model, extra=fields)
