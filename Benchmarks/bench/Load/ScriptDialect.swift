/// EVALSHA of the baseline's gate script with one user for each call, as redis-benchmark sends it.
struct ScriptDialect: Dialect {
    private static let digits = 12

    private let form: [UInt8]
    private let firstUser: Int

    init(digest: String, keys: [String], limit: Int, firstUser: Int) {
        self.firstUser = firstUser
        let words = ["EVALSHA", digest, "\(keys.count)"] + keys + ["\(limit)"]
        var text = "*\(words.count + 1)\r\n"
        for word in words { text += "$\(word.utf8.count)\r\n\(word)\r\n" }
        text += "$\(Self.digits)\r\n" + String(repeating: "0", count: Self.digits) + "\r\n"
        form = Array(text.utf8)
    }

    var questionLength: Int { form.count }

    func write(_ number: Int, slot: Int, to bytes: UnsafeMutableRawPointer) {
        unsafe form.withUnsafeBytes { form in
            guard let start = form.baseAddress else { return }
            unsafe bytes.copyMemory(from: start, byteCount: form.count)
        }
        var rest = mixedUser(firstUser + number)
        for index in 0..<Self.digits {
            let digit = UInt8(ascii: "0") + UInt8(rest % 10)
            unsafe bytes.storeBytes(of: digit, toByteOffset: form.count - 3 - index, as: UInt8.self)
            rest /= 10
        }
    }

    /// The codes are the numbers that the script returns.
    func answer(_ bytes: UnsafeRawPointer, count: Int) -> Answer? {
        for index in 0..<count
        where unsafe bytes.load(fromByteOffset: index, as: UInt8.self) == UInt8(ascii: "\n") {
            let isNumber = unsafe bytes.load(as: UInt8.self) == UInt8(ascii: ":")
            let digit = unsafe bytes.load(fromByteOffset: 1, as: UInt8.self) &- UInt8(ascii: "0")
            return Answer(
                length: index + 1, slot: nil, code: isNumber ? Int(digit) : errorCode)
        }
        return nil
    }
}
