"""Digests that bind a decision to one call, and a call to one execution."""

import hashlib
from collections.abc import Iterable

from copilot_kit.records import Proposal, Step


def _digest(fields: Iterable[str]) -> str:
    # Each field is preceded by its length, so that no two lists of fields give the same bytes.
    encoded = [field.encode("utf-8", "surrogatepass") for field in fields]
    joined = b"".join(b"%d:%b" % (len(raw), raw) for raw in encoded)
    return hashlib.sha256(joined).hexdigest()


def call_digest(
    *, run_id: str, path: tuple[Step, ...], call_id: str, tool: str, version: str, arguments: str
) -> str:  # fmt: skip
    """Return the digest of exactly this call; reasons, previews and expiry are not part of it."""
    steps = (field for step in path for field in (step.agent, step.call_id or ""))
    return _digest(("call", run_id, *steps, call_id, tool, version, arguments))


def idempotency_key(call_digest: str) -> str:
    """Return the key that a tool passes on so that the other side runs the action once."""
    return _digest(("key", call_digest))[:32]


def shown_digest(proposal: Proposal) -> str:
    """Return the digest of everything a person is shown of this proposal."""
    shown = proposal.model_copy(update={"shown_digest": ""})
    return _digest(("shown", shown.model_dump_json()))
