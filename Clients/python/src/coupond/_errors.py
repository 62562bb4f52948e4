"""Why a call has no answer."""

from __future__ import annotations

from ._types import Acceptance, Code, IssueRequest


class CouponError(Exception):
    """A call that has no answer. The subclass says what is known of an issue request."""

    acceptance: Acceptance

    def __init__(
        self,
        message: str,
        *,
        code: Code | None = None,
        sequence: int | None = None,
        retry_after: float | None = None,
        request: IssueRequest | None = None,
        attempts: int = 1,
        method: str = "",
        may_help: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        """The daemon's code; None if the daemon did not answer."""
        self.sequence = sequence
        """Of an accepted request."""
        self.retry_after = retry_after
        """Seconds that the daemon asks callers to wait; None if it does not."""
        self.request = request
        """Of `issue`: the request as it is sent the next time, for `resolve`."""
        self.attempts = attempts
        """How often the request was sent, or a connection for it was tried."""
        self.method = method
        """The method, by its name in the schema."""
        self.may_help = may_help
        """Whether the same call may have an answer later: something was away or full for a moment."""


class NotAcceptedError(CouponError):
    """The request took no coupon and will not; a change was not made."""

    acceptance = Acceptance.NOT_ACCEPTED


class AcceptedError(CouponError):
    """The request was accepted, with `sequence`. Only the wait for ISSUED ended; `resolve` waits for it."""

    acceptance = Acceptance.ACCEPTED


class UnknownError(CouponError):
    """The request may have been accepted; a change may have been made. `resolve` finds out about a request."""

    acceptance = Acceptance.UNKNOWN


ERRORS: dict[Acceptance, type[CouponError]] = {
    Acceptance.NOT_ACCEPTED: NotAcceptedError,
    Acceptance.ACCEPTED: AcceptedError,
    Acceptance.UNKNOWN: UnknownError,
}
