"""Both faces of the client against a real daemon."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import coupond
from coupond import Outcome, UserState, WaitFor
from coupond.v1 import coupond_pb2 as pb
from conftest import Daemon, Servers, free_port

Offer = Callable[..., int]


def test_a_user_gets_a_coupon_once(face: Any, daemon: Daemon, offer: Offer) -> None:
    coupon = offer(total=2)
    with face(daemon.address, deadline=20) as client:
        first = client.issue(coupon, 1, wait_for=WaitFor.ISSUED)
        assert (first.outcome, first.sequence, first.attempts) == (Outcome.ISSUED, 1, 1)
        assert first.has_coupon and len(first.request_id) == 16
        again = client.issue(
            coupon, 1, wait_for=WaitFor.ACCEPTED, request_id=first.request_id, attempt=1
        )
        assert (again.outcome, again.sequence) == (Outcome.ACCEPTED, 1)
        other = client.issue(coupon, 1)
        assert (other.outcome, other.sequence, other.state) == (
            Outcome.DUPLICATE, 1, UserState.ISSUED,
        )  # fmt: skip
        assert client.issue(coupon, 2, wait_for=WaitFor.ISSUED).sequence == 2
        assert client.issue(coupon, 3).outcome == Outcome.SOLD_OUT
        status = client.status(coupon, 1)
        assert (status.accepted, status.coupon.issued, status.coupon.remaining) == (2, 2, 0)
        assert status.user == coupond.UserStatus(UserState.ISSUED, 1, issued_at=first.issued_at)
        assert client.status(coupon).user.state == UserState.NONE
        assert [one.user for one in client.issues(coupon)] == [1, 2]


def test_a_batch_has_an_end_for_each_user(face: Any, daemon: Daemon, offer: Offer) -> None:
    coupon = offer(total=1_500)
    users = list(range(1, 2_001))
    names = [user.to_bytes(16, "big") for user in users]
    with face(daemon.address, deadline=20) as client:
        ends = client.issue_batch(coupon, users, request_ids=names)
        outcomes = [end.outcome for end in ends]
        assert (outcomes.count(Outcome.ISSUED), outcomes.count(Outcome.SOLD_OUT)) == (1_500, 500)
        again = client.issue_batch(
            coupon, users[:1_000], request_ids=names[:1_000], attempt=1, wait_for=WaitFor.ACCEPTED
        )
        assert [end.sequence for end in again] == [end.sequence for end in ends[:1_000]]
        status = client.status_batch(coupon, users[:1_000])
        assert [one.sequence for one in status.users] == [end.sequence for end in ends[:1_000]]
        assert status.coupon.issued == 1_500
        assert client.status_batch(coupon, [9_999_999]).users == [
            coupond.UserStatus(UserState.NONE)
        ]
        with pytest.raises(ValueError):
            client.issue_batch(coupon, [1, 2], request_ids=[b"x" * 16])
        with pytest.raises(coupond.NotAcceptedError):
            client.status_batch(coupon, [])


def test_events_follow_a_bookmark(face: Any, daemon: Daemon, offer: Offer) -> None:
    coupon = offer(total=2)
    with face(daemon.address, deadline=20) as client:
        assert "watch" in client.server_info().features
        start = client.watch(coupon=coupon, wait=0)
        assert (start.events, start.resets, start.behind) == ([], {}, 0) and start.bookmark
        answers = [client.issue(coupon, user, wait_for=WaitFor.ISSUED) for user in (7, 8)]
        client.pause_coupon(coupon)
        events: list[coupond.Event] = []
        after = start.bookmark
        while len(events) < 4:
            page = client.watch(after, coupon=coupon, limit=2, wait=20)
            assert 1 <= len(page.events) <= 2 and not page.resets
            events += page.events
            after = page.bookmark
        kinds = coupond.EventKind
        assert [one.kind for one in events] == [
            kinds.ISSUED, kinds.ISSUED, kinds.SOLD_OUT, kinds.CHANGED,
        ]  # fmt: skip
        for event, user, answer in zip(events, (7, 8), answers):
            assert (event.coupon, event.user, event.sequence) == (coupon, user, answer.sequence)
            assert event.request_id == answer.request_id
            assert event.committed_at == answer.issued_at
        assert len({one.place for one in events}) == 4
        assert client.watch(after, coupon=coupon, wait=0).events == []
        with pytest.raises(coupond.NotAcceptedError) as caught:
            client.watch(after, wait=0)
        assert caught.value.code == coupond.Code.INVALID_ARGUMENT and not caught.value.may_help


def test_events_go_on_page_by_page(daemon: Daemon, offer: Offer) -> None:
    coupon = offer()
    with coupond.Client(daemon.address, deadline=20) as client:
        client.issue(coupon, 1)
        pages = client.events(from_oldest=True, coupon=coupon)
        users = [one.user for one in next(pages).events]
        client.issue(coupon, 2)
        page = next(pages)
        assert users + [one.user for one in page.events] == [1, 2]

    async def follow() -> list[int | None]:
        async with coupond.AsyncClient(daemon.address, deadline=20) as client:
            await client.issue(coupon, 3)
            async for page in client.events(page_before, coupon=coupon):
                return [one.user for one in page.events]
        return []

    page_before = page.bookmark
    assert asyncio.run(follow()) == [3]


def test_other_outcomes_are_answers(face: Any, daemon: Daemon, offer: Offer) -> None:
    early = offer(opens_in=600)
    with face(daemon.address, deadline=20) as client:
        assert client.issue(4_000_000_000, 1).outcome == Outcome.NOT_FOUND
        answer = client.issue(early, 1)
        assert answer.outcome == Outcome.NOT_OPEN
        assert answer.opens_at == client.coupon(early).opens_at


def test_an_admin_changes_coupons(face: Any, daemon: Daemon, offer: Offer) -> None:
    coupon = offer(total=5, title="봄")
    with face(daemon.address, deadline=20) as client:
        assert client.coupon(coupon).title == "봄"
        assert client.update_coupon(coupon, unlimited=True).total is None
        forever = client.create_coupon(coupon + 500_000, "t", opens_at=client.server_info().now)
        assert forever.closes_at is None
        assert client.pause_coupon(coupon).state == coupond.CouponState.PAUSED
        assert client.resume_coupon(coupon).state == coupond.CouponState.ACTIVE
        assert client.close_coupon(coupon).state == coupond.CouponState.CLOSED
        assert coupon in [one.id for one in client.coupons(after=coupon - 1)]
        audit = client.call(pb.Request(audit_coupon=pb.AuditCouponRequest(coupon_id=coupon)))
        assert audit.audit_coupon.coupon.id == coupon
        assert client.archive_coupon(coupon).archived
        page = client.coupons(after=coupon - 1, archived=True)
        assert [one.archived for one in page if one.id == coupon] == [True]
        assert coupon not in [one.id for one in client.coupons(after=coupon - 1)]
        assert not client.unarchive_coupon(coupon).archived
        assert client.delete_coupon(coupon).id == coupon
        assert client.issue(coupon, 1, attempt=1).outcome == Outcome.NOT_FOUND


def test_a_refused_request_was_not_accepted(face: Any, daemon: Daemon) -> None:
    with face(daemon.address, deadline=20) as client:
        with pytest.raises(coupond.NotAcceptedError, match="issue.user_id: must be") as caught:
            client.issue(1, 0)
        assert caught.value.code == coupond.Code.INVALID_ARGUMENT and caught.value.attempts == 1
        with pytest.raises(coupond.NotAcceptedError) as caught:
            client.coupon(4_000_000_000)
        assert caught.value.code == coupond.Code.NOT_FOUND


def test_health_and_server_info(face: Any, daemon: Daemon) -> None:
    with face(daemon.address, deadline=20) as client:
        assert client.health() == coupond.Health(True, "")
        assert client.server_info().maximum_frame_bytes == 65_536


def test_resolve_finds_out_what_became_of_a_request(
    face: Any, daemon: Daemon, offer: Offer
) -> None:
    coupon = offer(total=1)
    with face(daemon.address, deadline=20) as client:
        won = client.issue(coupon, 1)
        late = client.issue(coupon, 2)
        assert late.outcome == Outcome.SOLD_OUT
        again = client.resolve(coupond.IssueRequest(coupon, 1, won.request_id))
        assert (again.outcome, again.sequence) == (Outcome.ISSUED, 1)
        refused = client.resolve(coupond.IssueRequest(coupon, 2, late.request_id))
        assert refused.outcome == Outcome.SOLD_OUT


def test_without_a_daemon_nothing_is_accepted(face: Any) -> None:
    retry = coupond.RetryPolicy(tries=3)
    with face(f"127.0.0.1:{free_port()}", retry=retry, deadline=20) as client:
        with pytest.raises(coupond.NotAcceptedError) as caught:
            client.issue(1, 1)
        assert caught.value.attempts == 3


def test_another_daemon_is_used(face: Any, daemon: Daemon, offer: Offer) -> None:
    coupon = offer()
    with face(f"127.0.0.1:{free_port()}", daemon.address, deadline=20) as client:
        for user in range(1, 20):
            assert client.issue(coupon, user).has_coupon


def test_a_name_is_resolved(face: Any, daemon: Daemon) -> None:
    with face(f"localhost:{daemon.port}", deadline=20) as client:
        assert client.health().ready


def test_a_call_carries_the_trace(servers: Servers, offer: Offer) -> None:
    coupon = offer()
    daemon = Daemon(servers, "--log-sample", "1")
    blocking, asynchronous, command = ("1" * 32, "2" * 32, "3" * 32)

    def traceparent(trace: str) -> str:
        return f"00-{trace}-00f067aa0ba902b7-01"

    async def call() -> None:
        async with coupond.AsyncClient(daemon.address, deadline=20) as client:
            with coupond.trace(traceparent(asynchronous)):
                await client.issue(coupon, 1)

    with coupond.Client(daemon.address, deadline=20) as client:
        with coupond.trace(traceparent(blocking)):
            client.issue(coupon, 2)
        with coupond.trace("no trace"):
            client.issue(coupon, 3)
        client.issue(coupon, 4)
    asyncio.run(call())
    subprocess.run(
        [
            sys.executable, "-m", "coupond", "--address", daemon.address,
            "issue", "--coupon", str(coupon), "--user", "5",
        ],
        env={
            **os.environ, "TRACEPARENT": traceparent(command),
            "PYTHONPATH": str(Path(coupond.__file__).parent.parent),
        },
        check=True,
    )  # fmt: skip
    assert daemon.stop() == 0
    lines = [json.loads(line) for line in daemon.log.read_text().splitlines()]
    sample = [line["metadata"] for line in lines if line["event"] == "sampled-request"]
    traces = [line.get("trace_id") for line in sample if line["coupon"] == str(coupon)]
    assert traces == [blocking, None, None, asynchronous, command]


def test_threads_share_a_client(daemon: Daemon, offer: Offer) -> None:
    coupon = offer(total=200)
    answers: list[coupond.IssueAnswer] = []
    with coupond.Client(daemon.address, deadline=30, connections=4) as client:

        def ask(first: int) -> None:
            for user in range(first, first + 20):
                answers.append(client.issue(coupon, user, wait_for=WaitFor.ISSUED))

        threads = [threading.Thread(target=ask, args=[1 + 20 * one]) for one in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(one.sequence or 0 for one in answers) == list(range(1, 201))


def in_child(work: Callable[[], bool]) -> bool:
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 9)
        except BaseException:
            os._exit(8)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def test_a_forked_process_makes_connections_of_its_own(
    face: Any, daemon: Daemon, offer: Offer
) -> None:
    coupon = offer()
    with face(daemon.address, deadline=20) as client:
        assert client.issue(coupon, 1).sequence == 1

        def work() -> bool:
            with face(daemon.address, deadline=20) as own:
                if own.status(coupon).coupon.id != coupon:
                    return False
            if face is not coupond.Client:
                return True
            answer: coupond.IssueAnswer = client.issue(coupon, 2)
            return answer.sequence == 2

        assert in_child(work)
        answer = client.issue(coupon, 3)
        assert answer.has_coupon and client.status(coupon, 3).user.sequence == answer.sequence


def test_a_fork_beside_busy_threads(daemon: Daemon, offer: Offer) -> None:
    coupon = offer()
    ended = threading.Event()
    with coupond.Client(daemon.address, deadline=30) as client:

        def ask() -> None:
            while not ended.is_set():
                client.status(coupon)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(10):
                assert in_child(lambda: client.status(coupon).coupon.id == coupon)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
