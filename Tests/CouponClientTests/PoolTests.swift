import CouponCore
import CouponWire
import NIOCore
import Synchronization
import TestSupport
import TestWorld
import Testing

@testable import CouponClient

/// A client of several daemons.
@Suite(.timeLimit(.minutes(10))) struct PoolTests {
    let seen = SeenRequests()

    @Test func `calls are spread over all daemons`() async throws {
        try await withDaemons([{ _ in .accepted }, { _ in .accepted }]) { client, _ in
            try await eventually("both are called") {
                _ = try await client.issue(1, to: 2)
                return seen.count(0) > 0 && seen.count(1) > 0
            }
        }
    }

    @Test func `a daemon with unanswered requests gets fewer`() async throws {
        try await withDaemons([{ _ in .silence }, { _ in .accepted }]) { client, _ in
            var calls: [Task<Void, Never>] = []
            try await eventually("both are called") {
                let call = Task { [seen] in
                    let outcome = try? await client.issue(1, to: 1, deadline: .seconds(30))
                    if outcome != nil { seen.addAnswer() }
                }
                calls.append(call)
                return seen.count(0) > 0 && seen.count(1) > 0
            }
            // A call that still waits for the second daemon would make the two equal.
            try await eventually("only the silent daemon owes answers") {
                seen.all.count == calls.count && seen.answers == seen.count(1)
            }
            let before = seen.count(0)
            for user in 2...30 as ClosedRange<Int64> {
                _ = try await client.issue(1, to: UserID(user))
            }
            for call in calls { call.cancel() }
            #expect(seen.count(0) == before)
        }
    }

    @Test func `after a connection broke the next call goes to another daemon`() async throws {
        try await withDaemons([{ _ in .hangUp }, { _ in .accepted }]) { client, daemons in
            try await daemons[0].stop()
            for user in 1...50 as ClosedRange<Int64> {
                #expect(
                    try await client.issue(1, to: UserID(user)) == .accepted(sequence: 1))
            }
        }
    }

    @Test func `requests that a stopping daemon has not read go to another one`() async throws {
        try await withDaemons([
            { _ in .notice(.goAway(isLast: true)) }, { _ in .accepted },
        ]) { client, _ in
            try await eventually("the first daemon was asked") {
                let request = IssueRequest(coupon: 1, user: 2, requestID: .random())
                let outcome = try await client.issue(request)
                #expect(outcome == .accepted(sequence: 1))
                return seen.count(0) > 0
            }
            #expect(seen.issues.allSatisfy { $0.attempt == 0 })
        }
    }

    @Test func `a cancelled call ends, and another one can be sent`() async throws {
        try await withDaemons(
            [{ $0 == 1 ? .silence : .accepted }],
            { ($0.maximumInFlight, $0.connectionsPerAddress) = (1, 1) }
        ) { client, _ in
            let call = Task {
                await failure { try await client.issue(1, to: 2, deadline: .seconds(60)) }
            }
            try await eventually("it is sent") { seen.count(0) == 1 }
            call.cancel()
            guard case .unknown(let request, .cancelled(wasSent: true)) = await call.value else {
                Testing.Issue.record("another end")
                return
            }
            #expect(try await client.issue(1, to: 3) == .accepted(sequence: 1))
            #expect(try await client.resolve(request) == .accepted(sequence: 1))
            #expect(seen.issues.last?.requestID == request.requestID)
            #expect(seen.issues.last?.attempt == 1)
        }
    }

    @Test func `a call that is cancelled before it begins is not sent`() async throws {
        try await withDaemons([{ _ in .accepted }]) { client, _ in
            let call = Task {
                while !Task.isCancelled { await Task.yield() }
                return await failure { try await client.issue(1, to: 2) }
            }
            call.cancel()
            let error = await call.value
            #expect(error == .notIssued(reason: .cancelled(wasSent: false)))
            #expect(seen.all.isEmpty)
        }
    }

    @Test func `all tries share one deadline, and the daemon is given what is left`() async throws {
        let away = Failure.unavailable("away")
        try await withDaemons([{ $0 < 3 ? .answer(.failure(away)) : .accepted }]) { client, _ in
            let outcome = try await client.issue(1, to: 2, deadline: .seconds(30))
            #expect(outcome == .accepted(sequence: 1))
            let deadlines = seen.all.compactMap(\.deadlineMilliseconds)
            #expect(deadlines.count == 3 && deadlines.allSatisfy { $0 <= 30_000 })
            // The daemon asks for a pause of 250 ms before each retry.
            #expect(deadlines[2] + 500 <= deadlines[0])
            #expect(seen.issues.map(\.attempt) == [0, 1, 2])
            #expect(Set(seen.issues.map(\.requestID)).count == 1)
        }
    }

    @Test func `an error says what is known`() async throws {
        let late = Failure(.deadlineExceeded, "late", acceptance: .accepted(sequence: 7))
        let bad = Failure(.permissionDenied, "no")
        for (reply, expected) in [
            (.answer(.failure(late)), "accepted"), (.answer(.failure(bad)), "not issued"),
            (.hangUp, "unknown"),
        ] as [(CannedDaemon.Reply, String)] {
            try await withDaemons([{ _ in reply }], { $0.retry = RetryPolicy(tries: 1) }) {
                client, _ in
                let error = await failure { try await client.issue(1, to: 2) }
                let word =
                    switch error {
                    case .accepted(let request, 7, .refused(late)):
                        request.attempt > 0 ? "accepted" : ""
                    case .notIssued(.refused(bad)): "not issued"
                    case .unknown(let request, .connectionLost):
                        request.attempt > 0 ? "unknown" : ""
                    default: "\(String(describing: error))"
                    }
                #expect(word == expected)
            }
        }
    }

    @Test func `without any daemon a call ends as not issued, before its deadline`() async throws {
        try await withDaemons([{ _ in .silence }, { _ in .silence }]) { client, daemons in
            for daemon in daemons { try await daemon.stop() }
            let error = await failure {
                try await client.issue(1, to: 2, deadline: .seconds(1))
            }
            guard case .notIssued(.cannotConnect) = error else {
                Testing.Issue.record("another end")
                return
            }
        }
    }

    @Test func `a second connection is made to a daemon that owes many answers`() async throws {
        try await withDaemons([{ _ in .silence }]) { client, daemons in
            let calls = (1...40).map { user in
                Task { try? await client.issue(1, to: UserID(user), deadline: .seconds(60)) }
            }
            try await eventually("there are two") { daemons[0].connections == 2 }
            for call in calls { call.cancel() }
        }
    }

    @Test func `without a deadline the daemon is given 2 seconds`() async throws {
        try await withDaemons([{ _ in .accepted }]) { client, _ in
            _ = try await client.issue(IssueRequest(coupon: 1, user: 2))
            _ = try await client.issue(1, to: 2)
            let deadlines = seen.all.compactMap(\.deadlineMilliseconds)
            #expect(deadlines.count == 2 && deadlines[0] == 2_000)
            // These 2 seconds include the wait for a connection.
            #expect((1...2_000).contains(deadlines[1]))
        }
    }

    @Test func `retries end with the budget, even if tries and time are left`() async throws {
        let away = Failure(.unavailable, "away")
        try await withDaemons(
            [{ _ in .answer(.failure(away)) }],
            {
                $0.retry = RetryPolicy(tries: 10_000)
                $0.retry.firstPauseMilliseconds = 0
            }
        ) { client, _ in
            let error = await failure {
                try await client.issue(1, to: 2, deadline: .seconds(60))
            }
            #expect(error == .notIssued(reason: .refused(away)))
            // A hundred, and ten more for each second that this takes.
            #expect((101..<1_000).contains(seen.count(0)))
        }
    }
}

extension PoolTests: CallsDaemons {}
