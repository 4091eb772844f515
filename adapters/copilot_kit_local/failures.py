"""What llama.cpp says went wrong, as our errors."""

from typing import Any

from copilot_kit.errors import (
    AuthFailed,
    ContextOverflow,
    InvalidRequest,
    ModelError,
    Overloaded,
    ProviderFailed,
    TransportFailed,
)

_UNAUTHORISED = (401, 403)
_BUSY = (429, 503)
_SERVER = 500


def failure_of(error: dict[str, Any], *, model: str, started: bool) -> ModelError:
    """Return our error for an error object of llama.cpp."""
    message, status = str(error.get("message", error)), error.get("code")
    status = status if isinstance(status, int) else None
    if error.get("type") == "exceed_context_size_error":
        return ContextOverflow(
            f"{model} holds {error.get('n_ctx')} tokens and was given {error.get('n_prompt_tokens')}. "
            "Shorten the conversation, or open the model with a larger context.",
            model=model, status=status,
        )  # fmt: skip
    if status in _UNAUTHORISED:
        return AuthFailed(f"The server of {model} wants a key: {message}.", model=model, status=status)
    if status in _BUSY:
        return Overloaded(f"The server of {model} is busy or still loading: {message}.", model=model, status=status)
    if status is not None and status < _SERVER:
        return InvalidRequest(f"{model} refuses the request: {message}. Simplify it.", model=model, status=status)
    return ProviderFailed(f"{model} failed: {message}. Try again.", model=model, status=status, started=started)


def cut_off(model: str, *, started: bool) -> ModelError:
    """Return the error for an answer that stopped without its end mark."""
    return TransportFailed(f"The answer of {model} broke off. Try again.", model=model, started=started)
