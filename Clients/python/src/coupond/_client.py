"""The client with blocking calls."""

from __future__ import annotations

import os
import random
import select
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import TypeVar

from . import _messages, _plans
from . import _types as words
from ._addresses import Address, checked_host, is_refused_certificate, parse
from ._endpoints import LONGEST_IDLE, Endpoint, ranked
from ._errors import CouponError
from ._messages import BrokenFrameError
from ._retries import CLOSED, Failure, RetryBudget, RetryPolicy
from .v1 import coupond_pb2 as pb

Value = TypeVar("Value")


class _BrokenError(Exception):
    """The connection could not be made, or ended before the answer."""

    def __init__(self, reason: object, sent: bool, is_going_away: bool = False) -> None:
        super().__init__(str(reason) or type(reason).__name__)
        self.sent = sent
        """Whether the daemon may have read the request."""
        self.is_going_away = is_going_away
        """Whether the daemon has said that it is going to stop."""


class _Connection:
    """One request at a time."""

    def __init__(self, client: Client, address: Address, gives_up_at: float) -> None:
        self._last_id = 0
        self._has_answer = False
        self._announcement = 0
        self.used_at = time.monotonic()
        self.is_usable = True
        """Whether requests can be sent: it is open, and the daemon has not said that it is going to stop."""
        try:
            self._socket = client._connect(address, gives_up_at)
        except OSError as error:
            raise _BrokenError(error, False) from error

    def close(self) -> None:
        self.is_usable = False
        self._socket.close()

    def is_alive(self) -> bool:
        """Whether it can be used again. The daemon says nothing unless asked: something to read is its end."""
        if not self.is_usable or time.monotonic() - self.used_at > LONGEST_IDLE:
            return False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def exchange(self, request: pb.Request, gives_up_at: float) -> pb.Response:
        """Sends a request and returns its response. Before the first request after `authenticate`, and in the
        same packet, goes the announcement that we know GoAway."""
        bytes_ = b""
        if not self._announcement and request.WhichOneof("method") != "authenticate":
            announcement = _messages.announcement()
            self._last_id += 1
            self._announcement = announcement.id = self._last_id
            bytes_ = _messages.frame(announcement)
        self._last_id += 1
        request.id = self._last_id
        try:
            return self._exchange(bytes_ + _messages.frame(request), request.id, gives_up_at)
        except (OSError, BrokenFrameError) as error:
            self.close()
            # With TLS 1.3 the daemon judges our certificate after we have begun to send.
            sent = self._has_answer or not is_refused_certificate(error)
            reason = "no answer in time" if isinstance(error, TimeoutError) else error
            raise _BrokenError(reason, sent) from error
        except BaseException:
            # A call that is interrupted, as by Ctrl-C, would leave its answer to the next call.
            self.close()
            raise

    def _exchange(self, frames: bytes, number: int, gives_up_at: float) -> pb.Response:
        self._wait_until(gives_up_at)
        try:
            self._socket.sendall(frames)
        except ConnectionError:
            # The daemon has closed. It may have said why before.
            pass
        while True:
            has_answer = self._has_answer
            response = self._receive(gives_up_at)
            if response.WhichOneof("result") == "go_away":
                self.is_usable = False
                if response.go_away.is_last:
                    raise _BrokenError("the daemon stops", sent=False, is_going_away=True)
            elif response.id in (0, number):
                break
            elif response.id != self._announcement:
                raise BrokenFrameError(f"an answer to request {response.id}")
        if response.id == 0:
            # The daemon did not read our frame, or could not, or the connection is over: it closes.
            self.is_usable = False
            if response.WhichOneof("result") != "error":
                raise BrokenFrameError("an answer to no request")
            _messages.judge_last_error(response.error, has_answer, unanswered=1)
        return response

    def _receive(self, gives_up_at: float) -> pb.Response:
        length = _messages.frame_length(self._read(4, gives_up_at))
        response = _messages.response_in(self._read(length, gives_up_at))
        self._has_answer = True
        self.used_at = time.monotonic()
        return response

    def _read(self, count: int, gives_up_at: float) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            self._wait_until(gives_up_at)
            part = self._socket.recv(count - len(parts))
            if not part:
                raise OSError("the connection was closed")
            parts += part
        return bytes(parts)

    def _wait_until(self, gives_up_at: float) -> None:
        left = gives_up_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)


class _Pool(Endpoint):
    """A daemon and the connections to it that nobody uses now."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self.idle: list[_Connection] = []

    def close_idle(self) -> None:
        for connection in self.idle:
            connection.close()
        self.idle.clear()


class Client:
    """Calls coupond and waits for the answers. Threads may share it; a forked process makes connections of its own.

    Every call ends by its deadline, with an answer or with a `CouponError`. `with Client(…) as client:` closes it.
    """

    def __init__(
        self,
        *addresses: str,
        deadline: float = 2.0,
        retry: RetryPolicy | None = None,
        budget: RetryBudget | None = None,
        connections: int = 8,
        connect_timeout: float = 5.0,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        caller_token: bytes = b"",
        admin_token: bytes = b"",
    ) -> None:
        """
        :param addresses: of daemons: `HOST:PORT`, `[HOST]:PORT` or `unix:/PATH`; by default 127.0.0.1:7070.
        :param deadline: seconds for a call with all its retries, if the call names none.
        :param retry: how often and with which pauses a request is sent again.
        :param budget: how many retries all calls together may make.
        :param connections: at most, to each address; more calls at once wait for one.
        :param connect_timeout: seconds for a connection with its TLS handshake.
        :param tls: for TCP addresses, such as `tls_context()` makes; None for connections without TLS.
        :param server_name: what the daemon's certificate must be for; the host by default.
        :param caller_token: your token of the daemon's callers file; each connection begins with it.
        :param admin_token: sent with methods of operators and admins, if the daemon asks for it.
        :raises ValueError: if an address or the server name cannot be one.
        """
        self._pools = [_Pool(parse(one)) for one in addresses or ("127.0.0.1:7070",)]
        self._settings = _plans.Settings(
            deadline, retry or RetryPolicy(), budget or RetryBudget(), admin_token
        )
        self._connections = connections
        self._connect_timeout = connect_timeout
        self._tls = tls
        self._server_name = checked_host(server_name) if server_name else None
        self._caller_token = caller_token
        self._changed = threading.Condition()
        self._is_closed = False
        _clients.add(self)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes idle connections now, and the others when their calls end. Later calls raise an error."""
        with self._changed:
            self._is_closed = True
            for pool in self._pools:
                pool.close_idle()
            self._changed.notify_all()

    # --- issuers and readers -------------------------------------------------------------------------

    def issue(
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
        return self._run(_plans.issue(self._settings, request, deadline))

    def resolve(
        self, request: words.IssueRequest, *, deadline: float | None = None
    ) -> words.IssueAnswer:
        """Finds out what became of a request, by asking the gate again with its request id.

        If it was never accepted, it is judged now.

        :param request: of an `UnknownError` or an `AcceptedError`, or one that you have kept.
        """
        return self._run(_plans.resolve(self._settings, request, deadline))

    def status(
        self, coupon: int, user: int | None = None, *, deadline: float | None = None
    ) -> words.CouponStatus:
        """The state of a coupon, and of a user's request for it."""
        return self._run(_plans.status(self._settings, coupon, user, deadline))

    def issue_batch(
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
        return self._run(
            _plans.issue_batch(
                self._settings, coupon, users, request_ids, wait_for, attempt, deadline
            )
        )

    def status_batch(
        self, coupon: int, users: Sequence[int], *, deadline: float | None = None
    ) -> words.CouponStatusBatch:
        """The state of a coupon, and of up to 1,000 users' requests for it."""
        return self._run(_plans.status_batch(self._settings, coupon, users, deadline))

    def watch(
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
        return self._run(
            _plans.watch(self._settings, after, from_oldest, coupon, limit, wait, deadline)
        )

    def events(
        self, after: bytes = b"", *, from_oldest: bool = False, coupon: int | None = None
    ) -> Iterator[words.EventPage]:
        """Pages of events, one after the other, without end. It waits for daemons that are away for a while.

        Keep the bookmark of a page once its events are handled, and begin with it the next time: then no event is
        missed, and only events of the last page may come twice. The parameters are those of `watch`.
        """
        follower = _plans.Follower(self._settings, after, from_oldest, coupon)
        while True:
            try:
                page = self._run(follower.plan())
            except CouponError as error:
                time.sleep(follower.pause(error))
                continue
            if follower.has_news(page):
                yield page

    def health(self, *, deadline: float | None = None) -> words.Health:
        """Whether the daemon can accept requests now."""
        return self._call(_plans.health_request(), _plans.read_health, deadline)

    def server_info(self, *, deadline: float | None = None) -> words.ServerInfo:
        """What the daemon is."""
        return self._call(_plans.server_info_request(), _plans.read_server_info, deadline)

    # --- operators and admins ------------------------------------------------------------------------

    def create_coupon(
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
        return self._call(request, _plans.read_coupon, deadline)

    def coupon(self, coupon: int, *, deadline: float | None = None) -> words.Coupon:
        """One coupon."""
        request = pb.Request(get_coupon=pb.GetCouponRequest(id=coupon))
        return self._call(request, _plans.read_coupon, deadline)

    def coupons(
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
        return self._call(request, _plans.read_coupons, deadline)

    def update_coupon(
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
        return self._call(request, _plans.read_coupon, deadline)

    def pause_coupon(self, coupon: int, *, deadline: float | None = None) -> words.Coupon:
        """Refuses requests until resumed."""
        request = pb.Request(pause_coupon=pb.PauseCouponRequest(id=coupon))
        return self._call(request, _plans.read_coupon, deadline)

    def resume_coupon(self, coupon: int, *, deadline: float | None = None) -> words.Coupon:
        """Accepts requests again."""
        request = pb.Request(resume_coupon=pb.ResumeCouponRequest(id=coupon))
        return self._call(request, _plans.read_coupon, deadline)

    def close_coupon(self, coupon: int, *, deadline: float | None = None) -> words.Coupon:
        """Refuses requests for good."""
        request = pb.Request(close_coupon=pb.CloseCouponRequest(id=coupon))
        return self._call(request, _plans.read_coupon, deadline)

    def delete_coupon(self, coupon: int, *, deadline: float | None = None) -> words.Coupon:
        """Deletes a closed coupon of which no request was decided; returns it as it was."""
        request = pb.Request(delete_coupon=pb.DeleteCouponRequest(id=coupon))
        return self._call(request, _plans.read_coupon, deadline)

    def archive_coupon(self, coupon: int, *, deadline: float | None = None) -> words.Coupon:
        """Takes a closed coupon out of the lists; its issues stay."""
        request = pb.Request(archive_coupon=pb.ArchiveCouponRequest(id=coupon))
        return self._call(request, _plans.read_coupon, deadline)

    def unarchive_coupon(self, coupon: int, *, deadline: float | None = None) -> words.Coupon:
        """Brings an archived coupon back into the lists; it stays closed."""
        request = pb.Request(unarchive_coupon=pb.UnarchiveCouponRequest(id=coupon))
        return self._call(request, _plans.read_coupon, deadline)

    def issues(
        self, coupon: int, *, after: int = 0, limit: int = 100, deadline: float | None = None
    ) -> list[words.Issue]:
        """Issues of users with a higher id than `after`, by user. An empty page is the end."""
        request = pb.Request(
            list_issues=pb.ListIssuesRequest(coupon_id=coupon, after_user_id=after, limit=limit)
        )
        return self._call(request, _plans.read_issues, deadline)

    def call(self, request: pb.Request, *, deadline: float | None = None) -> pb.Response:
        """Any method, with the messages of `coupond.v1.coupond_pb2`; id, deadline and token are filled in.

        :raises CouponError: even if the daemon answers, if the answer is an error.
        """
        return self._call(request, lambda response: response, deadline)

    # --- doing what a plan says ----------------------------------------------------------------------

    def _call(
        self, request: pb.Request, read: _plans.Reader[Value], deadline: float | None
    ) -> Value:
        return self._run(_plans.call(self._settings, request, read, deadline))

    def _run(self, plan: _plans.Plan[Value]) -> Value:
        reply: _plans.Reply = None
        failed_at: _Pool | None = None
        while True:
            try:
                step = plan.send(reply)
            except StopIteration as end:
                value: Value = end.value
                return value
            if isinstance(step, _plans.Pause):
                time.sleep(step.seconds)
                reply = None
            else:
                reply, failed_at = self._send(step, failed_at)

    def _send(
        self, step: _plans.Call, avoided: _Pool | None
    ) -> tuple[_plans.Reply, _Pool | None]:
        """The reply, and where it failed."""
        gives_up_at = time.monotonic() + step.give_up_after
        pool = self._reserve(avoided, gives_up_at)
        if isinstance(pool, Failure):
            return pool, None
        connection: _Connection | None = None
        try:
            connection = self._idle_connection(pool)
            refusal = None
            if connection is None:
                connection = _Connection(self, pool.address, gives_up_at)
                refusal = self._authenticate(connection, gives_up_at)
            response = refusal or connection.exchange(step.request, gives_up_at)
            pool.answered()
            if not connection.is_usable:
                # The daemon will stop.
                pool.failed()
            failed = pool if response.WhichOneof("result") == "error" else None
            return response, failed
        except _BrokenError as error:
            pool.failed()
            known = words.Acceptance.UNKNOWN if error.sent else words.Acceptance.NOT_ACCEPTED
            reason = f"{pool.address}: {error}"
            return Failure(reason, known, may_help=True, is_free=error.is_going_away), pool
        finally:
            self._give_back(pool, connection)

    def _reserve(self, avoided: _Pool | None, gives_up_at: float) -> _Pool | Failure:
        """A daemon to which one more connection may be used, or why there is none."""
        with self._changed:
            while True:
                if self._is_closed:
                    return CLOSED
                for pool in ranked(self._pools, avoided):
                    if pool.load < self._connections:
                        pool.load += 1
                        return pool
                if not self._changed.wait(max(gives_up_at - time.monotonic(), 0)):
                    # A notice that came too late for this call may be for another call.
                    self._changed.notify()
                    return Failure("all connections are in use", words.Acceptance.NOT_ACCEPTED)

    def _idle_connection(self, pool: _Pool) -> _Connection | None:
        while True:
            with self._changed:
                if not pool.idle:
                    return None
                connection = pool.idle.pop()
            if connection.is_alive():
                return connection
            connection.close()

    def _give_back(self, pool: _Pool, connection: _Connection | None) -> None:
        with self._changed:
            pool.load -= 1
            if connection is not None and connection.is_usable and not self._is_closed:
                pool.idle.append(connection)
            elif connection is not None:
                connection.close()
            self._changed.notify()

    def _connect(self, address: Address, gives_up_at: float) -> socket.socket:
        left = max(min(gives_up_at - time.monotonic(), self._connect_timeout), 0.001)
        if address.path is not None:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                made.settimeout(left)
                made.connect(address.path)
                return made
            except OSError:
                made.close()
                raise
        made = _connect_tcp(address, left)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            return made
        # Closes the socket if the handshake fails.
        return self._tls.wrap_socket(made, server_hostname=self._server_name or address.host)

    def _authenticate(self, connection: _Connection, gives_up_at: float) -> pb.Response | None:
        """Says who calls, if there is a token. An error is the answer to the caller's request too."""
        if not self._caller_token:
            return None
        request = pb.Request(authenticate=pb.AuthenticateRequest(token=self._caller_token))
        try:
            response = connection.exchange(request, gives_up_at)
        except _BrokenError as error:
            raise _BrokenError(error, False) from error
        if response.WhichOneof("result") == "authenticate":
            return None
        # The daemon closes after a wrong token.
        connection.close()
        if response.WhichOneof("result") is None:
            raise _BrokenError("the daemon does not know callers", False)
        response.error.acceptance = pb.ACCEPTANCE_NOT_ACCEPTED
        return response

    def _after_fork(self) -> None:
        """The child closes its copies of the connections: on them it could read its parent's answers."""
        self._changed = threading.Condition()
        self._settings.budget.renew_lock()
        for pool in self._pools:
            pool.close_idle()
            pool.load = 0


def _connect_tcp(address: Address, seconds: float) -> socket.socket:
    """Resolves the name each time, and spreads connections over its addresses.

    The system's resolver has time limits of its own.
    """
    gives_up_at = time.monotonic() + seconds
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    random.shuffle(found)
    last: OSError = OSError(f"no address of {address.host}")
    for index, (family, kind, protocol, _, target) in enumerate(found):
        made = socket.socket(family, kind, protocol)
        try:
            # An address that does not answer leaves time for the others.
            left = gives_up_at - time.monotonic()
            made.settimeout(max(left / (len(found) - index), 0.001))
            made.connect(target)
            return made
        except OSError as error:
            made.close()
            last = error
    raise last


_clients: weakref.WeakSet[Client] = weakref.WeakSet()


def _renew_clients() -> None:
    for client in list(_clients):
        client._after_fork()


os.register_at_fork(after_in_child=_renew_clients)
