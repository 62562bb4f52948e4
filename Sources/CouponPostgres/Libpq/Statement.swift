/// One statement with its parameters, encoded as PostgreSQL's binary format wants them.
///
/// All parameters lie in one buffer, so that sending lends libpq one pointer and copies nothing.
struct Statement {
    /// Where a parameter lies in `bytes`; a null has no range.
    struct Slot {
        let type: UInt32
        let range: Range<Int>?
    }

    let sql: String
    /// Whether the session prepares it once, by its text: for statements that are long to parse and plan, and
    /// that run often.
    let isPrepared: Bool
    private(set) var slots: [Slot] = []
    private(set) var bytes: [UInt8] = []

    init(_ sql: String, isPrepared: Bool = false, _ parameters: Parameter...) {
        self.init(sql, isPrepared: isPrepared, parameters: parameters)
    }

    init(_ sql: String, isPrepared: Bool = false, parameters: [Parameter]) {
        self.sql = sql
        self.isPrepared = isPrepared
        slots.reserveCapacity(parameters.count)
        for parameter in parameters {
            let start = bytes.count
            let isNull = !parameter.encode(into: &bytes)
            slots.append(
                Slot(type: parameter.type, range: isNull ? nil : start..<bytes.count))
        }
    }
}

extension Statement: ExpressibleByStringLiteral {
    init(stringLiteral sql: String) { self.init(sql) }
}
