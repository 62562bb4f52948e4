import CouponWire
import NIOCore
import Synchronization
import TestWorld

@testable import CouponClient

/// The requests that daemons got.
final class SeenRequests: Sendable {
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

/// Tests of a client beside daemons that answer as the test says.
protocol CallsDaemons {
    var seen: SeenRequests { get }
}

extension CallsDaemons {
    /// A client of several daemons.
    /// - Parameter replies: of each daemon, by the number of its requests so far.
    func withDaemons(
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
}

extension CannedDaemon.Reply {
    /// An outcome.
    static let accepted = Self.answer(.issue(.accepted(sequence: 1)))
}

/// The error of a call; nil if it had an outcome.
func failure(_ call: () async throws -> Outcome) async -> IssueError? {
    do {
        _ = try await call()
        return nil
    } catch {
        return error as? IssueError
    }
}
