"""All that was said in an attempt, as it is kept beside the log and read again."""

import json
from collections.abc import Iterator, Sequence

from pydantic import TypeAdapter

from copilot_kit.messages import Message
from copilot_kit.redaction import without_secrets
from copilot_kit_evals.attempts import Attempt
from copilot_kit_evals.folder import Call, RunFolder
from copilot_kit_evals.items import Item, conversation

_MESSAGES = TypeAdapter(tuple[Message, ...])


def transcript_of(messages: Sequence[Message]) -> bytes:
    """Return the messages as JSON, without what looks like a key."""
    told = without_secrets([one.model_dump(mode="json") for one in messages])
    return json.dumps(told, ensure_ascii=False).encode()


def messages_of(run: RunFolder, attempt: Attempt, item: Item, calls: Sequence[Call] = ()) -> tuple[Message, ...]:
    """Return what was said in an attempt: its transcript, or else the item's input and the answers that it got.

    calls: those of the attempt; `calls_of` finds them for many attempts in one go. The template and the prompt are not
    in it where there is no transcript.
    """
    if attempt.transcript is not None:
        return _MESSAGES.validate_json(run.blob(attempt.transcript))
    asked = item.asked(attempt.variant)
    words = asked if not isinstance(asked, dict) else json.dumps(asked, ensure_ascii=False)
    answers = (call.response.message for call in calls)
    return (*conversation(words, item_id=item.id), *answers)


def calls_of(run: RunFolder, attempts: Sequence[Attempt]) -> Iterator[tuple[Attempt, tuple[Call, ...]]]:
    """Yield each of these attempts with its answers, in order; the log of calls is read once."""
    wanted: dict[str, dict[int, Call]] = {attempt.key.digest: {} for attempt in attempts}
    for call in run.calls():
        if call.attempt in wanted and call.scorer is None:
            wanted[call.attempt][call.n] = call
    for attempt in attempts:
        known = wanted[attempt.key.digest]
        yield attempt, tuple(known[n] for n in sorted(known) if n < attempt.calls)
