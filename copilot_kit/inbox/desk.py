"""What all pages share: the journal, the agents at hand, who is there, and the templates."""

import inspect
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import jinja2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from copilot_kit.agent import Agent
from copilot_kit.inbox import marking, times
from copilot_kit.inbox.incoming import fields_of, segment
from copilot_kit.inbox.live import Live
from copilot_kit.inbox.seals import Seals, Shown
from copilot_kit.inbox.sign_in import OneTimeTokens, SignIn, Visitor, bearer
from copilot_kit.inbox.values import ALL, PREVIEW
from copilot_kit.inbox.work import Work
from copilot_kit.journal.index import Journal
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Entry
from copilot_kit.records import Principal, Proposal

_MOST_OPENINGS: Final = 20_000


@dataclass(slots=True)
class Desk:
    """The inbox of one journal."""

    store: Journal
    agents: Mapping[str, Agent[Any]]
    """By name; they take runs on, know their tools' schemas, and check edits."""
    sign_in: SignIn
    seals: Seals
    live: Live
    work: Work
    tokens: Mapping[str, Principal] = field(default_factory=dict)
    """Bearer tokens of programs."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    templates: jinja2.Environment = field(init=False)
    _openings: OrderedDict[tuple[str, str], float] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.templates = _environment()

    async def visitor(self, request: Request) -> Visitor | None:
        """Return who makes this request, None if nobody we know."""
        program = bearer(request, self.tokens)
        if program is not None or "authorization" in request.headers:
            return program
        found = self.sign_in(request)
        who = await found if inspect.isawaitable(found) else found
        if who is None:
            return None
        own = self.sign_in.session(request) if isinstance(self.sign_in, OneTimeTokens) else None
        return Visitor(who, own or f"principal:{who.id}")

    async def run(self, run_id: str) -> tuple[RunState, list[Entry]]:
        """Return a run and its records; a 404 if there is none."""
        entries = [] if run_id.startswith("@") else await self.store.read(run_id)
        if not entries:
            raise HTTPException(404, f"There is no run {run_id!r} in this journal. It may have been in another one.")
        return RunState.of(entries), entries

    def opened_at(self, visitor: Visitor, proposal_id: str) -> float:
        """Return when this visitor opened the card first."""
        key = (visitor.session, proposal_id)
        opened = self._openings.setdefault(key, time.time())
        if len(self._openings) > _MOST_OPENINGS:
            self._openings.popitem(last=False)
        return opened

    def looked_s(self, visitor: Visitor, proposal_id: str) -> float | None:
        """Return how long ago this visitor opened the card first; None: they never did."""
        opened = self._openings.get((visitor.session, proposal_id))
        return None if opened is None else round(max(0.0, time.time() - opened), 3)

    def agent(self, state: RunState) -> Agent[Any] | None:
        """Return the agent of a run, where it is at hand."""
        return self.agents.get("" if state.started is None else state.started.agent)

    def schema(self, state: RunState, proposal: Proposal) -> Mapping[str, Any] | None:
        """Return the JSON schema of the arguments of a proposal's tool, where the run's agent is at hand."""
        agent = self.agent(state)
        found = None if agent is None else agent.tool(proposal.tool, path=proposal.path)
        return None if found is None else cast("Mapping[str, Any]", found.spec.parameters)

    def page(self, request: Request, name: str, *, status: int = 200, **context: Any) -> Response:
        """Return a page made from a template."""
        visitor: Visitor | None = request.scope.get(VISITOR)
        shared = {
            "root": request.scope.get("root_path", ""),
            "path": request.url.path.removeprefix(request.scope.get("root_path", "")),
            "who": None if visitor is None else visitor.principal,
            "csrf": "" if visitor is None else self.seals.csrf(visitor.session),
            "now": self.clock(),
            "can_sign_out": isinstance(self.sign_in, OneTimeTokens),
        }
        return HTMLResponse(self.templates.get_template(name).render(shared | context), status)


VISITOR: Final = "copilot_kit.visitor"


def desk_of(request: Request) -> Desk:
    """Return the desk that a request came to."""
    return cast("Desk", request.app.state.desk)


def visitor_of(request: Request) -> Visitor:
    """Return who makes a request; a 401 if nobody does."""
    visitor = request.scope.get(VISITOR)
    if not isinstance(visitor, Visitor):
        raise HTTPException(401, "Nobody is signed in. Sign in and repeat what you did.")
    return visitor


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form that was made for this visitor; raises `Forged` for any other."""
    form = await fields_of(request)
    visitor = visitor_of(request)
    given = form.pop("csrf", "") or request.headers.get("x-csrf-token", "")
    desk_of(request).seals.check_csrf(visitor.session, given)
    return form


def card_path(run_id: str, proposal_id: str) -> str:
    """Return where a card is."""
    return f"/cards/{segment(run_id)}/{segment(proposal_id)}"


def opened_in(request: Request) -> tuple[str, ...]:
    """Return the folds that the address of a page opens."""
    asked = request.query_params.getlist("open")
    return tuple(one for one in asked if one in {ALL, PREVIEW} or one.startswith("/"))


def shown_to(desk: Desk, visitor: Visitor, nonce: str, proposal_id: str) -> Shown:
    """Return what was shown of this proposal, once; a 403 if the card is another's."""
    shown = desk.seals.opened(visitor.session, nonce)
    if shown.proposal_id != proposal_id:
        raise HTTPException(403, "This card is of another proposal. Open the one you mean and decide there.")
    return shown


def _environment() -> jinja2.Environment:
    environment = marking.environment(Path(__file__).parent / "templates")
    environment.filters |= {"set_off": marking.set_off, "field": marking.field, "clock": times.clock}
    environment.globals["card_path"] = card_path
    return environment
