import CouponWire
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import TestSupport
import TestWorld
import Testing

@testable import CouponClient

/// The client as a service of ServiceLifecycle.
@Suite(.timeLimit(.minutes(10))) struct ClientServiceTests {
    let seen = SeenRequests()

    @Test func `a call in progress is answered during a graceful shutdown`() async throws {
        let held = MultiThreadedEventLoopGroup.singleton.next()
            .makePromise(of: Response.Result.self)
        try await withDaemons(
            [{ $0 == 1 ? .later(held.futureResult) : .accepted }],
            { $0.shutdownTimeout = .seconds(60) }
        ) { client, _ in
            let group = ServiceGroup(services: [client], logger: Logger(label: "test"))
            let running = Task { try await group.run() }
            let call = Task { try await client.issue(1, to: 2, deadline: .seconds(60)) }
            try await eventually("it is sent") { seen.count(0) == 1 }
            await group.triggerGracefulShutdown()
            try await eventually("no further call begins") {
                do throws(ClientError) {
                    _ = try await client.issue(IssueRequest(coupon: 1, user: 3))
                    return false
                } catch {
                    return error == .notConnected
                }
            }
            held.succeed(.issue(.accepted(sequence: 7)))
            #expect(try await call.value == .accepted(sequence: 7))
            try await running.value
        }
    }

    @Test func `a service ends its calls at shutdown, and begins none after it`() async throws {
        try await withDaemons([{ $0 == 1 ? .silence : .accepted }]) { client, _ in
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

extension ClientServiceTests: CallsDaemons {}
