/// Issue requests with the fields that the client library sends: id, deadline, coupon, user, a request id of
/// 16 bytes.
struct IssueDialect: Dialect {
    /// Coupons of the benchmark have ids whose varint has three bytes.
    static let coupons = 1 << 14..<1 << 21
    /// The ids of requests have varints of four bytes: a base plus the slot.
    private static let idBase = 1 << 21

    private let form: [UInt8]
    private let coupons: Range<Int>
    private let firstUser: Int

    /// - Parameters:
    ///   - coupons: requested in turn.
    ///   - firstUser: the number of question 0's user; see `mixedUser`.
    init(coupons: Range<Int>, firstUser: Int, waitsForIssue: Bool = false) {
        self.coupons = coupons
        self.firstUser = firstUser
        let wait: [UInt8] = waitsForIssue ? [0x20, 1] : []
        let issue: [UInt8] =
            [0x08, 0, 0, 0] + [0x10, 0, 0, 0, 0, 0] + [0x1A, 16] + [UInt8](repeating: 7, count: 16)
            + wait
        // A deadline of 10,000 ms.
        let message: [UInt8] =
            [0x08, 0, 0, 0, 0] + [0x10, 0x90, 0x4E] + [0x52, UInt8(issue.count)] + issue
        form = [0, 0, 0, UInt8(message.count)] + message
    }

    var questionLength: Int { form.count }

    @inline(__always)
    func write(_ number: Int, slot: Int, to bytes: UnsafeMutableRawPointer) {
        unsafe form.withUnsafeBytes { form in
            guard let start = form.baseAddress else { return }
            unsafe bytes.copyMemory(from: start, byteCount: form.count)
        }
        let user = mixedUser(firstUser + number)
        unsafe bytes.advanced(by: 5).writeVarint(Self.idBase + slot, bytes: 4)
        unsafe bytes.advanced(by: 15).writeVarint(
            coupons.lowerBound + number % coupons.count, bytes: 3)
        unsafe bytes.advanced(by: 19).writeVarint(user, bytes: 5)
        unsafe bytes.storeBytes(of: user, toByteOffset: 26, as: Int.self)
    }

    /// The codes are the schema's numbers of outcomes.
    @inline(__always)
    func answer(_ bytes: UnsafeRawPointer, count: Int) -> Answer? {
        guard count >= 4 else { return nil }
        let length = unsafe 4 + Int(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))
        guard count >= length else { return nil }
        let isOutcome = unsafe length >= 13 && bytes.load(fromByteOffset: 9, as: UInt8.self) == 0x52
        var id = 0
        for index in 0..<4 {
            let byte = unsafe bytes.load(fromByteOffset: 5 + index, as: UInt8.self)
            id |= Int(byte & 0x7F) << (7 * index)
        }
        return unsafe Answer(
            length: length, slot: id - Self.idBase,
            code: isOutcome ? Int(bytes.load(fromByteOffset: 12, as: UInt8.self)) : errorCode)
    }
}

/// The outcomes that the benchmark looks for, by their numbers in the schema.
enum OutcomeCode {
    static let accepted = 1
    static let issued = 2
    static let soldOut = 4
    static let notFound = 9
}
