/// Lengths and offsets of the packed layouts, in bytes. Each is written down here once; the drawings in
/// Scripts/prelude.lua and in the scripts' headers say what the fields mean.
///
/// The scripts use them too: `Script.text` puts `Layout.lua` in front of the prelude.
internal import CouponCore

enum Layout {
    /// A user, a coupon or a load.
    static let id = 8
    static let number = 8
    static let time = 8
    /// A kind, a code, a state or a flag.
    static let code = 1
    /// The place of a coupon in a script's keys.
    static let index = 4
    static let position = 2 * number
    /// A sequence and a position.
    static let place = number + position
    static let requestID = RequestID.packedLength

    /// A user and a request id.
    static let request = id + requestID
    /// A request as gate.lua gets it: with its `notAfter`.
    static let gateRequest = request + time
    static let verdict = 2 * code + place
    /// State, flags and window.
    static let door = 2 * code + 2 * time

    /// A queue entry before its requests: version of the layout, coupon, first sequence, time.
    static let entryHeader = code + id + number + time
    /// The version of a queue entry's layout.
    static let entryVersion: UInt8 = 1
    /// The one field of a queue entry.
    static let entryField = "e"

    static let holder = 2 * code + place + requestID
    /// A holder with its user, as stage.lua gets it.
    static let stagedHolder = id + holder
    /// Sequence and request id: what remains of an acceptance in PostgreSQL.
    static let acceptance = number + requestID
    /// A coupon as committed: version, total, state, sold out, window.
    static let terms = 2 * number + 2 * code + 2 * time

    /// A queued request as count.lua gets it.
    static let countedRequest = index + request + place
    /// A coupon as settle.lua gets it: id, requests settled, known to PostgreSQL, terms.
    static let settledCoupon = id + number + code + terms
    /// A rejection as settle.lua gets it: coupon, user, place, reason, and perhaps another acceptance.
    static let rejection = index + id + place + 2 * code + acceptance

    /// The version of an event's layout.
    static let eventVersion: UInt8 = 1
    /// A coupon in an event: id, rev, version, door.
    static let standing = id + 2 * number + door
    /// A rejection in an event: coupon, sequence, reason.
    static let publishedRejection = id + number + code
}

extension Layout {
    /// What the scripts get. An offset is that of a field's first byte in its record, counted from 1.
    private static let constants: [(name: String, value: Int)] = [
        ("ID_BYTES", id),
        ("NUMBER_BYTES", number),
        ("POSITION_BYTES", position),
        ("REQUEST_BYTES", request),

        ("GATE_REQUEST_BYTES", gateRequest),
        ("GATE_REQUEST_ID", 1 + id),
        ("VERDICT_BYTES", verdict),

        ("ENTRY_VERSION", Int(entryVersion)),
        ("ENTRY_COUPON", 1 + code),
        ("ENTRY_HEADER_BYTES", entryHeader),

        ("HOLDER_BYTES", holder),
        ("HOLDER_PLACE", 1 + 2 * code),
        ("HOLDER_POSITION", 1 + 2 * code + number),
        ("HOLDER_REQUEST_ID", 1 + 2 * code + place),
        ("STAGED_BYTES", stagedHolder),

        ("COUNTED_BYTES", countedRequest),
        ("COUNTED_USER", 1 + index),
        ("COUNTED_REQUEST_ID", 1 + index + id),
        ("COUNTED_PLACE", 1 + index + request),

        ("SETTLED_BYTES", settledCoupon),
        ("SETTLED_REQUESTS", 1 + id),
        ("SETTLED_IS_KNOWN", 1 + id + number),
        ("SETTLED_TERMS", 1 + id + number + code),

        ("REJECTION_BYTES", rejection),
        ("REJECTION_USER", 1 + index),
        ("REJECTION_PLACE", 1 + index + id),
        ("REJECTION_REASON", 1 + index + id + place),
        ("REJECTION_HAS_OTHER", 1 + index + id + place + code),
        ("REJECTION_OTHER", 1 + index + id + place + 2 * code),

        ("EVENT_VERSION", Int(eventVersion)),
    ]

    /// The constants in Lua: each is a local variable of every script.
    static let lua: [UInt8] = {
        var text = "-- Lengths and offsets, from Sources/CouponRedis/Wire/Layout.swift:\n"
        for (name, value) in constants { text += "local \(name) = \(value)\n" }
        text += "local ENTRY_FIELD = '\(entryField)'\n"
        text += "local GATE_REQUEST_FORMAT = '>c\(requestID)I\(time)'\n"
        return Array(text.utf8)
    }()
}
