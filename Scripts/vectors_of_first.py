"""The test vectors of the first schema: each method and each answer, written by its own messages."""
import subprocess
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from vectorkit import ROOT

INT64 = 2**63 - 1
MOMENT = 2**53


def first_messages():
    """A pool of its own, because the messages have the same names as today's."""
    with tempfile.NamedTemporaryFile() as target:
        subprocess.run(
            ["protoc", f"--proto_path={ROOT}/Tests/Vectors/first", f"--descriptor_set_out={target.name}",
             "coupond/v1/coupond.proto"],
            check=True,
        )
        files = descriptor_pb2.FileDescriptorSet.FromString(target.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return [
        factory.GetPrototype(pool.FindMessageTypeByName(f"coupond.v1.{name}"))
        for name in ("Request", "Response")
    ]


Request, Response = first_messages()
ID = {"id": 42}
REQUESTS = {
    "issue": {"coupon_id": 42, "user_id": INT64, "request_id": b"r", "wait_for": 1, "attempt": 2},
    "coupon_status": {"coupon_id": 42, "user_id": 1},
    "health": {},
    "server_info": {},
    "create_coupon": {"id": 42, "title": "봄", "total": 7, "opens_at": 1, "closes_at": MOMENT - 1},
    "get_coupon": ID,
    "list_coupons": {"after_id": 41, "limit": 500},
    "update_coupon": {"id": 42, "title": "t", "total": 8, "opens_at": 2, "closes_at": 3},
    "pause_coupon": ID,
    "resume_coupon": ID,
    "close_coupon": ID,
    "audit_coupon": {"coupon_id": 42},
    "list_issues": {"coupon_id": 42, "after_user_id": 1, "limit": 1_000},
    "list_dead_letters": {"after_id": 1, "coupon_id": 42},
    "redrive_dead_letter": {"id": 7},
    "discard_dead_letter": {"id": 7},
    "reload": {},
}
COUPON = {"id": 42, "title": "봄", "total": 7, "opens_at": 1, "closes_at": 2, "state": 1, "version": 3,
          "issued": 5, "remaining": 2}
LETTER = {"id": 1, "coupon_id": 42, "user_id": 3, "sequence": 4, "request_id": b"r", "epoch": 5, "n": 6,
          "error": "why", "state": 1, "created_at": 7}
AUDIT = {"loaded": True, "gate_used": 8, "gate_queued": 2, "gate_next_sequence": 9, "gate_version": 3,
         "gate_rev": 10, "gate_cap": 11, "gate_total": 12, "gate_opens_at": 1, "gate_closes_at": 2,
         "gate_state": 2, "gate_sold_out": True, "gate_open": True, "gate_epoch": 5, "gate_settled_epoch": 4,
         "gate_settled_n": 6, "gate_tail": 7, "queue_requests": 2, "rows": 5, "lowest_sequence": 1,
         "highest_sequence": 7, "repeated_sequences": 1, "rejected": 2, "dead_lettered": 1, "discarded": 4,
         "unreadable": 5, "untold": 6, "incomplete": True, "last_sequence": 7, "epoch": 5,
         "cursor_epoch": 4, "cursor_n": 6, "gate_says_sold_out": True, "workers": 4, "workers_closed": 3}
RESPONSES = {
    "error": {"code": 4, "message": "late", "retry_after_ms": 5, "acceptance": 1, "sequence": 7},
    "issue": {"outcome": 2, "sequence": 7, "issued_at": MOMENT},
    "coupon_status": {"coupon": COUPON, "accepted": 9, "queued": 3, "user_state": 2, "sequence": 7,
                      "issued_at": 8},
    "health": {"ready": True},
    "server_info": {"version": "0.1.0", "partitions": 16, "maximum_frame_bytes": 65_536, "now": 9},
    "coupon": COUPON,
    "list_coupons": {"coupons": [COUPON, {"id": 43, "title": "t", "closes_at": 1, "state": 3, "version": 1}]},
    "audit_coupon": {"coupon": COUPON, **AUDIT},
    "list_issues": {"issues": [
        {"user_id": 1, "sequence": 2, "request_id": b"r", "accepted_at": 3, "issued_at": 4}]},
    "list_dead_letters": {"letters": [LETTER]},
    "dead_letter": LETTER,
    "reload": {},
}


def add(v, first, messages, envelope):
    one_of, = first.DESCRIPTOR.oneofs
    assert [field.name for field in one_of.fields] == list(messages)
    for name, values in messages.items():
        raw = first(**envelope, **{name: values}).SerializeToString(deterministic=True)
        read = v.kind.FromString(raw)
        # No field of the first schema has another meaning today.
        known = v.kind.FromString(raw)
        known.DiscardUnknownFields()
        assert known == read and known.SerializeToString(deterministic=True) == raw, name
        v.good(f"{name} of the first schema", read, raw)


def requests(v):
    add(v, Request, REQUESTS, {"id": 2**64 - 1, "deadline_ms": 2_000, "token": b"secret"})


def responses(v):
    add(v, Response, RESPONSES, {"id": 2**64 - 1})
