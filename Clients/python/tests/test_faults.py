"""Daemons that answer badly, late, or not at all."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

import coupond
from coupond import Outcome
from coupond.v1 import coupond_pb2 as pb
from conftest import CannedDaemon, framed

Canned = Callable[..., CannedDaemon]
ACCEPTED = pb.IssueResponse(outcome=pb.OUTCOME_ACCEPTED, sequence=7)
FAST = coupond.RetryPolicy(first_pause=0.001)


def failure(code: int, **rest: Any) -> pb.Response:
    return pb.Response(error=pb.Error(code=code, message="why", **rest))


def test_a_broken_connection_is_tried_again(face: Any, canned: Canned) -> None:
    def answer(_: pb.Request, self: CannedDaemon) -> pb.Response | None:
        return None if len(self.requests) < 3 else pb.Response(issue=ACCEPTED)

    server = canned(answer)
    with face(server.address, deadline=20, retry=FAST) as client:
        got = client.issue(1, 2)
    assert (got.outcome, got.sequence, got.attempts) == (Outcome.ACCEPTED, 7, 3)
    assert [one.issue.attempt for one in server.requests] == [0, 1, 2]
    assert {one.issue.request_id for one in server.requests} == {got.request_id}
    assert all(0 < one.deadline_ms <= 20_000 for one in server.requests)


def test_the_default_deadline_goes_on_the_wire(face: Any, canned: Canned) -> None:
    server = canned(lambda *_: pb.Response(issue=ACCEPTED))
    with face(server.address) as client:
        client.issue(1, 2)
    assert 1_000 < server.requests[0].deadline_ms <= 2_000


def test_after_a_broken_connection_the_fate_is_unknown(face: Any, canned: Canned) -> None:
    server = canned(lambda *_: None)
    retry = coupond.RetryPolicy(tries=2, first_pause=0.001)
    with face(server.address, deadline=20, retry=retry) as client:
        with pytest.raises(coupond.UnknownError) as caught:
            client.issue(1, 2)
    request = caught.value.request
    assert request is not None and (request.coupon, request.user, request.attempt) == (1, 2, 2)
    assert request.request_id == server.requests[0].issue.request_id
    with face(canned(lambda *_: pb.Response(issue=ACCEPTED)).address, deadline=20) as client:
        assert client.resolve(request).sequence == 7


def test_a_later_refusal_takes_nothing_back(face: Any, canned: Canned) -> None:
    def answer(_: pb.Request, self: CannedDaemon) -> pb.Response | None:
        return None if len(self.requests) == 1 else failure(3)

    with face(canned(answer).address, deadline=20, retry=FAST) as client:
        with pytest.raises(coupond.UnknownError) as caught:
            client.issue(1, 2)
    assert caught.value.code == coupond.Code.INVALID_ARGUMENT


def test_an_accepted_request_that_was_not_issued_in_time(face: Any, canned: Canned) -> None:
    late = failure(4, acceptance=pb.ACCEPTANCE_ACCEPTED, sequence=9)
    retry = coupond.RetryPolicy(tries=1)
    with face(canned(lambda *_: late).address, deadline=20, retry=retry) as client:
        with pytest.raises(coupond.AcceptedError) as caught:
            client.issue(1, 2, wait_for=coupond.WaitFor.ISSUED)
    assert caught.value.sequence == 9


def test_the_daemons_retry_after_is_kept(face: Any, canned: Canned) -> None:
    busy = failure(8, retry_after_ms=60_000)
    server = canned(lambda *_: busy)
    with face(server.address) as client:
        with pytest.raises(coupond.NotAcceptedError) as caught:
            client.issue(1, 2)
    assert caught.value.retry_after == 60 and len(server.requests) == 1


def test_what_costs_too_much_is_not_tried_again(face: Any, canned: Canned) -> None:
    server = canned(lambda *_: failure(8))
    with face(server.address, deadline=20) as client:
        with pytest.raises(coupond.NotAcceptedError):
            client.issue(1, 2)
    assert len(server.requests) == 1


def test_a_change_is_sent_again_only_if_it_was_not_made(face: Any, canned: Canned) -> None:
    def answer(_: pb.Request, self: CannedDaemon) -> pb.Response | None:
        return failure(14) if len(self.requests) == 1 else None

    server = canned(answer)
    with face(server.address, deadline=20, retry=FAST) as client:
        with pytest.raises(coupond.UnknownError):
            client.pause_coupon(1)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        pb.Response(issue=pb.IssueResponse(outcome=99)),  # type: ignore[arg-type]
        pb.Response(),
        pb.Response(id=99, issue=ACCEPTED),
        b"\0\0\0\0",
        b"\0\1\0\1",
        b"\0\0\0\2\x0a\x7f",
    ],
    ids=["outcome", "nothing", "id", "empty", "long", "no message"],
)
def test_an_answer_that_cannot_be_read(face: Any, canned: Canned, answer: Any) -> None:
    retry = coupond.RetryPolicy(tries=1)
    with face(canned(lambda *_: answer).address, deadline=20, retry=retry) as client:
        with pytest.raises(coupond.UnknownError):
            client.issue(1, 2)


def test_too_many_connections_means_not_accepted(face: Any, canned: Canned) -> None:
    refusal = framed(failure(8, retry_after_ms=250))
    retry = coupond.RetryPolicy(tries=2, first_pause=0.001)
    with face(canned(lambda *_: None, refusal).address, deadline=20, retry=retry) as client:
        with pytest.raises(coupond.NotAcceptedError) as caught:
            client.issue(1, 2)
    assert caught.value.retry_after == 0.25 and caught.value.attempts == 2


def test_a_silent_daemon_ends_at_the_deadline(face: Any, canned: Canned) -> None:
    server = canned(lambda *_: b"")
    with face(server.address, deadline=0.2) as client:
        with pytest.raises(coupond.UnknownError, match="no answer in time"):
            client.issue(1, 2)


def test_requests_that_a_stopping_daemon_did_not_read_go_elsewhere(
    face: Any, canned: Canned
) -> None:
    last = framed(pb.Response(go_away=pb.GoAway(is_last=True)))
    stopping = canned(lambda *_: last)
    other = canned(lambda *_: pb.Response(issue=ACCEPTED))
    budget = coupond.RetryBudget(ratio=0, reserve=0, per_second=0)
    with face(stopping.address, other.address, deadline=20, budget=budget) as client:
        answers = [client.issue(1, user) for user in range(1, 41)]
    assert {one.sequence for one in answers} == {7}
    assert stopping.requests and stopping.announcements == stopping.connections
    with face(stopping.address, deadline=20, retry=coupond.RetryPolicy(tries=1)) as client:
        with pytest.raises(coupond.NotAcceptedError, match="the daemon stops"):
            client.issue(1, 2)


def test_a_daemon_that_will_stop_gets_nothing_more_on_the_connection(
    face: Any, canned: Canned
) -> None:
    def answer(request: pb.Request, _: CannedDaemon) -> bytes:
        answered = pb.Response(id=request.id, issue=ACCEPTED)
        return framed(pb.Response(go_away=pb.GoAway())) + framed(answered)

    server = canned(answer)
    with face(server.address, deadline=20) as client:
        for user in range(1, 4):
            assert client.issue(1, user).attempts == 1
    assert server.connections == 3


def test_a_token_comes_first(face: Any, canned: Canned) -> None:
    def answer(request: pb.Request, _: CannedDaemon) -> pb.Response:
        if request.WhichOneof("method") == "authenticate":
            good = request.authenticate.token == b"good"
            who = pb.AuthenticateResponse(principal="shop")
            return pb.Response(authenticate=who) if good else failure(16)
        return pb.Response(issue=ACCEPTED)

    server = canned(answer)
    with face(server.address, deadline=20, caller_token=b"good") as client:
        client.issue(1, 2)
        client.issue(1, 3)
    methods = [one.WhichOneof("method") for one in server.requests]
    assert methods == ["authenticate", "issue", "issue"]
    with face(server.address, deadline=20, caller_token=b"bad") as client:
        with pytest.raises(coupond.NotAcceptedError) as caught:
            client.issue(1, 2)
    assert caught.value.code == coupond.Code.UNAUTHENTICATED


def test_only_admin_methods_carry_the_admin_token(face: Any, canned: Canned) -> None:
    coupon = pb.Coupon(id=1, state=pb.COUPON_STATE_ACTIVE)

    def answer(request: pb.Request, _: CannedDaemon) -> pb.Response:
        is_issue = request.WhichOneof("method") == "issue"
        return pb.Response(issue=ACCEPTED) if is_issue else pb.Response(coupon=coupon)

    server = canned(answer)
    with face(server.address, deadline=20, admin_token=b"secret") as client:
        client.issue(1, 2)
        client.coupon(1)
    assert [one.token for one in server.requests] == [b"", b"secret"]


def test_the_budget_bounds_retries(face: Any, canned: Canned) -> None:
    server = canned(lambda *_: failure(14))
    budget = coupond.RetryBudget(ratio=0, reserve=5, per_second=0)
    with face(server.address, deadline=20, retry=FAST, budget=budget) as client:
        for _ in range(20):
            with pytest.raises(coupond.NotAcceptedError):
                client.issue(1, 2)
    assert len(server.requests) == 25


def test_a_closed_client_says_so(face: Any, canned: Canned) -> None:
    with face(canned(lambda *_: None).address) as client:
        client.close()
        with pytest.raises(coupond.NotAcceptedError, match="closed"):
            client.issue(1, 2)


def test_more_threads_than_connections_wait(canned: Canned) -> None:
    server = canned(lambda *_: pb.Response(issue=ACCEPTED))
    with coupond.Client(server.address, deadline=20, connections=2) as client:
        threads = [threading.Thread(target=client.issue, args=[1, user]) for user in range(1, 20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.requests) == 19 and server.connections <= 2


def test_an_interrupted_call_does_not_leave_its_answer_to_the_next_one(canned: Canned) -> None:
    class Interrupt(BaseException):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupt

    held = threading.Event()

    def answer(request: pb.Request, _: CannedDaemon) -> pb.Response:
        if request.issue.user_id == 1:
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            held.wait(20)
        return pb.Response(issue=ACCEPTED)

    server = canned(answer)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with coupond.Client(server.address, deadline=20, connections=1) as client:
            with pytest.raises(Interrupt):
                client.issue(1, 1)
            held.set()
            assert client.issue(1, 2).attempts == 1
    finally:
        signal.signal(signal.SIGALRM, before)
    assert server.connections == 2


def test_tasks_share_a_connection_and_a_cancelled_one_leaves_it(canned: Canned) -> None:
    held = threading.Event()

    def answer(request: pb.Request, _: CannedDaemon) -> pb.Response:
        if request.issue.user_id == 1:
            held.wait(20)
        return pb.Response(issue=ACCEPTED)

    server = canned(answer)

    async def work() -> None:
        async with coupond.AsyncClient(server.address, deadline=20, connections=1) as client:
            first = asyncio.create_task(client.issue(1, 1))
            while not server.requests:
                await asyncio.sleep(0)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            others = [asyncio.create_task(client.issue(1, user)) for user in range(2, 50)]
            await asyncio.sleep(0)
            held.set()
            assert {one.sequence for one in await asyncio.gather(*others)} == {7}

    asyncio.run(work())
    assert server.connections == 1 and len(server.requests) == 49


def test_a_client_serves_one_event_loop_after_another(canned: Canned) -> None:
    server = canned(lambda *_: pb.Response(issue=ACCEPTED))
    client = coupond.AsyncClient(server.address, deadline=20)
    for user in (1, 2):
        assert asyncio.run(client.issue(1, user)).sequence == 7
    assert server.connections == 2


def test_only_the_users_of_a_batch_that_failed_are_sent_again(face: Any, canned: Canned) -> None:
    def answer(request: pb.Request, self: CannedDaemon) -> pb.Response:
        results = [
            {"error": 1, "acceptance": 2} if len(self.requests) == 1 and user % 2 else
            {"error": 2} if user == 4 else {"outcome": pb.OUTCOME_ACCEPTED, "sequence": user}
            for user in request.issue_batch.user_ids
        ]  # fmt: skip
        errors = [{"code": 14, "message": "away", "retry_after_ms": 1}, {"code": 7, "message": "no"}]
        return pb.Response(issue_batch={"results": results, "errors": errors})

    server = canned(answer)
    with face(server.address, deadline=20, retry=FAST) as client:
        ends = client.issue_batch(1, [1, 2, 3, 4, 5])
    assert [list(one.issue_batch.user_ids) for one in server.requests] == [[1, 2, 3, 4, 5], [1, 3, 5]]
    assert [one.issue_batch.attempt for one in server.requests] == [0, 1]
    first, second = (one.issue_batch.request_ids for one in server.requests)
    assert second == first[0:16] + first[32:48] + first[64:80]
    assert [end.sequence for end in ends if isinstance(end, coupond.IssueAnswer)] == [1, 2, 3, 5]
    assert [end.attempts for end in ends] == [2, 1, 2, 1, 2]
    assert isinstance(ends[3], coupond.NotAcceptedError)
    assert ends[3].code == coupond.Code.PERMISSION_DENIED


def test_the_fate_of_a_batch_without_an_answer_is_unknown(face: Any, canned: Canned) -> None:
    server = canned(lambda *_: None)
    retry = coupond.RetryPolicy(tries=2, first_pause=0.001)
    with face(server.address, deadline=20, retry=retry) as client:
        ends = client.issue_batch(1, [8, 9])
    assert [type(end) for end in ends] == [coupond.UnknownError] * 2
    for user, end in zip((8, 9), ends):
        assert end.request is not None and (end.request.user, end.request.attempt) == (user, 2)
    assert ends[0].request.request_id == server.requests[0].issue_batch.request_ids[:16]


def test_who_follows_events_waits_for_a_daemon(canned: Canned) -> None:
    def answer(request: pb.Request, self: CannedDaemon) -> pb.Response | None:
        number = len(self.requests)
        if number == 2:
            return failure(14)
        if number == 3:
            return None
        if number == 5:
            return failure(7)
        return pb.Response(watch={"bookmark": bytes([number])})

    server = canned(answer)
    retry = coupond.RetryPolicy(tries=1, first_pause=0.001, longest_pause=0.001)
    with coupond.Client(server.address, retry=retry) as client:
        pages = client.events(coupon=5)
        assert next(pages).bookmark == b"\x01"
        with pytest.raises(coupond.NotAcceptedError) as caught:
            # The page of the fourth answer has nothing, so it is not handed out.
            next(pages)
    assert caught.value.code == coupond.Code.PERMISSION_DENIED
    assert [one.watch.after for one in server.requests] == [b"", b"\x01", b"\x01", b"\x01", b"\x04"]
    assert {one.watch.coupon_id for one in server.requests} == {5}
    assert server.requests[0].watch.wait_ms == 30_000 < server.requests[0].deadline_ms
