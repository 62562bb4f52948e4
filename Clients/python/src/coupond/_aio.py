"""The client for asyncio."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import TypeVar

from . import _messages, _plans
from . import _types as words
from ._addresses import Address, checked_host, is_refused_certificate, parse
from ._endpoints import Endpoint, ranked
from ._errors import CouponError
from ._messages import BrokenFrameError
from ._retries import CLOSED, Failure, RetryBudget, RetryPolicy
from .v1 import coupond_pb2 as pb

Value = TypeVar("Value")
REQUESTS_IN_FLIGHT = 1_024
"""At most, on one connection. The daemon reads no more unanswered requests of a connection."""
SILENCE = 0.25
"""A connection without an answer for so many seconds is suspected. A call that waited has less time."""


class _Connection:
    """Many requests at a time; answers come in any order."""

    def __init__(self, changed: asyncio.Event) -> None:
        """
        :param changed: set when it has room for one more request, and when it cannot be used any more.
        """
        self._changed = changed
        self._last_id = 0
        self._waiting: dict[int, asyncio.Future[pb.Response | Failure]] = {}
        self._has_answer = False
        self._heard_at = time.monotonic()
        self.is_usable = True
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def in_flight(self) -> int:
        return len(self._waiting)

    async def open(self, client: AsyncClient, address: Address) -> None:
        """:raises OSError: if it cannot be made."""
        reader, self._writer = await client._connect(address)
        self._reading = asyncio.create_task(self._read(reader))

    def announce(self) -> None:
        """Says that we know GoAway. The answer is of no interest."""
        if self._writer is not None and self.is_usable:
            announcement = _messages.announcement()
            self._last_id += 1
            announcement.id = self._last_id
            self._writer.write(_messages.frame(announcement))

    def close(self, reason: str = "the client is closed") -> None:
        """Ends every request that is not answered."""
        self._end(Failure(reason, words.Acceptance.UNKNOWN, may_help=True))

    async def exchange(self, request: pb.Request, seconds: float) -> pb.Response | Failure:
        """Sends a request and waits for its answer. If its task is cancelled, the answer is ignored."""
        if self._writer is None or not self.is_usable:
            return Failure("the connection is closed", words.Acceptance.NOT_ACCEPTED, may_help=True)
        self._last_id += 1
        number = request.id = self._last_id
        answer: asyncio.Future[pb.Response | Failure]
        answer = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        sent_at = time.monotonic()
        try:
            self._writer.write(_messages.frame(request))
            async with asyncio.timeout(seconds):
                await self._writer.drain()
                return await answer
        except TimeoutError:
            if self._heard_at < sent_at <= time.monotonic() - SILENCE:
                # The network may have lost it silently.
                self.is_usable = False
            return Failure("no answer in time", words.Acceptance.UNKNOWN, may_help=True)
        except OSError as error:
            # The reading task says what the daemon said before it closed.
            if not answer.done():
                await asyncio.wait([answer], timeout=max(sent_at + seconds - time.monotonic(), 0))
            if answer.done():
                return answer.result()
            return Failure(str(error), words.Acceptance.UNKNOWN, may_help=True)
        finally:
            self._waiting.pop(number, None)
            self._changed.set()
            if not self.is_usable and not self._waiting:
                self._end(Failure("", words.Acceptance.UNKNOWN))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                prefix = await reader.readexactly(4)
                body = await reader.readexactly(_messages.frame_length(prefix))
                self._receive(_messages.response_in(body))
        except asyncio.IncompleteReadError:
            self._broke("the connection was closed")
        except BrokenFrameError as error:
            self._broke(str(error))
        except OSError as error:
            # With TLS 1.3 the daemon judges our certificate after we have begun to send.
            self._broke(str(error), sent=self._has_answer or not is_refused_certificate(error))

    def _receive(self, response: pb.Response) -> None:
        has_answer, self._has_answer = self._has_answer, True
        self._heard_at = time.monotonic()
        if response.WhichOneof("result") == "go_away":
            self._go_away(response.go_away.is_last)
            return
        if response.id == 0:
            if response.WhichOneof("result") != "error":
                raise BrokenFrameError("an answer to no request")
            _messages.judge_last_error(response.error, has_answer, len(self._waiting))
            self._end(response)
            return
        if response.id > self._last_id:
            raise BrokenFrameError(f"an answer to request {response.id}")
        answer = self._waiting.get(response.id)
        if answer is not None and not answer.done():
            answer.set_result(response)

    def _go_away(self, is_last: bool) -> None:
        """The daemon will stop. With `is_last`, it has not read the requests that it has not answered."""
        self.is_usable = False
        self._changed.set()
        if is_last or not self._waiting:
            reason = "the daemon stops"
            known = words.Acceptance.NOT_ACCEPTED
            self._end(Failure(reason, known, may_help=True, is_free=True))

    def _broke(self, reason: str, sent: bool = True) -> None:
        known = words.Acceptance.UNKNOWN if sent else words.Acceptance.NOT_ACCEPTED
        self._end(Failure(reason, known, may_help=True))

    def _end(self, reply: pb.Response | Failure) -> None:
        self.is_usable = False
        self._changed.set()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(reply)
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None and self._reading is not asyncio.current_task():
            self._reading.cancel()


class _Pool(Endpoint):
    """A daemon and the connections to it."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self.connections: list[_Connection] = []
        self.leaving: list[_Connection] = []
        """Connections that get no more requests, and still wait for answers."""
        self.opening = 0
        self.turn = asyncio.Lock()
        """Held by the call that gets the next place; the others wait in the order in which they came."""
        self.changed = asyncio.Event()
        """Set when there may be a place."""

    def best(self) -> _Connection | None:
        """The least loaded connection that may get one more request."""
        left = [one for one in self.connections if not one.is_usable]
        self.leaving = [one for one in self.leaving + left if one.in_flight]
        self.connections = [one for one in self.connections if one.is_usable]
        one = min(self.connections, key=lambda one: one.in_flight, default=None)
        return one if one is not None and one.in_flight < REQUESTS_IN_FLIGHT else None


class AsyncClient:
    """Calls coupond from asyncio. Its tasks share a few connections; a new event loop, or a forked process, gets new ones.

    Every call ends by its deadline, with an answer or with a `CouponError`. Cancelling a task ends its call: what
    was sent cannot be taken back. `async with AsyncClient(…) as client:` closes it.
    """

    def __init__(
        self,
        *addresses: str,
        deadline: float = 2.0,
        retry: RetryPolicy | None = None,
        budget: RetryBudget | None = None,
        connections: int = 2,
        connect_timeout: float = 5.0,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        caller_token: bytes = b"",
        admin_token: bytes = b"",
    ) -> None:
        """As `Client`; each of the `connections` to an address carries up to 1,024 calls at once. More calls
        wait until one of these ends, and are sent in the order in which they came."""
        self._addresses = [parse(one) for one in addresses or ("127.0.0.1:7070",)]
        self._pools: list[_Pool] = []
        self._owner: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._settings = _plans.Settings(
            deadline, retry or RetryPolicy(), budget or RetryBudget(), admin_token
        )
        self._connections = connections
        self._connect_timeout = connect_timeout
        self._tls = tls
        self._server_name = checked_host(server_name) if server_name else None
        self._caller_token = caller_token
        self._is_closed = False

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections. Calls that have no answer end, later ones fail."""
        self._is_closed = True
        for pool in self._pools:
            pool.changed.set()
            for connection in pool.connections + pool.leaving:
                connection.close()
        await asyncio.sleep(0)

    # --- issuers and readers -------------------------------------------------------------------------

    async def issue(
        self,
        coupon: int,
        user: int,
        *,
        wait_for: words.WaitFor = words.WaitFor.ISSUED,
        request_id: bytes = b"",
        attempt: int = 0,
        deadline: float | None = None,
    ) -> words.IssueAnswer:
        """Asks for a coupon for a user. A refusal by rule, such as SOLD_OUT, is an answer.

        :param wait_for: whether to answer after the commit, or as soon as the gate has decided.
        :param request_id: 1 to 16 bytes that name the request; random by default.
        :param attempt: 1 if this request id was sent before, by an earlier call.
        :param deadline: seconds for all tries together.
        :raises CouponError: its class says what is known of the request.
        """
        request = words.IssueRequest(coupon, user, request_id, wait_for, attempt)
        return await self._run(_plans.issue(self._settings, request, deadline))

    async def resolve(
        self, request: words.IssueRequest, *, deadline: float | None = None
    ) -> words.IssueAnswer:
        """Finds out what became of a request, by asking the gate again with its request id.

        If it was never accepted, it is judged now.

        :param request: of an `UnknownError` or an `AcceptedError`, or one that you have kept.
        """
        return await self._run(_plans.resolve(self._settings, request, deadline))

    async def status(
        self, coupon: int, user: int | None = None, *, deadline: float | None = None
    ) -> words.CouponStatus:
        """The state of a coupon, and of a user's request for it."""
        return await self._run(_plans.status(self._settings, coupon, user, deadline))

    async def issue_batch(
        self,
        coupon: int,
        users: Sequence[int],
        *,
        wait_for: words.WaitFor = words.WaitFor.ISSUED,
        request_ids: Sequence[bytes] = (),
        attempt: int = 0,
        deadline: float | None = None,
    ) -> list[words.IssueAnswer | CouponError]:
        """Asks for a coupon for many users, 1,000 in a request. Each is a request of its own, with its own end.

        :param request_ids: 16 bytes for each user; random by default. With the same ones a call can be repeated.
        :param attempt: 1 if these request ids were sent before, by an earlier call.
        :param deadline: seconds for each 1,000 users, with all their tries.
        :returns: in the order of the users, an answer, or the error that `issue` would raise.
        :raises ValueError: if the number or the length of the request ids does not fit.
        """
        return await self._run(
            _plans.issue_batch(
                self._settings, coupon, users, request_ids, wait_for, attempt, deadline
            )
        )

    async def status_batch(
        self, coupon: int, users: Sequence[int], *, deadline: float | None = None
    ) -> words.CouponStatusBatch:
        """The state of a coupon, and of up to 1,000 users' requests for it."""
        return await self._run(_plans.status_batch(self._settings, coupon, users, deadline))

    async def watch(
        self,
        after: bytes = b"",
        *,
        from_oldest: bool = False,
        coupon: int | None = None,
        limit: int = 0,
        wait: float = 30.0,
        deadline: float | None = None,
    ) -> words.EventPage:
        """What was committed: the answer comes when there is something, or without events when the wait ends.

        :param after: the bookmark of an earlier page, with the same `coupon`; empty to begin with the next commit.
        :param from_oldest: without a bookmark: begin with the oldest commit that is kept.
        :param coupon: only events of this coupon; None for all.
        :param limit: events at most; 0 means 400, which is the most.
        :param wait: seconds, 30 at most.
        """
        return await self._run(
            _plans.watch(self._settings, after, from_oldest, coupon, limit, wait, deadline)
        )

    async def events(
        self, after: bytes = b"", *, from_oldest: bool = False, coupon: int | None = None
    ) -> AsyncIterator[words.EventPage]:
        """Pages of events, one after the other, without end. It waits for daemons that are away for a while.

        Keep the bookmark of a page once its events are handled, and begin with it the next time: then no event is
        missed, and only events of the last page may come twice. The parameters are those of `watch`.
        """
        follower = _plans.Follower(self._settings, after, from_oldest, coupon)
        while True:
            try:
                page = await self._run(follower.plan())
            except CouponError as error:
                await asyncio.sleep(follower.pause(error))
                continue
            if follower.has_news(page):
                yield page

    async def health(self, *, deadline: float | None = None) -> words.Health:
        """Whether the daemon can accept requests now."""
        return await self._call(_plans.health_request(), _plans.read_health, deadline)

    async def server_info(self, *, deadline: float | None = None) -> words.ServerInfo:
        """What the daemon is."""
        return await self._call(_plans.server_info_request(), _plans.read_server_info, deadline)

    # --- operators and admins ------------------------------------------------------------------------

    async def create_coupon(
        self,
        coupon: int,
        title: str,
        *,
        opens_at: datetime,
        closes_at: datetime | None = None,
        total: int | None = None,
        deadline: float | None = None,
    ) -> words.Coupon:
        """A new coupon. Without a total it is unlimited, without `closes_at` it never closes."""
        request = _plans.create_request(coupon, title, total, opens_at, closes_at)
        return await self._call(request, _plans.read_coupon, deadline)

    async def coupon(self, coupon: int, *, deadline: float | None = None) -> words.Coupon:
        """One coupon."""
        request = pb.Request(get_coupon=pb.GetCouponRequest(id=coupon))
        return await self._call(request, _plans.read_coupon, deadline)

    async def coupons(
        self,
        *,
        after: int = 0,
        limit: int = 100,
        archived: bool = False,
        deadline: float | None = None,
    ) -> list[words.Coupon]:
        """Coupons with a higher id than `after`, by id: archived ones or others. An empty page is the end."""
        request = pb.Request(
            list_coupons=pb.ListCouponsRequest(after_id=after, limit=limit, archived=archived)
        )
        return await self._call(request, _plans.read_coupons, deadline)

    async def update_coupon(
        self,
        coupon: int,
        *,
        title: str | None = None,
        total: int | None = None,
        unlimited: bool = False,
        opens_at: datetime | None = None,
        closes_at: datetime | None = None,
        deadline: float | None = None,
    ) -> words.Coupon:
        """Changes what is given."""
        request = _plans.update_request(coupon, title, total, unlimited, opens_at, closes_at)
        return await self._call(request, _plans.read_coupon, deadline)

    async def pause_coupon(self, coupon: int, *, deadline: float | None = None) -> words.Coupon:
        """Refuses requests until resumed."""
        request = pb.Request(pause_coupon=pb.PauseCouponRequest(id=coupon))
        return await self._call(request, _plans.read_coupon, deadline)

    async def resume_coupon(self, coupon: int, *, deadline: float | None = None) -> words.Coupon:
        """Accepts requests again."""
        request = pb.Request(resume_coupon=pb.ResumeCouponRequest(id=coupon))
        return await self._call(request, _plans.read_coupon, deadline)

    async def close_coupon(self, coupon: int, *, deadline: float | None = None) -> words.Coupon:
        """Refuses requests for good."""
        request = pb.Request(close_coupon=pb.CloseCouponRequest(id=coupon))
        return await self._call(request, _plans.read_coupon, deadline)

    async def delete_coupon(self, coupon: int, *, deadline: float | None = None) -> words.Coupon:
        """Deletes a closed coupon of which no request was decided; returns it as it was."""
        request = pb.Request(delete_coupon=pb.DeleteCouponRequest(id=coupon))
        return await self._call(request, _plans.read_coupon, deadline)

    async def archive_coupon(self, coupon: int, *, deadline: float | None = None) -> words.Coupon:
        """Takes a closed coupon out of the lists; its issues stay."""
        request = pb.Request(archive_coupon=pb.ArchiveCouponRequest(id=coupon))
        return await self._call(request, _plans.read_coupon, deadline)

    async def unarchive_coupon(self, coupon: int, *, deadline: float | None = None) -> words.Coupon:
        """Brings an archived coupon back into the lists; it stays closed."""
        request = pb.Request(unarchive_coupon=pb.UnarchiveCouponRequest(id=coupon))
        return await self._call(request, _plans.read_coupon, deadline)

    async def issues(
        self, coupon: int, *, after: int = 0, limit: int = 100, deadline: float | None = None
    ) -> list[words.Issue]:
        """Issues of users with a higher id than `after`, by user. An empty page is the end."""
        request = pb.Request(
            list_issues=pb.ListIssuesRequest(coupon_id=coupon, after_user_id=after, limit=limit)
        )
        return await self._call(request, _plans.read_issues, deadline)

    async def call(self, request: pb.Request, *, deadline: float | None = None) -> pb.Response:
        """Any method, with the messages of `coupond.v1.coupond_pb2`; id, deadline and token are filled in.

        :raises CouponError: even if the daemon answers, if the answer is an error.
        """
        return await self._call(request, lambda response: response, deadline)

    # --- doing what a plan says ----------------------------------------------------------------------

    async def _call(
        self, request: pb.Request, read: _plans.Reader[Value], deadline: float | None
    ) -> Value:
        return await self._run(_plans.call(self._settings, request, read, deadline))

    async def _run(self, plan: _plans.Plan[Value]) -> Value:
        reply: _plans.Reply = None
        failed_at: _Pool | None = None
        while True:
            try:
                step = plan.send(reply)
            except StopIteration as end:
                value: Value = end.value
                return value
            if isinstance(step, _plans.Pause):
                await asyncio.sleep(step.seconds)
                reply = None
            else:
                reply, failed_at = await self._send(step, failed_at)

    async def _send(
        self, step: _plans.Call, avoided: _Pool | None
    ) -> tuple[_plans.Reply, _Pool | None]:
        """The reply, and where it failed."""
        if self._is_closed:
            return CLOSED, None
        self._belong_to_this_loop()
        gives_up_at = time.monotonic() + step.give_up_after
        pool = ranked(self._pools, avoided)[0]
        pool.load += 1
        will_stop = False
        try:
            connection = await self._connection(pool, gives_up_at)
            if not isinstance(connection, _Connection):
                return connection, pool
            reply = await connection.exchange(step.request, gives_up_at - time.monotonic())
            will_stop = not connection.is_usable
        except (OSError, TimeoutError) as error:
            reason = f"{pool.address}: {str(error) or 'no connection in time'}"
            reply = Failure(reason, words.Acceptance.NOT_ACCEPTED, may_help=True)
        finally:
            pool.load -= 1
        if isinstance(reply, Failure):
            pool.failed()
            return reply, pool
        pool.answered()
        if will_stop:
            pool.failed()
        return reply, pool if reply.WhichOneof("result") == "error" else None

    def _belong_to_this_loop(self) -> None:
        owner = (os.getpid(), asyncio.get_running_loop())
        if self._owner != owner:
            # Connections of another loop, or of the process that forked, stay as they are.
            self._settings.budget.renew_lock()
            self._pools = [_Pool(address) for address in self._addresses]
            self._owner = owner

    async def _connection(
        self, pool: _Pool, gives_up_at: float
    ) -> _Connection | pb.Response | Failure:
        """A connection for one more request, the refusal of our token, or that the client is closed.

        :raises OSError: if there is none in time.
        """
        async with asyncio.timeout(max(gives_up_at - time.monotonic(), 0)), pool.turn:
            while True:
                if self._is_closed:
                    return CLOSED
                best = pool.best()
                is_full = len(pool.connections) + pool.opening >= self._connections
                if best is not None and (best.in_flight == 0 or is_full):
                    return best
                if not is_full:
                    pool.opening += 1
                    break
                pool.changed.clear()
                await pool.changed.wait()
        made = _Connection(pool.changed)
        try:
            left = min(gives_up_at - time.monotonic(), self._connect_timeout)
            async with asyncio.timeout(max(left, 0)):
                await made.open(self, pool.address)
                refusal = await self._authenticate(made, left)
            if refusal is None and not self._is_closed:
                made.announce()
                pool.connections.append(made)
                return made
            made.close()
            return refusal or CLOSED
        except BaseException:
            made.close()
            raise
        finally:
            pool.opening -= 1
            pool.changed.set()

    async def _connect(
        self, address: Address
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if address.path is not None:
            return await asyncio.open_unix_connection(address.path)
        loop = asyncio.get_running_loop()
        # The name is resolved each time; connections spread over its addresses.
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        random.shuffle(found)
        last: OSError = OSError(f"no address of {address.host}")
        for family, kind, protocol, _, target in found:
            made = socket.socket(family, kind, protocol)
            made.setblocking(False)
            try:
                await loop.sock_connect(made, target)
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._tls is None:
                    return await asyncio.open_connection(sock=made)
                name = self._server_name or address.host
                return await asyncio.open_connection(
                    sock=made, ssl=self._tls, server_hostname=name
                )
            except OSError as error:
                made.close()
                last = error
            except BaseException:
                made.close()
                raise
        raise last

    async def _authenticate(self, connection: _Connection, seconds: float) -> pb.Response | None:
        """Says who calls, if there is a token. An error is the answer to the caller's request too."""
        if not self._caller_token:
            return None
        request = pb.Request(authenticate=pb.AuthenticateRequest(token=self._caller_token))
        reply = await connection.exchange(request, seconds)
        if isinstance(reply, Failure):
            raise OSError(reply.message)
        if reply.WhichOneof("result") == "authenticate":
            return None
        if reply.WhichOneof("result") is None:
            raise OSError("the daemon does not know callers")
        reply.error.acceptance = pb.ACCEPTANCE_NOT_ACCEPTED
        return reply
