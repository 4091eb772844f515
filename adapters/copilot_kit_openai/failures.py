"""Error bodies of the OpenAI family as our errors.

Every provider has an envelope of its own; all of them are flattened to a `_Fault` first and classified once.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
    TransportFailed,
)
from copilot_kit.http import duration_s, retry_after_s, transport_failure


@dataclass(frozen=True, slots=True)
class _Fault:
    """What an error body says, whatever its envelope."""

    message: str
    code: str | None = None
    kind: str | None = None
    param: str | None = None
    status: int | None = None


def status_failure(status: int, headers: Mapping[str, str], body: bytes, *, model: str) -> ModelError:
    """Return our error for an HTTP answer of 400 or above."""
    try:
        payload = json.loads(body)
    except ValueError:
        payload = _plain(body)
    fault = _fault(payload)
    return _typed(_Fault(fault.message, fault.code, fault.kind, fault.param, status), headers, model=model)


def payload_failure(
    error: object, *, model: str, started: bool, status: int | None = None, headers: Mapping[str, str] | None = None
) -> ModelError:
    """Return our error for an error object that came inside a 200 answer or stream."""
    fault = _fault(error)
    failure = _typed(fault, headers or {}, model=model)
    failure.started = started
    failure.status = fault.status or status
    return failure


def sdk_failure(error: BaseException, *, model: str, started: bool) -> ModelError | None:
    """Return our error for what the SDK, its transport or a JSON parser raised; None if it is none of theirs."""
    if isinstance(error, ModelError):
        return error
    if (failure := transport_failure(error, model=model, started=started)) is not None:
        return failure
    from openai import APIStatusError, OpenAIError

    if isinstance(error, APIStatusError):
        failure = status_failure(error.status_code, error.response.headers, error.response.content, model=model)
        failure.started = started
        return failure
    if isinstance(error, OpenAIError):
        return ProviderFailed(f"The client of {model} failed ({type(error).__name__}: {error}). Try again.",
                              model=model, started=started)  # fmt: skip
    return None


def truncated(model: str, *, started: bool, missing: str) -> TransportFailed:
    """Return the error for a stream that ended without its end mark."""
    return TransportFailed(
        f"The stream of {model} ended without {missing}, so the answer is not whole. Try again.",
        model=model,
        started=started,
    )


def _plain(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    if title := re.search(r"<title>(.*?)</title>", text, re.IGNORECASE | re.DOTALL):
        text = title[1]
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())[:300]


def _fault(payload: Any) -> _Fault:
    match payload:
        case str():
            return _Fault(payload)
        case {"error": str(text)}:  # xAI: code is a sentence; Ollama: nothing else
            return _Fault(text, code=_word(payload.get("code")), status=_status(payload))
        case {"error": dict(inner)}:
            return _fault(inner)
        case {"errors": [dict(first), *_]} | [dict(first), *_]:  # Cloudflare; Google's compatible endpoint
            return _fault(first)
        case {"detail": str(text)}:  # Mistral's gateway, FastAPI servers
            return _Fault(text, status=_status(payload))
        case {"detail": list() as problems}:
            return _Fault("; ".join(_problem(p) for p in problems), param=_location(problems))
        case dict():
            return _flat(payload)
        case _:
            return _Fault("no reason given")


def _flat(payload: dict[str, Any]) -> _Fault:
    message = payload.get("message") or payload.get("msg") or payload.get("error_message") or "no reason given"
    if not isinstance(message, str):  # Mistral nests {"detail": [...]} there
        message = _fault(message).message if isinstance(message, dict) else json.dumps(message)
    metadata = payload.get("metadata")
    if isinstance(metadata, dict) and isinstance(raw := metadata.get("raw"), str):
        message = f"{message}: {_raw_message(raw)}"  # OpenRouter: what the upstream said
    if isinstance(failed := payload.get("failed_generation"), str):
        message = f"{message} The model wrote: {failed[:300]}"
    return _Fault(
        message,
        code=_word(payload.get("code") or payload.get("error_code")),
        kind=_word(payload.get("type")),
        param=_word(payload.get("param")),
        status=_status(payload),
    )


def _raw_message(raw: str) -> str:
    try:
        return _fault(json.loads(raw)).message
    except ValueError:
        return raw


def _problem(problem: Any) -> str:
    if not isinstance(problem, dict):
        return str(problem)
    where = ".".join(str(step) for step in problem.get("loc") or ())
    return f"{where}: {problem.get('msg')}" if where else str(problem.get("msg"))


def _location(problems: list[Any]) -> str | None:
    first = problems[0] if problems else None
    return ".".join(str(step) for step in first.get("loc") or ()) or None if isinstance(first, dict) else None


def _word(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _status(payload: dict[str, Any]) -> int | None:
    for name in ("status_code", "raw_status_code", "http_status_code", "status", "code"):
        value = payload.get(name)
        if isinstance(value, str) and value.isdigit():
            value = int(value)
        if isinstance(value, int) and _FIRST_ERROR <= value <= _LAST_ERROR:
            return value
    return None


_FIRST_ERROR, _LAST_ERROR = 400, 599
_PAYMENT, _NOT_FOUND, _TOO_MANY, _SERVER = 402, 404, 429, 500
_QUOTA = ("insufficient_quota", "billing_hard_limit", "insufficient balance", "insufficient_balance",
          "credit balance", "exceeded your current quota", "insufficient credits", "out of credits",
          "billing_not_active", "no credits", "exceeded_current_quota", "spending limit", "requires more credits",
          "payment required")  # fmt: skip
_CONTEXT = ("context_length_exceeded", "context length", "context window", "exceed_context_size", "maximum context",
            "prompt is too long", "too many tokens", "input is too long",
            "reduce the length of the messages", "input length", "prompt too long", "model_context_window",
            "exceeded model token limit", "too large for model")  # fmt: skip
_GONE = ("model_not_found", "deploymentnotfound", "invalid_model", "model_not_available", "model_decommissioned",
         "model not found", "not a valid model", "unknown model", "model_not_supported", "unsupported_model",
         "not supported by provider", "no endpoints found", "invalid model", "model does not exist",
         "model not exist")  # fmt: skip
_AUTH = ("invalid_api_key", "invalid api key", "incorrect api key", "authentication", "permission_denied",
         "unauthorized", "no auth credentials", "invalid_request_key", "account_deactivated",
         "missing_api_key")  # fmt: skip
_FILTER = ("content_filter", "content_policy_violation", "responsibleaipolicyviolation", "content management policy",
           "cyber_policy_violation", "safety_violation", "moderation_blocked", "requires moderation",
           "usage policies", "usage policy", "invalid_prompt",
           "data_inspection_failed", "contentfilter")  # fmt: skip
_STALE = ("invalid_encrypted_content", "encrypted content", "without its required following item",
          "without its required 'reasoning' item", "reasoning_content", "thought_signature", "thought signature",
          "invalid `signature`", "invalid signature in")  # fmt: skip
_BUSY = ("overloaded", "over capacity", "server_overloaded", "engine_overloaded", "service unavailable",
         "no_capacity", "capacity exceeded", "server is busy", "insufficient_system_resource",
         "service_tier_capacity_exceeded", "temporarily unavailable", "model is loading", "loading model",
         "currently loading")  # fmt: skip
_MISWRITTEN = ("tool_use_failed", "json_validate_failed", "output_parse_failed", "does not match the expected peg",
               "failed to parse tool call")  # fmt: skip
_RATE = ("rate_limit", "rate limit", "ratelimit", "rate-limit", "too many requests", "too_many_requests")
_NOT_JSON_SERVER = ("server_error", "internal_error", "api_error", "internal server error", "upstream_error")


def _typed(fault: _Fault, headers: Mapping[str, str], *, model: str) -> ModelError:
    """Classify a fault, by what it says before by its status: providers disagree about statuses."""
    said = " ".join(word for word in (fault.code, fault.kind, fault.message) if word).lower()
    facts = _Facts(fault, headers, model)
    status = fault.status
    client_side = status is None or status < _SERVER
    if client_side and (status == _PAYMENT or _any(_QUOTA, said)):
        return facts.of(QuotaExceeded, "Add credit or raise the limit; waiting does not help.")
    if client_side and _any(_CONTEXT, said) and not _any(("tokens per", "per minute"), said):
        return facts.of(ContextOverflow, "Shorten the conversation, or use a model with a longer window.")
    if client_side and _any(_FILTER, said):
        return facts.of(Refused, "The provider's filter stopped the request; change what is asked.")
    if client_side and status != _TOO_MANY and _any(_STALE, said) and not _any(_GONE, said):
        return facts.of(StaleReasoning, "Send the reasoning back unchanged, or leave out the whole turn.")
    if status == _NOT_FOUND and "only supported in v1/" in said:
        return facts.invalid()
    if status == _NOT_FOUND or (client_side and status != _TOO_MANY and _any(_GONE, said)):
        return facts.of(ModelGone, "Check the model's name, your access to it, and the base URL.")
    if status in (401, 403) or (client_side and status != _TOO_MANY and _any(_AUTH, said)):
        return facts.of(AuthFailed, "Check the key and what it is allowed to do.")
    return _waiting(facts, said)


def _waiting(facts: "_Facts", said: str) -> ModelError:
    status = facts.fault.status
    if status != _TOO_MANY and _any(_MISWRITTEN, said):
        return facts.of(BadAnswer, "The model wrote a call or JSON that does not fit; try again, with feedback.")
    if status in (503, 529, 498) or (status != _TOO_MANY and _any(_BUSY, said)):
        return facts.of(Overloaded, "Try again later, or fall back to another model.")
    if status == _TOO_MANY or _any(_RATE, said):
        if "service_tier_capacity_exceeded" in said or "overloaded" in said:
            return facts.of(Overloaded, "Try again later, or fall back to another model.")
        return facts.of(RateLimited, "Wait and try again.")
    if status in (408, 409, 425) or (status is not None and status >= _SERVER):
        return facts.of(ProviderFailed, "Try again.")
    if status is None and (_any(_NOT_JSON_SERVER, said) or not facts.fault.kind):
        return facts.of(ProviderFailed, "Try again.")
    return facts.invalid()


@dataclass(frozen=True, slots=True)
class _Facts:
    """Everything that an error of ours is made from."""

    fault: _Fault
    headers: Mapping[str, str]
    model: str

    def of(self, error: type[ModelError], advice: str) -> ModelError:
        """Return an error of this class."""
        failure = error(
            self._text(advice),
            model=self.model,
            status=self.fault.status,
            code=self.fault.code,
            request_id=_request_id(self.headers),
            retry_after_s=_wait(self.headers) if error.retryable else None,
        )
        if isinstance(failure, RateLimited) and failure.retry_after_s is None:
            failure.retry_after_s = _wait_said(self.fault.message, self.headers)
        if isinstance(failure, ModelGone) and (found := re.search(r"[Uu]se [`'\"]?([\w./:-]+)[`'\"]? instead",
                                                                  self.fault.message)):  # fmt: skip
            failure.successor = found[1]
        return failure

    def invalid(self) -> InvalidRequest:
        """Return the error for a request that is wrong."""
        return InvalidRequest(
            self._text("Correct the request."),
            param=self.fault.param,
            model=self.model,
            status=self.fault.status,
            code=self.fault.code or self.fault.kind,
            request_id=_request_id(self.headers),
        )

    def _text(self, advice: str) -> str:
        status = f" ({self.fault.status})" if self.fault.status else ""
        reason = " ".join(self.fault.message.split())[:600].rstrip(". ")
        return f"{self.model} answered with an error{status}: {reason}. {advice}"


def _any(words: tuple[str, ...], text: str) -> bool:
    return any(word in text for word in words)


def _request_id(headers: Mapping[str, str]) -> str | None:
    for name in ("x-request-id", "apim-request-id", "mistral-correlation-id", "cf-ray"):
        if found := headers.get(name):
            return found
    return None


def _wait(headers: Mapping[str, str]) -> float | None:
    """Return the wait that the headers ask for; Azure says 0 ms beside 1 s, and means the second."""
    wait = retry_after_s(headers)
    if wait == 0 and (seconds := headers.get("retry-after")) is not None:
        return retry_after_s({"retry-after": seconds})
    return wait


def _wait_said(message: str, headers: Mapping[str, str]) -> float | None:
    """Return the wait that the words or the reset headers of a rate limit name, where no Retry-After does."""
    if found := re.search(r"(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+)", message):
        return duration_s(found[1])
    waits = [
        duration_s(headers.get(f"x-ratelimit-reset-{what}", ""))
        for what in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{what}") == "0"
    ]
    known = [wait for wait in waits if wait is not None]
    return max(known) if known else None
