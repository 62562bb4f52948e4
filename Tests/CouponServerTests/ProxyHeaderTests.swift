import CouponAccess
import NIOCore
import Testing

@testable import CouponServer

@Suite struct ProxyHeaderTests {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]

    private static func header(_ command: UInt8, _ family: UInt8, _ rest: [UInt8]) -> [UInt8] {
        signature + [command, family, UInt8(rest.count >> 8), UInt8(rest.count & 255)] + rest
    }

    private static let four = header(0x21, 0x11, [192, 0, 2, 9, 127, 0, 0, 1, 1, 2, 3, 4])

    @Test func `a header names the caller`() {
        #expect(ProxyHeader(Self.four) == .read(source: "192.0.2.9", length: 28))
        #expect(ProxyHeader(Self.four + [1, 2]) == .read(source: "192.0.2.9", length: 28))
        let six = [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [7]
        let rest = six + [UInt8](repeating: 0, count: 20) + [4, 0, 1, 9]
        #expect(
            ProxyHeader(Self.header(0x21, 0x21, rest))
                == .read(source: "2001:db8:0:0:0:0:0:7", length: 56))
    }

    @Test func `a proxy may be the caller itself`() {
        #expect(ProxyHeader(Self.header(0x20, 0, [])) == .read(source: nil, length: 16))
        #expect(ProxyHeader(Self.header(0x21, 0, [1])) == .read(source: nil, length: 17))
    }

    @Test func `each beginning of a header waits for the rest`() {
        for count in 0..<Self.four.count {
            #expect(ProxyHeader(Array(Self.four.prefix(count))) == .needMore)
        }
    }

    @Test func `anything else is refused`() {
        #expect(ProxyHeader([0, 0, 0, 4]) == .refused)
        #expect(ProxyHeader(Array("PROXY TCP4 1.2.3.4".utf8)) == .refused)
        #expect(ProxyHeader(Self.header(0x11, 0x11, [])) == .refused)
        #expect(ProxyHeader(Self.header(0x21, 0x12, [UInt8](repeating: 0, count: 12))) == .refused)
        #expect(ProxyHeader(Self.header(0x21, 0x11, [1, 2, 3])) == .refused)
        #expect(
            ProxyHeader(Self.header(0x21, 0x11, [UInt8](repeating: 0, count: 2_000))) == .refused)
    }

    @Test(arguments: [
        ("192.0.2.0/24", "192.0.2.255", true), ("192.0.2.0/24", "192.0.3.1", false),
        ("192.0.2.1", "::ffff:192.0.2.1", true), ("128.0.0.0/1", "200.1.1.1", true),
        ("128.0.0.0/1", "100.1.1.1", false), ("192.0.2.1", "::1", false),
        ("2001:db8::/32", "2001:db8::5", true), ("2001:db8::/32", "2001:db9::5", false),
    ])
    func `a range has the addresses with its first bits`(
        _ text: String, _ address: String, _ isInside: Bool
    ) throws {
        let range = try #require(AddressRange(text))
        #expect(range.contains(address) == isInside)
    }

    @Test(arguments: ["0.0.0.0/0", "::/0", "192.0.2.1/33", "192.0.2", "localhost", "/8", ""])
    func `a range of all addresses is refused, and so are other texts`(_ text: String) {
        #expect(AddressRange(text) == nil)
    }
}
