"""Answers as values: what a frame's message means, with the bounds of docs/PROTOCOL.md."""

from __future__ import annotations

import enum
import struct
from datetime import datetime, timedelta
from typing import TypeVar, Union

from google.protobuf.message import DecodeError

from . import _types as words
from .v1 import coupond_pb2 as pb
from .v1 import events_pb2, issues_pb2

MAXIMUM_FRAME_BYTES = 65_536
_PREFIX = struct.Struct(">I")
_Word = TypeVar("_Word", bound=enum.Enum)


class UnreadableError(Exception):
    """An answer that this client does not understand. It fails its request, not the connection."""


class BrokenFrameError(Exception):
    """Bytes after which nothing of the connection can be read."""


def frame(request: pb.Request) -> bytes:
    """A request as it is sent."""
    body = request.SerializeToString()
    return _PREFIX.pack(len(body)) + body


def announcement() -> pb.Request:
    """What a connection begins with: we know GoAway. Its answer is of no interest."""
    return pb.Request(server_info=pb.ServerInfoRequest(accepts_go_away=True))


def frame_length(prefix: bytes) -> int:
    """The length of a frame, from its first four bytes.

    :raises BrokenFrameError: if it is out of bounds.
    """
    length: int = _PREFIX.unpack(prefix)[0]
    if not 1 <= length <= MAXIMUM_FRAME_BYTES:
        raise BrokenFrameError(f"a frame of {length} bytes")
    return length


def response_in(body: bytes) -> pb.Response:
    """The message of a frame.

    :raises BrokenFrameError: if the bytes are not a message.
    """
    try:
        return pb.Response.FromString(body)
    except DecodeError:
        raise BrokenFrameError("frame: is not a protobuf message") from None


def _word(kind: type[_Word], value: int, field: str) -> _Word:
    try:
        return kind(value)
    except ValueError:
        raise UnreadableError(f"{field}: not known here, got {value}") from None


def _moment(microseconds: int, field: str) -> datetime:
    try:
        return words.moment(microseconds)
    except OverflowError:
        raise UnreadableError(f"{field}: beyond the year 9999, got {microseconds}") from None


def code_of(failure: pb.Error) -> words.Code:
    """A code of a later version means INTERNAL."""
    try:
        return words.Code(failure.code)
    except ValueError:
        return words.Code.INTERNAL


def acceptance_of(failure: pb.Error) -> words.Acceptance:
    """A word of a later version says nothing that a caller may rely on."""
    try:
        return words.Acceptance(failure.acceptance)
    except ValueError:
        return words.Acceptance.UNKNOWN


def judge_last_error(error: pb.Error, has_answer: bool, unanswered: int) -> None:
    """Sets what an error with the id 0 says of the requests that have no answer; the connection ends with it.

    The daemon names no request, and goes on with those that it has read. So its word counts if it refuses the
    whole connection, as the first thing that it says, or if it could not read a frame and there is only one.

    :param has_answer: whether it has answered on this connection.
    """
    if error.code == words.Code.RESOURCE_EXHAUSTED.value and error.retry_after_ms > 0:
        counts = not has_answer
    else:
        # Daemons of earlier versions end a caller's access with NOT_ACCEPTED, whatever is in progress.
        is_end = error.code in (words.Code.UNAUTHENTICATED.value, words.Code.UNAVAILABLE.value)
        counts = unanswered == 1 and not is_end
    if not counts:
        error.acceptance = pb.ACCEPTANCE_UNKNOWN


def issue_answer(
    answer: Union[pb.IssueResponse, pb.IssueBatchResult], request_id: bytes, attempts: int
) -> words.IssueAnswer:
    """:raises UnreadableError: if it has a word of a later version."""
    outcome = _word(words.Outcome, answer.outcome, "issue.outcome")
    made = words.IssueAnswer
    if outcome == words.Outcome.ACCEPTED:
        return made(outcome, request_id, attempts, answer.sequence)
    if outcome == words.Outcome.ISSUED:
        issued_at = _moment(answer.issued_at, "issue.issued_at")
        return made(outcome, request_id, attempts, answer.sequence, issued_at=issued_at)
    if outcome == words.Outcome.DUPLICATE:
        state = _word(words.UserState, answer.state, "issue.state")
        return made(outcome, request_id, attempts, answer.sequence, state=state)
    if outcome == words.Outcome.NOT_OPEN:
        opens_at = _moment(answer.opens_at, "issue.opens_at")
        return made(outcome, request_id, attempts, opens_at=opens_at)
    if outcome == words.Outcome.REJECTED:
        reason = _word(words.RejectionReason, answer.reason, "issue.reason")
        return made(outcome, request_id, attempts, answer.sequence, reason=reason)
    return made(outcome, request_id, attempts)


def coupon(message: pb.Coupon, field: str = "coupon") -> words.Coupon:
    """:raises UnreadableError: if it has a word of a later version."""
    return words.Coupon(
        id=message.id,
        title=message.title,
        total=message.total if message.HasField("total") else None,
        opens_at=_moment(message.opens_at, f"{field}.opens_at"),
        closes_at=None
        if message.closes_at == words.NEVER
        else _moment(message.closes_at, f"{field}.closes_at"),
        state=_word(words.CouponState, message.state, f"{field}.state"),
        version=message.version,
        issued=message.issued,
        remaining=message.remaining if message.HasField("remaining") else None,
        archived=message.archived,
    )


def coupon_status(answer: pb.CouponStatusResponse) -> words.CouponStatus:
    """:raises UnreadableError: if it has no coupon, or a word of a later version."""
    if not answer.HasField("coupon"):
        raise UnreadableError("coupon_status.coupon: missing")
    return words.CouponStatus(
        coupon=coupon(answer.coupon, "coupon_status.coupon"),
        accepted=answer.accepted,
        queued=answer.queued,
        user=_user_status(answer),
    )


def _user_status(answer: pb.CouponStatusResponse) -> words.UserStatus:
    state = _word(words.UserState, answer.user_state, "coupon_status.user_state")
    if state == words.UserState.NONE:
        return words.UserStatus(state)
    if state == words.UserState.QUEUED:
        decided_in = timedelta(milliseconds=answer.decided_in_ms) if answer.decided_in_ms else None
        return words.UserStatus(state, answer.sequence, ahead=answer.ahead, decided_in=decided_in)
    if state == words.UserState.ISSUED:
        issued_at = _moment(answer.issued_at, "coupon_status.issued_at")
        return words.UserStatus(state, answer.sequence, issued_at=issued_at)
    reason = _word(words.RejectionReason, answer.reason, "coupon_status.reason")
    return words.UserStatus(state, answer.sequence, reason=reason)


def coupon_status_batch(answer: pb.CouponStatusBatchResponse) -> words.CouponStatusBatch:
    """:raises UnreadableError: if it has no coupon, or a word of a later version."""
    if not answer.HasField("coupon"):
        raise UnreadableError("coupon_status_batch.coupon: missing")
    return words.CouponStatusBatch(
        coupon=coupon(answer.coupon, "coupon_status_batch.coupon"),
        accepted=answer.accepted,
        queued=answer.queued,
        users=[_status_in_batch(one) for one in answer.users],
    )


def _status_in_batch(user: pb.CouponStatusBatchUser) -> words.UserStatus:
    state = _word(words.UserState, user.state, "coupon_status_batch.users.state")
    if state == words.UserState.NONE:
        return words.UserStatus(state)
    if state == words.UserState.QUEUED:
        return words.UserStatus(state, user.sequence)
    if state == words.UserState.ISSUED:
        issued_at = _moment(user.issued_at, "coupon_status_batch.users.issued_at")
        return words.UserStatus(state, user.sequence, issued_at=issued_at)
    reason = _word(words.RejectionReason, user.reason, "coupon_status_batch.users.reason")
    return words.UserStatus(state, user.sequence, reason=reason)


def issue(message: issues_pb2.Issue) -> words.Issue:
    """:raises UnreadableError: if a time is beyond the year 9999."""
    return words.Issue(
        user=message.user_id,
        sequence=message.sequence,
        request_id=message.request_id,
        accepted_at=_moment(message.accepted_at, "issue.accepted_at"),
        issued_at=_moment(message.issued_at, "issue.issued_at"),
    )


def event(message: events_pb2.Event) -> words.Event:
    """:raises UnreadableError: if it has a word of a later version."""
    kind = _word(words.EventKind, message.kind, "watch.events.kind")
    committed_at = _moment(message.committed_at, "watch.events.committed_at")
    place = (message.partition, message.commit, message.index)
    made = words.Event
    if kind in (words.EventKind.SOLD_OUT, words.EventKind.CHANGED):
        return made(kind, message.coupon_id, committed_at, place, version=message.version)
    request = (message.user_id, message.sequence, message.request_id)
    if kind == words.EventKind.ISSUED:
        accepted_at = _moment(message.accepted_at, "watch.events.accepted_at")
        return made(kind, message.coupon_id, committed_at, place, *request, accepted_at=accepted_at)
    reason = _word(words.RejectionReason, message.reason, "watch.events.reason")
    return made(kind, message.coupon_id, committed_at, place, *request, reason=reason)


def event_page(answer: events_pb2.WatchResponse) -> words.EventPage:
    """:raises UnreadableError: if it has a word of a later version."""
    return words.EventPage(
        events=[event(one) for one in answer.events],
        bookmark=answer.bookmark,
        resets={
            one.partition: _word(words.ResetReason, one.reason, "watch.resets.reason")
            for one in answer.resets
        },
        behind=answer.behind,
    )


def server_info(answer: pb.ServerInfoResponse) -> words.ServerInfo:
    """:raises UnreadableError: if the daemon's clock is beyond the year 9999."""
    return words.ServerInfo(
        version=answer.version,
        partitions=answer.partitions,
        maximum_frame_bytes=answer.maximum_frame_bytes,
        now=_moment(answer.now, "server_info.now"),
        idle_seconds=answer.idle_seconds,
        features=tuple(answer.features),
    )
