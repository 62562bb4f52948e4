import CouponWire
import NIOCore
import TestSupport
import TestWorld
import Testing
import Tracing

@testable import CouponClient

/// Calls as spans of the program's tracer.
@Suite(.timeLimit(.minutes(10))) struct ClientSpanTests {
    let seen = SeenRequests()
    private let tracer = TraceparentTracer()

    @Test func `each try is a span of its own, which travels to the daemon`() async throws {
        try await withDaemons(
            [
                {
                    switch $0 {
                    case 1: .answer(.failure(Failure(.unavailable, "away")))
                    case 2: .hangUp
                    default: .accepted
                    }
                }
            ], { $0.tracer = tracer }
        ) { client, _ in
            try await tracer.withSpan("order") { _ in
                _ = try await client.issue(1, to: 2, deadline: .seconds(60))
            }
        }
        let order = try #require(tracer.ended.last)
        #expect(order.name == "order" && order.parent == nil)
        let tries = tracer.ended.dropLast()
        #expect(tries.map(\.outcome) == ["UNAVAILABLE", "CONNECTION_LOST", "ACCEPTED"])
        #expect(tries.map(\.isFailure) == [true, true, false])
        #expect(tries.allSatisfy { $0.name == "coupond/issue" && $0.kind == .client })
        #expect(tries.allSatisfy { $0.trace == order.trace && $0.parent == order.id })
        #expect(seen.all.compactMap { $0.trace?.traceID } == tries.map(\.trace))
        #expect(seen.all.compactMap { $0.trace?.parentID } == tries.map(\.id))
    }

    @Test func `the trace of the task is the parent of a span`() async throws {
        let trace = try #require(
            TraceContext("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
        try await withDaemons([{ _ in .answer(.health(notReady: nil)) }], { $0.tracer = tracer }) {
            client, _ in
            try await CouponClient.$trace.withValue(trace) { _ = try await client.health() }
        }
        let span = try #require(tracer.ended.first)
        #expect(span.name == "coupond/health" && span.outcome == "OK" && tracer.ended.count == 1)
        #expect(span.trace == trace.traceID && span.parent == trace.parentID)
        #expect(seen.all.map { $0.trace?.parentID } == [span.id])
    }

    @Test func `a cancelled call ends its span`() async throws {
        try await withDaemons([{ _ in .silence }], { $0.tracer = tracer }) { client, _ in
            let call = Task { try await client.health(deadline: .seconds(60)) }
            try await eventually("it is sent") { seen.count(0) == 1 }
            call.cancel()
            await #expect(throws: ClientError.self) { try await call.value }
        }
        #expect(tracer.ended.map(\.outcome) == ["CANCELLED"])
    }

    @Test func `by default a client has the program's tracer, if there is one`() {
        #expect(ClientConfiguration().tracer == nil)
        let found = withTracer(tracer) { ClientConfiguration().tracer }
        #expect(found is TraceparentTracer)
    }
}

extension ClientSpanTests: CallsDaemons {}
