"""The test vectors of events: the question and its answer. Scripts/generate-vectors writes them."""
from vectorkit import block, number, pb

INT64 = 2**63 - 1
MOMENT = 2**53
INVALID = 3


def requests(v):
    v.good("events from now on", pb.Request(id=1, watch={"limit": 400}))
    v.good("events without a limit", pb.Request(id=1, watch={}),
           means=pb.Request(id=1, watch={"limit": 400}))
    v.good("the oldest events of a coupon",
           pb.Request(id=1, watch={"from_oldest": True, "coupon_id": INT64, "limit": 1, "wait_ms": 30_000}))
    v.good("events after a bookmark",
           pb.Request(id=1, watch={"after": bytes([1, 0, 7, 2, 200, 1]), "limit": 400, "wait_ms": 1}))

    def wrong(name, message, text):
        v.bad(name, message, INVALID, text, message.id)

    wrong("events of coupon -1", pb.Request(id=1, watch={"coupon_id": -1}),
          "watch.coupon_id: must be positive, got -1")
    wrong("events of 401", pb.Request(id=1, watch={"limit": 401}),
          "watch.limit: must be at most 400, got 401")
    wrong("events with a wait of 30,001 ms", pb.Request(id=1, watch={"wait_ms": 30_001}),
          "watch.wait_ms: must be at most 30000, got 30001")
    wrong("events after a bookmark and from the oldest",
          pb.Request(id=1, watch={"after": b"\x01", "from_oldest": True}),
          "watch.from_oldest: must not come together with after")


def responses(v):
    v.good("no events", pb.Response(id=1, watch={"bookmark": bytes([1, 0, 7, 2, 3])}))
    place = {"coupon_id": 42, "committed_at": MOMENT, "partition": 3, "commit": 9}
    v.good("events of each kind", pb.Response(id=1, watch={"bookmark": b"b", "behind": 5, "events": [
        {"kind": pb.EVENT_KIND_ISSUED, "user_id": 1, "sequence": 2, "request_id": b"r", "accepted_at": 3,
         **place},
        {"kind": pb.EVENT_KIND_REJECTED, "user_id": INT64, "sequence": 3, "reason": 1, "index": 1, **place},
        {"kind": pb.EVENT_KIND_SOLD_OUT, "version": 4, "index": 2, **place},
        {"kind": pb.EVENT_KIND_CHANGED, "version": 5, "index": 3, **place}]}))
    for name, value in pb.WatchResetReason.items():
        if value:
            v.good(f"events after a reset, {name.removeprefix('WATCH_RESET_REASON_')}",
                   pb.Response(id=1, watch={
                       "bookmark": b"b", "resets": [{"partition": 1023, "reason": value}]}))

    def unknown(name, raw, text):
        v.bad(name, number(1, 1) + raw, None, text, 1)

    unknown("an event of a later version", block(18, block(1, number(1, 9))),
            "watch.events.kind: not known here, got 9")
    unknown("a reset of a later version", block(18, block(3, number(2, 9))),
            "watch.resets.reason: not known here, got 9")
