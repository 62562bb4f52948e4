/// A few users a second who want their coupon issued, and how long that takes.
internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import NIOCore
internal import Synchronization
internal import TestSupport

/// Asks at a steady rate, whatever the answers do, of all daemons and coupons in turn.
final class Trickle: Sendable {
    private static let perSecond = 100
    /// A request that is not issued by then is given up.
    private static let patience = Duration.seconds(30)

    private let clients: [CouponClient]
    private let coupons: [CouponID]
    private let isStopped = Atomic(false)

    init(_ clients: [CouponClient], _ coupons: [CouponID]) {
        self.clients = clients
        self.coupons = coupons
    }

    /// No more users come; those who are there are waited for.
    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// Asks until it is stopped, or for so many seconds.
    func run(for seconds: Double = .infinity) async -> Latencies {
        let beginning = ContinuousClock.now
        return await withTaskGroup(of: (seconds: Double, isIssued: Bool).self) { group in
            var number = 0
            var due = 0.0
            while due < seconds, !isStopped.load(ordering: .relaxed), !Task.isCancelled {
                let (client, coupon) = (
                    clients[number % clients.count], coupons[number % coupons.count]
                )
                group.addTask { await Self.ask(client, coupon) }
                number += 1
                due = Double(number) / Double(Self.perSecond)
                try? await Task.sleep(until: beginning + .seconds(due))
            }
            var latencies = Latencies()
            for await user in group {
                latencies.add(user.seconds)
                if !user.isIssued { latencies.unanswered += 1 }
            }
            return latencies
        }
    }

    /// From the first time that a user asks until the coupon is issued, or the user has given up.
    private static func ask(
        _ client: CouponClient, _ coupon: CouponID
    ) async -> (seconds: Double, isIssued: Bool) {
        let watch = Stopwatch()
        let isIssued = await client.pursue(coupon, .stranger(), .issued, patience: patience)
        return (watch.seconds, isIssued)
    }
}

extension CouponClient {
    /// Asks for one user, by one name, until that user has the coupon. False where that is not to be.
    func pursue(
        _ coupon: CouponID, _ user: UserID, _ waitFor: WaitFor, patience: Duration
    ) async -> Bool {
        let end = FairClock.now + patience
        var request = IssueRequest(
            coupon: coupon, user: user, requestID: .random(), waitFor: waitFor)
        while FairClock.now < end, !Task.isCancelled {
            do throws(ClientError) {
                switch try await issue(request, deadline: .seconds(20)) {
                case .issued: return true
                case .accepted: return waitFor == .accepted
                default: return false
                }
            } catch {
                if waitFor == .accepted, case .accepted = error.acceptance { return true }
                request.attempt += 1
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
        return false
    }
}

extension Scene {
    /// Users of the coupons of other partitions, whom every daemon has met.
    func trickleElsewhere() async throws -> Trickle {
        try await warmUp()
        return Trickle(daemons.map { $0.anotherClient() }, Coupons.elsewhere)
    }

    /// Lets every daemon issue one of each coupon of the other partitions.
    func warmUp() async throws {
        for coupon in Coupons.elsewhere {
            for daemon in daemons {
                let isIssued = await daemon.client.pursue(
                    coupon, .stranger(), .issued, patience: .seconds(30))
                guard isIssued else { throw Failed("coupon \(coupon.rawValue) is not issued") }
            }
        }
    }

    /// Lets users of other partitions come while `body` runs, and notes how they fare, whatever becomes
    /// of it.
    func meanwhile(
        comparedWith before: Latencies, _ figures: inout Figures,
        _ body: (inout Figures) async throws -> Void
    ) async throws {
        let trickle = try await trickleElsewhere()
        async let latencies = trickle.run()
        var failure: (any Error)?
        do { try await body(&figures) } catch { failure = error }
        trickle.stop()
        let measured = await latencies
        figures["others_p99"] = measured.percentile(99)
        figures["others_p99_ratio"] = measured.percentile(99, over: before)
        if let failure { throw failure }
        try measured.check()
    }
}

extension Latencies {
    /// Everybody must have been served.
    func check() throws {
        guard unanswered == 0 else { throw Failed("\(unanswered) users were never served") }
    }
}

/// Why a case did not reach its end.
struct Failed: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
