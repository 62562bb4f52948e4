/// A load of one coupon, wanted by twice as many users as there are, and its accounts.
import CouponClient
import CouponCore
import CouponWire
import HistoryChecker
import TestSupport
import TestWorld
import Testing

/// The suites that kill, stop and overload: one test at a time, since each wants the whole machine.
@Suite(.machine(.overloading), .serialized, .timeLimit(.minutes(2))) struct FaultTests {}

extension Load {
    /// A coupon, created through `daemon`, which is also the first to be asked.
    /// - Parameter total: half as many as there are users.
    convenience init(
        _ world: World, through daemon: Daemon, coupon id: Int64 = 1, total: Int
    ) async throws {
        self.init(
            world, offers: [CouponID(id): Int64(total)],
            wishes: (1...Int64(2 * total)).shuffled().map { Wish(CouponID(id), UserID($0)) })
        _ = try await daemon.client.create(.offer(id, total: Int64(total)))
        add(daemon)
    }

    /// The one on sale.
    var coupon: CouponID { wishes[0].coupon }

    /// Users ask this daemon as well.
    func add(_ daemon: Daemon) { add(daemon.client.address) }

    /// Users ask this daemon no more.
    func remove(_ daemon: Daemon) { remove(daemon.port) }

    /// How many are committed.
    func issued() throws -> Int {
        let count = try world.sql(
            "SELECT count(*) FROM coupond.coupon_issue WHERE coupon_id = \(coupon.rawValue)")
        return Int(count) ?? -1
    }

    /// Waits until nothing is queued any more.
    func heal(through daemon: Daemon) async throws {
        try await eventually("coupon \(coupon.rawValue) has nothing queued") {
            let audit = try await daemon.client.audit(coupon)
            return audit.queueRequests == 0 && audit.gate?.queued ?? 0 == 0
        }
    }

    /// Heals, and checks every promise.
    /// - Parameter skew: by how much the clocks of callers and gate are apart, in milliseconds.
    func expectBalance(through daemon: Daemon, clockSkewMilliseconds skew: Int64? = nil)
        async throws
    {
        try await heal(through: daemon)
        let tables = try await world.tables().of(coupon)
        // Time is not judged here: daemons are killed and stopped, and other tests share the machine.
        var checker = HistoryChecker()
        checker.toleranceMilliseconds = 3_600_000
        if let skew { checker.clockSkewMilliseconds = skew }
        let breaches = checker.check(history, against: tables)
        #expect(breaches.isEmpty, "\(breaches.count): \(breaches.prefix(5))")
        let audit = try await daemon.client.audit(coupon)
        #expect(audit.accounts.rows?.count == Int64(tables.issues.count))
        #expect(audit.accounts.coupon.issued == Int64(tables.issues.count))
        #expect(tables.issues.count == wishes.count / 2, "the demand exceeds the total")
        #expect(audit.gateSaysSoldOut)
    }
}

extension Tables {
    /// Of one coupon only: others may be in another load's hands.
    fileprivate func of(_ coupon: CouponID) -> Tables {
        var tables = self
        tables.coupons.removeAll { $0.id != coupon }
        tables.issues.removeAll { $0.coupon != coupon }
        tables.rejections.removeAll { $0.coupon != coupon }
        tables.deadLetters.removeAll { $0.coupon != coupon }
        tables.records = tables.records.filter { $0.key == coupon }
        let partition = Partitioning(count: partitions.count).partition(of: coupon)
        tables.partitions.removeAll { $0.id != partition }
        return tables
    }
}
