internal import ArgumentParser
internal import CouponCore

// A coupon as a line, as fields, and as JSON, which is read too. The keys are the names of the .proto.

extension Coupon {
    /// One JSON document.
    var json: JSONValue {
        .object([
            ("id", .integer(id.rawValue)), ("title", .string(title)), ("total", .optional(total)),
            ("opens_at", .time(window.opens)),
            ("closes_at", window.closes == .never ? .null : .time(window.closes)),
            ("state", .string(state.name)), ("version", .integer(version)),
            ("issued", .integer(issued)), ("remaining", .optional(remaining)),
            ("archived", .bool(isArchived)),
        ])
    }

    /// The headings of `row`.
    static let header = [
        "ID", "TITLE", "STATE", "TOTAL", "ISSUED", "REMAINING", "OPENS", "CLOSES",
    ]

    /// The cells of one line of a list.
    var row: [String] {
        [
            "\(id.rawValue)", title, state.name, total.text, "\(issued)", remaining.text,
            window.opens.rfc3339, window.closingTime,
        ]
    }

    /// Names and values, for one coupon alone.
    var fields: [(String, String)] {
        [
            ("id", "\(id.rawValue)"), ("title", title), ("state", state.name),
            ("total", total.map { "\($0)" } ?? "unlimited"), ("issued", "\(issued)"),
            ("remaining", remaining.text), ("opens_at", window.opens.rfc3339),
            ("closes_at", window.closingTime), ("version", "\(version)"),
            ("archived", isArchived ? "yes" : "no"),
        ]
    }
}

/// A coupon to create, from JSON as above. Other keys have no meaning, so a list can be read as it is. Times
/// are as on the command line.
struct CouponLine: Decodable {
    /// What a line must be.
    static let form = "a JSON object with id, title, and perhaps total, opens_at and closes_at"

    private let id: WholeNumber
    private let title: String
    private let total: WholeNumber?
    private let opens: String?
    private let closes: String?

    private enum CodingKeys: String, CodingKey {
        case id, title, total
        case opens = "opens_at"
        case closes = "closes_at"
    }

    /// Without `opens_at` it opens now, without `closes_at` it never closes.
    func coupon(now: Timestamp) throws -> Coupon {
        guard id.value > 0 else { throw ValidationError("id must be positive") }
        return Coupon(
            id: CouponID(id.value), title: title, total: total?.value,
            window: Window(
                opens: try moment(opens ?? "now", "opens_at", now),
                closes: try moment(closes ?? "never", "closes_at", now)))
    }

    private func moment(_ text: String, _ key: String, _ now: Timestamp) throws -> Timestamp {
        guard let moment = Moment(argument: text) else {
            throw ValidationError("\(key) is not a time: write RFC 3339, now, never or +1h")
        }
        return try moment.resolved(now: now, for: key)
    }
}

/// A number, or a text with one: as couponctl writes those above 2^53.
private struct WholeNumber: Decodable {
    let value: Int64

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int64.self) {
            value = number
            return
        }
        guard let number = Int64(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "not a whole number")
        }
        value = number
    }
}

extension Window {
    /// When it closes, for people.
    fileprivate var closingTime: String { closes == .never ? "never" : closes.rfc3339 }
}

extension Int64? {
    /// The number, or a dash.
    var text: String { map { "\($0)" } ?? "-" }
}
