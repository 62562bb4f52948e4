internal import CouponCore

// A coupon as a line, as fields and as JSON. The keys are the names of the .proto.

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

extension Window {
    /// When it closes, for people.
    fileprivate var closingTime: String { closes == .never ? "never" : closes.rfc3339 }
}

extension Int64? {
    /// The number, or a dash.
    var text: String { map { "\($0)" } ?? "-" }
}
