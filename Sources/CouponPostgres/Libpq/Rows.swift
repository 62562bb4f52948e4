/// The result of one statement: libpq's result, owned, its values read from the binary format.
///
/// A value of another type than the statement asks for is read as zero or empty.
internal import CLibpq
internal import CouponCore

@safe
struct Rows: ~Copyable {
    private let result: OpaquePointer

    /// Takes ownership of libpq's result.
    init(owning result: OpaquePointer) { unsafe self.result = result }

    deinit { unsafe PQclear(result) }

    var status: ExecStatusType { unsafe PQresultStatus(result) }

    /// How many rows were returned.
    var count: Int { unsafe Int(PQntuples(result)) }

    /// How many rows an INSERT or UPDATE changed.
    var affected: Int { unsafe Int(String(cString: PQcmdTuples(result))) ?? 0 }

    /// What the statement did, such as `COMMIT`.
    var command: String { unsafe String(cString: PQcmdStatus(result)) }

    /// Why the statement failed. Without an SQLSTATE the message is libpq's own.
    var failure: SQLFailure {
        let message = unsafe PQresultErrorField(result, CInt(UInt8(ascii: "M"))).map {
            unsafe String(cString: $0)
        }
        let state = unsafe PQresultErrorField(result, CInt(UInt8(ascii: "C"))).map {
            unsafe String(cString: $0)
        }
        guard let state else {
            let text = unsafe String(cString: PQresultErrorMessage(result))
            return .connectionLost(text.trimmed)
        }
        return .refused(state: state, message: message ?? "no text")
    }

    func isNull(_ row: Int, _ column: Int) -> Bool {
        unsafe PQgetisnull(result, CInt(row), CInt(column)) == 1
    }

    /// An int2, int4 or int8; 0 for a null or another type, which only a schema changed by hand can give.
    func integer(_ row: Int, _ column: Int) -> Int64 {
        withValue(row, column) { value in
            guard [2, 4, 8].contains(value.byteCount) else { return 0 }
            var bits: UInt64 = 0
            for index in 0..<value.byteCount {
                let byte = unsafe value.unsafeLoad(fromByteOffset: index, as: UInt8.self)
                bits = bits << 8 | UInt64(byte)
            }
            let unused = 64 - 8 * value.byteCount
            return Int64(bitPattern: bits << unused) >> unused
        }
    }

    func optionalInteger(_ row: Int, _ column: Int) -> Int64? {
        isNull(row, column) ? nil : integer(row, column)
    }

    func boolean(_ row: Int, _ column: Int) -> Bool {
        withValue(row, column) { unsafe $0.byteCount == 1 && $0.unsafeLoad(as: UInt8.self) != 0 }
    }

    func timestamp(_ row: Int, _ column: Int) -> Timestamp {
        Timestamp(sinceMillennium: integer(row, column))
    }

    func text(_ row: Int, _ column: Int) -> String {
        withValue(row, column) { value in
            unsafe value.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
        }
    }

    /// An array of int8; empty for a null. A null in it is 0.
    func integers(_ row: Int, _ column: Int) -> [Int64] {
        var values: [Int64] = []
        elements(row, column) { bytes in
            var bits: UInt64 = 0
            for index in 0..<bytes.byteCount {
                let byte = unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
                bits = bits << 8 | UInt64(byte)
            }
            values.append(Int64(bitPattern: bits))
        }
        return values
    }

    /// The users in a column of `PackedUsers`, from the one at `first` on; none for a null.
    func packedUsers(_ row: Int, _ column: Int, from first: Int, limit: Int) -> [UserID] {
        if isNull(row, column) { return [] }
        return withValue(row, column) { PackedUsers.users($0, from: first, limit: limit) }
    }

    /// An array of bytea of 16 bytes at most; empty for a null.
    func requestIDs(_ row: Int, _ column: Int) -> [RequestID] {
        var values: [RequestID] = []
        elements(row, column) { values.append(RequestID($0) ?? .empty) }
        return values
    }

    /// The elements of an array of one dimension. After a header of 20 bytes comes each element: its length,
    /// -1 for a null, and its bytes.
    private func elements(_ row: Int, _ column: Int, _ body: (RawSpan) -> Void) {
        if isNull(row, column) { return }
        withValue(row, column) { value in
            var offset = 20
            while offset + 4 <= value.byteCount {
                let length = unsafe Int32(
                    bigEndian: value.unsafeLoadUnaligned(fromByteOffset: offset, as: Int32.self))
                let count = Int(max(0, length))
                offset += 4
                guard count <= value.byteCount - offset else { return }
                body(value.extracting(offset..<offset + count))
                offset += count
            }
        }
    }

    /// A bytea of 16 bytes at most.
    func requestID(_ row: Int, _ column: Int) -> RequestID {
        withValue(row, column) { RequestID($0) ?? .empty }
    }

    private func withValue<R>(_ row: Int, _ column: Int, _ body: (RawSpan) -> R) -> R {
        let length = unsafe Int(PQgetlength(result, CInt(row), CInt(column)))
        guard let start = unsafe PQgetvalue(result, CInt(row), CInt(column)) else {
            preconditionFailure("row \(row) has a column \(column)")
        }
        return unsafe body(
            RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: start, count: length)))
    }
}

extension String {
    /// Without the line break that libpq puts at the end of its messages.
    var trimmed: String {
        var text = self[...]
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
