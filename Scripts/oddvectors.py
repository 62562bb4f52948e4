"""Bytes that no library writes and every library reads: for generate-vectors."""
from vectorkit import block, number, pb, varint


def odd_encodings(v, plain, health):
    """Adds the vectors. plain is an issue request, health a question for health."""
    inner = plain.issue.SerializeToString()
    v.good("fields in another order", plain, block(10, inner) + number(1, 1))
    v.good("an inner message with fields in another order", plain,
           number(1, 1) + block(10, block(3, b"r") + number(2, 1001) + number(1, 42)))
    v.good("a default that is written out", plain,
           number(1, 1) + number(2, 0) + block(10, inner + number(4, 0) + number(5, 0)))
    v.good("a varint that is longer than needed", plain,
           b"\x08\x81\x80\x00" + block(10, inner))
    v.good("a length that is longer than needed", plain,
           number(1, 1) + b"\x52" + bytes([len(inner) | 0x80, 0x00]) + inner)
    v.good("the last of two values counts", plain, number(1, 9) + number(1, 1) + block(10, inner))
    # The official library merges two parts of a method. libprotobuf-c takes the last one.
    v.bad("two parts of a method", number(1, 1) + block(10, number(1, 42)) + block(10, number(2, 1001)),
          3, "issue.coupon_id: must be positive, got 0", 1)
    v.good("two parts of a method, the last one complete", plain,
           number(1, 1) + block(10, number(1, 41)) + block(10, inner))
    v.good("the last method counts", health,
           number(1, 1) + block(10, inner) + block(12, b""))
    retry = pb.Request()
    retry.CopyFrom(plain)
    retry.issue.attempt = 1
    v.good("a 32-bit field keeps the low bits of a longer number", retry,
           number(1, 1) + block(10, block(3, b"r") + number(1, 42) + number(2, 1001) + number(5, 2**32 + 1)))
    later = b"".join([number(90, 7), block(91, b"later"), varint(92 << 3 | 5) + bytes(4),
                      varint(93 << 3 | 1) + bytes(8)])
    for name, raw in [
        ("fields of a later version, of each wire type", number(1, 1) + block(10, inner) + later),
        ("fields of a later version, inside", number(1, 1) + block(10, inner + later)),
        ("a field of a later version, first", later + number(1, 1) + block(10, inner)),
    ]:
        v.add(name, raw, **v.meaning(plain))
