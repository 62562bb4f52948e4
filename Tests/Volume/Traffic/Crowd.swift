/// Many users at once.
internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import Synchronization
internal import TestSupport
internal import TestWorld

/// Callers that each ask for one user after the other, over a few connections.
struct Crowd: Sendable {
    private static let connections = 4
    private static let callers = 256

    private let clients: [CouponClient]

    init(_ daemons: [Coupond]) {
        clients = daemons.flatMap { daemon in
            (0..<Self.connections).map { _ in daemon.anotherClient() }
        }
    }

    /// So many users ask for a coupon until they are accepted.
    func fill(_ coupon: CouponID, _ count: Int) async throws {
        let left = Atomic(count)
        let accepted = await run { client in
            guard left.subtract(1, ordering: .relaxed).newValue >= 0 else { return nil }
            return await client.obtain(coupon, .newUser(), .accepted, timeout: .seconds(30))
        }
        guard accepted == count else {
            throw Failed("\(accepted) of \(count) users of coupon \(coupon.rawValue) were accepted")
        }
    }

    /// The rate of issues while users come as fast as they are served.
    func rate(_ coupons: [CouponID], seconds: Double) async -> Double {
        let watch = Stopwatch()
        let issued = await run { client in
            guard watch.seconds < seconds, let coupon = coupons.randomElement() else { return nil }
            return await client.obtain(coupon, .newUser(), .issued, timeout: .seconds(30))
        }
        return Double(issued) / watch.seconds
    }

    /// Each caller asks until `next` returns nil.
    /// - Returns: how many users were served.
    private func run(_ next: @escaping @Sendable (CouponClient) async -> Bool?) async -> Int {
        await withTaskGroup(of: Int.self) { group in
            for number in 0..<Self.callers {
                let client = clients[number % clients.count]
                group.addTask {
                    var served = 0
                    while !Task.isCancelled, let isServed = await next(client) {
                        if isServed { served += 1 }
                    }
                    return served
                }
            }
            return await group.reduce(0, +)
        }
    }
}
