/// One world for all tests of a suite that only need running daemons. Each test has its own coupons.
import CouponClient
import CouponCore
import CouponWire
import NIOCore
import Synchronization
import TestSupport
import TestWorld
import Testing

/// Two daemons on one Redis and one PostgreSQL, for as long as the suite runs.
struct SharedWorld: SuiteTrait, TestScoping {
    @TaskLocal private static var members: Members?

    let arguments: [String]
    var ownPostgres = false

    struct Members: Sendable {
        let world: World
        let one: Daemon
        let other: Daemon
    }

    /// The world and daemons of the running test's suite.
    static var current: Members {
        get throws { try #require(members) }
    }

    func provideScope(
        for test: Test, testCase: Test.Case?,
        performing body: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let world = try await World(ownPostgres: ownPostgres)
        let one = try await world.daemon(arguments)
        let other = try await world.daemon(arguments)
        let members = Members(world: world, one: one, other: other)
        try await Self.$members.withValue(members) { try await body() }
        #expect(try await one.stop() == .code(0))
        #expect(try await other.stop() == .code(0))
    }
}

extension Trait where Self == SharedWorld {
    /// Starts two daemons for the whole suite.
    static func sharedWorld(_ arguments: [String] = []) -> Self {
        SharedWorld(arguments: arguments)
    }
}

/// Ids that no other test of this process uses.
private let ids = Atomic<Int64>(10_000)

extension Daemon {
    /// Creates a coupon, by default open now.
    func offer(
        total: Int64?, opensIn: Double = -60, closesIn: Double = 3_600
    ) async throws -> CouponID {
        let id = ids.add(1, ordering: .relaxed).newValue
        let coupon = Coupon.offer(id, total: total, opensIn: opensIn, closesIn: closesIn)
        return try await client.create(coupon).id
    }

    /// Asks for a coupon, with a deadline that only a failing test sees.
    func ask(
        _ coupon: CouponID, _ user: Int64, _ requestID: RequestID = .empty,
        waitFor: WaitFor = .accepted, attempt: UInt32 = 0
    ) async throws -> Outcome {
        try await client.issue(
            IssueRequest(
                coupon: coupon, user: UserID(user), requestID: requestID, waitFor: waitFor,
                attempt: attempt),
            deadline: .seconds(20))
    }

    /// Asks for a coupon, and must get it.
    /// - Returns: the sequence.
    @discardableResult
    func win(_ coupon: CouponID, _ user: Int64) async throws -> Int64 {
        let outcome = try await ask(coupon, user, waitFor: .issued)
        guard case .issued(let sequence, _) = outcome else {
            throw Unexpected(what: "user \(user) got \(outcome)")
        }
        return sequence
    }

    /// Asks until the event that the coupon opened has reached the daemon.
    func winSoon(_ coupon: CouponID, _ user: Int64) async throws {
        try await eventually("user \(user) gets coupon \(coupon.rawValue)") {
            switch try await ask(coupon, user, waitFor: .issued) {
            // An earlier try may have ended at its deadline, before the request was issued.
            case .issued, .duplicate(_, .issued): return true
            case let outcome: throw Unexpected(what: "\(outcome)")
            }
        }
    }

    /// The state of a user's request.
    func status(_ coupon: CouponID, _ user: Int64) async throws -> UserStatus {
        try await client.status(of: coupon, user: UserID(user)).user
    }

    /// Whether a user's request is issued.
    func holds(_ coupon: CouponID, _ user: Int64) async throws -> Bool {
        guard case .issued = try await status(coupon, user) else { return false }
        return true
    }
}
