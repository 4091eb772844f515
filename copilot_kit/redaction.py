"""Takes keys and tokens out of JSON before it is kept: by their names, their looks, and the environment."""

import os
import re
from collections.abc import Mapping
from typing import Any

LEFT_OUT = "(left out of the recording)"
_SECRET_NAME = re.compile(r"(?i)(api[-_]?key|authorization|secret|password|cookie|(access|auth|bearer)[-_]?token)$")
_SECRET_TEXT = re.compile(r"\b(?:sk-|gsk_|xai-|AIza|ghp_|hf_)[\w-]{16,}|\bBearer\s+[\w.~+/=-]{8,}")
_SECRET_VARIABLE = re.compile(r"(API_KEY|TOKEN|SECRET|PASSWORD)$")
_MIN_SECRET_CHARS = 8


def without_secrets(value: Any, *, environment: Mapping[str, str] = os.environ) -> Any:
    """Return the JSON value with what looks like a key, is named like one, or is one in the environment, left out."""
    held = [text for name, text in environment.items() if _SECRET_VARIABLE.search(name)]
    known = sorted((text for text in held if len(text) >= _MIN_SECRET_CHARS), key=len, reverse=True)
    return _censored(value, known)


def _censored(value: Any, known: list[str]) -> Any:
    match value:
        case dict():
            return {
                name: LEFT_OUT if _SECRET_NAME.search(name) and isinstance(inner, str) else _censored(inner, known)
                for name, inner in value.items()
            }
        case list():
            return [_censored(inner, known) for inner in value]
        case str():
            for secret in known:
                value = value.replace(secret, LEFT_OUT)
            return _SECRET_TEXT.sub(LEFT_OUT, value)
        case _:
            return value
