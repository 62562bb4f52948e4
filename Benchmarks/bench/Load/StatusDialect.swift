/// `coupon_status` of one coupon and changing users.
struct StatusDialect: Dialect, Sendable {
    private static let idBase = 1 << 21

    private let form: [UInt8]
    private let coupon: Int
    private let firstUser: Int
    private let users: Int

    /// - Parameters:
    ///   - coupon: one of `IssueDialect.coupons`.
    ///   - firstUser: the number of the first user; see `mixedUser`.
    ///   - users: the number of users, in mixed order.
    init(coupon: Int, firstUser: Int, users: Int) {
        self.coupon = coupon
        self.firstUser = firstUser
        self.users = users
        let question: [UInt8] = [0x08, 0, 0, 0] + [0x10, 0, 0, 0, 0, 0]
        // A deadline of 10,000 ms.
        let message: [UInt8] =
            [0x08, 0, 0, 0, 0] + [0x10, 0x90, 0x4E] + [0x5A, UInt8(question.count)] + question
        form = [0, 0, 0, UInt8(message.count)] + message
    }

    var questionLength: Int { form.count }

    func write(_ number: Int, slot: Int, to bytes: UnsafeMutableRawPointer) {
        unsafe form.withUnsafeBytes { form in
            guard let start = form.baseAddress else { return }
            unsafe bytes.copyMemory(from: start, byteCount: form.count)
        }
        // 7,919 is prime, so each user occurs, and two neighbours are far apart.
        let user = mixedUser(firstUser + number &* 7_919 % users)
        unsafe bytes.advanced(by: 5).writeVarint(Self.idBase + slot, bytes: 4)
        unsafe bytes.advanced(by: 15).writeVarint(coupon, bytes: 3)
        unsafe bytes.advanced(by: 19).writeVarint(user, bytes: 5)
    }

    /// The code of a status.
    static let status = 1
    /// The code of an `EchoServer`'s answer.
    static let echo = 2

    func answer(_ bytes: UnsafeRawPointer, count: Int) -> Answer? {
        guard let frame = unsafe ResponseFrame(bytes, count: count) else { return nil }
        let code = frame.tag == 0x5A ? Self.status : frame.tag == 0x52 ? Self.echo : errorCode
        return Answer(length: frame.length, slot: frame.id - Self.idBase, code: code)
    }
}
