public import ArgumentParser
public import CouponCore
internal import FoundationEssentials

// The words of the protocol as arguments.

extension CouponID: ExpressibleByArgument {
    /// A positive number.
    public init?(argument: String) {
        guard let number = Int64(argument), number > 0 else { return nil }
        self.init(number)
    }
}

extension UserID: ExpressibleByArgument {
    /// A positive number.
    public init?(argument: String) {
        guard let number = Int64(argument), number > 0 else { return nil }
        self.init(number)
    }
}

extension RequestID: ExpressibleByArgument {
    /// 2 to 32 hexadecimal digits, two for each byte. An empty name would be replaced by a random one, which
    /// nobody could give again.
    public init?(argument: String) {
        let digits = argument.compactMap(\.hexDigitValue).map(UInt8.init)
        guard !digits.isEmpty, digits.count == argument.count, digits.count.isMultiple(of: 2)
        else { return nil }
        self.init(
            stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
    }

    /// As the argument is written.
    var hexadecimal: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension Timestamp {
    /// This machine's clock.
    static var now: Timestamp {
        Timestamp(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
    }
}
