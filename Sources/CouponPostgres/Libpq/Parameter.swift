/// The parameters that statements take, and their binary form.
///
/// Every number goes as int8: PostgreSQL finds an int4 by an int8 in an index, and casts when it assigns.
/// Arrays carry a batch, in one parameter for each column.
internal import CouponCore

enum Parameter {
    case integer(Int64?)
    case text(String?)
    case timestamp(Timestamp)
    case bytes([UInt8])
    case integers([Int64?])
    case texts([String])
    case timestamps([Timestamp?])
    case requestIDs([RequestID?])
    case byteStrings([[UInt8]?])

    private enum ObjectID {
        static let bytea: UInt32 = 17
        static let int8: UInt32 = 20
        static let text: UInt32 = 25
        static let byteaArray: UInt32 = 1001
        static let textArray: UInt32 = 1009
        static let int8Array: UInt32 = 1016
        static let timestamptz: UInt32 = 1184
        static let timestamptzArray: UInt32 = 1185
    }

    /// PostgreSQL's number of the type.
    var type: UInt32 {
        switch self {
        case .integer: ObjectID.int8
        case .text: ObjectID.text
        case .timestamp: ObjectID.timestamptz
        case .bytes: ObjectID.bytea
        case .integers: ObjectID.int8Array
        case .texts: ObjectID.textArray
        case .timestamps: ObjectID.timestamptzArray
        case .requestIDs, .byteStrings: ObjectID.byteaArray
        }
    }

    /// Appends the binary form; false for a null, which has none.
    func encode(into bytes: inout [UInt8]) -> Bool {
        switch self {
        case .integer(nil), .text(nil):
            return false
        case .integer(let value?):
            bytes.append(bigEndian: value)
        case .text(let value?):
            bytes.append(contentsOf: value.utf8)
        case .timestamp(let value):
            bytes.append(bigEndian: value.sinceMillennium)
        case .bytes(let value):
            bytes.append(contentsOf: value)
        case .integers(let values):
            bytes.append(array: values, of: ObjectID.int8) { bytes, value in
                bytes.append(bigEndian: value)
            }
        case .texts(let values):
            bytes.append(array: values, of: ObjectID.text) { bytes, value in
                bytes.append(contentsOf: value.utf8)
            }
        case .timestamps(let values):
            bytes.append(array: values, of: ObjectID.timestamptz) { bytes, value in
                bytes.append(bigEndian: value.sinceMillennium)
            }
        case .requestIDs(let values):
            bytes.append(array: values, of: ObjectID.bytea) { bytes, value in
                bytes.append(value)
            }
        case .byteStrings(let values):
            bytes.append(array: values, of: ObjectID.bytea) { bytes, value in
                bytes.append(contentsOf: value)
            }
        }
        return true
    }
}

extension Timestamp {
    /// PostgreSQL counts from 2000-01-01.
    private static let millennium: Int64 = 946_684_800_000_000
    /// 4714-11-24 BC, the first moment that PostgreSQL accepts.
    private static let first: Int64 = -211_813_488_000_000_000

    /// PostgreSQL's binary form; a moment before its first one becomes the first one.
    var sinceMillennium: Int64 {
        max(Self.first, microseconds.subtractingSaturating(Self.millennium))
    }

    /// From PostgreSQL's binary form, clamped to what the gate can store, the infinities too: anybody may
    /// write any moment by SQL.
    init(sinceMillennium microseconds: Int64) {
        let (sum, overflow) = microseconds.addingReportingOverflow(Self.millennium)
        let moment = overflow ? Int64.max : sum
        self.init(microseconds: min(max(0, moment), Limits.maximumMicroseconds))
    }
}

extension Int64 {
    fileprivate func subtractingSaturating(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? .min : difference
    }
}

extension [UInt8] {
    mutating func append(bigEndian value: some FixedWidthInteger) {
        unsafe Swift.withUnsafeBytes(of: value.bigEndian) { unsafe append(contentsOf: $0) }
    }

    mutating func append(_ id: RequestID) {
        unsafe Swift.withUnsafeBytes(of: (id.highBits.bigEndian, id.lowBits.bigEndian)) {
            unsafe append(contentsOf: $0.prefix(id.count))
        }
    }

    /// A one-dimensional array: dimensions, has nulls, element type, count, lower bound; then each
    /// element's length and bytes.
    fileprivate mutating func append<Value>(
        array values: [Value?], of type: UInt32,
        encode: (inout [UInt8], Value) -> Void
    ) {
        reserveCapacity(count + 20 + 20 * values.count)
        let header: [Int32] = [1, 1, Int32(bitPattern: type), Int32(values.count), 1]
        for field in header { append(bigEndian: field) }
        for value in values {
            guard let value else {
                append(bigEndian: Int32(-1))
                continue
            }
            let start = count
            append(bigEndian: Int32(0))
            encode(&self, value)
            let length = UInt32(count - start - 4)
            for index in 0..<4 {
                self[start + index] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * index))
            }
        }
    }
}
