"""The examples of the repository run as their pages say."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import coupond
from coupond.v1 import coupond_pb2 as pb
from conftest import ROOT, CannedDaemon, Daemon, Servers, framed, free_port

Canned = Callable[..., CannedDaemon]
EXAMPLES = ROOT / "Examples"
Offer = Callable[..., int]


def run(*command: object, text: str = "", folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHON": sys.executable, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [str(word) for word in command], input=text, capture_output=True, text=True, timeout=60,
        env=environment, cwd=folder, check=False,
    )  # fmt: skip


def test_the_shell_asks(daemon: Daemon, offer: Offer) -> None:
    coupon = offer(total=1)

    def ask(request: str) -> subprocess.CompletedProcess[str]:
        return run(EXAMPLES / "shell" / "ask", "127.0.0.1", daemon.port, text=request)

    first = ask(f"issue {{ coupon_id: {coupon} user_id: 1 wait_for: WAIT_FOR_ISSUED }}")
    assert first.returncode == 0, first.stderr
    assert "outcome: OUTCOME_ISSUED\n  sequence: 1\n" in first.stdout
    assert "OUTCOME_SOLD_OUT" in ask(f"issue {{ coupon_id: {coupon} user_id: 2 }}").stdout
    status = ask(f"coupon_status {{ coupon_id: {coupon} user_id: 1 }}")
    assert "user_state: USER_STATE_ISSUED" in status.stdout
    wrong = ask(f"issue {{ coupon_id: {coupon} }}")
    assert wrong.returncode == 1 and "issue.user_id: must be positive, got 0" in wrong.stdout
    assert ask("issue { coupon: 1 }").returncode == 64


def test_the_shell_tells_an_error_from_no_answer(canned: Canned) -> None:
    whole = framed(pb.Response(id=1, issue={"outcome": pb.OUTCOME_SOLD_OUT}))
    answers = [b"", whole[:3], whole[:4], whole[:-1], b"\0\0\0\2\x0a\x7f"]

    def ask(port: object) -> subprocess.CompletedProcess[str]:
        return run(EXAMPLES / "shell" / "ask", "127.0.0.1", port, text="health {}")

    for answer in answers:
        # It is said to each connection, and then the connection is closed.
        server = canned(lambda *_: None, answer) if answer else canned(lambda *_: None)
        done = ask(server.address.split(":")[1])
        assert done.returncode == 2 and "ask: no answer" in done.stderr, (answer, done)
    done = ask(canned(lambda *_: None, whole).address.split(":")[1])
    assert done.returncode == 0 and "OUTCOME_SOLD_OUT" in done.stdout, done
    assert ask(free_port()).returncode == 2


def test_the_c_program_of_the_first_call(daemon: Daemon, offer: Offer, tmp_path: Path) -> None:
    coupon = offer(total=5)
    page = (ROOT / "docs" / "FIRST_CALL.md").read_text()
    block = page.split("\n## C\n")[1].split("```bash\n")[1].split("```")[0]
    block = block.replace('"7070"', f'"{daemon.port}"')
    block = block.replace("client, 1, 102,", f"client, {coupon}, 102,")
    assert str(daemon.port) in block and f" {coupon}, 102" in block
    # The client is built in a copy, so that nothing is left in the repository.
    run("cp", "-r", "--parents", "Clients/c", "Proto", "Scripts/proto-for-c.sed", tmp_path)
    commands = block.replace("coupond/Clients/c", f"{tmp_path}/Clients/c")
    first = run("bash", "-e", "-c", commands, folder=tmp_path)
    assert first.stdout.startswith("coupon 1, issued at"), first
    again = run("./first", folder=tmp_path)
    assert again.stdout == "this user asked before: 1, ISSUED\n"


def test_the_load_adds_up(daemon: Daemon, offer: Offer) -> None:
    coupon = offer(total=100)
    load = run(
        sys.executable, EXAMPLES / "load" / "load.py", "--address", daemon.address,
        "--coupon", coupon, "--users", 300, "--tasks", 20,
    )  # fmt: skip
    assert load.returncode == 0, load
    assert load.stdout.split()[:4] == ["ACCEPTED", "100", "SOLD_OUT", "200"]


def test_coupons_and_holders_are_migrated(daemon: Daemon, servers: Servers) -> None:
    def sql(text: str) -> None:
        done = run("psql", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", servers.postgres, text=text)
        assert done.returncode == 0, done.stderr

    sql((EXAMPLES / "migration" / "legacy.sql").read_text())
    sql("""
        INSERT INTO legacy_coupon VALUES
            (901, 'A, "quoted" one', 3, '2026-01-01Z', '2026-02-01Z'), (902, '봄', NULL, now(), NULL),
            (903, 'too many', 1, now(), 'tomorrow');
        INSERT INTO legacy_coupon_user
        SELECT 901, n, now() + n * interval '1 s' FROM generate_series(1, 3) AS n
        UNION ALL SELECT 902, n, now() FROM generate_series(1, 1200) AS n
        UNION ALL SELECT 903, n, now() FROM generate_series(1, 2) AS n
    """)
    command = [EXAMPLES / "migration" / "migrate", servers.postgres, "--address", daemon.address]
    for _ in range(2):
        done = run(*command)
        assert done.returncode == 1 and "coupon 903, user 2: SOLD_OUT" in done.stdout, done
        assert "coupon 901: 3 holders\ncoupon 902: 1200 holders\n" in done.stdout
    with coupond.Client(daemon.address, deadline=20) as client:
        one = client.coupon(901)
        assert (one.title, one.total, one.issued) == ('A, "quoted" one', 3, 3)
        assert one.closes_at and one.closes_at.isoformat() == "2026-02-01T00:00:00+00:00"
        other = client.coupon(902)
        assert (other.total, other.issued, other.closes_at) == (None, 1200, None)


def test_holders_in_any_order_are_migrated(daemon: Daemon, tmp_path: Path) -> None:
    coupons, holders = tmp_path / "coupons.csv", tmp_path / "holders.csv"
    window = "1700000000000000,"
    coupons.write_text(
        f"id,title,total,opens_at,closes_at\n911,A,,{window}\n912,B,,{window}\n"
    )
    holders.write_text("coupon_id,user_id\n911,10\n912,11\n911,12\n913,13\n")
    done = run(
        sys.executable, EXAMPLES / "migration" / "migrate.py", coupons, holders,
        "--address", daemon.address,
    )  # fmt: skip
    assert done.stdout == (
        "coupon 911: 2 holders\ncoupon 912: 1 holders\n"
        "coupon 913: not found, and it has 1 holders\n"
    ), done
    assert done.returncode == 1
    with coupond.Client(daemon.address, deadline=20) as client:
        assert [issue.user for issue in client.issues(911)] == [10, 12]


def test_events_reach_a_webhook_and_go_on_after_a_crash(
    daemon: Daemon, offer: Offer, tmp_path: Path
) -> None:
    received: list[dict[str, Any]] = []
    arrived = threading.Condition()

    class Webhook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with arrived:
                # The first one is refused: it must come again.
                if not seen and len(body) > 0:
                    seen.append(1)
                    self.send_error(503)
                    return
                received.extend(body)
                arrived.notify_all()
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    seen: list[int] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    coupon = offer()
    command = [
        sys.executable, EXAMPLES / "events" / "forward.py", "--address", daemon.address,
        "--bookmark-file", tmp_path / "bookmark",
        "--webhook", f"http://127.0.0.1:{server.server_port}/coupons",
    ]  # fmt: skip

    def users() -> list[object]:
        return [one["user"] for one in received if (one["coupon"], one["event"]) == (coupon, "ISSUED")]

    users_and_names: list[tuple[int, object]] = [(1, 1), (2**53 + 1, "9007199254740993")]
    with coupond.Client(daemon.address, deadline=20) as client:
        for user, name in users_and_names:
            client.issue(coupon, user)
            environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
            forwarder = subprocess.Popen([str(word) for word in command], env=environment)
            with arrived:
                assert arrived.wait_for(lambda: name in users(), 60)
            forwarder.kill()
            forwarder.wait()
    places = {tuple(one["place"]) for one in received if one["coupon"] == coupon}
    assert set(users()) == {1, "9007199254740993"} and len(places) == 2
    server.shutdown()
