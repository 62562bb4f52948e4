/// Callers that ask for statuses, a thousand at a time on each connection.
internal import CouponClient
internal import CouponCore
internal import NIOCore
internal import Synchronization

final class StatusCallers: Sendable {
    private static let inFlight = 1_000

    private let clients: [CouponClient]
    private let isStopped = Atomic(false)
    private let answers = Atomic(0)

    init(_ daemon: Coupond, connections: Int) {
        clients = (0..<connections).map { _ in daemon.anotherClient() }
    }

    /// How many calls have got a status so far. Most are refused: a connection has a limit.
    var answered: Int { answers.load(ordering: .relaxed) }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    func run() async {
        await withTaskGroup(of: Void.self) { group in
            for client in clients {
                for _ in 0..<Self.inFlight {
                    group.addTask {
                        while !self.isStopped.load(ordering: .relaxed), !Task.isCancelled {
                            let status = try? await client.status(
                                of: Coupons.main, user: .newUser(), deadline: .seconds(60))
                            if status != nil { self.answers.add(1, ordering: .relaxed) }
                        }
                    }
                }
            }
        }
    }
}

/// A flag that can be set once.
final class Latch: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set() { value.store(true, ordering: .relaxed) }
}
