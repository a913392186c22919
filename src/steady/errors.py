"""
Every error that Steady raises on purpose.

    SteadyError
     ├─ ConfigError            a policy, preset or steady.yaml that does not load (`.problems`)
     │   └─ UnknownNameError   a name that nothing answers to (`.near`: the nearest that exists)
     ├─ RequestError           the caller's request can't be used as it is
     │   ├─ AuthError          a missing or wrong key
     │   ├─ TooLargeError      a body over the limit
     │   └─ BusyError          the server takes no more at once
     ├─ ProviderError          an upstream failed (`.status`, `.retryable`, `.retry_after`, `.body`)
     │   ├─ ProviderTimeout    it took longer than it was given
     │   └─ ProviderNonsense   it answered what is no chat completion
     ├─ ModelMissing           an embedded model whose file is not there
     ├─ RuleError              a rule could not judge: it raised, timed out, or is unreachable
     ├─ Abstained              no answer may be released (`.outcome`)
     │   └─ RuleViolation      a rule whose `on_fail` is `exception` failed
     ├─ AllCandidatesFailed    every candidate errored (an exception group)
     └─ RecordError            the store or a receipt in it can't be used
         ├─ ReceiptNotFound    no such receipt, or not this caller's
         └─ ContentNotKept     the receipt is there, what replay needs is not

Each knows the HTTP status and the OpenAI `type` and `code` that say the same over the wire.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, ClassVar, NamedTuple


class SteadyError(Exception):
    """Anything that Steady raises on purpose. `str()` of it is one line fit to show."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: ClassVar[str] = "steady_error"
    param: str | None = None  # the request field at fault, where one is


class Problem(NamedTuple):
    """One thing wrong in a document, and where. `str()` gives `FILE:LINE: FIELD: MESSAGE`."""

    file: str
    line: int  # 1-based; 0 where the document has no lines (a dict)
    field: str  # "rules[0].limt"
    message: str  # what is wrong, the legal words, the nearest one

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"


class ConfigError(SteadyError):
    """A policy, preset or configuration is not valid. Holds every problem found, not the first."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_policy"

    def __init__(self, problems: Sequence[Problem] | str) -> None:
        self.problems: tuple[Problem, ...] = (
            (Problem("", 0, "", problems),) if isinstance(problems, str) else tuple(problems)
        )
        if isinstance(problems, str):
            super().__init__(problems)
        else:
            super().__init__("\n".join(map(str, problems)))


def nearest(word: str, legal: Iterable[str]) -> str | None:
    """Return the one of `legal` most like `word`, or None if none is close. Ties go to the first in order."""
    near = get_close_matches(word, sorted(legal), n=1, cutoff=0.6)
    return near[0] if near else None


def legal_words(word: str, legal: Iterable[str]) -> str:
    """Return `Did you mean 'x'? Known: a, b, x.` for a word that is not in `legal`."""
    known = sorted(legal)
    near = nearest(word, known)
    shown = ", ".join(known[:40]) + (f" and {len(known) - 40} more" if len(known) > 40 else "")
    hint = f"Did you mean {near!r}? " if near else ""
    return f"{hint}Known: {shown}." if known else f"{hint}None is known."


class UnknownNameError(ConfigError):
    """A policy, preset, model or provider that nothing answers to."""

    status = 404
    code = "model_not_found"

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        self.name, self.near = name, nearest(name, known)
        super().__init__(f"No {what} {name!r}. {legal_words(name, known)}")


class RequestError(SteadyError):
    """The request can't be used as it is; `param` names the field."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_value"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class AuthError(RequestError):
    """The key is missing, unknown, or does not allow what was asked."""

    status = 401
    type = "authentication_error"
    code = "invalid_api_key"


class TooLargeError(RequestError):
    """The body is over the server's limit."""

    status = 413
    code = "body_too_large"


class BusyError(RequestError):
    """As many requests as the server takes at once are being answered."""

    status = 429
    type = "rate_limit_error"
    code = "too_many_requests"
    retry_after = 1.0  # seconds


class ProviderError(SteadyError):
    """
    An upstream failed.

    Args:
        message: One line; the upstream's own message where it gave one.
        status: The HTTP status it answered with, or None if it never answered.
        retryable: Whether the same call may work when made again.
        retry_after: Seconds that the upstream asked us to wait, or None.
        body: The upstream's own error object (the value of its "error" key), passed to the client as it is.
        provider: The provider's name in the configuration.
    """

    type = "upstream_error"
    code = "upstream_error"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        body: dict[str, Any] | None = None,
        provider: str = "",
    ) -> None:
        super().__init__(message)
        self.upstream_status = status
        self.retryable = retryable
        self.retry_after = retry_after
        self.body = body
        self.provider = provider

    @property
    def http_status(self) -> int:
        """The status for the client: the upstream's own where it gave an error status, else 502."""
        return self.upstream_status if self.upstream_status and self.upstream_status >= 400 else 502


class ProviderTimeout(ProviderError):
    """The upstream took longer than it was given."""

    code = "upstream_timeout"

    @property
    def http_status(self) -> int:
        return 504


class ProviderNonsense(ProviderError):
    """The upstream answered 200 with something that is no chat completion."""

    code = "upstream_invalid_response"

    @property
    def http_status(self) -> int:
        return 502


class ModelMissing(SteadyError):
    """An embedded model is named whose file is not on this machine; the message says how to get it."""

    status = 503
    code = "model_missing"


class RuleError(SteadyError):
    """A rule could not judge. The candidate counts as failed."""

    code = "rule_error"


class Abstained(SteadyError):
    """No answer may be released. `outcome` holds the candidates, the verdicts and the reason."""

    status = 422
    type = "invalid_request_error"
    code = "no_acceptable_answer"

    def __init__(self, message: str, outcome: Any = None) -> None:
        super().__init__(message)
        self.outcome = outcome


class RuleViolation(Abstained):
    """A rule whose `on_fail` is `exception` failed."""

    code = "rule_violation"


class AllCandidatesFailed(SteadyError, ExceptionGroup[Exception]):
    """Every candidate errored; `.exceptions` holds one error for each, in the order of their slots."""

    status = 502
    type = "upstream_error"
    code = "all_candidates_failed"

    def __str__(self) -> str:
        return self.message  # a group's own words count its exceptions

    def derive(self, excs: Sequence[Exception]) -> "AllCandidatesFailed":  # type: ignore[override]
        return AllCandidatesFailed(self.message, excs)


class RecordError(SteadyError):
    """The store, or a record in it, can't be used."""

    code = "record_error"


class ReceiptNotFound(RecordError):
    """No receipt with this id, or it belongs to another tenant."""

    status = 404
    type = "invalid_request_error"
    code = "receipt_not_found"


class ContentNotKept(RecordError):
    """The receipt exists, but what a replay needs was left out or has expired."""

    code = "content_not_kept"
