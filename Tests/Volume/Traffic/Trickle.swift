/// A few users a second ask until their coupon is issued; measures how long that takes.
internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import TestWorld
internal import NIOCore
internal import Synchronization
internal import TestSupport

/// Sends requests at a steady rate, to all daemons and coupons in turn, without waiting for answers.
final class Trickle: Sendable {
    private static let perSecond = 100
    /// After this time a user gives up.
    private static let timeout = Duration.seconds(30)

    private let clients: [CouponClient]
    private let coupons: [CouponID]
    private let isStopped = Atomic(false)

    init(_ clients: [CouponClient], _ coupons: [CouponID]) {
        self.clients = clients
        self.coupons = coupons
    }

    /// Sends no more users; `run` still waits for those that were sent.
    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// Sends users until it is stopped, or for so many seconds.
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

    /// The time from a user's first try until the coupon is issued or the user gives up.
    private static func ask(
        _ client: CouponClient, _ coupon: CouponID
    ) async -> (seconds: Double, isIssued: Bool) {
        let watch = Stopwatch()
        let isIssued = await client.obtain(coupon, .newUser(), .issued, timeout: timeout)
        return (watch.seconds, isIssued)
    }
}

extension CouponClient {
    /// Asks for one user, with one request id, until the user has the coupon. False if it is refused or the
    /// time is over.
    func obtain(
        _ coupon: CouponID, _ user: UserID, _ waitFor: WaitFor, timeout: Duration
    ) async -> Bool {
        let end = FairClock.now + timeout
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
    /// Traffic for coupons of the other partitions, which every daemon already knows.
    func trickleElsewhere() async throws -> Trickle {
        try await warmUp()
        return Trickle(daemons.map { $0.anotherClient() }, Coupons.elsewhere)
    }

    /// Gets one issue of each coupon of the other partitions from every daemon.
    func warmUp() async throws {
        for coupon in Coupons.elsewhere {
            for daemon in daemons {
                let isIssued = await daemon.client.obtain(
                    coupon, .newUser(), .issued, timeout: .seconds(30))
                guard isIssued else { throw Failed("coupon \(coupon.rawValue) is not issued") }
            }
        }
    }

    /// How long users of the other partitions wait without trouble. That is measured twice, for half of the
    /// time each: one slow commit would weigh much in the base of a ratio.
    func trickleBefore(for seconds: Double) async throws -> Latencies {
        let first = await (try await trickleElsewhere()).run(for: seconds / 2)
        let second = await (try await trickleElsewhere()).run(for: seconds / 2)
        return first.calmer(second)
    }

    /// Sends users to the other partitions while `body` runs, and records their latencies, even if `body`
    /// fails.
    func measuringOthers(
        comparedWith before: Latencies, _ figures: inout Figures,
        _ body: (inout Figures) async throws -> Void
    ) async throws {
        let trickle = try await trickleElsewhere()
        async let latencies = trickle.run()
        var failure: (any Error)?
        do { try await body(&figures) } catch { failure = error }
        trickle.stop()
        let measured = await latencies
        figures["others_p99_before"] = before.percentile(99)
        figures["others_p99"] = measured.percentile(99)
        figures["others_p99_ratio"] = measured.percentile(99, over: before)
        if let failure { throw failure }
        try measured.check()
    }
}

extension Latencies {
    /// Throws if a user was not served.
    func check() throws {
        guard unanswered == 0 else { throw Failed("\(unanswered) users were never served") }
    }
}
