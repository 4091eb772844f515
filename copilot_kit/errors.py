"""Everything that can go wrong, sorted by what the caller can do about it.

CopilotError
├── fix the call:    UsageError, UnknownModel, MissingExtra, ToolRefused
├── ModelError       a model did not answer; says which one, whether output had begun, what to do
│   ├── fix the call:    InvalidRequest, ContextOverflow, StaleReasoning, AuthFailed, ModelGone, Refused
│   ├── wait:            RateLimited, Overloaded, ProviderFailed, TransportFailed, TimedOut
│   └── give up:         QuotaExceeded, BadAnswer
├── LimitReached     a limit that the caller set: turns, tokens, money, time
└── JournalError     what is stored cannot be used: BrokenRecord, Conflict, NotOwner, NotDecidable
"""

from typing import ClassVar, Literal, TypeAlias

Phase: TypeAlias = Literal["connect", "first_event", "stream", "deadline"]


class CopilotError(Exception):
    """Anything this library raises on purpose; the text is one line that a person can act on."""

    exit_code: ClassVar[int] = 1
    run_id: str | None = None
    """The run that it happened in, where it can be resumed."""


class UsageError(CopilotError):
    """The call, command or configuration is wrong; the text says what would be right."""

    exit_code: ClassVar[int] = 64


class UnknownModel(UsageError):
    """A model string that no slot, provider or file answers to."""


class MissingExtra(UsageError):
    """A feature whose optional packages are not installed; names the extra to install."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs packages that are not installed. Run: pip install 'copilot-kit[{extra}]'")
        self.extra = extra


class ToolRefused(CopilotError):
    """A tool call whose arguments cannot be read or do not fit; the text is for the model."""


class ModelError(CopilotError):
    """A model did not give a whole answer.

    started: output had begun, so a silent retry or fallback would repeat it.
    """

    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        model: str = "",
        started: bool = False,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.model = model
        self.started = started
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.partial: object = None
        """What had come of the answer: a `Response`, or None."""


class InvalidRequest(ModelError):
    """The provider refuses the request as it is; `param` names the part where it says so."""

    def __init__(self, message: str, *, param: str | None = None, model: str = "", status: int | None = None,
                 code: str | None = None, request_id: str | None = None) -> None:  # fmt: skip
        super().__init__(message, model=model, status=status, code=code, request_id=request_id)
        self.param = param


class ContextOverflow(ModelError):
    """The conversation is longer than the model's window."""


class StaleReasoning(ModelError):
    """Signed reasoning was sent back changed, orphaned or to a model that cannot read it."""


class AuthFailed(ModelError):
    """The key is missing, wrong, or lacks the right."""


class ModelGone(ModelError):
    """The provider does not know, or no longer serves, this model; `successor` where it names one."""

    successor: str | None = None


class Refused(ModelError):
    """The provider's own filter stopped the request before the model answered."""


class RateLimited(ModelError):
    """Too many requests for now; `retry_after_s` where the provider says."""

    retryable: ClassVar[bool] = True


class Overloaded(ModelError):
    """The provider has no capacity for now."""

    retryable: ClassVar[bool] = True


class ProviderFailed(ModelError):
    """The provider answered with an error of its own (5xx, or an error inside a stream)."""

    retryable: ClassVar[bool] = True


class TransportFailed(ModelError):
    """The connection failed, or a stream ended without its end mark."""

    retryable: ClassVar[bool] = True


class TimedOut(ModelError):
    """No answer in time; `phase` says what was waited for."""

    retryable: ClassVar[bool] = True

    def __init__(self, message: str, *, phase: Phase, model: str = "", started: bool = False) -> None:
        super().__init__(message, model=model, started=started)
        self.phase: Phase = phase


class QuotaExceeded(ModelError):
    """The account has no money or quota left; waiting does not heal it."""


class BadAnswer(ModelError):
    """What came is no answer in the provider's own format (HTML from a gateway, broken JSON)."""

    retryable: ClassVar[bool] = True


class LimitReached(CopilotError):
    """A limit that the caller set was reached; `limit` names it."""

    def __init__(self, message: str, *, limit: str) -> None:
        super().__init__(message)
        self.limit = limit


class JournalError(CopilotError):
    """The journal cannot be read, written, or does not allow this."""


class BrokenRecord(JournalError):
    """A stored record is damaged, foreign, or of a newer schema; the original is kept."""


class Conflict(JournalError):
    """Somebody else appended first; read again and decide anew."""


class NotOwner(JournalError):
    """Another process holds this run's lease, or took it over."""


class NotDecidable(JournalError):
    """The proposal is unknown, already decided, expired, or not the one that was shown."""
