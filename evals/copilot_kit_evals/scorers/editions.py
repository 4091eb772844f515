"""What tells two scorers apart: the edition of their rules, and how they are set."""

import json
from typing import Any

from copilot_kit_evals.scores import digest_of


def edition(kind: str, number: int, /, **settings: Any) -> str:
    """Return the digest of a scorer: its kind, the number of its rules, raised whenever they change, its settings."""
    return digest_of(json.dumps([kind, number, settings], sort_keys=True, default=str))
