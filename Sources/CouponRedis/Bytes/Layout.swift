/// Lengths and offsets of the packed layouts, in bytes. Each is written down here once; the drawings in
/// Scripts/prelude.lua and in the scripts' headers say what the fields mean.
///
/// The scripts use them too, by the names in `Layout.constants`.
internal import CouponCore

/// The first byte of a verdict; the gate has them as VERDICT_ACCEPTED, VERDICT_REPLAYED, ...
enum VerdictCode: UInt8, CaseIterable {
    case accepted, replayed, duplicate, rejected, soldOut
    case notOpen, ended, paused, closed, expired

    fileprivate var constant: String {
        let words = "\(self)".map { $0.isUppercase ? "_\($0)" : $0.uppercased() }
        return "VERDICT_" + words.joined()
    }
}

enum Layout {
    /// A user, a coupon or a load.
    static let id = 8
    static let number = 8
    static let time = 8
    /// A kind, a code, a state or a flag.
    static let code = 1
    /// The index of a coupon in a script's keys.
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

    /// The number of a coupon's requests in a queue entry.
    static let count = 4
    /// A queue entry before its coupons: version of the layout, time.
    static let entryHeader = code + time
    /// A coupon in a queue entry before its requests: id, first sequence, number of requests.
    static let entryCoupon = id + number + count
    /// The version of a queue entry's layout.
    static let entryVersion: UInt8 = 2
    /// The same before a call had several coupons: version of the layout, coupon, first sequence, time, and
    /// then requests to the end.
    static let oneCouponEntryVersion: UInt8 = 1
    /// The one field of a queue entry.
    static let entryField = "e"

    static let holder = 2 * code + place + requestID
    /// A holder with its user, as stage.lua gets it.
    static let stagedHolder = id + holder
    /// Sequence and request id: what remains of an acceptance in PostgreSQL.
    static let acceptance = number + requestID
    /// A coupon as committed: version, total, state, sold out, window.
    static let terms = 2 * number + 2 * code + 2 * time

    /// The bytes of a record that an acceptance changes: layout, used, queued, next sequence. After them come
    /// rev and version, total and states, the window, and the cap.
    static let recordCounters = code + 3 * number
    /// A coupon as count.lua gets it: requests, largest sequence.
    static let countedCoupon = 2 * number
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
    /// The values of names in the scripts. An offset is that of a field's first byte in its record, counted
    /// from 1.
    private static let numbers = [
        "ID_BYTES": id,
        "NUMBER_BYTES": number,
        "POSITION_BYTES": position,
        "REQUEST_BYTES": request,

        "GATE_REQUEST_BYTES": gateRequest,
        "GATE_REQUEST_ID": 1 + id,
        "VERDICT_BYTES": verdict,

        "ENTRY_VERSION": Int(entryVersion),
        "ENTRY_HEADER_BYTES": entryHeader,
        "ENTRY_COUPON_BYTES": entryCoupon,
        "ENTRY_COUNT": 1 + id + number,

        "HOLDER_BYTES": holder,
        "HOLDER_PLACE": 1 + 2 * code,
        "HOLDER_POSITION": 1 + 2 * code + number,
        "HOLDER_REQUEST_ID": 1 + 2 * code + place,
        "STAGED_BYTES": stagedHolder,

        "RECORD_REV": 1 + recordCounters,
        "RECORD_TOTAL": 1 + recordCounters + 2 * number,
        "RECORD_OPENS": 1 + recordCounters + 3 * number + 2 * code,
        "RECORD_CAP": 1 + recordCounters + 3 * number + 2 * code + 2 * time,

        "COUNTED_BYTES": countedCoupon,

        "SETTLED_BYTES": settledCoupon,
        "SETTLED_REQUESTS": 1 + id,
        "SETTLED_IS_KNOWN": 1 + id + number,
        "SETTLED_TERMS": 1 + id + number + code,

        "REJECTION_BYTES": rejection,
        "REJECTION_USER": 1 + index,
        "REJECTION_PLACE": 1 + index + id,
        "REJECTION_REASON": 1 + index + id + place,
        "REJECTION_HAS_OTHER": 1 + index + id + place + code,
        "REJECTION_OTHER": 1 + index + id + place + 2 * code,

        "EVENT_VERSION": Int(eventVersion),
    ]

    private static let constants: [String: [UInt8]] = {
        var constants = numbers.mapValues { Array(String($0).utf8) }
        constants["ENTRY_FIELD"] = Array("'\(entryField)'".utf8)
        let reasons = RejectionReason.allCases.map(\.rawValue)
        constants["REASON_DISCARDED"] = Array(String(RejectionReason.discarded.rawValue).utf8)
        constants["LAST_REASON"] = Array(String(reasons.max() ?? 0).utf8)
        for code in VerdictCode.allCases {
            constants[code.constant] = Array(String(code.rawValue).utf8)
        }
        // Kind or code, and no reason.
        constants["ACCEPTED_HOLDER"] = Array("'\\1\\0'".utf8)
        constants["ACCEPTED_VERDICT"] = Array("'\\\(VerdictCode.accepted.rawValue)\\0'".utf8)
        constants["GATE_REQUEST_FORMAT"] = Array("'>c\(requestID)I\(time)'".utf8)
        constants["STAGED_FORMAT"] = Array("'c\(id)c\(holder)'".utf8)
        return constants
    }()

    /// A script's text with the value in place of each constant's name. Local variables in Lua would cost
    /// each run of the gate some 0.4 of 27 microseconds.
    static func withValues(_ script: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(script.count)
        var rest = script[...]
        while let first = rest.first {
            let word = rest.prefix { isWordByte($0) }
            if word.isEmpty {
                text.append(first)
                rest = rest.dropFirst()
            } else {
                text += constants[String(decoding: word, as: UTF8.self)] ?? Array(word)
                rest = rest.dropFirst(word.count)
            }
        }
        return text
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
