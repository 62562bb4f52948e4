"""A client of coupond, which issues limited coupons, first come, first served.

    import coupond

    with coupond.Client("127.0.0.1:7070") as client:
        answer = client.issue(coupon=1, user=42)
        print(answer.outcome.name, answer.sequence)

`Client` blocks and may be shared by threads; `AsyncClient` has the same methods for asyncio. Both retry by
themselves, with one request id, until their deadline. An outcome such as SOLD_OUT is a value. An error is a
`CouponError`, and its class says what is known of an issue request: `NotAcceptedError`, `AcceptedError` or
`UnknownError`.
"""

from ._addresses import tls_context
from ._aio import AsyncClient
from ._client import Client
from ._errors import AcceptedError, CouponError, NotAcceptedError, UnknownError
from ._retries import RetryBudget, RetryPolicy
from ._trace import trace
from ._types import (
    Acceptance,
    Code,
    Coupon,
    CouponState,
    CouponStatus,
    CouponStatusBatch,
    Event,
    EventKind,
    EventPage,
    Health,
    Issue,
    IssueAnswer,
    IssueRequest,
    Outcome,
    RejectionReason,
    ResetReason,
    ServerInfo,
    UserState,
    UserStatus,
    WaitFor,
)

__all__ = [
    "Acceptance",
    "AcceptedError",
    "AsyncClient",
    "Client",
    "Code",
    "Coupon",
    "CouponError",
    "CouponState",
    "CouponStatus",
    "CouponStatusBatch",
    "Event",
    "EventKind",
    "EventPage",
    "Health",
    "Issue",
    "IssueAnswer",
    "IssueRequest",
    "NotAcceptedError",
    "Outcome",
    "RejectionReason",
    "ResetReason",
    "RetryBudget",
    "RetryPolicy",
    "ServerInfo",
    "UnknownError",
    "UserState",
    "UserStatus",
    "WaitFor",
    "tls_context",
    "trace",
]
