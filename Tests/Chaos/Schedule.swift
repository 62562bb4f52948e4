/// What a round does, computed from its seed alone.
internal import CouponCore
internal import TestWorld

/// One fault at one moment.
struct Strike: Equatable, Sendable {
    let fault: Fault
    /// From the beginning of the traffic, in milliseconds.
    let at: Int
    /// Until it is undone, in milliseconds.
    let lasts: Int
    /// The daemon that the fault hits, if it hits one.
    let daemon: Int
    /// The coupon that the fault hits, if it hits one.
    let coupon: CouponID

    var end: Int { at + lasts }
}

/// One round.
struct Schedule: Sendable {
    let seed: UInt64
    /// How many daemons run.
    let daemons: Int
    /// How Redis is made; nil for a single one.
    let cluster: Cluster?
    /// The same, if it has sentinels.
    let sentinels: Cluster?
    let strikes: [Strike]
    /// The coupons' totals; nil means unlimited.
    let offers: [CouponID: Int64?]
    let wishes: [Traffic.Wish]

    static let coupons = 24
    private static let wishesPerSecond = 400

    /// A cluster, or a master with replicas and sentinels.
    struct Cluster: Equatable, Sendable {
        /// Whether answers wait for a replica, so that a failover costs nothing that was answered.
        let waits: Bool
    }

    /// - Parameters:
    ///   - faults: the faults to choose from.
    ///   - inCluster: whether Redis is a cluster. Then the first fault is one of the cluster, if there is one
    ///     to choose.
    ///   - withSentinels: the same for sentinels.
    init(
        seed: UInt64, faults: [Fault] = Fault.all, inCluster: Bool = false,
        withSentinels: Bool = false
    ) {
        var random = SplitMix64(seed: seed)
        self.seed = seed
        let daemons = Bool.random(using: &random) ? 1 : 3
        self.daemons = daemons
        cluster = inCluster ? Cluster(waits: Bool.random(using: &random)) : nil
        sentinels = withSentinels ? Cluster(waits: Bool.random(using: &random)) : nil
        var strikes: [Strike] = []
        for _ in 0..<Int.random(in: 1...2, using: &random) {
            let left = faults.filter { $0.target != strikes.first?.fault.target }
            let isFirst = (inCluster || withSentinels) && strikes.isEmpty
            let ofCluster = isFirst ? left.filter { $0.target == .redis } : []
            guard let fault = (ofCluster.isEmpty ? left : ofCluster).randomElement(using: &random)
            else { break }
            strikes.append(
                Strike(
                    fault: fault, at: Int.random(in: 200...1_800, using: &random),
                    lasts: Int.random(in: fault.duration, using: &random),
                    daemon: Int.random(in: 0..<daemons, using: &random),
                    coupon: CouponID(Int64.random(in: 1...Int64(Self.coupons), using: &random))))
        }
        self.strikes = strikes
        let milliseconds = (strikes.map(\.end).max() ?? 0) + 700
        (offers, wishes) = Self.traffic(
            Self.wishesPerSecond * milliseconds / 1_000, using: &random)
    }

    /// From the first user who asks to the last.
    var spread: Duration { .milliseconds((strikes.map(\.end).max() ?? 0) + 700) }

    /// Of four coupons one is unlimited, one sells out at once, and two have half as many as users want.
    private static func traffic(
        _ count: Int, using random: inout SplitMix64
    ) -> ([CouponID: Int64?], [Traffic.Wish]) {
        var demand: [CouponID: Int64] = [:]
        var wishes: [Traffic.Wish] = []
        for _ in 0..<count {
            let coupon = CouponID(Int64.random(in: 1...Int64(coupons), using: &random))
            demand[coupon, default: 0] += 1
            wishes.append(Traffic.Wish(coupon, UserID(demand[coupon, default: 0])))
        }
        var offers: [CouponID: Int64?] = [:]
        for id in 1...Int64(coupons) {
            let wanted = demand[CouponID(id)] ?? 0
            switch id % 4 {
            case 0: offers[CouponID(id)] = .some(nil)
            case 1: offers[CouponID(id)] = Int64.random(in: 1...20, using: &random)
            default: offers[CouponID(id)] = max(1, wanted / 2)
            }
        }
        return (offers, wishes)
    }
}

extension Schedule: CustomStringConvertible {
    /// `3 daemons, redis-killed at 812 for 1204 ms, …`.
    var description: String {
        let parts = strikes.map { strike in
            "\(strike.fault) at \(strike.at) for \(strike.lasts) ms (daemon \(strike.daemon),"
                + " coupon \(strike.coupon.rawValue))"
        }
        let name = cluster == nil ? "sentinels" : "a cluster"
        let redis = (cluster ?? sentinels).map { $0.waits ? [name + " with WAIT"] : [name] } ?? []
        return (["\(daemons) \(daemons == 1 ? "daemon" : "daemons")"] + redis + parts)
            .joined(separator: ", ")
    }
}
