"""The words of the protocol, as docs/PROTOCOL.md defines them. Numbers are those of the schema."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

NEVER = 2**53
"""In answers, when a coupon closes that never closes."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def moment(microseconds: int) -> datetime:
    """A time of the protocol.

    :raises OverflowError: if it is beyond the year 9999.
    """
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds(value: datetime) -> int:
    """The protocol's form of a time.

    :raises ValueError: if the time has no time zone.
    """
    if value.tzinfo is None:
        raise ValueError("the time has no time zone")
    return (value - _EPOCH) // timedelta(microseconds=1)


class WaitFor(enum.Enum):
    """When an issue request is answered."""

    ACCEPTED = 0
    """As soon as the gate has decided."""
    ISSUED = 1
    """After the commit in PostgreSQL."""


class Outcome(enum.Enum):
    """What an issue request is answered."""

    ACCEPTED = 1
    ISSUED = 2
    DUPLICATE = 3
    SOLD_OUT = 4
    NOT_OPEN = 5
    ENDED = 6
    PAUSED = 7
    CLOSED = 8
    NOT_FOUND = 9
    REJECTED = 10


class UserState(enum.Enum):
    """What became of a user's request."""

    NONE = 0
    QUEUED = 1
    ISSUED = 2
    REJECTED = 3


class RejectionReason(enum.Enum):
    """Why an accepted request ended without an issue."""

    SOLD_OUT = 1
    ALREADY_ISSUED = 2
    NOT_FOUND = 3
    DEAD_LETTER = 4
    DISCARDED = 5


class CouponState(enum.Enum):
    """Whether a coupon accepts requests."""

    ACTIVE = 1
    PAUSED = 2
    CLOSED = 3


class Acceptance(enum.Enum):
    """What is known of an issue request that ended with an error."""

    NOT_ACCEPTED = 0
    ACCEPTED = 1
    UNKNOWN = 2


class Code(enum.Enum):
    """Why a request could not be judged."""

    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


@dataclass(frozen=True)
class IssueRequest:
    """One user asks for one coupon. All its tries have the same request id."""

    coupon: int
    user: int
    request_id: bytes
    """0 to 16 bytes. With this id the same request can be sent again, even by another process."""
    wait_for: WaitFor = WaitFor.ISSUED
    attempt: int = 0
    """0 if it was never sent."""


@dataclass(frozen=True)
class IssueAnswer:
    """The answer to an issue request. Fields that the outcome does not have are None."""

    outcome: Outcome
    request_id: bytes
    """With this id the same request can be sent again, and gets the same answer."""
    attempts: int = 1
    """How often it was sent."""
    sequence: int | None = None
    """With ACCEPTED, ISSUED, DUPLICATE and REJECTED."""
    issued_at: datetime | None = None
    """With ISSUED."""
    state: UserState | None = None
    """With DUPLICATE: of the user's other request."""
    opens_at: datetime | None = None
    """With NOT_OPEN."""
    reason: RejectionReason | None = None
    """With REJECTED."""

    @property
    def has_coupon(self) -> bool:
        """Whether this request has a coupon, or will have it."""
        return self.outcome in (Outcome.ACCEPTED, Outcome.ISSUED)


@dataclass(frozen=True)
class Coupon:
    """A coupon with its terms and its count."""

    id: int
    title: str
    total: int | None
    """None: unlimited."""
    opens_at: datetime
    closes_at: datetime | None
    """None: never."""
    state: CouponState
    version: int
    issued: int
    remaining: int | None
    """None: unlimited."""
    archived: bool = False
    """Whether it is closed, and only in the list of archived coupons."""


@dataclass(frozen=True)
class UserStatus:
    """What became of a user's request for a coupon. Fields that the state does not have are None."""

    state: UserState
    sequence: int | None = None
    issued_at: datetime | None = None
    reason: RejectionReason | None = None
    ahead: int | None = None
    """QUEUED: how many requests of the coupon are decided before this one."""
    decided_in: timedelta | None = None
    """QUEUED: about how long until it is decided; None if that is not known."""


@dataclass(frozen=True)
class CouponStatus:
    """The state of a coupon, and of a user if the call named one."""

    coupon: Coupon
    accepted: int
    """All accepted requests so far."""
    queued: int
    """Those that are not decided."""
    user: UserStatus


@dataclass(frozen=True)
class CouponStatusBatch:
    """The state of a coupon, and of many of its users."""

    coupon: Coupon
    accepted: int
    """All accepted requests so far."""
    queued: int
    """Those that are not decided."""
    users: list[UserStatus]
    """In the order of the call. `ahead` and `decided_in` are None."""


@dataclass(frozen=True)
class Issue:
    """A committed issue: this user has the coupon."""

    user: int
    sequence: int
    request_id: bytes
    accepted_at: datetime
    issued_at: datetime


class EventKind(enum.Enum):
    """What was committed."""

    ISSUED = 1
    """The user has the coupon."""
    REJECTED = 2
    """An accepted request ended without an issue."""
    SOLD_OUT = 3
    """All of the coupon is issued."""
    CHANGED = 4
    """Somebody changed the coupon."""


class ResetReason(enum.Enum):
    """Why the events of a partition do not follow those before."""

    EXPIRED = 1
    """What followed the bookmark is no longer kept. The events go on with the oldest commit that is kept."""
    WENT_BACK = 2
    """PostgreSQL went back: what you had may not have happened. The events begin with the oldest commit."""
    INCOMPLETE = 3
    """There were commits without events. The events go on after them."""


@dataclass(frozen=True)
class Event:
    """What was committed for one request or one coupon. Fields that the kind does not have are None."""

    kind: EventKind
    coupon: int
    committed_at: datetime
    place: tuple[int, int, int]
    """Partition, commit and index: the name of the event. A repeated one has the same."""
    user: int | None = None
    """With ISSUED and REJECTED."""
    sequence: int | None = None
    """With ISSUED and REJECTED."""
    request_id: bytes | None = None
    """With ISSUED and REJECTED."""
    accepted_at: datetime | None = None
    """With ISSUED."""
    reason: RejectionReason | None = None
    """With REJECTED."""
    version: int | None = None
    """With SOLD_OUT and CHANGED: the coupon's."""


@dataclass(frozen=True)
class EventPage:
    """Events, and where the next ones begin."""

    events: list[Event]
    """In the order of their commits within a partition."""
    bookmark: bytes
    """Keep it once the events are handled."""
    resets: dict[int, ResetReason]
    """Partitions whose events do not follow those that you had before."""
    behind: int
    """Commits after the bookmark, if the page is full; else 0."""


@dataclass(frozen=True)
class Health:
    """Whether the daemon can accept requests now."""

    ready: bool
    reason: str
    """Why not; empty if it is ready."""


@dataclass(frozen=True)
class ServerInfo:
    """What the daemon is."""

    version: str
    partitions: int
    maximum_frame_bytes: int
    now: datetime
    """The daemon's clock."""
    idle_seconds: int
    """After so many seconds without a request the daemon closes a connection; 0 if it does not say."""
    features: tuple[str, ...] = ()
    """What the daemon can do that an earlier one could not, by the names of docs/PROTOCOL.md."""
