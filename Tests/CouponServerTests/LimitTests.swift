/// Addresses, buffers, counts and pages.
import CouponCore
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import CouponServer

@Suite struct LimitTests {
    @Test func `IPv6 addresses count by their first 64 bits, IPv4 addresses one by one`() throws {
        func same(_ one: String, _ other: String) throws -> Bool {
            try #require(AddressKey(one)) == #require(AddressKey(other))
        }
        #expect(try same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"))
        #expect(try !same("2001:db8:1:2::1", "2001:db8:1:3::1"))
        #expect(try !same("192.0.2.1", "192.0.2.2"))
        #expect(try same("192.0.2.1", "::ffff:192.0.2.1"))
        #expect(try !same("192.0.2.1", "::c000:201"))
        for text in ["", "?", "localhost", "192.0.2"] { #expect(AddressKey(text) == nil) }
    }

    @Test func `an address gets its places back`() throws {
        let counts = AddressCounts()
        let (one, other) = (try #require(AddressKey("::1")), try #require(AddressKey("10.0.0.1")))
        let entered = (1...3).map { _ in counts.enter(one, limit: 2) }
        #expect(entered == [true, true, false])
        #expect(counts.enter(other, limit: 2))
        counts.leave(one)
        #expect(counts.enter(one, limit: 2))
        for address in [one, one, other] { counts.leave(address) }
        #expect(counts.count == 0, "an address without connections costs no memory")
    }

    @Test func `callers on this machine have no limit unless one is set`() {
        var limits = CallerLimits()
        limits.connections = 20_000
        #expect(limits.connections(ofLoopback: true) == nil)
        #expect(limits.handshakes(ofLoopback: true) == nil)
        #expect(limits.connections(ofLoopback: false) == 5_000)
        #expect(limits.handshakes(ofLoopback: false) == 1_250)
        limits.connections = 1
        #expect(limits.connections(ofLoopback: false) == 1)
        limits.perAddress = .number(7)
        #expect(limits.connections(ofLoopback: true) == 7)
        #expect(limits.handshakes(ofLoopback: true) == 16)
        limits.perAddress = .off
        #expect(limits.connections(ofLoopback: false) == nil)
        #expect(limits.handshakes(ofLoopback: false) == nil)
    }

    @Test func `connections are measured only if they may hold too much`() {
        var budget = BufferBudget(limit: 100)
        budget.add(100)
        #expect(!budget.isReached)
        budget.add(1)
        #expect(budget.isReached)
        budget.measured(20)
        budget.add(80)
        #expect(!budget.isReached)
        #expect(budget.target == 75)
        budget.measured(100)
        budget.add(1)
        #expect(!budget.isReached, "connections near the limit are not measured in each turn")
        budget.add(6)
        #expect(budget.isReached)
    }

    @Test func `each limit has a count of its own, and one line in the log`() {
        var counts = LimitCounts()
        for _ in 1...3 { counts.count(.retries, address: "10.0.0.1") }
        counts.count(.retries, address: "10.0.0.2")
        counts.count(.idle, address: "")
        #expect(counts.metrics.text.contains("coupond_limited_total{reason=\"retries\"} 4\n"))
        #expect(counts.metrics.text.contains("coupond_limited_total{reason=\"idle\"} 1\n"))
        #expect(counts.metrics.text.contains("coupond_limited_total{reason=\"unread\"} 0\n"))
        let lines = counts.dequeueUnlogged().map { "\($0.reason) \($0.count) \($0.address)" }
        #expect(lines == ["retries 4 10.0.0.1", "idle 1 "])
        #expect(counts.dequeueUnlogged().isEmpty)
    }

    @Test func `requests for a page that is being made get that page`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let made = Atomic(0)
        let text = try await loop.flatSubmit {
            let ready = loop.makePromise(of: ObservationHandler.Page.self)
            let pages = PagesInFlight(on: loop) { _ in
                made.add(1, ordering: .relaxed)
                return ready.futureResult
            }
            let first = pages.page(.init(path: "/metrics"))
            let second = pages.page(.init(path: "/metrics"))
            _ = pages.page(.init(path: "/metrics", view: .coupons))
            ready.succeed(.init(status: .ok, body: "a"))
            _ = pages.page(.init(path: "/metrics"))
            return first.and(second).map { $0.body + $1.body }
        }.get()
        #expect(text == "aa")
        #expect(made.load(ordering: .relaxed) == 3)
        try await group.shutdownGracefully()
    }

    @Test func `a new connection begins with what the last one of its address had spent`() throws {
        let debts = Debts()
        let now = MonotonicTime(nanoseconds: 1_000_000_000)
        var spent = ConnectionLimits()
        for _ in 1...Limits.retriesAtOnce { try #require(spent.retry(now: now) == nil) }
        #expect(spent.buckets.owes(now: now) && !ConnectionLimits().buckets.owes(now: now))
        debts.add(spent.buckets, of: "192.0.2.1", now: now)
        debts.add(spent.buckets, of: "unix:/run/a", now: now)
        #expect(debts.remove(of: "192.0.2.2", now: now) == nil)
        var next = ConnectionLimits()
        next.begin(with: try #require(debts.remove(of: "192.0.2.1", now: now)), now: now)
        #expect(next.retry(now: now) != nil)
        #expect(debts.remove(of: "192.0.2.1", now: now) == nil, "each debt is paid once")
        debts.add(spent.buckets, of: "192.0.2.1", now: now)
        let later = now.advanced(byMilliseconds: 10_000)
        #expect(debts.remove(of: "192.0.2.1", now: later) == nil, "it is paid by then")
    }

    @Test func `the number of debts is bounded`() {
        let debts = Debts()
        let now = MonotonicTime(nanoseconds: 1_000_000_000)
        var spent = ConnectionLimits()
        _ = spent.retry(now: now)
        for number in 0...Limits.debts {
            debts.add(spent.buckets, of: "10.0.\(number >> 8).\(number & 255)", now: now)
        }
        let last = "10.0.\(Limits.debts >> 8).0"
        #expect(debts.remove(of: last, now: now) == nil)
        let later = now.advanced(byMilliseconds: 1_000)
        var other = ConnectionLimits()
        _ = other.retry(now: later)
        debts.add(other.buckets, of: "10.0.0.1", now: later)
        debts.add(other.buckets, of: last, now: later)
        #expect(debts.remove(of: last, now: later) != nil, "debts that are paid make room")
    }
}
