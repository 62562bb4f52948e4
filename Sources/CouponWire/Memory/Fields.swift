// The bounds of single fields. Each check names the field by its path in the .proto, for the author of the
// client. The paths are literals: a valid field costs nothing.

internal import CouponDomain

extension Failure {
    /// A field out of its bounds.
    static func field(_ path: String, _ problem: String) -> Failure {
        Failure(.invalidArgument, "\(path): \(problem)")
    }
}

/// Checks of fields that come from outside.
enum Field {
    /// A message that must be there.
    @_lifetime(copy part)
    static func message<Message>(
        _ part: Part<Message>?, _ path: String
    ) throws(Failure) -> Part<Message> {
        guard let part else { throw .field(path, "missing") }
        return part
    }

    static func coupon(_ id: Int64, _ path: String) throws(Failure) -> CouponID {
        CouponID(try positive(id, path))
    }

    static func user(_ id: Int64, _ path: String) throws(Failure) -> UserID {
        UserID(try positive(id, path))
    }

    static func positive(_ value: Int64, _ path: String) throws(Failure) -> Int64 {
        guard value > 0 else { throw .field(path, "must be positive, got \(value)") }
        return value
    }

    /// The id after which a page begins; 0 for the first page.
    static func start(_ id: Int64, _ path: String) throws(Failure) -> Int64 {
        guard id >= 0 else { throw .field(path, "must not be negative, got \(id)") }
        return id
    }

    /// The length of a page; `absent` if the caller names none.
    static func limit(
        _ value: UInt32, absent: Int, most: Int, _ path: String
    ) throws(Failure) -> Int {
        guard value <= most else { throw .field(path, "must be at most \(most), got \(value)") }
        return value == 0 ? absent : Int(value)
    }

    static func requestID(
        _ value: WireBytes, _ path: String
    ) throws(Failure) -> RequestID {
        guard let id = value.requestID() else {
            throw .field(
                path, "must have at most \(RequestID.maximumLength) bytes, has \(value.count)")
        }
        return id
    }

    static func token(
        _ value: WireBytes, _ path: String
    ) throws(Failure) -> [UInt8] {
        guard value.count <= Limits.maximumTokenBytes else {
            throw .field(
                path, "must have at most \(Limits.maximumTokenBytes) bytes, has \(value.count)"
            )
        }
        return value.copied()
    }

    /// A text that is not a trace context is ignored, as W3C's specification asks: a fault in a caller's
    /// tracing must not make its requests fail.
    static func trace(
        _ value: WireBytes, _ path: String
    ) throws(Failure) -> TraceContext? {
        guard value.count > 0 else { return nil }
        guard value.count <= TraceContext.length else {
            throw .field(
                path, "must have at most \(TraceContext.length) bytes, has \(value.count)")
        }
        return TraceContext(value.copied())
    }

    /// A text from a caller.
    static func text(
        _ value: WireBytes, bytes: ClosedRange<Int>, _ path: String
    ) throws(Failure) -> String {
        guard bytes.contains(value.count) else {
            let (least, most) = (bytes.lowerBound, bytes.upperBound)
            throw .field(path, "must have \(least) to \(most) bytes, has \(value.count)")
        }
        let text = try text(value, path)
        guard !text.utf8.contains(0) else { throw .field(path, "must not contain NUL") }
        return text
    }

    /// A text of any length, from the daemon.
    static func text(
        _ value: WireBytes, _ path: String
    ) throws(Failure) -> String {
        guard let text = value.text() else { throw .field(path, "must be valid UTF-8") }
        return text
    }

    static func total(_ value: Int64, _ path: String) throws(Failure) -> Int64 {
        guard (1...Limits.maximumTotal).contains(value) else {
            throw .field(path, "must be 1 to \(Limits.maximumTotal), got \(value)")
        }
        return value
    }

    static func moment(_ value: Int64, _ path: String) throws(Failure) -> Timestamp {
        guard (0...Limits.maximumMicroseconds).contains(value) else {
            throw .field(path, "must be 0 to \(Limits.maximumMicroseconds), got \(value)")
        }
        return Timestamp(microseconds: value)
    }

    /// Checks that a window does not end before it begins.
    /// - Parameter path: the path of `closes`.
    static func order(
        opens: Timestamp, closes: Timestamp, _ path: String
    ) throws(Failure) {
        guard opens < closes else {
            throw .field(
                path,
                "must be later than opens_at, \(opens.microseconds), got \(closes.microseconds)")
        }
    }
}
