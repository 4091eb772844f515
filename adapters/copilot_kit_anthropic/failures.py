"""What the provider says when there is no answer, as our errors.

By the error's type first, as an error inside a stream has no status of its own; then by status; and by the words where
the type says too little (`invalid_request_error` covers a dozen things).
"""

import re
from collections.abc import Mapping
from datetime import datetime

from copilot_kit.errors import (
    AuthFailed,
    BadAnswer,
    ContextOverflow,
    InvalidRequest,
    ModelError,
    ModelGone,
    Overloaded,
    ProviderFailed,
    QuotaExceeded,
    RateLimited,
    Refused,
    StaleReasoning,
)
from copilot_kit.http import moment_s, retry_after_s
from copilot_kit_anthropic.json_bytes import Json, loaded

_ADVICE: dict[type[ModelError], str] = {
    InvalidRequest: "Change the request as it says.",
    ContextOverflow: "Shorten the conversation: clear old results, or summarise.",
    Refused: "Change what is asked, or ask another model.",
    StaleReasoning: "Send thinking back unchanged and in its place, or leave it out.",
    AuthFailed: "Check the key and what it may do.",
    ModelGone: "Check the name, or choose another model.",
    RateLimited: "Wait, then try again.",
    Overloaded: "Try again later, or use another model.",
    ProviderFailed: "Try again; if it goes on, report the request id.",
    QuotaExceeded: "Add credit or raise the limit in the provider's console.",
}
_BY_TYPE: dict[str, type[ModelError]] = {
    "authentication_error": AuthFailed,
    "permission_error": AuthFailed,
    "billing_error": QuotaExceeded,
    "rate_limit_error": RateLimited,
    "overloaded_error": Overloaded,
    "api_error": ProviderFailed,
    "conflict_error": ProviderFailed,
    "timeout_error": ProviderFailed,
    "request_too_large": ContextOverflow,
    "exceed_context_size_error": ContextOverflow,
    "throttlingException": RateLimited,
    "serviceUnavailableException": Overloaded,
    "internalServerException": ProviderFailed,
    "modelStreamErrorException": ProviderFailed,
    "modelTimeoutException": ProviderFailed,
}
_BY_STATUS: dict[int, type[ModelError]] = {
    401: AuthFailed,
    402: QuotaExceeded,
    403: AuthFailed,
    404: ModelGone,
    408: ProviderFailed,
    409: ProviderFailed,  # somebody else holds what is asked for; SDKs try again, too
    413: ContextOverflow,
    429: RateLimited,
    503: Overloaded,
    529: Overloaded,
}
_TOO_LONG = re.compile(
    r"prompt is too long|exceeds? (?:the )?(?:maximum |model'?s? )?context|context (?:limit|window|size|length)|"
    r"input is too long|too many (?:total )?tokens",
    re.IGNORECASE,
)
_STALE = re.compile(
    r"signature.{0,40}thinking|thinking.{0,60}(?:cannot be modified|must remain)|expected `?thinking|"
    r"bound to a different conversation|redacted_thinking.{0,60}(?:found|modified|start with)",
    re.IGNORECASE,
)
_BLOCKED = re.compile(r"content filtering policy|blocked by (?:our|the) (?:content|safety)", re.IGNORECASE)
_NO_MONEY = re.compile(r"credit balance|spend(?:ing)? limit|usage limits?\b|quota", re.IGNORECASE)
_PARAM = re.compile(r"^([a-z_]+(?:\.[a-z0-9_`]+)*): ", re.IGNORECASE)
_SHOWN = 300
_OK, _FIRST_CLIENT_ERROR, _FIRST_SERVER_ERROR = 200, 400, 500
_LIMITS = ("requests", "tokens", "input-tokens", "output-tokens")


def failure(
    model: str, status: int, body: bytes, headers: Mapping[str, str], *, now: datetime | None = None
) -> ModelError:
    """Return the error for an answer with an error status."""
    try:
        value = loaded(body)
    except ValueError:
        value = None
    error = stated_error(model, value, status=status) if isinstance(value, dict) else None
    if error is None:
        error = _unreadable(model, status, body)
    if error.request_id is None:
        error.request_id = headers.get("request-id") or headers.get("x-request-id") or headers.get("x-amzn-requestid")
    if isinstance(error, RateLimited | Overloaded | ProviderFailed):
        error.retry_after_s = retry_after_s(headers, now=now)
        if error.retry_after_s is None and isinstance(error, RateLimited):
            error.retry_after_s = _reset_s(headers, now)
    return error


def stated_error(model: str, value: Json, *, status: int | None = None, started: bool = False) -> ModelError | None:
    """Return the error that a body or a stream event states; None if it states none."""
    stated = value.get("error")
    if isinstance(stated, str):
        stated = {"message": stated}
    elif not isinstance(stated, dict):
        message = value.get("message")
        if value.get("type") != "error" and (status is None or not isinstance(message, str)):
            return None
        stated = {"message": message}
    code = stated.get("type") if isinstance(stated.get("type"), str) else None
    words = stated["message"] if isinstance(stated.get("message"), str) else ""
    kind = _kind(code, status, words, _details_code(stated))
    where = f" ({status})" if status is not None and status != _OK else ""
    shown = words if len(words) <= _SHOWN else words[:_SHOWN] + "…"
    error = kind(f"{model} answered with {code or 'an error'}{where}: {shown!r}. {_ADVICE[kind]}", model=model)
    error.status, error.code, error.started = status, _details_code(stated) or code, started
    request_id = value.get("request_id")
    error.request_id = request_id if isinstance(request_id, str) else None
    if isinstance(error, InvalidRequest) and (found := _PARAM.match(words)):
        error.param = found[1]
    return error


def _details_code(stated: Json) -> str | None:
    details = stated.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    return code if isinstance(code, str) else None


def _kind(code: str | None, status: int | None, words: str, detail: str | None) -> type[ModelError]:
    if detail is not None and "limit_reached" in detail:
        return QuotaExceeded
    if code == "not_found_error":
        return ModelGone if "model" in words.lower() else InvalidRequest
    known = _BY_TYPE.get(code or "")
    if known is not None and known is not ProviderFailed:
        return known
    if code == "invalid_request_error" or (status is not None and _FIRST_CLIENT_ERROR <= status < _FIRST_SERVER_ERROR):
        return _refusal(status, words)
    if known is not None:
        return known
    return _BY_STATUS.get(status or 0, ProviderFailed)


def _refusal(status: int | None, words: str) -> type[ModelError]:
    if _STALE.search(words):
        return StaleReasoning
    if _TOO_LONG.search(words):
        return ContextOverflow
    if _BLOCKED.search(words):
        return Refused
    if _NO_MONEY.search(words):
        return QuotaExceeded
    return _BY_STATUS.get(status or 0, InvalidRequest)


def _unreadable(model: str, status: int, body: bytes) -> ModelError:
    """Return the error for a body in no known form: HTML of a gateway, or nothing."""
    kind = _BY_STATUS.get(status, InvalidRequest if status < _FIRST_SERVER_ERROR else ProviderFailed)
    shown = body[:120].decode("utf-8", "replace")
    error = kind(f"{model} answered with status {status} and no readable reason: {shown!r}. {_ADVICE[kind]}",
                 model=model)  # fmt: skip
    error.status = status
    return error


def not_an_answer(model: str, body: bytes, *, started: bool = False) -> BadAnswer:
    """Return the error for a success that holds no answer."""
    shown = body[:120].decode("utf-8", "replace")
    return BadAnswer(
        f"{model} sent something that is no answer of the Messages API: {shown!r}. Check the base URL, or try again.",
        model=model,
        started=started,
    )


def _reset_s(headers: Mapping[str, str], now: datetime | None) -> float | None:
    """Return the seconds until the last of the exhausted limits is reset."""
    waits = []
    for limit in _LIMITS:
        moment = headers.get(f"anthropic-ratelimit-{limit}-reset")
        if headers.get(f"anthropic-ratelimit-{limit}-remaining") == "0" and moment is not None:
            wait = moment_s(moment, now=now)
            if wait is not None:
                waits.append(wait)
    return max(waits, default=None)
