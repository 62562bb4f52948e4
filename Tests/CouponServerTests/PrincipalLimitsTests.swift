import CouponAccess
import CouponCore
import Testing

@testable import CouponServer

@Suite struct PrincipalLimitsTests {
    private let limits = PrincipalLimits()
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    @Test func `a principal gets a place back only when one of its own connections closes`() {
        var shop = Principal(name: "shop", roles: .issuer)
        shop.connections = 2
        let other = Principal(name: "other", roles: .issuer)
        #expect(limits.enter(shop) && limits.enter(shop))
        #expect(!limits.enter(shop))
        #expect(limits.enter(other))
        limits.leave("shop")
        #expect(limits.enter(shop))
        limits.leave("nobody")
        #expect(!limits.enter(shop))
    }

    @Test func `a principal's rate counts all its users, and fills again`() {
        var shop = Principal(name: "shop", roles: .issuer)
        shop.requestsPerSecond = 10
        for user in 1...10 { #expect(limits.spend(shop, UserID(Int64(user)), now: start) == nil) }
        let refused = limits.spend(shop, UserID(11), now: start)
        #expect(refused?.reason == .rateOfPrincipal && refused?.milliseconds == 100)
        let later = start.advanced(byMilliseconds: 100)
        #expect(limits.spend(shop, UserID(11), now: later) == nil)
        #expect(limits.spend(shop, UserID(11), now: later)?.reason == .rateOfPrincipal)
    }

    @Test func `a batch counts for each of its users, and a large one is not refused for ever`() {
        var reader = Principal(name: "reader", roles: .reader)
        reader.requestsPerSecond = 10
        #expect(limits.spend(reader, requests: 4, now: start) == nil)
        #expect(limits.spend(reader, requests: 7, now: start) == 100)
        #expect(limits.spend(reader, requests: 6, now: start) == nil)
        #expect(limits.spend(reader, requests: 1, now: start) == 100)
        let full = start.advanced(byMilliseconds: 1_000)
        #expect(limits.spend(reader, requests: 1_000, now: full) == nil)
        let soon = full.advanced(byMilliseconds: 99_000)
        #expect(limits.spend(reader, requests: 1_000, now: soon) == 1_000)
        #expect(limits.spend(reader, UserID(1), now: soon)?.milliseconds == 100)
        let later = full.advanced(byMilliseconds: 100_000)
        #expect(limits.spend(reader, requests: 1_000, now: later) == nil)
        let free = Principal(name: "free", roles: .reader)
        #expect(limits.spend(free, requests: 1_000, now: start) == nil)
    }

    @Test func `a rate for users limits each user separately`() {
        var shop = Principal(name: "shop", roles: .issuer)
        shop.requestsPerSecondOfUser = 2
        let (one, two) = (UserID(1), UserID(2))
        #expect(limits.spend(shop, one, now: start) == nil)
        #expect(limits.spend(shop, one, now: start) == nil)
        #expect(limits.spend(shop, one, now: start)?.reason == .rateOfUser)
        #expect(limits.spend(shop, two, now: start) == nil)
    }

    @Test func `a principal that is gone is forgotten with its last connection`() throws {
        var shop = Principal(name: "shop", roles: .issuer)
        shop.connections = 2
        let text = "kiosk roles=issuer uid=1\n"
        let others = Callers(try CallersFile(Array(text.utf8)))
        #expect(limits.enter(shop))
        limits.forget(except: others)
        #expect(limits.count == 1)
        limits.leave("shop")
        limits.forget(except: others)
        #expect(limits.count == 0)
    }
}
