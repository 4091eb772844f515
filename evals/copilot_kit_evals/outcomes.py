"""What an error says of an attempt: the candidate's doing, a limit, the world's, or the end of the run."""

from typing import Final

from copilot_kit.budget import OverBudget
from copilot_kit.errors import (
    AuthFailed,
    ContextOverflow,
    CopilotError,
    InvalidRequest,
    LimitReached,
    ModelError,
    ModelGone,
    QuotaExceeded,
    Refused,
    StaleReasoning,
    UsageError,
)
from copilot_kit_evals.attempts import Outcome, Trouble
from copilot_kit_evals.scores import Score
from copilot_kit_evals.writing import NotWritten

_MOST_CHARS: Final = 300
FATAL: Final = (AuthFailed, ModelGone, QuotaExceeded, UsageError, NotWritten)
"""No attempt can do better: whoever started the run must do something first."""


def outcome_of(error: Exception) -> Outcome:
    """Return how an attempt ended that raised this; errors that nobody foresaw are the world's."""
    match error:
        case OverBudget() | LimitReached() | TimeoutError():
            return "limit"
        case Refused():
            return "refusal"
        case InvalidRequest() | ContextOverflow() | StaleReasoning():
            return "model_failure"
        case _:
            return "infra_error"


def trouble_of(error: Exception) -> Trouble:
    """Return the error for the log; what is not ours has its class in front."""
    known = isinstance(error, CopilotError | ModelError)
    if isinstance(error, TimeoutError) and not str(error):
        return Trouble(kind="TimeoutError", text="The limit of time for one attempt was reached.")
    text = str(error) if known else f"{type(error).__name__}: {error}"
    return Trouble(kind=type(error).__name__, text=text[:_MOST_CHARS].encode(errors="replace").decode())


def failed_score(lowest: float, trouble: Trouble | None) -> Score:
    """Return the score of an attempt that ended without an answer by the candidate's own doing."""
    return Score(value=lowest, reason="no answer" if trouble is None else f"no answer: {trouble.kind}")
