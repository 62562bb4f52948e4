/// The caller's name for one request: 0 to 16 bytes, held inline so that it costs no allocation.
///
/// Retries carry the same one, and get the same answer (promise 6).
public struct RequestID: Hashable, Sendable {
    /// The longest request id, in bytes.
    public static let maximumLength = 16
    /// Length byte and padded bytes: the form in Redis, in gate calls and queue entries alike.
    public static let packedLength = 17

    private let high: UInt64
    private let low: UInt64
    private let length: UInt8

    /// The request id of no bytes.
    public static let empty = RequestID(high: 0, low: 0, length: 0)

    /// How many bytes it has, 0 to 16.
    public var count: Int { Int(length) }

    /// Whether the caller gave none.
    public var isEmpty: Bool { length == 0 }

    /// From two big-endian halves; bytes past `length` must be zero.
    public init(high: UInt64, low: UInt64, length: UInt8) {
        precondition(length <= 16, "a request id has 16 bytes at most")
        self.high = high
        self.low = low
        self.length = length
    }

    /// From bytes; nil if there are more than 16.
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount <= Self.maximumLength else { return nil }
        if bytes.byteCount == Self.maximumLength {
            // What nearly all clients send.
            let high = unsafe bytes.unsafeLoadUnaligned(as: UInt64.self)
            let low = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt64.self)
            self.init(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low), length: 16)
            return
        }
        var halves: (high: UInt64, low: UInt64) = (0, 0)
        for index in 0..<bytes.byteCount {
            let byte = unsafe UInt64(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
            if index < 8 {
                halves.high |= byte << Self.shift(index)
            } else {
                halves.low |= byte << Self.shift(index)
            }
        }
        self.init(high: halves.high, low: halves.low, length: UInt8(bytes.byteCount))
    }

    /// From bytes; nil if there are more than 16.
    public init?(_ bytes: [UInt8]) {
        unsafe self.init(bytes.span.bytes)
    }

    /// How far byte `index` stands from the end of its half, in bits.
    private static func shift(_ index: Int) -> UInt64 { UInt64(56 - 8 * (index & 7)) }

    /// A fresh random one of 16 bytes, for a caller who gave none (rule 12).
    public static func random() -> RequestID {
        RequestID(high: .random(in: 0...(.max)), low: .random(in: 0...(.max)), length: 16)
    }

    /// The first eight bytes, big-endian, zero-padded.
    public var highBits: UInt64 { high }
    /// The last eight bytes, big-endian, zero-padded.
    public var lowBits: UInt64 { low }

    /// The bytes as the caller sent them.
    public var bytes: [UInt8] { (0..<count).map(byte) }

    private func byte(_ index: Int) -> UInt8 {
        let half = index < 8 ? high : low
        return UInt8(truncatingIfNeeded: half >> Self.shift(index))
    }
}
