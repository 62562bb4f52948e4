import CouponCore
import CouponWire
import NIOCore
import Synchronization
import TestSupport
import TestWorld
import Testing

@testable import CouponClient

/// A client of several daemons.
@Suite(.timeLimit(.minutes(3))) struct PoolTests {
    /// The issue requests that daemons saw, with the deadline of each.
    private final class Seen: Sendable {
        private let requests = Mutex<[(daemon: Int, request: Request)]>([])

        func append(_ daemon: Int, _ request: Request) {
            requests.withLock { $0.append((daemon, request)) }
        }

        func count(_ daemon: Int) -> Int {
            requests.withLock { $0.count { $0.daemon == daemon } }
        }

        private let answered = Atomic(0)

        /// Calls that came back with an outcome.
        var answers: Int { answered.load(ordering: .relaxed) }

        func addAnswer() { answered.add(1, ordering: .relaxed) }

        var all: [Request] { requests.withLock { $0.map(\.request) } }

        var issues: [IssueRequest] {
            all.compactMap { if case .issue(let issue) = $0.method { issue } else { nil } }
        }
    }

    private let seen = Seen()

    /// - Parameter replies: of each daemon, by the number of its requests so far.
    private func withDaemons(
        _ replies: [@Sendable (Int) -> CannedDaemon.Reply],
        _ configure: (inout ClientConfiguration) -> Void = { _ in },
        _ body: (CouponClient, [CannedDaemon]) async throws -> Void
    ) async throws {
        var daemons: [CannedDaemon] = []
        for (number, reply) in replies.enumerated() {
            daemons.append(
                try await CannedDaemon.start { [seen] request in
                    seen.append(number, request)
                    return reply(seen.count(number))
                })
        }
        var configuration = ClientConfiguration()
        configuration.answerGrace = .zero
        configure(&configuration)
        let client = CouponClient(
            addresses: daemons.map(\.address), configuration: configuration)
        try await body(client, daemons)
        await client.close()
        for daemon in daemons { try? await daemon.stop() }
    }

    private static let accepted = CannedDaemon.Reply.answer(.issue(.accepted(sequence: 1)))

    @Test func `calls are spread over all daemons`() async throws {
        try await withDaemons([{ _ in Self.accepted }, { _ in Self.accepted }]) { client, _ in
            try await eventually("both are called") {
                _ = try await client.issue(1, to: 2)
                return seen.count(0) > 0 && seen.count(1) > 0
            }
        }
    }

    @Test func `a daemon with unanswered requests gets fewer`() async throws {
        try await withDaemons([{ _ in .silence }, { _ in Self.accepted }]) { client, _ in
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
        try await withDaemons([{ _ in .hangUp }, { _ in Self.accepted }]) { client, daemons in
            try await daemons[0].stop()
            for user in 1...50 as ClosedRange<Int64> {
                #expect(
                    try await client.issue(1, to: UserID(user)) == .accepted(sequence: 1))
            }
        }
    }

    @Test func `requests that a stopping daemon has not read go to another one`() async throws {
        try await withDaemons([
            { _ in .notice(.goAway(isLast: true)) }, { _ in Self.accepted },
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
            [{ $0 == 1 ? .silence : Self.accepted }],
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
        try await withDaemons([{ _ in Self.accepted }]) { client, _ in
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
        try await withDaemons([{ $0 < 3 ? .answer(.failure(away)) : Self.accepted }]) { client, _ in
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

    @Test func `a name is looked up`() async throws {
        let daemon = try await CannedDaemon.start { _ in Self.accepted }
        let client = CouponClient(
            address: ServerAddress(host: "localhost", port: daemon.address.port))
        #expect(try await client.issue(1, to: 2) == .accepted(sequence: 1))
        await client.close()
        try await daemon.stop()
    }

    @Test func `a service ends its calls at shutdown, and begins none after it`() async throws {
        try await withDaemons([{ $0 == 1 ? .silence : Self.accepted }]) { client, _ in
            let service = Task { try await client.run() }
            let call = Task { try await client.health(deadline: .seconds(60)) }
            try await eventually("it is sent") { seen.count(0) == 1 }
            service.cancel()
            try await service.value
            await #expect(throws: ClientError.self) { try await call.value }
            await #expect(throws: ClientError.notConnected) { try await client.health() }
        }
    }
}

/// The error of a call; nil if it had an outcome.
private func failure(_ call: () async throws -> Outcome) async -> IssueError? {
    do {
        _ = try await call()
        return nil
    } catch {
        return error as? IssueError
    }
}

@Suite struct RetryBudgetTests {
    /// How many retries it allows, of so many.
    private func withdrawals(_ count: Int, from budget: inout RetryBudget) -> Int {
        var allowed = 0
        for _ in 0..<count where budget.withdraw() { allowed += 1 }
        return allowed
    }

    @Test func `five calls pay for one retry, once the first hundred are used up`() {
        var budget = RetryBudget()
        let first = withdrawals(200, from: &budget)
        #expect(first == 100)
        for _ in 1...4 { budget.deposit() }
        let early = withdrawals(1, from: &budget)
        #expect(early == 0)
        for _ in 1...2 { budget.deposit() }
        let late = withdrawals(2, from: &budget)
        #expect(late == 1)
    }

    @Test func `a budget does not grow beyond a hundred`() {
        var budget = RetryBudget()
        for _ in 1...1_000 { budget.deposit() }
        let allowed = withdrawals(200, from: &budget)
        #expect(allowed == 100)
    }
}
