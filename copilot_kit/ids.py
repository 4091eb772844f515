"""Identifiers that are made once, unique everywhere, and sort by the time they were made."""

import os
import time
from collections.abc import Callable
from typing import TypeAlias

NewId: TypeAlias = Callable[[str], str]
"""Makes an identifier from a prefix; tests inject a counter."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread aloud


def new_id(prefix: str) -> str:
    """Return `prefix_` and 26 characters: 48 bits of time in ms, then 80 random bits."""
    number = int.from_bytes((time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10), "big")
    return prefix + "_" + "".join([_ALPHABET[(number >> shift) & 31] for shift in _SHIFTS])


_SHIFTS = tuple(range(125, -1, -5))
