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
        guard let frame = unsafe ResponseFrame(bytes, count: count) else { return nil }
        // Field 20 is `coupon`.
        let code = frame.tag == 0xA2 ? Self.coupon : errorCode
        return Answer(length: frame.length, slot: frame.id - Self.idBase, code: code)
    }
}
