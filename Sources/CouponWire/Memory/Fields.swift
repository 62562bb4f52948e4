// The bounds of single fields. Each check names the field by its path in the schema, for the
// author of the client. The paths are literals: a valid field costs nothing.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension Failure {
    /// A field out of its bounds.
    static func field(_ path: String, _ problem: String) -> Failure {
        Failure(.invalidArgument, "\(path): \(problem)")
    }
}

/// Checks of fields that come from outside.
enum Field {
    /// The message of a oneof; present if the case says so.
    static func message<Message>(
        _ pointer: UnsafeMutablePointer<Message>?, _ path: String
    ) throws(Failure) -> Message {
        guard let pointer = unsafe pointer else { throw .field(path, "missing") }
        return unsafe pointer.pointee
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

    /// The id behind which a page begins; 0 is the first page's.
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
        _ value: ProtobufCBinaryData, _ path: String
    ) throws(Failure) -> RequestID {
        guard let id = unsafe value.requestID() else {
            throw .field(
                path, unsafe "must have at most \(RequestID.maximumLength) bytes, has \(value.len)")
        }
        return id
    }

    static func token(
        _ value: ProtobufCBinaryData, _ path: String
    ) throws(Failure) -> [UInt8] {
        guard unsafe value.len <= Limits.maximumTokenBytes else {
            throw .field(
                path, unsafe "must have at most \(Limits.maximumTokenBytes) bytes, has \(value.len)"
            )
        }
        return unsafe value.copied()
    }

    static func title(
        _ value: ProtobufCBinaryData, _ path: String
    ) throws(Failure) -> String {
        let limit = Limits.maximumTitleBytes
        guard unsafe (1...limit).contains(value.len) else {
            throw .field(path, unsafe "must have 1 to \(limit) bytes, has \(value.len)")
        }
        let text = unsafe try text(value, path)
        guard !text.utf8.contains(0) else { throw .field(path, "must not contain NUL") }
        return text
    }

    /// Any text, of the daemon.
    static func text(
        _ value: ProtobufCBinaryData, _ path: String
    ) throws(Failure) -> String {
        guard let text = unsafe value.text() else { throw .field(path, "must be valid UTF-8") }
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
    /// - Parameter path: of the moment after.
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

extension ProtobufCBinaryData {
    /// The bytes in place; `data` may be NULL if there are none.
    private var elements: UnsafeBufferPointer<UInt8> {
        unsafe UnsafeBufferPointer(start: data, count: len)
    }

    /// The bytes in Swift's memory.
    func copied() -> [UInt8] { unsafe Array(elements) }

    /// As a request id; nil if there are too many bytes.
    func requestID() -> RequestID? {
        unsafe RequestID(RawSpan(_unsafeElements: elements))
    }

    /// The text in Swift's memory; nil if it is not valid UTF-8.
    func text() -> String? {
        let span = unsafe Span(_unsafeElements: elements)
        do { return String(copying: try UTF8Span(validating: span)) } catch { return nil }
    }
}
