internal import CouponCore

/// A JSON document whose members keep the order in which they were written: people read it too.
indirect enum JSONValue: Equatable {
    case null
    case bool(Bool)
    /// A text if it is above 2^53 - 1 or below its negative: there, programs that read numbers as doubles
    /// would get another number.
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([(String, JSONValue)])

    static func == (left: Self, right: Self) -> Bool { left.description == right.description }

    /// An integer, or null.
    static func optional(_ value: Int64?) -> JSONValue { value.map { .integer($0) } ?? .null }

    /// A moment, as RFC 3339.
    static func time(_ value: Timestamp) -> JSONValue { .string(value.rfc3339) }
}

extension JSONValue: CustomStringConvertible {
    /// The document in one line.
    var description: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value):
            value.magnitude >> 53 == 0 ? "\(value)" : "\"\(value)\""
        case .number(let value): value.isFinite ? "\(value)" : "null"
        case .string(let value): value.quotedForJSON
        case .array(let values): "[" + values.map(\.description).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { $0.0.quotedForJSON + ":" + $0.1.description }.joined(separator: ",")
                + "}"
        }
    }
}
