"""Tests/Vectors, read by this client's own messages, and sent to a real daemon."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

import pytest
from google.protobuf import json_format

from coupond import _messages
from coupond._messages import BrokenFrameError, UnreadableError
from coupond.v1 import coupond_pb2 as pb
from conftest import ROOT, Daemon

Vector = dict[str, Any]


def vectors(name: str) -> list[Vector]:
    read: list[Vector] = json.loads((ROOT / "Tests" / "Vectors" / f"{name}.json").read_text())
    return read


def name(vector: Vector) -> str:
    return str(vector["name"])


REQUESTS = vectors("requests")
RESPONSES = vectors("responses")


def understood(response: pb.Response) -> object:
    """What the client makes of a response."""
    result = response.WhichOneof("result")
    if result == "issue":
        return _messages.issue_answer(response.issue, b"", 1)
    if result == "coupon_status":
        return _messages.coupon_status(response.coupon_status)
    if result == "coupon":
        return _messages.coupon(response.coupon)
    if result == "list_coupons":
        return [_messages.coupon(one) for one in response.list_coupons.coupons]
    if result == "list_issues":
        return [_messages.issue(one) for one in response.list_issues.issues]
    if result == "watch":
        return _messages.event_page(response.watch)
    if result == "server_info":
        return _messages.server_info(response.server_info)
    if result == "error":
        error = response.error
        return (
            _messages.code_of(error), _messages.acceptance_of(error), error.message,
            error.retry_after_ms, error.sequence,
        )  # fmt: skip
    return response


def fields_of(descriptor: Any, found: set[str]) -> set[str]:
    """All fields that a message and those inside it may have."""
    for field in descriptor.fields:
        if field.full_name not in found:
            found.add(field.full_name)
            if field.message_type is not None:
                fields_of(field.message_type, found)
    return found


def set_fields(message: Any, found: set[str]) -> None:
    """The fields that a message and those inside it have."""
    for field, value in message.ListFields():
        found.add(field.full_name)
        if field.message_type is not None:
            for inner in value if hasattr(value, "append") else [value]:
                set_fields(inner, found)


@pytest.mark.parametrize(("kind", "known"), [(pb.Request, REQUESTS), (pb.Response, RESPONSES)])
def test_each_field_of_the_schema_has_a_vector(kind: Any, known: list[Vector]) -> None:
    found: set[str] = set()
    for vector in known:
        if "meaning" in vector:
            set_fields(kind.FromString(bytes.fromhex(vector["meaning"])), found)
    assert fields_of(kind.DESCRIPTOR, set()) - found == set()


@pytest.mark.parametrize("vector", [one for one in REQUESTS if "meaning" in one], ids=name)
def test_a_request(vector: Vector) -> None:
    meaning = pb.Request.FromString(bytes.fromhex(vector["meaning"]))
    assert json_format.MessageToDict(meaning, preserving_proto_field_name=True) == vector["fields"]
    assert meaning.SerializeToString(deterministic=True).hex() == vector["meaning"]
    read = pb.Request.FromString(bytes.fromhex(vector["bytes"]))
    read.DiscardUnknownFields()
    # Where the daemon has a default of its own.
    if read.WhichOneof("method") in ("list_coupons", "list_issues", "list_connections"):
        page = getattr(read, read.WhichOneof("method") or "")
        page.limit = page.limit or 100
    if read.WhichOneof("method") == "watch":
        read.watch.limit = read.watch.limit or 400
    # The daemon says what a trace means.
    if name(vector).startswith("health with a trace "):
        read.traceparent = meaning.traceparent
    assert read == meaning


@pytest.mark.parametrize("vector", [one for one in RESPONSES if "meaning" in one], ids=name)
def test_a_response(vector: Vector) -> None:
    read = _messages.response_in(bytes.fromhex(vector["bytes"]))
    meaning = _messages.response_in(bytes.fromhex(vector["meaning"]))
    assert json_format.MessageToDict(meaning, preserving_proto_field_name=True) == vector["fields"]
    assert read.id == meaning.id and understood(read) == understood(meaning)


# Answers that the client hands over as they are, or reads user by user.
UNJUDGED = ("dead_letter.", "issue_batch.", "explain.", "audit_coupon.")


@pytest.mark.parametrize(
    "vector",
    [one for one in RESPONSES if "error" in one and not one["error"]["text"].startswith(UNJUDGED)],
    ids=name,
)
def test_a_response_that_is_refused(vector: Vector) -> None:
    with pytest.raises((UnreadableError, BrokenFrameError)) as caught:
        understood(_messages.response_in(bytes.fromhex(vector["bytes"])))
    assert str(caught.value) == vector["error"]["text"]


@pytest.mark.parametrize("vector", [one for one in REQUESTS if "error" in one], ids=name)
def test_the_daemon_refuses_a_request_as_the_vector_says(vector: Vector, daemon: Daemon) -> None:
    raw = bytes.fromhex(vector["bytes"])
    if not raw:
        pytest.skip("a frame of length 0 is an error of the frame")
    with socket.create_connection(("127.0.0.1", daemon.port), 20) as connection:
        connection.sendall(struct.pack(">I", len(raw)) + raw)
        with connection.makefile("rb") as stream:
            response = pb.Response.FromString(stream.read(struct.unpack(">I", stream.read(4))[0]))
    error = vector["error"]
    got = {"id": response.id, "code": response.error.code, "text": response.error.message}
    assert got == error
