#!/usr/bin/python3
"""A small client of coupond: asks for a coupon, safely again where it must, and for a status.

The messages are generated from Proto/coupond/v1 by protoc at first use, into .local/python.
See README.md beside this file for the options, the JSON output and the exit codes.
"""

import argparse
import hashlib
import importlib
import json
import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata
from pathlib import Path

try:
    from google.protobuf.message import DecodeError
except ImportError:
    sys.exit(f"{sys.executable} has no protobuf: install python3-protobuf, or pip install protobuf")

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "Proto" / "coupond" / "v1"

MAXIMUM_FRAME_BYTES = 65_536

# Exit codes, as in README.md.
EXIT_ACCEPTED = 0
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_DUPLICATE = 4
EXIT_ERROR = 5
EXIT_UNKNOWN = 6
EXIT_OUTPUT_LOST = 7

EXIT_OF_OUTCOME = {
    "ACCEPTED": EXIT_ACCEPTED,
    "ISSUED": EXIT_ACCEPTED,
    "DUPLICATE": EXIT_DUPLICATE,
    "SOLD_OUT": EXIT_REFUSED,
    "NOT_OPEN": EXIT_REFUSED,
    "ENDED": EXIT_REFUSED,
    "PAUSED": EXIT_REFUSED,
    "CLOSED": EXIT_REFUSED,
    "NOT_FOUND": EXIT_REFUSED,
    "REJECTED": EXIT_REFUSED,
}

CODE_NAMES = {
    3: "INVALID_ARGUMENT",
    4: "DEADLINE_EXCEEDED",
    5: "NOT_FOUND",
    6: "ALREADY_EXISTS",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    16: "UNAUTHENTICATED",
}
DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE = 4, 8, 14


def load_messages():
    """The generated module; made anew where the schema is not the one that it was made from."""
    schemas = sorted(SCHEMA.glob("*.proto"))
    digest = hashlib.sha256(b"".join(schema.read_bytes() for schema in schemas)).hexdigest()[:16]
    cache = Path(os.environ.get("COUPOND_PYTHON_CACHE", ROOT / ".local" / "python")) / digest
    if not (cache / "coupond_pb2.py").exists():
        cache.mkdir(parents=True, exist_ok=True)
        # Several clients may start at once: each makes its own, the last rename wins.
        with tempfile.TemporaryDirectory(dir=cache) as work:
            command = ["protoc", f"--proto_path={SCHEMA}", f"--python_out={work}"]
            try:
                subprocess.run([*command, *(schema.name for schema in schemas)], check=True)
            except FileNotFoundError:
                sys.exit("coupon_client: protoc is missing; install protobuf-compiler")
            # The one that imports the others comes last: it says that all are there.
            made = sorted(Path(work).iterdir(), key=lambda module: module.name == "coupond_pb2.py")
            for module in made:
                os.replace(module, cache / module.name)
    sys.path.insert(0, str(cache))
    return importlib.import_module("coupond_pb2")


messages = load_messages()


class ConnectionBroken(Exception):
    """The connection could not be made, or ended before the answer.

    `sent` says whether the daemon may have read the request.
    """

    def __init__(self, error, sent):
        super().__init__(str(error) or type(error).__name__)
        self.sent = sent


class Connection:
    """One request at a time on one connection; connects when it is needed.

    Threads may share it: one waits for the other. A forked process makes a connection of its own: on a
    shared one it could read the answer to another process.
    """

    def __init__(
        self,
        host="127.0.0.1",
        port=7070,
        unix=None,
        tls=None,
        server_name=None,
        caller_token=b"",
    ):
        """
        :param unix: the path of a unix socket; host and port do not count then, and there is no TLS.
        :param tls: an ssl.SSLContext; None for a connection without TLS.
        :param server_name: what the daemon's certificate must be for; the host by default.
        :param caller_token: each connection begins with it, if it is not empty.
        """
        self.address = (host, port)
        self.unix = unix
        self.tls = tls
        self.server_name = server_name or host
        self.caller_token = caller_token
        self.has_answer = False
        self.socket = None
        self.last_id = 0
        self.lock = threading.Lock()
        self.owner = os.getpid()

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def call(self, request, timeout):
        """Sends a request and returns its response. After an error the next call connects again."""
        if self.owner != os.getpid():
            # The lock may be held by a thread that exists in the parent only. Closing the copy of the
            # socket leaves the parent's open.
            self.lock = threading.Lock()
            self.owner = os.getpid()
            self.close()
        with self.lock:
            return self._call(request, timeout)

    def _call(self, request, timeout):
        give_up_at = time.monotonic() + timeout
        sent = False
        try:
            if self.socket is None:
                self.socket = self._connect(timeout)
                self.has_answer = False
                refusal = self._authenticate(give_up_at)
                if refusal is not None:
                    return refusal
            sent = True
            return self._exchange(request, give_up_at)
        except (OSError, DecodeError) as error:
            self.close()
            if not self.has_answer and is_refused_certificate(error):
                # With TLS 1.3 the daemon judges our certificate after we have begun to send.
                sent = False
            raise ConnectionBroken(error, sent) from error

    def _connect(self, timeout):
        if self.unix is not None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.settimeout(timeout)
                connection.connect(self.unix)
                return connection
            except OSError:
                connection.close()
                raise
        connection = socket.create_connection(self.address, timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls is None:
            return connection
        # Closes the connection if the handshake fails.
        return self.tls.wrap_socket(connection, server_hostname=self.server_name)

    def _authenticate(self, give_up_at):
        """Says who calls, if there is a token. An error is the answer to the caller's request too."""
        if not self.caller_token:
            return None
        request = messages.Request()
        request.authenticate.token = self.caller_token
        response = self._exchange(request, give_up_at)
        if response.WhichOneof("result") == "authenticate":
            return None
        # The daemon closes after a wrong token.
        self.close()
        return response

    def _exchange(self, request, give_up_at):
        self.last_id += 1
        request.id = self.last_id
        body = request.SerializeToString()
        self._wait_until(give_up_at)
        try:
            self.socket.sendall(struct.pack(">I", len(body)) + body)
        except ConnectionError:
            # The daemon has closed. It may have said why before.
            pass
        response = messages.Response.FromString(self._read_frame(give_up_at))
        self.has_answer = True
        # 0: the daemon did not read our frame, or could not, and closes.
        if response.id == 0:
            self.close()
        elif response.id != request.id:
            raise OSError(f"an answer to request {response.id}")
        return response

    def _read_frame(self, give_up_at):
        (length,) = struct.unpack(">I", self._read(4, give_up_at))
        if not 1 <= length <= MAXIMUM_FRAME_BYTES:
            raise OSError(f"a frame of {length} bytes")
        return self._read(length, give_up_at)

    def _read(self, count, give_up_at):
        parts = bytearray()
        while len(parts) < count:
            self._wait_until(give_up_at)
            part = self.socket.recv(count - len(parts))
            if not part:
                raise OSError("the connection was closed")
            parts += part
        return bytes(parts)

    def _wait_until(self, give_up_at):
        left = give_up_at - time.monotonic()
        if left <= 0:
            raise OSError("no answer in time")
        self.socket.settimeout(left)


def is_refused_certificate(error):
    """Whether the daemon did not accept our certificate, or that we have none."""
    reason = getattr(error, "reason", None) or ""
    return isinstance(error, ssl.SSLError) and "ALERT" in reason and (
        "CERT" in reason or "UNKNOWN_CA" in reason or "HANDSHAKE" in reason
    )


def make_tls(arguments):
    """The TLS of the options; None without one.

    :raises OSError: if a file cannot be used.
    """
    files = (arguments.tls_ca, arguments.tls_certificate, arguments.tls_key)
    if not (arguments.tls or arguments.tls_server_name or any(files)):
        return None
    context = ssl.create_default_context(cafile=arguments.tls_ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if arguments.tls_certificate:
        context.load_cert_chain(arguments.tls_certificate, arguments.tls_key)
    return context


class Unresolved(Exception):
    """No outcome within the time and the tries allowed. `known` says what is known."""

    def __init__(self, reason, known, attempts, retry_after_ms=0):
        super().__init__(reason)
        self.known = known
        self.attempts = attempts
        self.retry_after_ms = retry_after_ms


def is_worth_a_retry(error):
    if error.code == RESOURCE_EXHAUSTED:
        return error.retry_after_ms > 0
    return error.code in (UNAVAILABLE, DEADLINE_EXCEEDED)


def pause_before(attempt, retry_after_ms):
    """Seconds: what the daemon asks for or a growing time, and up to as much again at random."""
    growing_ms = min(50 * 2 ** (attempt - 1), 2_000)
    base_ms = max(retry_after_ms, growing_ms)
    return base_ms * random.uniform(1, 2) / 1_000


class Known:
    """What is known of a request after some tries: one that may be accepted stays so.

    NOT_ACCEPTED speaks of its own try only, so it takes back nothing.
    """

    ORDER = ["NOT_ACCEPTED", "UNKNOWN", "ACCEPTED"]

    def __init__(self, acceptance):
        self.acceptance = acceptance
        self.sequence = 0

    def learn(self, acceptance, sequence=0):
        if self.ORDER.index(acceptance) > self.ORDER.index(self.acceptance):
            self.acceptance, self.sequence = acceptance, sequence


class Tries:
    """One request and its retries, all alike but for `attempt`: docs/PROTOCOL.md, Retries."""

    def __init__(self, connection, deadline_ms, total_s, maximum_attempts):
        self.connection = connection
        self.deadline_ms = deadline_ms
        self.give_up_at = time.monotonic() + total_s
        self.maximum_attempts = maximum_attempts

    def run(self, method, make_request, known=None):
        """The answer to the method, and how many tries it took.

        :param known: what is known from earlier runs; nothing by default.
        :raises Unresolved: where the time or the tries are spent without one.
        """
        known = known or Known("NOT_ACCEPTED")
        attempt = 0
        while True:
            left_ms = (self.give_up_at - time.monotonic()) * 1_000
            request = make_request(attempt)
            request.deadline_ms = max(1, int(min(self.deadline_ms, left_ms)))
            retry_after_ms = 0
            try:
                # The daemon ends a request by its deadline; a second for the way back.
                response = self.connection.call(request, request.deadline_ms / 1_000 + 1)
                result = response.WhichOneof("result")
                if result == method:
                    return getattr(response, method), attempt + 1
                if result != "error":
                    known.learn("UNKNOWN")
                    raise Unresolved("an answer of no kind known here", known, attempt + 1)
                failure = response.error
                reason = f"{code_name(failure.code)}: {failure.message}"
                retry_after_ms = failure.retry_after_ms
                again = is_worth_a_retry(failure)
                known.learn(acceptance_name(failure.acceptance), failure.sequence)
            except ConnectionBroken as error:
                reason, again = str(error), True
                known.learn("UNKNOWN" if error.sent else "NOT_ACCEPTED")
            attempt += 1
            pause = pause_before(attempt, retry_after_ms)
            out_of_time = time.monotonic() + pause >= self.give_up_at
            if not again or out_of_time or attempt >= self.maximum_attempts:
                raise Unresolved(reason, known, attempt, retry_after_ms)
            time.sleep(pause)


def code_name(code):
    return CODE_NAMES.get(code, "INTERNAL")


def acceptance_name(value):
    """A word of a later daemon says nothing that may be relied on."""
    known = {0: "NOT_ACCEPTED", 1: "ACCEPTED", 2: "UNKNOWN"}
    return known.get(value, "UNKNOWN")


def enum_name(enum, value, prefix):
    """`OUTCOME_SOLD_OUT` as `SOLD_OUT`; a number that is not known as itself."""
    by_number = {number: name for name, number in enum.items()}
    return by_number.get(value, f"{prefix}{value}").removeprefix(prefix)


def issue(arguments, tries):
    request_id = arguments.request_id

    def make_request(attempt):
        request = messages.Request()
        request.issue.coupon_id = arguments.coupon
        request.issue.user_id = arguments.user
        request.issue.request_id = request_id
        request.issue.attempt = attempt + arguments.retry
        if arguments.wait_issued:
            request.issue.wait_for = messages.WAIT_FOR_ISSUED
        return request

    # An earlier run may have been accepted, whatever becomes of this one.
    known = Known("UNKNOWN" if arguments.retry else "NOT_ACCEPTED")
    answer, attempts = tries.run("issue", make_request, known)
    outcome = enum_name(messages.Outcome, answer.outcome, "OUTCOME_")
    report = {"outcome": outcome}
    if answer.sequence:
        report["sequence"] = answer.sequence
    if outcome == "ISSUED":
        report["issued_at"] = answer.issued_at
    if outcome == "DUPLICATE":
        report["state"] = enum_name(messages.UserState, answer.state, "USER_STATE_")
    if outcome == "NOT_OPEN":
        report["opens_at"] = answer.opens_at
    if outcome == "REJECTED":
        prefix = "REJECTION_REASON_"
        report["reason"] = enum_name(messages.RejectionReason, answer.reason, prefix)
    report["request_id"] = request_id.hex()
    report["attempts"] = attempts
    return report, EXIT_OF_OUTCOME.get(outcome, EXIT_UNKNOWN)


def status(arguments, tries):
    def make_request(_):
        request = messages.Request()
        request.coupon_status.coupon_id = arguments.coupon
        request.coupon_status.user_id = arguments.user or 0
        return request

    answer, attempts = tries.run("coupon_status", make_request)
    coupon = answer.coupon
    report = {
        "coupon": coupon.id,
        "title": coupon.title,
        "state": enum_name(messages.CouponState, coupon.state, "COUPON_STATE_"),
        "opens_at": coupon.opens_at,
        "closes_at": coupon.closes_at,
        "total": coupon.total if coupon.HasField("total") else None,
        "accepted": answer.accepted,
        "issued": coupon.issued,
        "remaining": coupon.remaining if coupon.HasField("remaining") else None,
        "queued": answer.queued,
        "version": coupon.version,
    }
    if arguments.user:
        state = enum_name(messages.UserState, answer.user_state, "USER_STATE_")
        report |= {"user": arguments.user, "user_state": state}
        if state != "NONE":
            report["sequence"] = answer.sequence
        if state == "QUEUED":
            report["ahead"] = answer.ahead
            report["decided_in_ms"] = answer.decided_in_ms or None
        if state == "ISSUED":
            report["issued_at"] = answer.issued_at
        if state == "REJECTED":
            prefix = "REJECTION_REASON_"
            report["reason"] = enum_name(messages.RejectionReason, answer.reason, prefix)
    report["attempts"] = attempts
    return report, EXIT_ACCEPTED


def positive(text):
    value = int(text)
    if not 1 <= value < 2**63:
        raise argparse.ArgumentTypeError("must be from 1 to 2^63 - 1")
    return value


def milliseconds(text):
    value = int(text)
    if not 1 <= value <= 60_000:
        raise argparse.ArgumentTypeError("must be from 1 to 60000")
    return value


def request_id(text):
    value = bytes.fromhex(text)
    if not 1 <= len(value) <= 16:
        raise argparse.ArgumentTypeError("must have 1 to 16 bytes, in hexadecimal")
    return value


class Parser(argparse.ArgumentParser):
    def error(self, message):
        # It quotes arguments, which a script may have from elsewhere.
        super().error(safe_for_terminal(message))


def caller_token(path):
    try:
        line = Path(path).read_text("utf-8-sig").split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"cannot be read: {error}") from error
    if not 1 <= len(line.encode()) <= 1_024:
        raise argparse.ArgumentTypeError("must have a first line of 1 to 1024 bytes")
    return line.encode()


def parse(command_line):
    parser = Parser(prog="coupon_client.py", description=__doc__.split("\n")[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7070)
    parser.add_argument("--unix", metavar="PATH", help="a unix socket instead of host and port")
    parser.add_argument("--tls", action="store_true", help="TLS; trusts the system's CAs")
    parser.add_argument("--tls-ca", metavar="FILE", help="TLS; trusts the CAs of this PEM file only")
    parser.add_argument("--tls-certificate", metavar="FILE", help="TLS; our own certificate (PEM)")
    parser.add_argument("--tls-key", metavar="FILE", help="its key (PEM); default: the same file")
    parser.add_argument(
        "--tls-server-name", metavar="NAME", help="TLS; the name in the daemon's certificate"
    )
    parser.add_argument(
        "--caller-token-file",
        type=caller_token,
        dest="caller_token",
        default=b"",
        help="a file whose first line is your token of the daemon's callers file",
    )
    parser.add_argument(
        "--deadline-ms", type=milliseconds, default=2_000, help="of each try (default 2000)"
    )
    parser.add_argument(
        "--timeout", type=float, default=10, help="seconds for all tries together (default 10)"
    )
    parser.add_argument("--attempts", type=positive, default=10, help="tries at most (default 10)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    commands = parser.add_subparsers(dest="command", required=True)

    ask = commands.add_parser("issue", help="ask for a coupon for a user")
    ask.add_argument("--coupon", type=positive, required=True)
    ask.add_argument("--user", type=positive, required=True)
    ask.add_argument("--wait-issued", action="store_true", help="wait for the commit")
    ask.add_argument(
        "--request-id", type=request_id, default=None, help="hexadecimal; random by default"
    )
    ask.add_argument(
        "--retry", action="store_true", help="this --request-id was tried before, by another run"
    )
    ask.set_defaults(run=issue)

    look = commands.add_parser("status", help="the status of a coupon, and of a user if one is named")
    look.add_argument("--coupon", type=positive, required=True)
    look.add_argument("--user", type=positive)
    look.set_defaults(run=status)
    arguments = parser.parse_args(command_line)
    if arguments.command == "issue" and arguments.request_id is None:
        if arguments.retry:
            ask.error("--retry needs the --request-id of the first try")
        arguments.request_id = os.urandom(16)
    return arguments


# Letters that joiners join or keep apart: from Hebrew to Vedic, and later blocks of the same scripts.
JOINED = ((0x0590, 0x10FF), (0x1200, 0x1CFF), (0xA800, 0xABFF), (0x11000, 0x11FFF))
# What Unicode calls default ignorable, beside the formats: fillers, choices of style, tags.
INVISIBLE = (
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2065, 0x2065),
    (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF),
)  # fmt: skip


def is_in(character, ranges):
    return any(first <= ord(character) <= last for first, last in ranges)


def may_mislead(character):
    """Control characters, other line ends, and what shows nothing itself."""
    if character.isascii():
        return character < " " or character == "\x7f"
    category = unicodedata.category(character)
    return category in ("Cc", "Cf", "Zl", "Zp", "Cs") or is_in(character, INVISIBLE)


def is_emoji(character):
    if character.isascii():
        return character in "#*0123456789"
    return unicodedata.category(character) in ("So", "Sk", "Sm", "Po")


def is_joined(character):
    if character.isascii():
        return False
    return is_emoji(character) or character == "\ufe0f" or is_in(character, JOINED)


def is_unsafe(last, character, following):
    """Whether a character must be escaped between these two, of which either may be empty.

    Joiners stay between letters of scripts that need them and between emoji, a choice of style behind its
    emoji. Elsewhere they only make two texts that look alike differ.
    """
    if not may_mislead(character):
        return False
    if character in "\u200c\u200d":
        return not (last and following and is_joined(last) and is_joined(following))
    if character in "\ufe0e\ufe0f":
        return not (last and is_emoji(last))
    return True


def escaped(text, escape):
    neighbours = zip(" " + text, text, text[1:] + " ")
    return "".join(escape(c) if is_unsafe(last, c, after) else c for last, c, after in neighbours)


def safe_for_terminal(text):
    return escaped(text, lambda c: f"\\u{{{ord(c):x}}}")


def json_line(report):
    # They stand in strings only, where this form means the same.
    return escaped(json.dumps(report, ensure_ascii=False), lambda c: json.dumps(c)[1:-1])


def show(report, as_json):
    """False if standard output cannot be written."""
    if as_json:
        lines = [json_line(report)]
    else:
        lines = [
            f"{name:12} {'' if value is None else safe_for_terminal(str(value))}"
            for name, value in report.items()
        ]
    if sys.stdout is None:
        complain("standard output is closed")
        return False
    try:
        # An encoding that lacks a letter of a title is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
        print("\n".join(lines), flush=True)
        return True
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            complain(f"standard output cannot be written: {error.strerror}")
        # Otherwise the interpreter tries to write the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return False


def complain(text):
    if sys.stderr is not None:
        try:
            print(f"coupon_client: {safe_for_terminal(text)}", file=sys.stderr, flush=True)
        except OSError:
            pass


def reserve_descriptors():
    """Opens closed standard descriptors, so that no connection gets their numbers."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)


def main(command_line=None):
    reserve_descriptors()
    arguments = parse(command_line)
    try:
        tls = make_tls(arguments)
    except OSError as error:
        complain(f"the files of TLS cannot be used: {error}")
        return EXIT_USAGE
    connection = Connection(
        arguments.host,
        arguments.port,
        arguments.unix,
        tls,
        arguments.tls_server_name,
        arguments.caller_token,
    )
    tries = Tries(connection, arguments.deadline_ms, arguments.timeout, arguments.attempts)
    try:
        report, exit_code = arguments.run(arguments, tries)
    except Unresolved as error:
        report = {"error": str(error), "attempts": error.attempts}
        if error.retry_after_ms:
            report["retry_after_ms"] = error.retry_after_ms
        exit_code = EXIT_ERROR
        if arguments.command == "issue":
            known = error.known
            report |= {"acceptance": known.acceptance, "request_id": arguments.request_id.hex()}
            if known.acceptance == "ACCEPTED":
                report["sequence"] = known.sequence
            if known.acceptance != "NOT_ACCEPTED":
                exit_code = EXIT_UNKNOWN
    finally:
        connection.close()
    if not show(report, arguments.json):
        return EXIT_OUTPUT_LOST
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
