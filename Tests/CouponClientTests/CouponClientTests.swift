import TestWorld
import CouponCore
import CouponWire
import NIOCore
import Synchronization
import Testing

@testable import CouponClient

@Suite(.timeLimit(.minutes(10))) struct CouponClientTests {
    /// The issue requests that a daemon saw.
    private final class Seen: Sendable {
        private let requests = Mutex<[IssueRequest]>([])
        var all: [IssueRequest] { requests.withLock { $0 } }
        func append(_ request: IssueRequest) -> Int {
            requests.withLock {
                $0.append(request)
                return $0.count
            }
        }
    }

    private let request = IssueRequest(coupon: CouponID(1), user: UserID(2))

    private func withClient(
        _ reply: @escaping @Sendable (Request) -> CannedDaemon.Reply,
        _ body: (CouponClient) async throws -> Void
    ) async throws {
        let daemon = try await CannedDaemon.start(reply)
        var configuration = ClientConfiguration()
        configuration.answerGrace = .zero
        let client = CouponClient(address: daemon.address, configuration: configuration)
        try await body(client)
        await client.close()
        try await daemon.stop()
    }

    @Test func `many calls share one connection`() async throws {
        try await withClient(
            { request in
                guard case .issue(let issue) = request.method else { return .hangUp }
                return .answer(.issue(.accepted(sequence: issue.user.rawValue)))
            },
            { client in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for user in 1...200 as ClosedRange<Int64> {
                        group.addTask {
                            let request = IssueRequest(coupon: CouponID(1), user: UserID(user))
                            let outcome = try await client.issue(request)
                            #expect(outcome == .accepted(sequence: user))
                        }
                    }
                    try await group.waitForAll()
                }
            })
    }

    @Test func `a retry after a cut is the same request on a new connection`() async throws {
        let seen = Seen()
        try await withClient(
            { request in
                guard case .issue(let issue) = request.method else { return .hangUp }
                return seen.append(issue) == 1
                    ? .hangUp : .answer(.issue(.duplicate(sequence: 9, state: .queued)))
            },
            { client in
                let outcome = try await client.issue(request, retrying: RetryPolicy())
                #expect(outcome == .duplicate(sequence: 9, state: .queued))
            })
        #expect(seen.all.map(\.attempt) == [0, 1])
        #expect(Set(seen.all.map(\.requestID)).count == 1)
    }

    @Test func `without an answer a call ends at its deadline as unknown`() async throws {
        try await withClient(
            { _ in .silence },
            { client in
                let error = await #expect(throws: ClientError.self) {
                    try await client.issue(request, deadline: .milliseconds(10))
                }
                #expect(error == .deadlineExceeded)
                #expect(error?.acceptance == .unknown)
            })
    }

    @Test func `an answer to another method is an error`() async throws {
        try await withClient(
            { _ in .answer(.health(notReady: nil)) },
            { client in
                await #expect(throws: ClientError.wrongAnswer("the answer is for another method")) {
                    try await client.issue(request)
                }
            })
    }

    @Test func `without a daemon a request is not accepted`() async throws {
        let daemon = try await CannedDaemon.start { _ in .silence }
        try await daemon.stop()
        let client = CouponClient(address: daemon.address)
        let error = await #expect(throws: ClientError.self) { try await client.health() }
        #expect(error?.description.contains("onnection refused") == true)
        #expect(error?.acceptance == .notAccepted)
        await client.close()
        await #expect(throws: ClientError.notConnected) { try await client.health() }
    }
}
