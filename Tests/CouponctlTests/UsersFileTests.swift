import ArgumentParser
import CouponClient
import CouponCore
import CouponWire
import NIOCore
import Synchronization
import TestWorld
import Testing

@testable import couponctl

@Suite struct UsersFileTests {
    @Test func `a file has a user a line, and its parts fit in a request`() throws {
        #expect(try UsersFile.users(in: "7\n\n 8\t \r\n9") == [7, 8, 9])
        let users = (1...2_500 as ClosedRange<Int64>).map { UserID($0) }
        let parts = UsersFile.parts(users)
        #expect(parts.map(\.count) == [1_000, 1_000, 500] && parts.flatMap(\.self) == users)
    }

    /// Issues for two users at a daemon that gives one answer, or hangs up, for each try, and is then away.
    private func issue(
        _ replies: [CannedDaemon.Reply]
    ) async throws -> (ends: [Result<Outcome, Failure>?], error: ClientError?) {
        let count = Mutex(0)
        let stop = Mutex<(@Sendable () -> Void)?>(nil)
        let daemon = try await CannedDaemon.start { _ in
            let index = count.withLock {
                $0 += 1
                return $0 - 1
            }
            if index == replies.count - 1 { stop.withLock { $0?() } }
            return index < replies.count ? replies[index] : .hangUp
        }
        stop.withLock { $0 = { Task { try? await daemon.stop() } } }
        var policy = RetryPolicy(tries: 10)
        policy.longestPauseMilliseconds = 50
        let client = CouponClient(address: daemon.address)
        var part = PartIssue(coupon: 7, users: [1, 2], waitFor: .accepted)
        do throws(ClientError) {
            try await part.run(client, deadline: .seconds(1), policy)
            await client.close()
            return (part.ends, nil)
        } catch {
            await client.close()
            return (part.ends, error)
        }
    }

    @Test func `what an earlier try left unknown stays unknown when the daemon is away`()
        async throws
    {
        let one = Response.Result.issueBatch([
            .success(.accepted(sequence: 1)), .failure(.unavailable("x", acceptance: .unknown)),
        ])
        for (replies, first) in [([.hangUp], nil), ([.answer(one)], Outcome.accepted(sequence: 1))]
            as [([CannedDaemon.Reply], Outcome?)]
        {
            let (ends, error) = try await issue(replies)
            #expect(ends.count == 2 && ends.allSatisfy { $0 != nil }, "\(ends)")
            #expect(try first == nil || ends[0]?.get() == first)
            var summary = PartIssue.Summary()
            summary.add(ends.compactMap(\.self))
            #expect(summary.exit == .unknown)
            let last = try #require(error)
            let complaint = Complaint(
                summary.givenUp(after: last), address: ServerAddress(host: "h", port: 1))
            #expect(complaint.exit == .unknown && complaint.acceptance == .unknown)
        }
    }

    @Test func `the exit code tells what is known of all users`() {
        func exit(_ ends: [Result<Outcome, Failure>]) -> CommandExit? {
            var summary = PartIssue.Summary()
            for end in ends { summary.add([end]) }
            return summary.exit
        }
        let (yes, no) = (Outcome.accepted(sequence: 1), Outcome.soldOut)
        let refused = Failure.unavailable("x")
        #expect(exit([.success(yes)]) == nil)
        #expect(exit([.success(yes), .success(no)]) == .negative)
        #expect(exit([.success(yes), .failure(refused)]) == .negative)
        #expect(exit([.failure(refused.with(acceptance: .unknown)), .success(no)]) == .unknown)
        var none = PartIssue.Summary()
        #expect(none.givenUp(after: .notConnected) == .notConnected, "nothing was accepted")
        none.add([.success(yes)])
        #expect(none.givenUp(after: .notConnected) == .givenUp(.unknown, last: .notConnected))
    }

    @Test(arguments: [
        ("", "there is no user"), ("1\nx", "line 2"), ("0", "line 1"), ("-4", "line 1"),
        ("12 34", "line 1"), ("1\n2\t3", "line 2"), ("1\n\n4\u{A0}2\n", "line 3"),
    ])
    func `a wrong line is named`(text: String, message: String) {
        let error = #expect(throws: ValidationError.self) { try UsersFile.users(in: text) }
        #expect(error?.message.contains(message) == true)
    }
}
