"""A real daemon with its servers, a daemon of our own that answers as a test says, and both faces of the client."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import IO, Any

import pytest

import coupond
from coupond.v1 import coupond_pb2 as pb

ROOT = Path(os.environ.get("REPOSITORY", Path(__file__).parents[3])).resolve()
PROGRAMS = Path(os.environ.get("PROGRAMS", ROOT / ".build" / "debug"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Daemon:
    """A coupond process."""

    def __init__(self, servers: Servers, *flags: str, **client: Any) -> None:
        """
        :param client: options of a client that reaches it.
        """
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._servers, self._flags, self._client = servers, flags, client
        self.start()

    def start(self) -> None:
        """Starts it, at the same address as before, and waits until it accepts."""
        servers = self._servers
        self.log = servers.folder / f"coupond-{self.port}.log"
        command = [
            str(PROGRAMS / "coupond"), "--listen", self.address, "--redis", servers.redis,
            "--postgres", servers.postgres, "--metrics-listen", "off", "--event-loops", "1", *self._flags,
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        retry = coupond.RetryPolicy(tries=1_000)
        with coupond.Client(self.address, retry=retry, **self._client) as client:
            while not client.health(deadline=30).ready:
                assert self.process.poll() is None, self.log.read_text()

    def stop(self) -> int:
        """Drains it, and waits for its end."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


class Servers:
    """A Redis and a PostgreSQL, private to this run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port = str(free_port())
        started = subprocess.run(
            [ROOT / "Scripts" / "private-servers", "start", folder, port],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        self.redis = f"127.0.0.1:{port}"
        self.postgres = started.stdout.strip()

    def stop(self) -> None:
        subprocess.run([ROOT / "Scripts" / "private-servers", "stop", self.folder], check=True)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    made = Servers(tmp_path_factory.mktemp("s"))
    yield made
    made.stop()


@pytest.fixture(scope="session")
def daemon(servers: Servers) -> Iterator[Daemon]:
    made = Daemon(servers)
    yield made
    assert made.stop() == 0


_ids = iter(range(1_000, 1_000_000))


@pytest.fixture
def offer(daemon: Daemon) -> Callable[..., int]:
    """Makes a coupon that is open now."""

    def make(total: int | None = None, opens_in: float = -60, title: str = "t") -> int:
        now = datetime.now(timezone.utc)
        with coupond.Client(daemon.address, deadline=20) as client:
            return client.create_coupon(
                next(_ids),
                title,
                total=total,
                opens_at=now + timedelta(seconds=opens_in),
                closes_at=now + timedelta(hours=1),
            ).id

    return make


class AsyncFace:
    """An `AsyncClient` whose methods block."""

    def __init__(self, *addresses: str, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self.client = coupond.AsyncClient(*addresses, **options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client, name)
        return lambda *words, **options: self._runner.run(method(*words, **options))

    def __enter__(self) -> AsyncFace:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self.client.close())
        self._runner.close()


@pytest.fixture(params=[coupond.Client, AsyncFace], ids=["blocking", "asyncio"])
def face(request: pytest.FixtureRequest) -> Any:
    """Either face of the client; call it to make one."""
    return request.param


def framed(answer: pb.Response) -> bytes:
    body = answer.SerializeToString()
    return struct.pack(">I", len(body)) + body


Answer = Callable[[pb.Request, "CannedDaemon"], pb.Response | bytes | None]


class CannedDaemon:
    """Answers each request as a test says: with a response, with raw bytes, or by closing (None).

    With a refusal it says that to each connection, and reads nothing.
    """

    def __init__(self, answer: Answer, refusal: bytes = b"") -> None:
        self._answer = answer
        self._refusal = refusal
        self.requests: list[pb.Request] = []
        self.announcements = 0
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            if self._refusal:
                connection.sendall(self._refusal)
                connection.shutdown(socket.SHUT_WR)
                # Bytes that nobody has read would turn the end into a reset, which drops the refusal.
                while _read(stream, 1):
                    pass
                return
            while prefix := _read(stream, 4):
                request = pb.Request.FromString(stream.read(struct.unpack(">I", prefix)[0]))
                if request.server_info.accepts_go_away:
                    self.announcements += 1
                    self._send(connection, pb.Response(id=request.id, server_info={}))
                    continue
                self.requests.append(request)
                answer = self._answer(request, self)
                if answer is None:
                    return
                if isinstance(answer, pb.Response):
                    answer.id = answer.id or request.id
                    self._send(connection, answer)
                else:
                    connection.sendall(answer)

    @staticmethod
    def _send(connection: socket.socket, answer: pb.Response) -> None:
        connection.sendall(framed(answer))


def _read(stream: IO[bytes], count: int) -> bytes:
    try:
        return stream.read(count)
    except ConnectionError:
        return b""


@pytest.fixture
def canned() -> Iterator[Callable[..., CannedDaemon]]:
    made: list[CannedDaemon] = []

    def make(answer: Answer, refusal: bytes = b"") -> CannedDaemon:
        made.append(CannedDaemon(answer, refusal))
        return made[-1]

    yield make
    for one in made:
        one.close()
