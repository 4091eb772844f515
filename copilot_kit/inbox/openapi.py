"""The routes of the HTTP API, and their description in OpenAPI 3.1: one table makes both."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from copilot_kit.inbox import api, shapes
from copilot_kit.inbox.desk import visitor_of
from copilot_kit.journal.index import Order
from copilot_kit.records import Proposal

PREFIX: Final = "/api/v1"
_REF: Final = "#/components/schemas/{model}"


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter behind the `?` of an address."""

    name: str
    words: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that programs can do."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    act: Callable[[api.Call], Awaitable[BaseModel]]
    gives: type[BaseModel]
    takes: type[BaseModel] | None = None
    query: Sequence[Query] = ()


_LIMIT: Final = Query("limit", "How many at most.", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50})
_TOOL: Final = Query("tool", "Only calls of this tool.", {"type": "string"})
_CARD: Final = "/runs/{run_id}/proposals/{proposal_id}"
_CALL: Final = "/runs/{run_id}/calls/{call_id}"
_WAITING: Final = (
    Query("order", "What comes first.", {"type": "string", "enum": list(get_args(Order)), "default": "queued"}),
    Query("search", "Words that the run's title, the tool or the arguments hold.", {"type": "string"}),
    _TOOL,
    Query("assigned_to", "Only what was given to this person.", {"type": "string"}),
    _LIMIT,
    Query("offset", "How many to leave out first.", {"type": "integer", "minimum": 0, "default": 0}),
)

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("GET", "/waiting", api.waiting, shapes.WaitingList, query=_WAITING),
    Operation("GET", _CARD, api.proposal, shapes.Question),
    Operation("POST", f"{_CARD}/decide", api.decide_one, shapes.Decisions, shapes.Deciding),
    Operation("POST", f"{_CARD}/again", api.again, Proposal),
    Operation("POST", f"{_CARD}/assign", api.assign_one, shapes.Done, shapes.Assigning),
    Operation("PUT", f"{_CARD}/claim", api.claim, shapes.Held),
    Operation("DELETE", f"{_CARD}/claim", api.unclaim, shapes.Done),
    Operation("GET", "/runs", api.runs, shapes.RunList,
              query=(_LIMIT, Query("waiting", "Only runs that wait for a person.", {"type": "boolean"}))),
    Operation("GET", "/runs/{run_id}/records", api.run_records, shapes.RecordList,
              query=(Query("after", "Only records behind this one.", {"type": "integer", "minimum": 0}),)),
    Operation("GET", "/runs/{run_id}/verification", api.verification, shapes.Whole),
    Operation("POST", "/runs/{run_id}/decide", api.decide_several, shapes.Decisions, shapes.DecidingTogether),
    Operation("POST", "/runs/{run_id}/stop", api.stop_run, shapes.Done, shapes.Stopping),
    Operation("POST", f"{_CALL}/settle", api.settle_call, shapes.Done, shapes.Settling),
    Operation("POST", f"{_CALL}/undo", api.undo, shapes.Done),
    Operation("GET", "/rules", api.rules, shapes.RuleList),
    Operation("POST", "/rules/{rule_id}/revoke", api.revoke_rule, shapes.RuleState),
    Operation("GET", "/calls", api.calls, shapes.CallList, query=(_TOOL, _LIMIT)),
)  # fmt: skip


def api_routes() -> list[Route]:
    """Return the routes of the API, its description among them."""
    described = Route(f"{PREFIX}/openapi.json", _description, methods=["GET"])
    return [*(Route(f"{PREFIX}{one.path}", _endpoint(one), methods=[one.method]) for one in OPERATIONS), described]


def _endpoint(operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        made = await operation.act(await api.call_of(request))
        return Response(made.model_dump_json(), media_type="application/json")

    return answer


async def _description(request: Request) -> Response:
    visitor_of(request)
    server = {"url": f"{request.scope.get('root_path', '')}{PREFIX}"}
    return JSONResponse({**description(), "servers": [server]})


@cache
def description() -> dict[str, Any]:
    """Return the description of the API."""
    gives = {one.gives for one in OPERATIONS} | {shapes.Problem}
    takes = {one.takes for one in OPERATIONS if one.takes is not None}
    named = sorted([*((one, "serialization") for one in gives), *((one, "validation") for one in takes)],
                   key=lambda one: one[0].__name__)  # fmt: skip
    refs, definitions = models_json_schema(named, ref_template=_REF)  # type: ignore[arg-type]
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = _described(one, refs)
    itself = {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}
    described = {"get": {"operationId": "openapi", "summary": "This description.", "responses": {"200": itself}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "copilot-kit inbox",
            "version": "1",
            "description": (
                "What waits for a person, and their decisions. Ids in addresses that hold other characters than "
                "letters, digits, `_`, `.`, `~` and `-` are percent-encoded twice."
            ),
        },
        "servers": [{"url": PREFIX}],
        "security": [{"token": []}, {"session": [], "csrf": []}],
        "paths": {**paths, "/openapi.json": described},
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "copilot_kit_inbox",
                            "description": "Of a signed-in browser; an application may have its own."},
                "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token",
                         "description": "From data-csrf of any page; wanted with a session for all but GET."},
            },
        },
    }  # fmt: skip


def _described(one: Operation, refs: Mapping[Any, Any]) -> dict[str, Any]:
    inside = [part[1:-1] for part in one.path.split("/") if part.startswith("{")]
    path = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in inside]
    query = [{"name": q.name, "in": "query", "description": q.words, "schema": q.schema} for q in one.query]
    problem = {"description": "It was not done, and why.",
               "content": {"application/json": {"schema": refs[shapes.Problem, "serialization"]}}}  # fmt: skip
    told: dict[str, Any] = {
        "operationId": one.act.__name__,
        "summary": (one.act.__doc__ or "").split("\n", maxsplit=1)[0],
        "parameters": [*path, *query],
        "responses": {
            "200": {
                "description": (one.gives.__doc__ or "").split("\n", maxsplit=1)[0],
                "content": {"application/json": {"schema": refs[one.gives, "serialization"]}},
            },
            **dict.fromkeys(("401", "403", "404", "409", "422", "503"), problem),
        },
    }
    if one.takes is not None:
        schema = refs[one.takes, "validation"]
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return told
