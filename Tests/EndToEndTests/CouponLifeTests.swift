import CouponClient
import CouponCore
import Foundation
import NIOCore
import TestSupport
import TestWorld
import Testing

/// A closed coupon is deleted or archived while users ask for it (rule 55).
@Suite(.machine(.overloading), .timeLimit(.minutes(3))) struct CouponLifeTests {
    private let coupon = CouponID(5)

    private func couponctl(_ daemon: Daemon, _ words: String...) async throws -> CommandRun {
        try await CommandRun(
            builtExecutable("couponctl"),
            words + ["--json", "--address", "127.0.0.1:\(daemon.port)"])
    }

    @Test func `a deleted coupon is gone in every daemon, and its id is not used again`()
        async throws
    {
        let world = try await World()
        let daemons = [try await world.daemon(), try await world.daemon()]
        _ = try await daemons[0].client.create(.offer(5, total: 2))
        #expect(try await couponctl(daemons[0], "coupon", "delete", "5").end == .code(1))
        _ = try await daemons[0].client.close(coupon)
        // Both daemons remember the coupon as closed.
        for daemon in daemons { #expect(try await daemon.ask(coupon, 1) == .closed) }
        let deleted = try await couponctl(daemons[1], "coupon", "delete", "5")
        #expect(deleted.end == .code(0) && deleted["state"] == "CLOSED", "\(deleted.text)")
        for daemon in daemons {
            try await eventually("it is gone") { try await daemon.ask(coupon, 2) == .notFound }
            #expect(try await daemon.ask(coupon, 1, attempt: 1) == .notFound)
            #expect(
                try await refusal { try await daemon.client.status(of: coupon) } == .notFound)
            #expect(try await daemon.client.coupons().isEmpty)
            let again = try await refusal {
                try await daemon.client.create(.offer(5, total: 2))
            }
            #expect(again == .alreadyExists)
        }
        #expect(try await world.redis.cli("KEYS", "coupond:{5}:*:5:*") == "")
        try await eventually("the outbox is empty") {
            try world.sql("SELECT count(*) FROM coupond.gate_outbox") == "0"
        }
        for daemon in daemons { #expect(try await daemon.stop() == .code(0)) }
    }

    @Test func `an archived coupon leaves lists and gate, and answers as before`() async throws {
        let world = try await World()
        let daemons = [try await world.daemon(), try await world.daemon()]
        _ = try await daemons[0].client.create(.offer(5, total: 2))
        _ = try await daemons[0].client.create(.offer(6, total: 2))
        let name = RequestID(high: 7, low: 0, length: 8)
        guard
            case .issued(let sequence, _) = try await daemons[0].ask(
                coupon, 1, name, waitFor: .issued)
        else { throw Unexpected(what: "user 1 was not issued") }
        #expect(try await couponctl(daemons[0], "coupon", "archive", "5").end == .code(1))
        _ = try await daemons[0].client.close(coupon)
        #expect(
            try await refusal { try await daemons[0].client.delete(coupon) } == .failedPrecondition)
        try await eventually("what was issued is settled, and it is archived") {
            try await daemons[0].client.archive(coupon).isArchived
        }
        #expect(try await world.redis.cli("KEYS", "coupond:{5}:*:5:*") == "")
        for daemon in daemons {
            #expect(try await daemon.ask(coupon, 2) == .closed)
            let again = try await daemon.ask(coupon, 1, name, attempt: 1)
            #expect(Self.sequence(again) == sequence)
            let other = try await daemon.ask(coupon, 1, attempt: 1)
            #expect(other == .duplicate(sequence: sequence, state: .issued))
            let status = try await daemon.client.status(of: coupon, user: UserID(1))
            guard case .issued(sequence, _) = status.user else {
                throw Unexpected(what: "\(status)")
            }
            #expect(try await daemon.client.coupons().map(\.id) == [CouponID(6)])
            #expect(try await daemon.client.coupons(archived: true).map(\.id) == [coupon])
            #expect(try await daemon.client.issues(of: coupon).count == 1)
        }
        let list = try await couponctl(daemons[1], "coupon", "list", "--archived")
        #expect(list["id"] == 5 && list.text.contains(#""archived":true"#), "\(list.text)")
        #expect(try await couponctl(daemons[1], "coupon", "unarchive", "5").end == .code(0))
        #expect(try await daemons[0].client.coupons().map(\.id) == [coupon, CouponID(6)])
        try await eventually("the accounts add up") {
            let audit = try await daemons[0].client.audit(coupon)
            return audit.judge.checks.allSatisfy(\.holds)
        }
        for daemon in daemons { #expect(try await daemon.stop() == .code(0)) }
    }

    @Test func `a load that began before the coupon was closed and deleted does not bring it back`()
        async throws
    {
        let world = try await World()
        let (slow, other) = (try await world.daemon(), try await world.daemon())
        _ = try await other.client.create(.offer(5, total: 1))
        let lock = try await world.lockRefusals()
        async let late = slow.client.issue(
            IssueRequest(coupon: coupon, user: UserID(2), requestID: .random()),
            deadline: .seconds(60), retrying: RetryPolicy(tries: 20))
        // The slow daemon will have read that the coupon is active.
        try await eventually("the slow daemon loads") { try world.loads == 1 }
        slow.process.signal(SIGSTOP)
        try await lock.release()
        try await eventually("PostgreSQL has answered it") { try world.loads == 0 }
        _ = try await other.client.close(coupon)
        try await eventually("it is deleted") {
            try await other.client.delete(coupon).state == .closed
        }
        slow.process.signal(SIGCONT)
        #expect(try await late == .notFound)
        #expect(try await world.redis.cli("KEYS", "coupond:{5}:*:5:*") == "")
        for daemon in [other, slow] { #expect(try await daemon.stop() == .code(0)) }
    }

    @Test func `no accepted request is lost while its coupon is closed and deleted`() async throws {
        let world = try await World()
        let daemons = [try await world.daemon(), try await world.daemon()]
        var deleted = 0
        for number in 1...24 as ClosedRange<Int64> {
            let coupon = try await daemons[0].client.create(.offer(number, total: nil)).id
            async let outcomes = ask(coupon, daemons)
            // So the coupon is closed sooner or later in the crowd of requests.
            for user in 0..<(number % 4) { _ = try await daemons[0].ask(coupon, 1_000 + user) }
            _ = try await daemons[1].client.close(coupon)
            var end: StatusCode?
            try await eventually("it is decided") {
                end = try await refusal { try await daemons[1].client.delete(coupon) }
                return end != .unavailable
            }
            let accepted = try await outcomes.count { Self.sequence($0) != nil } + Int(number % 4)
            if end == nil {
                deleted += 1
                #expect(accepted == 0, "of coupon \(number), which was deleted")
            } else {
                #expect(end == .failedPrecondition, "coupon \(number)")
                #expect(accepted > 0, "coupon \(number)")
                try await eventually("all of coupon \(number) are issued") {
                    try await daemons[0].client.coupon(coupon).issued == Int64(accepted)
                }
            }
        }
        #expect(deleted < 24, "some had requests")
        #expect(try world.sql("SELECT count(*) FROM coupond.issue_rejection") == "0")
        for daemon in daemons { #expect(try await daemon.stop() == .code(0)) }
    }

    private static func sequence(_ outcome: Outcome) -> Int64? {
        switch outcome {
        case .accepted(let sequence), .issued(let sequence, _): sequence
        default: nil
        }
    }

    /// Users ask, each once.
    private func ask(_ coupon: CouponID, _ daemons: [Daemon]) async throws -> [Outcome] {
        try await withThrowingTaskGroup(of: Outcome.self) { group in
            for user in 1...12 as ClosedRange<Int64> {
                let daemon = daemons[Int(user) % daemons.count]
                group.addTask { try await daemon.ask(coupon, user) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }
}
