"""Identifiers that are made once, unique everywhere, and sort by the time they were made."""

import os
import time
from collections.abc import Callable
from typing import TypeAlias

NewId: TypeAlias = Callable[[str], str]
"""Makes an identifier from a prefix; tests inject a counter."""


def new_id(prefix: str) -> str:
    """Return `prefix_` and 32 hexadecimal digits: 48 bits of time in ms, then 80 random bits."""
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"
