/// Requests as spans of the tracer that the program has installed. `coupond` installs none, so here the
/// test's own process is the daemon: one that has installed a tracer.
import ArgumentParser
import CouponClient
import CouponCore
import Foundation
import NIOCore
import TestSupport
import TestWorld
import Testing
import Tracing

@testable import coupond

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct SpanTests {
    @Test func `a request with a trace is a span of it, one without has no span`() async throws {
        let world = try await World()
        let port = try freePort()
        let arguments = try world.arguments(listening: port)
        await #expect(processExitsWith: .success) {
            [arguments = arguments as [String], port = port as UInt16] in
            let tracer = TraceparentTracer()
            InstrumentationSystem.bootstrap(tracer)
            let daemon = Task {
                let command = try #require(try Coupond.parseAsRoot(arguments) as? Coupond)
                try await command.run()
            }
            let trace = try #require(
                TraceContext("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
            try await SpanTests.ask(daemonAt: Int(port), trace)
            try await eventually("all spans have ended") { tracer.ended.count == 6 }
            // A span may end after its answer.
            #expect(
                tracer.ended.map { "\($0.name) \($0.outcome ?? "")" }.sorted() == [
                    "coupond/coupon_status NOT_FOUND", "coupond/coupon_status_batch OK",
                    "coupond/create_coupon OK", "coupond/issue DUPLICATE", "coupond/issue ISSUED",
                    "coupond/issue_batch OK",
                ])
            #expect(tracer.ended.filter(\.isFailure).map(\.name) == ["coupond/coupon_status"])
            #expect(
                tracer.ended.allSatisfy {
                    $0.kind == .server && $0.trace == trace.traceID && $0.parent == trace.parentID
                })
            kill(getpid(), SIGTERM)
            try await daemon.value
        }
    }

    /// Asks with a trace, and without.
    private static func ask(daemonAt port: Int, _ trace: TraceContext) async throws {
        var configuration = ClientConfiguration.patient
        configuration.tracer = nil
        let client = CouponClient(
            address: ServerAddress(host: "127.0.0.1", port: port), configuration: configuration)
        try await eventually("it is ready") { try await client.health() == nil }
        try await CouponClient.$trace.withValue(trace) {
            _ = try await client.create(.offer(1, total: nil))
            _ = try await client.issue(1, to: 7)
            _ = try await client.issue(1, to: 7)
            let batch = IssueBatch(coupon: 1, items: [IssueBatch.Item(user: 8), .init(user: 9)])
            _ = try await client.issue(batch)
            await #expect(throws: ClientError.self) { try await client.status(of: 2) }
            _ = try await client.status(of: 1, users: [7, 8])
        }
        _ = try await client.issue(1, to: 10)
        _ = try await client.status(of: 1)
        await client.close()
    }
}
