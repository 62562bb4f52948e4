"""TLS and unix sockets, and a restart of all daemons under load."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import coupond
from conftest import Daemon, Servers


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    pair = folder / "pair.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", folder / "key.pem", "-out", pair],
        check=True, capture_output=True,
    )  # fmt: skip
    return pair


def test_tls(face: Any, servers: Servers, certificate: Path) -> None:
    trust = coupond.tls_context(authority=str(certificate))
    flags = ("--tls-certificate", str(certificate), "--tls-key", str(certificate.parent / "key.pem"))
    secret = Daemon(servers, *flags, tls=trust, server_name="localhost")
    with face(f"localhost:{secret.port}", tls=trust, deadline=20) as client:
        assert client.health().ready
    for tls, name in [(trust, None), (coupond.tls_context(), "localhost")]:
        retry = coupond.RetryPolicy(tries=1)
        with face(secret.address, tls=tls, server_name=name, retry=retry, deadline=20) as client:
            with pytest.raises(coupond.NotAcceptedError, match="CERTIFICATE_VERIFY_FAILED"):
                client.issue(1, 1)
    assert secret.stop() == 0


def test_a_unix_socket(face: Any, servers: Servers, tmp_path: Path) -> None:
    path = tmp_path / "coupond.sock"
    both = Daemon(servers, "--listen", f"unix:{path}")
    with face(f"unix:{path}", deadline=20) as client:
        assert client.health().ready
    assert both.stop() == 0


@pytest.fixture(scope="module")
def pair(servers: Servers) -> Iterator[list[Daemon]]:
    made = [Daemon(servers), Daemon(servers)]
    yield made
    assert [one.stop() for one in made] == [0, 0]


def test_a_restart_of_all_daemons_is_seen_by_no_caller(
    face: Any, pair: list[Daemon], offer: Callable[..., int]
) -> None:
    coupon = offer()
    ended = threading.Event()
    failures: list[object] = []
    counts = [0] * 4

    def ask(caller: int) -> None:
        with face(*(one.address for one in pair), deadline=30) as client:
            while not ended.is_set():
                user = 1 + caller * 1_000_000 + counts[caller]
                try:
                    answer = client.issue(coupon, user, wait_for=coupond.WaitFor.ISSUED)
                    if answer.outcome != coupond.Outcome.ISSUED:
                        failures.append(answer)
                except coupond.CouponError as error:
                    failures.append(error)
                counts[caller] += 1

    threads = [threading.Thread(target=ask, args=[caller]) for caller in range(len(counts))]
    for thread in threads:
        thread.start()
    for one in pair:
        before = list(counts)
        assert one.stop() == 0
        one.start()
        while any(now == then for now, then in zip(counts, before)) and not failures:
            ended.wait(0.01)
    ended.set()
    for thread in threads:
        thread.join()
    assert failures == [] and all(counts)
    with coupond.Client(pair[0].address, deadline=20) as client:
        assert client.status(coupon).accepted == sum(counts)
