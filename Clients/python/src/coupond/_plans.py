"""What a call sends, waits for and makes of the answers. Nothing here does I/O: a plan yields what to do
next, and `Client` and `AsyncClient` do it, each in its way."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar, Union

from . import _messages, _trace
from . import _types as words
from ._errors import ERRORS, CouponError
from ._messages import UnreadableError
from ._retries import CLOSED, Failure, Known, RetryBudget, RetryPolicy, refused
from .v1 import coupond_pb2 as pb

LONGEST_WAIT = 30.0
"""Seconds that one call waits for events at most."""
LONGEST_DEADLINE = 60.0
"""Seconds. The daemon shortens longer ones."""


@dataclass(frozen=True)
class Call:
    """Send a request, and wait for its answer."""

    request: pb.Request
    give_up_after: float
    """Seconds."""


@dataclass(frozen=True)
class Pause:
    """Wait before the next try."""

    seconds: float


Reply = Union[pb.Response, Failure, None]
"""What a plan gets back: after a call its response or how it failed, after a pause None."""
Value = TypeVar("Value")
Plan = Generator[Union[Call, Pause], Reply, Value]
Reader = Callable[[pb.Response], Value]


@dataclass
class Settings:
    """What all calls of a client share."""

    deadline: float = 2.0
    """Seconds for one call with all its tries."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    budget: RetryBudget = field(default_factory=RetryBudget)
    admin_token: bytes = b""
    answer_grace: float = 0.25
    """Seconds to wait past a deadline for the daemon's own answer, which says more than ours."""


MOST_ATTEMPTS = 2**32 - 1
"""The most that the field holds. The count stops there: it must never be 0 again, which is a first try."""

ISSUES = {"issue", "issue_batch"}
CHANGES = {
    "create_coupon", "update_coupon", "pause_coupon", "resume_coupon", "close_coupon",
    "delete_coupon", "archive_coupon", "unarchive_coupon",
    "redrive_dead_letter", "discard_dead_letter", "reload", "rebuild_gate",
    "adopt_redis", "end_connections",
}  # fmt: skip
FOR_ISSUERS_AND_READERS = {
    "issue", "coupon_status", "issue_batch", "coupon_status_batch", "health", "server_info",
    "authenticate",
}  # fmt: skip


class Tries:
    """One call with its retries, within its deadline and within the budget."""

    def __init__(self, settings: Settings, deadline: float | None, method: str) -> None:
        self.settings = settings
        self.method = method
        self.gives_up_at = time.monotonic() + (settings.deadline if deadline is None else deadline)
        self.attempts = 0
        self.known = Known(words.Acceptance.NOT_ACCEPTED)
        self.request: words.IssueRequest | None = None
        self.traceparent = _trace.current()

    def run(self, make: Callable[[int], pb.Request]) -> Plan[pb.Response]:
        """The response of the last try, which is the answer to the method.

        :param make: the request of a try; 0 is the first.
        :raises CouponError: if no try has an answer.
        """
        self.settings.budget.count_call()
        while True:
            before = self.request
            request = make(self.attempts)
            request.deadline_ms = max(1, int(self._try_seconds() * 1_000))
            if self.traceparent:
                request.traceparent = self.traceparent
            if self.method not in FOR_ISSUERS_AND_READERS:
                request.token = self.settings.admin_token
            reply = yield Call(
                request, request.deadline_ms / 1_000 + self.settings.answer_grace
            )
            if reply is CLOSED:
                # It was not sent.
                self.request = before
            else:
                self.attempts += 1
            if isinstance(reply, pb.Response):
                result = reply.WhichOneof("result")
                if result not in (None, "error"):
                    return reply
                if result is None:
                    raise self.unreadable("an answer of a later version")
                failure = refused(reply.error)
            else:
                assert isinstance(reply, Failure)
                failure = reply
            if self.method in ISSUES or self.method in CHANGES:
                self.known.learn(failure)
            pause = self.settings.retry.pause(self.attempts, failure.retry_after)
            if not self._is_worth_a_retry(failure, pause):
                raise self.error(failure)
            yield Pause(pause)

    def _try_seconds(self) -> float:
        left = min(self.gives_up_at - time.monotonic(), LONGEST_DEADLINE)
        limit = self.settings.retry.try_deadline
        return left if limit is None else min(left, limit)

    def _is_worth_a_retry(self, failure: Failure, pause: float) -> bool:
        if not failure.may_help or self.attempts >= self.settings.retry.tries:
            return False
        if self.method in CHANGES and failure.acceptance != words.Acceptance.NOT_ACCEPTED:
            return False
        if time.monotonic() + pause >= self.gives_up_at:
            return False
        return failure.is_free or self.settings.budget.spend()

    def error(self, failure: Failure) -> CouponError:
        """What to raise after the last try."""
        return ERRORS[self.known.acceptance](
            failure.message,
            code=failure.code,
            sequence=self.known.sequence,
            retry_after=failure.retry_after or None,
            request=self.request,
            attempts=self.attempts,
            method=self.method,
            may_help=failure.may_help,
        )

    def unreadable(self, reason: str) -> CouponError:
        """What to raise if the answer cannot be understood: then nothing is known."""
        if self.method in ISSUES or self.method in CHANGES:
            self.known.learn(Failure(reason, words.Acceptance.UNKNOWN))
        return self.error(Failure(reason, self.known.acceptance))


def issue(
    settings: Settings, first: words.IssueRequest, deadline: float | None
) -> Plan[words.IssueAnswer]:
    """Asks for a coupon for a user, always with the same request id."""
    if not first.request_id:
        first = replace(first, request_id=os.urandom(16))
    tries = Tries(settings, deadline, "issue")
    tries.request = first
    if first.attempt > 0:
        # An earlier call may have been accepted, whatever becomes of this one.
        tries.known = Known(words.Acceptance.UNKNOWN)
    is_waiting = first.wait_for == words.WaitFor.ISSUED
    wait_for = pb.WAIT_FOR_ISSUED if is_waiting else pb.WAIT_FOR_ACCEPTED

    def make(retry: int) -> pb.Request:
        tries.request = replace(first, attempt=min(first.attempt + retry + 1, MOST_ATTEMPTS))
        request = pb.IssueRequest(
            coupon_id=first.coupon,
            user_id=first.user,
            request_id=first.request_id,
            wait_for=wait_for,
            attempt=min(first.attempt + retry, MOST_ATTEMPTS),
        )
        return pb.Request(issue=request)

    response = yield from tries.run(make)
    try:
        return _messages.issue_answer(response.issue, first.request_id, tries.attempts)
    except UnreadableError as error:
        raise tries.unreadable(str(error)) from None


def resolve(
    settings: Settings, request: words.IssueRequest, deadline: float | None
) -> Plan[words.IssueAnswer]:
    """Asks the gate again. A request that was never accepted is judged now."""
    return issue(settings, replace(request, attempt=max(request.attempt, 1)), deadline)


USERS_PER_BATCH = 1_000


class _User:
    """A user of a batch, with all that its tries have shown."""

    def __init__(self, user: int, request_id: bytes, attempt: int) -> None:
        self.user = user
        self.request_id = request_id
        self.attempt = attempt
        self.attempts = 0
        self.known = Known(words.Acceptance.UNKNOWN if attempt else words.Acceptance.NOT_ACCEPTED)
        self.failure: Failure | None = None
        self.end: words.IssueAnswer | CouponError | None = None


def issue_batch(
    settings: Settings,
    coupon: int,
    users: Sequence[int],
    request_ids: Sequence[bytes],
    wait_for: words.WaitFor,
    attempt: int,
    deadline: float | None,
) -> Plan[list[words.IssueAnswer | CouponError]]:
    """Asks for a coupon for many users. Each has a request id of its own, the same for all its tries."""
    names = list(request_ids) or [os.urandom(16) for _ in users]
    if len(names) != len(users) or any(len(name) != 16 for name in names):
        raise ValueError("request_ids: one of 16 bytes for each user is needed")
    # Raises now, and not after some users are issued, if a number does not fit into its field.
    pb.IssueBatchRequest(coupon_id=coupon, user_ids=users, attempt=attempt)
    items = [_User(user, name, attempt) for user, name in zip(users, names)]
    for start in range(0, len(items), USERS_PER_BATCH):
        tries = Tries(settings, deadline, "issue_batch")
        part = items[start : start + USERS_PER_BATCH]
        while part:
            yield from _issue_part(tries, coupon, part, wait_for)
            part = [one for one in part if one.end is None]
            failure = next((one.failure for one in part if one.failure), None)
            if failure is None:
                break
            pause = settings.retry.pause(
                max(one.attempts for one in part),
                max(one.failure.retry_after for one in part if one.failure),
            )
            if not tries._is_worth_a_retry(failure, pause):
                for one in part:
                    one.end = _error_of(tries, coupon, one, wait_for)
                break
            yield Pause(pause)
    return [one.end for one in items if one.end is not None]


def _issue_part(
    tries: Tries, coupon: int, part: list[_User], wait_for: words.WaitFor
) -> Plan[None]:
    """One batch, sent until it is answered; then each of its users has an end, or a failure that may pass."""
    before = tries.attempts

    def make(sent: int) -> pb.Request:
        return pb.Request(
            issue_batch=pb.IssueBatchRequest(
                coupon_id=coupon,
                user_ids=[one.user for one in part],
                request_ids=b"".join(one.request_id for one in part),
                wait_for=pb.WAIT_FOR_ISSUED if wait_for == words.WaitFor.ISSUED else pb.WAIT_FOR_ACCEPTED,
                attempt=min(max(one.attempt for one in part) + sent - before, MOST_ATTEMPTS),
            )
        )

    try:
        answer = (yield from tries.run(make)).issue_batch
        if len(answer.results) != len(part):
            raise tries.unreadable("the answer has another number of users")
    except CouponError as error:
        for one in part:
            _count(one, tries, before)
            one.failure = Failure(
                str(error), tries.known.acceptance, error.code, retry_after=error.retry_after or 0.0
            )
            one.known.learn(one.failure)
            one.end = _error_of(tries, coupon, one, wait_for)
        return
    for one, result in zip(part, answer.results):
        _count(one, tries, before)
        one.known.learn(Failure("", tries.known.acceptance))
        try:
            if not result.error:
                one.end = _messages.issue_answer(result, one.request_id, one.attempts)
                continue
            if result.error > len(answer.errors):
                raise UnreadableError(f"issue_batch.results.error: there is no error {result.error}")
            its = pb.Error()
            its.CopyFrom(answer.errors[result.error - 1])
            its.acceptance, its.sequence = result.acceptance, result.sequence
            one.failure = refused(its)
        except UnreadableError as wrong:
            one.failure = Failure(str(wrong), words.Acceptance.UNKNOWN)
        one.known.learn(one.failure)
        if not one.failure.may_help:
            one.end = _error_of(tries, coupon, one, wait_for)


def _count(one: _User, tries: Tries, before: int) -> None:
    one.attempts += tries.attempts - before
    one.attempt = min(one.attempt + tries.attempts - before, MOST_ATTEMPTS)


def _error_of(tries: Tries, coupon: int, one: _User, wait_for: words.WaitFor) -> CouponError:
    failure = one.failure or Failure("no answer", words.Acceptance.UNKNOWN)
    return ERRORS[one.known.acceptance](
        failure.message,
        code=failure.code,
        sequence=one.known.sequence,
        retry_after=failure.retry_after or None,
        request=words.IssueRequest(coupon, one.user, one.request_id, wait_for, max(one.attempt, 1)),
        attempts=one.attempts,
        method=tries.method,
        may_help=failure.may_help,
    )


def status_batch(
    settings: Settings, coupon: int, users: Sequence[int], deadline: float | None
) -> Plan[words.CouponStatusBatch]:
    """The state of a coupon, and of up to 1,000 users."""
    request = pb.Request(
        coupon_status_batch=pb.CouponStatusBatchRequest(coupon_id=coupon, user_ids=users)
    )
    return call(
        settings, request, lambda r: _messages.coupon_status_batch(r.coupon_status_batch), deadline
    )


def call(
    settings: Settings,
    request: pb.Request,
    read: Reader[Value],
    deadline: float | None,
) -> Plan[Value]:
    """Any other method. A change is sent again only if it was certainly not made."""
    tries = Tries(settings, deadline, request.WhichOneof("method") or "")
    response = yield from tries.run(lambda _: request)
    try:
        return read(response)
    except UnreadableError as error:
        raise tries.unreadable(str(error)) from None


def status(
    settings: Settings, coupon: int, user: int | None, deadline: float | None
) -> Plan[words.CouponStatus]:
    """The state of a coupon, and of a user's request."""
    request = pb.Request(coupon_status=pb.CouponStatusRequest(coupon_id=coupon, user_id=user or 0))
    return call(settings, request, lambda r: _messages.coupon_status(r.coupon_status), deadline)


def watch(
    settings: Settings,
    after: bytes,
    from_oldest: bool,
    coupon: int | None,
    limit: int,
    wait: float,
    deadline: float | None,
) -> Plan[words.EventPage]:
    """What was committed after a bookmark."""
    wait = min(max(wait, 0.0), LONGEST_WAIT)
    request = pb.WatchRequest(
        after=after,
        from_oldest=from_oldest and not after,
        coupon_id=coupon or 0,
        limit=limit,
        wait_ms=int(wait * 1_000),
    )
    return call(
        settings,
        pb.Request(watch=request),
        lambda r: _messages.event_page(r.watch),
        wait + settings.deadline if deadline is None else deadline,
    )


class Follower:
    """How far a caller has followed the events, and what to do after each answer."""

    def __init__(self, settings: Settings, after: bytes, from_oldest: bool, coupon: int | None) -> None:
        self._settings = settings
        self._after = after
        self._from_oldest = from_oldest
        self._coupon = coupon
        self._failures = 0

    def plan(self) -> Plan[words.EventPage]:
        """The next question."""
        return watch(
            self._settings, self._after, self._from_oldest, self._coupon, 0, LONGEST_WAIT, None
        )

    def has_news(self, page: words.EventPage) -> bool:
        """Moves after a page. Whether the caller wants the page: it has something, or is the first one."""
        is_first = not self._after
        self._after = page.bookmark
        self._failures = 0
        return is_first or bool(page.events or page.resets)

    def pause(self, error: CouponError) -> float:
        """Seconds to wait after an error; raises it if waiting does not help."""
        if not error.may_help:
            raise error
        self._failures += 1
        retry = self._settings.retry
        return retry.pause(min(self._failures, 10), error.retry_after or 0.0)


def health_request() -> pb.Request:
    return pb.Request(health=pb.HealthRequest())


def read_health(response: pb.Response) -> words.Health:
    return words.Health(response.health.ready, response.health.reason)


def server_info_request() -> pb.Request:
    return pb.Request(server_info=pb.ServerInfoRequest())


def read_server_info(response: pb.Response) -> words.ServerInfo:
    return _messages.server_info(response.server_info)


def read_coupon(response: pb.Response) -> words.Coupon:
    return _messages.coupon(response.coupon)


def read_coupons(response: pb.Response) -> list[words.Coupon]:
    return [_messages.coupon(one) for one in response.list_coupons.coupons]


def read_issues(response: pb.Response) -> list[words.Issue]:
    return [_messages.issue(one) for one in response.list_issues.issues]


def create_request(
    coupon: int, title: str, total: int | None, opens_at: datetime, closes_at: datetime | None
) -> pb.Request:
    request = pb.CreateCouponRequest(
        id=coupon, title=title, opens_at=words.microseconds(opens_at)
    )
    if closes_at is not None:
        request.closes_at = words.microseconds(closes_at)
    if total is not None:
        request.total = total
    return pb.Request(create_coupon=request)


def update_request(
    coupon: int,
    title: str | None,
    total: int | None,
    unlimited: bool,
    opens_at: datetime | None,
    closes_at: datetime | None,
) -> pb.Request:
    request = pb.UpdateCouponRequest(id=coupon, unlimited=unlimited)
    if title is not None:
        request.title = title
    if total is not None:
        request.total = total
    if opens_at is not None:
        request.opens_at = words.microseconds(opens_at)
    if closes_at is not None:
        request.closes_at = words.microseconds(closes_at)
    return pb.Request(update_coupon=request)
