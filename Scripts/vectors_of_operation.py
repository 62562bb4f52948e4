"""The test vectors of who calls, and of what operators ask. Scripts/generate-vectors writes them."""
from vectorkit import block, number, pb

INT64 = 2**63 - 1
TOTAL = 2**52
MOMENT = 2**53
INVALID = 3


def requests(v):
    v.good("authenticate", pb.Request(id=1, authenticate={"token": b"secret"}))
    v.good("authenticate with the longest token",
           pb.Request(id=1, authenticate={"token": bytes([0, 255] * 512)}))

    def wrong(name, message, text):
        v.bad(name, message, INVALID, text, message.id)

    wrong("authenticate without a token", pb.Request(id=1, authenticate={}), "authenticate.token: missing")
    wrong("authenticate with a token of 1025 bytes", pb.Request(id=1, authenticate={"token": bytes(1025)}),
          "authenticate.token: must have at most 1024 bytes, has 1025")


def coupon(**rest):
    values = dict(id=42, title="t", opens_at=1, closes_at=2, state=pb.COUPON_STATE_ACTIVE, version=1)
    return {**values, **rest}


def history_and_operation(v):
    line = {"id": 2, "at": 3, "principal": "zoë", "address": "192.0.2.1", "method": "update_coupon",
            "request": 2**64 - 1, "before": "{}", "after": "{}", "outcome": "OK"}
    v.good("a history", pb.Response(id=1, list_admin_actions={
        "actions": [line, {"coupon_id": 1, "count": 9}]}))
    v.good("reloaded", pb.Response(id=1, reload={}))
    v.good("reloaded, with changes", pb.Response(id=1, reload={
        "changed": ["log-level", "user-rate"], "needs_restart": ["listen"]}))
    v.good("no connections", pb.Response(id=1, list_connections={}))
    v.good("a connection", pb.Response(id=1, list_connections={"connections": [
        {"id": 7, "principal": "zoë", "address": "192.0.2.1", "age_ms": 8, "in_flight": 2, "held_bytes": 9},
        {"id": INT64}]}))
    v.good("connections were ended", pb.Response(id=1, end_connections={"count": 2}))
    v.good("rebuilt", pb.Response(id=1, rebuild_gate=pb.RebuildGateResponse(partition=3, epoch=4)))
    v.good("adopted", pb.Response(id=1, adopt_redis={"partitions": 16}))
    nodes = [{"id": "a" * 40, "address": "10.0.0.1:6379", "term": 2**64 - 1, "partitions": [0, 1023]},
             {"id": "b" * 40, "address": "[::1]:6379"}]
    for name, value in pb.RedisKind.items():
        if value:
            v.good(f"a topology, {name.removeprefix('REDIS_KIND_')}", pb.Response(id=1, topology={
                "kind": value, "epoch": 7, "nodes": nodes, "more_nodes": 1, "trouble": "away"}))


def responses(v):
    v.good("a caller", pb.Response(id=1, authenticate={
        "principal": "zoë", "roles": ["issuer", "reader", "watcher", "operator", "admin"],
        "expires_at": MOMENT}))
    v.good("a caller whose token never expires", pb.Response(id=1, authenticate={
        "principal": "shop", "roles": ["issuer"]}))

    def audit(name, **rest):
        v.good(name, pb.Response(id=1, audit_coupon=rest))

    gate = {"gate_open": True, "gate_epoch": 5, "gate_settled_epoch": 4, "gate_settled_n": 6, "gate_tail": 7}
    loaded = {"loaded": True, "gate_used": 8, "gate_queued": 2, "gate_next_sequence": 9, "gate_version": 3,
              "gate_rev": 10, "gate_opens_at": 1, "gate_closes_at": 2}
    tables = {"rejected": 2, "dead_lettered": 1, "discarded": 4, "unreadable": 5, "unsynced": 6,
              "last_sequence": 7, "epoch": 5, "cursor_epoch": 4, "cursor_n": 6}
    audit("an audit of a coupon that the gate does not hold", coupon=coupon())
    audit("an audit of a coupon that the gate holds",
          coupon=coupon(total=TOTAL, issued=5, remaining=TOTAL - 5),
          gate_cap=10, gate_total=TOTAL, gate_state=pb.COUPON_STATE_PAUSED, queue_requests=2, rows=5,
          lowest_sequence=1, highest_sequence=7, repeated_sequences=1, workers=4, workers_closed=3,
          **gate, **loaded, **tables)
    audit("an audit of what is sold out and not counted", coupon=coupon(total=1, issued=1, remaining=0),
          gate_total=1, gate_state=pb.COUPON_STATE_ACTIVE, gate_sold_out=True, gate_says_sold_out=True,
          incomplete=True, **gate, **loaded, **tables)
    audit("an audit of no rows, and of an empty queue", coupon=coupon(), queue_requests=0, rows=0)
    v.good("an explanation of nothing", pb.Response(id=1, explain={}))
    v.good("an explanation from each source", pb.Response(id=1, explain={"sentences": [
        {"source": value, "text": f"봄 {value}", "sequence": INT64, "request_id": bytes(range(16)),
         "at": MOMENT}
        for _, value in pb.SentenceSource.items() if value]}))
    v.good("an explanation without evidence", pb.Response(id=1, explain={"sentences": [
        {"source": pb.SENTENCE_SOURCE_CONCLUSION, "text": "There is none."}]}))

    history_and_operation(v)

    def unknown(name, raw, text):
        v.bad(name, number(1, 1) + raw, None, text, 1)

    unknown("a source of a later version", block(34, block(1, number(1, 9))),
            "explain.sentences.source: not known here, got 9")
    unknown("an audit without its coupon", block(27, b""), "audit_coupon.coupon: missing")
