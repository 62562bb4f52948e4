/// The caller's trace that a request belongs to: `traceparent` of W3C Trace Context. Held inline, so that it
/// costs no allocation.
public struct TraceContext: Hashable, Sendable {
    /// The length of its text, in bytes.
    public static let length = 55

    private let traceHigh: UInt64
    private let traceLow: UInt64
    private let parent: UInt64
    private let flags: UInt8

    /// From a text such as `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`; nil for a text of
    /// another form. A text of a later version is read as far as version 00 goes.
    public init?(_ text: some Sequence<UInt8>) {
        let bytes = Array(text.prefix(Self.length + 1))
        guard bytes.count == Self.length,
            [2, 35, 52].allSatisfy({ bytes[$0] == UInt8(ascii: "-") }),
            let version = Self.number(bytes[0..<2]), version != 0xFF,
            let high = Self.number(bytes[3..<19]), let low = Self.number(bytes[19..<35]),
            high != 0 || low != 0, let parent = Self.number(bytes[36..<52]), parent != 0,
            let flags = Self.number(bytes[53..<55])
        else { return nil }
        (traceHigh, traceLow, self.parent) = (high, low, parent)
        self.flags = UInt8(flags)
    }

    /// The same, from a string.
    public init?(_ text: String) { self.init(text.utf8) }

    /// Whether the caller records the trace.
    public var isSampled: Bool { flags & 1 != 0 }

    /// The id of the whole trace, in hexadecimal.
    public var traceID: String { Self.hexadecimal(traceHigh) + Self.hexadecimal(traceLow) }

    /// The id of the caller's span, in hexadecimal.
    public var parentID: String { Self.hexadecimal(parent) }

    /// Lower-case hexadecimal digits, 16 at most; nil if there is another character.
    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        digits.reduce(into: 0 as UInt64?) { number, digit in
            let value: UInt8? =
                switch digit {
                case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
                case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
                default: nil
                }
            number = if let before = number, let value { before << 4 | UInt64(value) } else { nil }
        }
    }

    private static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension TraceContext: CustomStringConvertible {
    /// As `traceparent` has it, in version 00.
    public var description: String {
        let digits = String(flags, radix: 16)
        return "00-\(traceID)-\(parentID)-" + (digits.count == 1 ? "0" + digits : digits)
    }
}
