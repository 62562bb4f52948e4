/// Traffic for one coupon, which twice as many users want as can have it, and the check of its accounts.
import CouponClient
import CouponCore
import CouponWire
import HistoryChecker
import TestSupport
import TestWorld
import Testing

extension Traffic {
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

    /// The coupon on sale.
    var coupon: CouponID { wishes[0].coupon }

    /// Users ask this daemon as well.
    func add(_ daemon: Daemon) { add(daemon.client.address) }

    /// Users no longer ask this daemon.
    func remove(_ daemon: Daemon) { remove(daemon.port) }

    /// The number of committed issues.
    func issued() throws -> Int {
        let count = try world.sql(
            "SELECT count(*) FROM coupond.coupon_issue WHERE coupon_id = \(coupon.rawValue)")
        return Int(count) ?? -1
    }

    /// Waits until nothing is queued.
    func heal(through daemon: Daemon) async throws {
        try await eventually("coupon \(coupon.rawValue) has nothing queued") {
            let audit = try await daemon.client.audit(coupon)
            return audit.queueRequests == 0 && audit.gate?.queued ?? 0 == 0
        }
    }

    /// Waits until nothing is queued, and checks every promise.
    /// - Parameter skew: by how many milliseconds the clocks of callers and gate may differ.
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
    /// The part of one coupon: other tests may use the other coupons.
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
