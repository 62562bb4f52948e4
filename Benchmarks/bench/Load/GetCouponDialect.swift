/// `get_coupon` of one coupon: an admin method that PostgreSQL answers.
struct GetCouponDialect: Dialect {
    private static let idBase = 1 << 21

    private let form: [UInt8]
    private let coupon: Int

    /// - Parameter coupon: one of `IssueDialect.coupons`.
    init(coupon: Int) {
        self.coupon = coupon
        // A deadline of 10,000 ms; field 21 is `get_coupon`.
        let message: [UInt8] =
            [0x08, 0, 0, 0, 0] + [0x10, 0x90, 0x4E] + [0xAA, 0x01, 4] + [0x08, 0, 0, 0]
        form = [0, 0, 0, UInt8(message.count)] + message
    }

    var questionLength: Int { form.count }

    func write(_ number: Int, slot: Int, to bytes: UnsafeMutableRawPointer) {
        unsafe form.withUnsafeBytes { form in
            guard let start = form.baseAddress else { return }
            unsafe bytes.copyMemory(from: start, byteCount: form.count)
        }
        unsafe bytes.advanced(by: 5).writeVarint(Self.idBase + slot, bytes: 4)
        unsafe bytes.advanced(by: 16).writeVarint(coupon, bytes: 3)
    }

    /// The code of a coupon.
    static let coupon = 1

    func answer(_ bytes: UnsafeRawPointer, count: Int) -> Answer? {
        guard count >= 4 else { return nil }
        let length = unsafe 4 + Int(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))
        guard count >= length else { return nil }
        var id = 0
        for index in 0..<4 {
            let byte = unsafe bytes.load(fromByteOffset: 5 + index, as: UInt8.self)
            id |= Int(byte & 0x7F) << (7 * index)
        }
        // Field 20 is `coupon`.
        let isCoupon = unsafe length >= 13 && bytes.load(fromByteOffset: 9, as: UInt8.self) == 0xA2
        return Answer(
            length: length, slot: id - Self.idBase, code: isCoupon ? Self.coupon : errorCode)
    }
}
