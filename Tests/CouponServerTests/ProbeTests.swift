import CouponCore
import Testing

@testable import CouponServer

@Suite struct ProbeTests {
    private func condition(
        open: Int = 4, draining: Bool = false, missing rights: String? = nil
    ) -> Condition {
        let trouble = open < 4 ? "\(4 - open) partitions have no open gate" : nil
        return Condition(
            loops: [
                LoopCondition(
                    partitionsOpen: 4, isDraining: draining, redis: nil, events: nil,
                    whyNotReady: nil),
                LoopCondition(
                    partitionsOpen: open, isDraining: draining, redis: nil, events: nil,
                    whyNotReady: trouble),
            ], partitions: 4, queues: nil, missingRights: rights)
    }

    private func at(_ milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: milliseconds * 1_000_000)
    }

    @Test func `readiness at the start is reported at once`() {
        var readiness = Readiness()
        readiness.observe(condition(open: 0), now: at(0))
        #expect(!readiness.isReady)
        readiness.observe(condition(), now: at(1))
        #expect(readiness.isReady)
    }

    @Test func `a short outage is not reported, a longer one is`() {
        var readiness = Readiness()
        readiness.observe(condition(), now: at(0))
        readiness.observe(condition(open: 0), now: at(1_000))
        readiness.observe(condition(open: 0), now: at(3_999))
        #expect(readiness.isReady)
        readiness.observe(condition(), now: at(4_000))
        readiness.observe(condition(open: 0), now: at(5_000))
        readiness.observe(condition(open: 0), now: at(7_999))
        #expect(readiness.isReady)
        readiness.observe(condition(open: 0), now: at(8_000))
        #expect(!readiness.isReady)
    }

    @Test func `after an outage the daemon is reported as ready after a while`() {
        var readiness = Readiness()
        readiness.observe(condition(), now: at(0))
        for second in 1...4 {
            readiness.observe(condition(open: 0), now: at(Int64(second) * 1_000))
        }
        #expect(!readiness.isReady)
        readiness.observe(condition(), now: at(5_000))
        readiness.observe(condition(), now: at(5_999))
        #expect(!readiness.isReady)
        readiness.observe(condition(), now: at(6_000))
        #expect(readiness.isReady)
    }

    @Test func `a drain is reported at once`() {
        var readiness = Readiness()
        readiness.observe(condition(), now: at(0))
        readiness.observe(condition(draining: true), now: at(1))
        #expect(!readiness.isReady)
    }

    @Test func `one open gate is enough, and the body says what is missing`() {
        let some = condition(open: 1)
        #expect(some.canServe && some.partitionsOpen == 1)
        #expect(
            ReadinessPage.text(some, isReady: true)
                == "degraded: 3 partitions have no open gate\n")
        #expect(ReadinessPage.text(condition(), isReady: true) == "ready\n")
        #expect(!condition(open: 0).canServe)
        let without = condition(missing: "INSERT on coupon_issue")
        #expect(!without.canServe)
        #expect(ReadinessPage.text(without, isReady: false) == "INSERT on coupon_issue\n")
    }

    @Test func `the verbose body has a line for each check`() {
        let text = ReadinessPage.verboseText(condition(open: 1), isReady: true)
        #expect(text.hasPrefix("[-] gates: 1 of 4 are open\n[+] redis: answers\n"))
        #expect(text.hasSuffix("degraded: 3 partitions have no open gate\n"))
    }

    @Test func `only the readiness page has a query`() {
        let forms = [
            "/readyz?verbose": "/readyz?verbose", "/readyz?verbose=1#a": "/readyz?verbose",
            "/readyz?a=b&verbose": "/readyz?verbose", "/readyz?verbosely": "/readyz",
            "/metrics?verbose": "/metrics", "http://host:1/readyz?verbose": "/readyz?verbose",
            "/": "/", "/?a": "/", "http://host:1": "/", "http://host?a": "/",
        ]
        for (target, path) in forms {
            #expect(ObservationHandler.path(of: target) == path, "\(target)")
        }
    }
}
