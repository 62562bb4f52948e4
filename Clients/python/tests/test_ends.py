"""What calls are told when their connection or their client ends, and calls that wait for a place."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import coupond
from coupond import _aio
from coupond._retries import Failure
from coupond.v1 import coupond_pb2 as pb
from conftest import Answer, CannedDaemon, framed

Canned = Callable[..., CannedDaemon]
ACCEPTED = pb.IssueResponse(outcome=pb.OUTCOME_ACCEPTED, sequence=7)
ONCE = coupond.RetryPolicy(tries=1)


def last(code: int, **rest: Any) -> bytes:
    """An error about the connection."""
    return framed(pb.Response(error=pb.Error(code=code, message="why", **rest)))


def accepted(request: pb.Request) -> pb.Response:
    if request.WhichOneof("method") == "issue":
        return pb.Response(issue=ACCEPTED)
    results = [{"outcome": pb.OUTCOME_ACCEPTED, "sequence": 7} for _ in request.issue_batch.user_ids]
    return pb.Response(issue_batch={"results": results})


# --- the daemon ends the connection ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (last(8, retry_after_ms=1), coupond.UnknownError),
        (last(14, retry_after_ms=1), coupond.UnknownError),
        (last(16), coupond.UnknownError),
        (last(3), coupond.NotAcceptedError),
        (last(8), coupond.NotAcceptedError),
        (last(3, acceptance=pb.ACCEPTANCE_UNKNOWN), coupond.UnknownError),
        (framed(pb.Response(issue=ACCEPTED)), coupond.UnknownError),
    ],
    ids=["one too many", "ended by an admin", "revoked", "frame", "too large", "unknown", "answer"],
)
def test_the_end_of_a_connection_that_has_answered(
    face: Any, canned: Canned, error: bytes, expected: type[Exception]
) -> None:
    server = canned(lambda request, self: accepted(request) if len(self.requests) == 1 else error)
    with face(server.address, deadline=20, retry=ONCE) as client:
        assert client.issue(1, 1).sequence == 7
        with pytest.raises(expected):
            client.issue(1, 2)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("acceptance", "expected"),
    [
        (pb.ACCEPTANCE_NOT_ACCEPTED, coupond.NotAcceptedError),
        (pb.ACCEPTANCE_UNKNOWN, coupond.UnknownError),
    ],
)
def test_the_daemons_word_counts_if_it_is_the_first_one(
    face: Any, canned: Canned, acceptance: Any, expected: type[Exception]
) -> None:
    refusal = last(8, retry_after_ms=1, acceptance=acceptance)
    with face(canned(lambda *_: None, refusal).address, deadline=20, retry=ONCE) as client:
        with pytest.raises(expected):
            client.issue(1, 1)


def test_an_error_without_a_request_says_nothing_of_several(canned: Canned) -> None:
    server = canned(lambda _, self: last(3) if len(self.requests) == 2 else b"")

    async def work() -> None:
        async with coupond.AsyncClient(server.address, deadline=20, connections=1, retry=ONCE) as client:
            calls = [client.issue(1, user) for user in (1, 2)]
            ends = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(end) for end in ends] == [coupond.UnknownError] * 2

    asyncio.run(work())


# --- the client is closed ----------------------------------------------------------------------------


def closing(canned: Canned, kept: int) -> tuple[CannedDaemon, list[coupond.Client]]:
    """A daemon that answers `kept` requests. At the next one the client closes, and the connection breaks."""
    clients: list[coupond.Client] = []

    def answer(request: pb.Request, self: CannedDaemon) -> pb.Response | None:
        if len(self.requests) <= kept:
            return accepted(request)
        clients[0].close()
        return None

    server = canned(answer)
    clients.append(coupond.Client(server.address, deadline=20))
    return server, clients


def test_a_request_that_was_sent_is_unknown_when_the_client_closes(canned: Canned) -> None:
    server, (client,) = closing(canned, 0)
    with pytest.raises(coupond.UnknownError, match="closed") as caught:
        client.issue(1, 2)
    request = caught.value.request
    assert request is not None and not caught.value.may_help
    assert request.request_id == server.requests[0].issue.request_id and len(server.requests) == 1


def test_a_batch_keeps_its_ends_when_the_client_closes(canned: Canned) -> None:
    server, (client,) = closing(canned, 1)
    ends = client.issue_batch(1, range(1, 2_003))
    assert [type(end) for end in ends[:1_000]] == [coupond.IssueAnswer] * 1_000
    assert [type(end) for end in ends[1_000:2_000]] == [coupond.UnknownError] * 1_000
    assert [type(end) for end in ends[2_000:]] == [coupond.NotAcceptedError] * 2
    names = server.requests[1].issue_batch.request_ids
    unknown = ends[1_000]
    assert isinstance(unknown, coupond.UnknownError) and unknown.request is not None
    assert unknown.request.request_id == names[:16]


def test_a_change_that_was_sent_is_unknown_when_the_client_closes(canned: Canned) -> None:
    _, (client,) = closing(canned, 0)
    with pytest.raises(coupond.UnknownError):
        client.pause_coupon(1)


def test_who_asks_a_closed_client_again_learns_nothing_new(face: Any, canned: Canned) -> None:
    request = coupond.IssueRequest(1, 2, b"r", coupond.WaitFor.ISSUED, 1)
    with face(canned(lambda *_: None).address) as client:
        client.close()
        with pytest.raises(coupond.UnknownError, match="closed"):
            client.resolve(request)


def test_a_call_of_a_closed_client_was_not_tried(face: Any, canned: Canned) -> None:
    server = canned(lambda request, _: accepted(request))
    with face(server.address) as client:
        client.close()
        with pytest.raises(coupond.NotAcceptedError, match="closed") as caught:
            client.issue(1, 2)
        assert caught.value.attempts == 0
        assert caught.value.request is not None and caught.value.request.attempt == 0
        (end,) = client.issue_batch(1, [2])
        assert isinstance(end, coupond.NotAcceptedError) and end.attempts == 0
    assert server.requests == []


def test_what_waits_on_a_connection_that_drains_ends_when_the_client_closes(canned: Canned) -> None:
    notice = framed(pb.Response(go_away={"is_last": False}))
    server = canned(lambda request, self: notice if len(self.requests) == 1 else accepted(request))

    async def work() -> Any:
        client = coupond.AsyncClient(server.address, deadline=60, connections=1)
        call = asyncio.ensure_future(client.issue(1, 1))
        while not server.requests:
            await asyncio.sleep(0)
        (connection,) = client._pools[0].connections
        while connection.is_usable:
            await asyncio.sleep(0)
        assert (await client.issue(1, 2)).sequence == 7
        await client.close()
        done, _ = await asyncio.wait([call], timeout=20)
        return call.exception() if done else None

    end = asyncio.run(work())
    assert isinstance(end, coupond.UnknownError) and "closed" in str(end)


def held(canned: Canned, answer: Answer) -> tuple[CannedDaemon, threading.Event]:
    """A daemon that answers once the event is set."""
    event = threading.Event()

    def later(request: pb.Request, self: CannedDaemon) -> pb.Response | bytes | None:
        event.wait(20)
        return answer(request, self)

    return canned(later), event


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.issue(1, 2),
        lambda client: client.issue_batch(1, [2]),
        lambda client: client.pause_coupon(1),
    ],
    ids=["issue", "batch", "change"],
)
def test_what_a_task_has_sent_is_unknown_when_the_client_closes(canned: Canned, call: Any) -> None:
    server, event = held(canned, lambda *_: None)

    async def work() -> list[Any]:
        client = coupond.AsyncClient(server.address, deadline=20)
        task = asyncio.ensure_future(call(client))
        while not server.requests:
            await asyncio.sleep(0)
        await client.close()
        return list(await asyncio.gather(task, return_exceptions=True))

    (end,) = asyncio.run(work())
    event.set()
    error = end[0] if isinstance(end, list) else end
    assert isinstance(error, coupond.UnknownError) and "closed" in str(error)
    if error.request is not None:
        assert error.request.user == 2 and error.request.request_id


def test_nothing_is_sent_on_a_connection_that_is_made_while_the_client_closes(canned: Canned) -> None:
    server, event = held(canned, lambda *_: pb.Response(authenticate={"principal": "shop"}))

    async def work() -> None:
        client = coupond.AsyncClient(server.address, deadline=20, caller_token=b"good")
        call = asyncio.create_task(client.issue(1, 2))
        while not server.requests:
            await asyncio.sleep(0)
        await client.close()
        event.set()
        with pytest.raises(coupond.NotAcceptedError, match="closed"):
            await call

    asyncio.run(work())
    assert [one.WhichOneof("method") for one in server.requests] == ["authenticate"]


# --- calls that wait for a place ---------------------------------------------------------------------


def test_more_tasks_than_places_are_served_in_order(
    canned: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_aio, "REQUESTS_IN_FLIGHT", 4)
    server = canned(lambda request, _: accepted(request))

    async def work() -> None:
        async with coupond.AsyncClient(server.address, deadline=20, connections=1) as client:
            await client.issue(1, 1)
            answers = await asyncio.gather(*(client.issue(1, user) for user in range(2, 42)))
            assert {one.sequence for one in answers} == {7}

    asyncio.run(work())
    assert [one.issue.user_id for one in server.requests] == list(range(1, 42))
    assert server.connections == 1


def test_a_task_that_gives_up_its_turn_leaves_it_to_the_next(
    canned: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_aio, "REQUESTS_IN_FLIGHT", 1)
    server, event = held(canned, lambda request, _: accepted(request))

    async def work() -> None:
        async with coupond.AsyncClient(server.address, deadline=20, connections=1) as client:
            tasks = [asyncio.create_task(client.issue(1, user)) for user in range(1, 5)]
            while not server.requests:
                await asyncio.sleep(0)
            with pytest.raises(coupond.NotAcceptedError, match="no connection in time"):
                await client.issue(1, 5, deadline=0.001)
            tasks[1].cancel()
            event.set()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert isinstance(ends[1], asyncio.CancelledError)
            assert [end.sequence for end in ends if isinstance(end, coupond.IssueAnswer)] == [7] * 3

    asyncio.run(work())
    assert [one.issue.user_id for one in server.requests] == [1, 3, 4]


def test_a_call_with_little_time_left_does_not_end_the_connection_of_the_others(canned: Canned) -> None:
    server = canned(lambda request, self: accepted(request) if len(self.requests) != 2 else b"")

    async def work() -> None:
        async with coupond.AsyncClient(server.address, deadline=20, connections=1) as client:
            await client.issue(1, 1)
            (connection,) = client._pools[0].connections
            late = await connection.exchange(pb.Request(health={}), 0.001)
            assert isinstance(late, Failure) and late.acceptance == coupond.Acceptance.UNKNOWN
            assert (await client.issue(1, 3)).sequence == 7

    asyncio.run(work())
    assert server.connections == 1 and len(server.requests) == 3


# --- attempts ----------------------------------------------------------------------------------------


def test_a_request_that_was_tried_often_has_all_tries_of_a_call(face: Any, canned: Canned) -> None:
    most = 2**32 - 1
    server = canned(lambda *_: None)
    retry = coupond.RetryPolicy(tries=3, first_pause=0.001)
    request = coupond.IssueRequest(1, 2, b"r", coupond.WaitFor.ISSUED, most - 1)
    with face(server.address, deadline=20, retry=retry) as client:
        with pytest.raises(coupond.UnknownError) as caught:
            client.resolve(request)
        assert [one.issue.attempt for one in server.requests] == [most - 1, most, most]
        assert caught.value.request is not None and caught.value.request.attempt == most
        server.requests.clear()
        (end,) = client.issue_batch(1, [2], request_ids=[b"r" * 16], attempt=most)
        assert [one.issue_batch.attempt for one in server.requests] == [most] * 3
        assert isinstance(end, coupond.UnknownError) and end.request is not None
        assert end.request.attempt == most


def test_a_batch_that_cannot_be_written_is_refused_before_a_part_is_sent(
    face: Any, canned: Canned
) -> None:
    server = canned(lambda request, _: accepted(request))
    with face(server.address, deadline=20) as client:
        with pytest.raises(ValueError):
            client.issue_batch(1, [*range(1, 1_001), 2**63])
    assert server.requests == []
