"""`python -m coupond`: asks for coupons and for their status, for scripts. README.md has the exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from . import _types as words
from ._addresses import tls_context
from ._client import Client
from ._errors import AcceptedError, CouponError, NotAcceptedError
from ._retries import RetryPolicy
from ._text import json_line, rfc3339, safe_for_terminal
from ._trace import trace

ACCEPTED = 0
USAGE = 2
REFUSED = 3
DUPLICATE = 4
ERROR = 5
UNKNOWN = 6
OUTPUT_LOST = 7

Report = dict[str, object]


def issue(client: Client, arguments: argparse.Namespace) -> tuple[Report, int]:
    answer = client.issue(
        arguments.coupon,
        arguments.user,
        wait_for=words.WaitFor.ISSUED if arguments.wait_issued else words.WaitFor.ACCEPTED,
        request_id=arguments.request_id,
        attempt=1 if arguments.retry else 0,
        deadline=arguments.timeout,
    )
    report: Report = {"outcome": answer.outcome.name}
    if answer.sequence is not None:
        report["sequence"] = answer.sequence
    if answer.issued_at is not None:
        report["issued_at"] = rfc3339(answer.issued_at)
    if answer.state is not None:
        report["state"] = answer.state.name
    if answer.opens_at is not None:
        report["opens_at"] = rfc3339(answer.opens_at)
    if answer.reason is not None:
        report["reason"] = answer.reason.name
    report |= {"request_id": answer.request_id.hex(), "attempts": answer.attempts}
    if answer.outcome == words.Outcome.DUPLICATE:
        return report, DUPLICATE
    return report, ACCEPTED if answer.has_coupon else REFUSED


def status(client: Client, arguments: argparse.Namespace) -> tuple[Report, int]:
    answer = client.status(arguments.coupon, arguments.user, deadline=arguments.timeout)
    coupon = answer.coupon
    report: Report = {
        "coupon": coupon.id,
        "title": coupon.title,
        "state": coupon.state.name,
        "opens_at": rfc3339(coupon.opens_at),
        "closes_at": rfc3339(coupon.closes_at) if coupon.closes_at else None,
        "total": coupon.total,
        "accepted": answer.accepted,
        "issued": coupon.issued,
        "remaining": coupon.remaining,
        "queued": answer.queued,
        "version": coupon.version,
    }
    if arguments.user:
        report["user"] = arguments.user
        report |= of_user(answer.user)
    return report, ACCEPTED


def of_user(user: words.UserStatus) -> Report:
    report: Report = {"user_state": user.state.name}
    if user.sequence is not None:
        report["sequence"] = user.sequence
    if user.ahead is not None:
        report["ahead"] = user.ahead
    if user.decided_in is not None:
        report["decided_in_ms"] = round(user.decided_in.total_seconds() * 1_000)
    if user.issued_at is not None:
        report["issued_at"] = rfc3339(user.issued_at)
    if user.reason is not None:
        report["reason"] = user.reason.name
    return report


def health(client: Client, arguments: argparse.Namespace) -> tuple[Report, int]:
    answer = client.health(deadline=arguments.timeout)
    report: Report = {"ready": answer.ready}
    if not answer.ready:
        report["reason"] = answer.reason
    return report, ACCEPTED if answer.ready else ERROR


def info(client: Client, arguments: argparse.Namespace) -> tuple[Report, int]:
    answer = client.server_info(deadline=arguments.timeout)
    return {
        "version": answer.version,
        "partitions": answer.partitions,
        "maximum_frame_bytes": answer.maximum_frame_bytes,
        "now": rfc3339(answer.now),
        "idle_seconds": answer.idle_seconds,
        "features": " ".join(answer.features),
    }, ACCEPTED


def events(client: Client, arguments: argparse.Namespace) -> int:
    """One JSON line for each event and each reset, and one with the bookmark after each page."""
    left = arguments.pages
    try:
        for page in client.events(
            arguments.after, from_oldest=arguments.from_oldest, coupon=arguments.coupon
        ):
            lines: list[Report] = [
                {"reset": reason.name, "partition": partition}
                for partition, reason in page.resets.items()
            ]
            lines += [of_event(event) for event in page.events]
            last: Report = {"bookmark": page.bookmark.hex()}
            if page.behind:
                last["behind"] = page.behind
            if not all(show(line, True) for line in [*lines, last]):
                return OUTPUT_LOST
            left -= 1
            if left == 0:
                break
    except KeyboardInterrupt:
        pass
    return ACCEPTED


def of_event(event: words.Event) -> Report:
    report: Report = {"event": event.kind.name, "coupon": event.coupon}
    if event.user is not None:
        report["user"] = event.user
    if event.sequence is not None:
        report["sequence"] = event.sequence
    if event.request_id is not None:
        report["request_id"] = event.request_id.hex()
    if event.accepted_at is not None:
        report["accepted_at"] = rfc3339(event.accepted_at)
    if event.reason is not None:
        report["reason"] = event.reason.name
    if event.version is not None:
        report["version"] = event.version
    report["committed_at"] = rfc3339(event.committed_at)
    return report | dict(zip(("partition", "commit", "index"), event.place))


def failed(error: CouponError, request_id: bytes | None) -> tuple[Report, int]:
    report: Report = {"error": str(error), "attempts": error.attempts}
    if error.retry_after is not None:
        report["retry_after_ms"] = round(error.retry_after * 1_000)
    if request_id is not None:
        report |= {"acceptance": error.acceptance.name, "request_id": request_id.hex()}
    if isinstance(error, AcceptedError):
        report["sequence"] = error.sequence
    return report, ERROR if isinstance(error, NotAcceptedError) else UNKNOWN


def whole(text: str) -> int:
    """0 if it is not written in digits alone: `int` takes `1_0`, blanks, and digits of other scripts."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0


def positive(text: str) -> int:
    value = whole(text)
    if not 1 <= value < 2**63:
        raise argparse.ArgumentTypeError("must be from 1 to 2^63 - 1")
    return value


def milliseconds(text: str) -> int:
    value = whole(text)
    if not 1 <= value <= 60_000:
        raise argparse.ArgumentTypeError("must be from 1 to 60000")
    return value


def seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError("must be more than 0 and at most 86400")
    return value


def request_id(text: str) -> bytes:
    value = bytes.fromhex(text)
    if not 1 <= len(value) <= 16:
        raise argparse.ArgumentTypeError("must have 1 to 16 bytes, in hexadecimal")
    return value


def bookmark(text: str) -> bytes:
    value = bytes.fromhex(text)
    if not value:
        raise argparse.ArgumentTypeError("must not be empty: that would begin with the next commit")
    return value


def named(text: str) -> str:
    """A script's variable that is not set must not turn TLS, or its check, off."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def token(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            # A token, and enough to see that it is longer.
            line = file.read(1_028).removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        # The path may be the token itself, written in the wrong place.
        raise argparse.ArgumentTypeError(f"cannot be read: {error.strerror}") from error
    line = line.replace(b"\r", b"\n").split(b"\n", 1)[0]
    if not 1 <= len(line) <= 1_024:
        raise argparse.ArgumentTypeError("must have a first line of 1 to 1024 bytes")
    try:
        line.decode()
    except UnicodeDecodeError as error:
        raise argparse.ArgumentTypeError("is not UTF-8 text") from error
    if b"\0" in line:
        raise argparse.ArgumentTypeError("is not UTF-8 text")
    return line


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # The message quotes arguments, which a script may have from elsewhere.
        super().error(safe_for_terminal(message))


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--address",
        action="append",
        help="HOST:PORT, [HOST]:PORT or unix:/PATH (default 127.0.0.1:7070); once for each daemon",
    )
    add("--tls", action="store_true", help="TLS; trusts the system's CAs")
    add("--tls-ca", type=named, metavar="FILE", help="TLS; trusts the CAs of this PEM file only")
    add("--tls-certificate", type=named, metavar="FILE", help="TLS; our own certificate (PEM)")
    add("--tls-key", type=named, metavar="FILE", help="its key (PEM); default: the same file")
    add(
        "--tls-server-name",
        type=named,
        metavar="NAME",
        help="TLS; the name in the daemon's certificate",
    )
    add(
        "--caller-token-file",
        type=token,
        dest="caller_token",
        default=b"",
        metavar="FILE",
        help="a file whose first line is your token of the daemon's callers file",
    )
    add("--deadline-ms", type=milliseconds, default=2_000, help="of each try (default 2000)")
    add("--timeout", type=seconds, default=10, help="seconds for all tries (default 10)")
    add("--attempts", type=positive, default=10, help="tries at most (default 10)")
    add("--json", action="store_true", help="one JSON object on standard output")


def parse(command_line: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog="python -m coupond", description="A client of coupond for scripts.")
    add_options(parser)
    commands = parser.add_subparsers(dest="command", required=True)

    ask = commands.add_parser("issue", help="ask for a coupon for a user")
    ask.add_argument("--coupon", type=positive, required=True)
    ask.add_argument("--user", type=positive, required=True)
    ask.add_argument("--wait-issued", action="store_true", help="wait for the commit")
    ask.add_argument("--request-id", type=request_id, help="hexadecimal; random by default")
    ask.add_argument(
        "--retry", action="store_true", help="this --request-id was tried before, by another run"
    )
    ask.set_defaults(run=issue)

    look = commands.add_parser("status", help="the status of a coupon, and of a user if one is named")
    look.add_argument("--coupon", type=positive, required=True)
    look.add_argument("--user", type=positive)
    look.set_defaults(run=status)

    follow = commands.add_parser("events", help="what was committed, as JSON lines, without end")
    follow.add_argument("--coupon", type=positive, help="default: all coupons")
    follow.add_argument(
        "--after", type=bookmark, default=b"", help="a bookmark, hexadecimal; default: from now on"
    )
    follow.add_argument("--from-oldest", action="store_true", help="from the oldest event that is kept")
    follow.add_argument("--pages", type=positive, default=2**63 - 1, help="answers; default: without end")
    follow.set_defaults(run=events)

    commands.add_parser("health", help="whether the daemon accepts now").set_defaults(run=health)
    commands.add_parser("info", help="what the daemon is").set_defaults(run=info)

    arguments = parser.parse_args(command_line)
    if arguments.command == "issue" and arguments.request_id is None:
        if arguments.retry:
            ask.error("--retry needs the --request-id of the first try")
        arguments.request_id = os.urandom(16)
    return arguments


def make_client(arguments: argparse.Namespace) -> Client:
    """:raises OSError, ValueError: if a file or an address cannot be used."""
    tls = None
    files = (arguments.tls_ca, arguments.tls_certificate, arguments.tls_key)
    if arguments.tls or arguments.tls_server_name or any(files):
        tls = tls_context(
            authority=arguments.tls_ca,
            certificate=arguments.tls_certificate,
            key=arguments.tls_key,
        )
    return Client(
        *(arguments.address or []),
        retry=RetryPolicy(tries=arguments.attempts, try_deadline=arguments.deadline_ms / 1_000),
        tls=tls,
        server_name=arguments.tls_server_name,
        caller_token=arguments.caller_token,
    )


def show(report: Report, as_json: bool) -> bool:
    """False if standard output cannot be written."""
    if as_json:
        text = json_line(report)
    else:
        text = "\n".join(
            f"{name:12} {'' if value is None else safe_for_terminal(str(value))}"
            for name, value in report.items()
        )
    # Standard output is None if it was closed when the program began.
    output = sys.__stdout__
    if output is None:
        complain("standard output is closed")
        return False
    try:
        # An encoding that lacks a letter of a title is no reason to fail.
        if hasattr(output, "reconfigure"):
            output.reconfigure(errors="backslashreplace")
        print(text, file=output, flush=True)
        return True
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            complain(f"standard output cannot be written: {error.strerror}")
        # Otherwise the interpreter tries to write the rest when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return False


def complain(text: str) -> None:
    if sys.__stderr__ is not None:
        try:
            print(f"coupond: {safe_for_terminal(text)}", file=sys.__stderr__, flush=True)
        except OSError:
            pass


def reserve_descriptors() -> None:
    """Opens closed standard descriptors, so that no connection gets their numbers."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)


def main(command_line: list[str] | None = None) -> int:
    reserve_descriptors()
    arguments = parse(command_line)
    try:
        client = make_client(arguments)
    except OSError as error:
        complain(f"the TLS files cannot be used: {error}")
        return USAGE
    except ValueError as error:
        complain(str(error))
        return USAGE
    with client, trace(os.environ.get("TRACEPARENT", "")):
        try:
            if arguments.command == "events":
                return events(client, arguments)
            report, code = arguments.run(client, arguments)
        except CouponError as error:
            name = arguments.request_id if arguments.command == "issue" else None
            report, code = failed(error, name)
    return code if show(report, arguments.json) else OUTPUT_LOST


if __name__ == "__main__":
    sys.exit(main())
