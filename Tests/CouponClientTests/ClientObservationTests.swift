import CouponWire
import InMemoryLogging
import Logging
import Metrics
import MetricsTestKit
import NIOCore
import TestSupport
import TestWorld
import Testing

@testable import CouponClient

/// What operators see of a client.
@Suite(.timeLimit(.minutes(10))) struct ClientObservationTests {
    let seen = SeenRequests()

    /// The counters of all tries, by how they ended.
    private func tries(_ metrics: TestMetrics) throws -> [Int64] {
        try ["answer", "refused", "failed"].map {
            try metrics.expectCounter("coupon_client_tries_total", [("end", $0)]).totalValue
        }
    }

    @Test func `tries and retries are counted, and tries are timed`() async throws {
        let metrics = TestMetrics()
        try await withMetricsFactory(metrics) {
            try await withDaemons([
                {
                    switch $0 {
                    case 1: .answer(.failure(Failure(.unavailable, "away")))
                    case 2: .hangUp
                    default: .accepted
                    }
                }
            ]) { client, _ in _ = try await client.issue(1, to: 2, deadline: .seconds(60)) }
        }
        #expect(try tries(metrics) == [1, 1, 1])
        #expect(try metrics.expectCounter("coupon_client_retries_total").totalValue == 2)
        #expect(try metrics.expectCounter("coupon_client_retries_withheld_total").totalValue == 0)
        let timer = try metrics.expectTimer("coupon_client_try_seconds")
        #expect(timer.values.count == 3 && timer.values.allSatisfy { $0 > 0 })
    }

    @Test func `retries that the budget withholds are counted`() async throws {
        let metrics = TestMetrics()
        try await withMetricsFactory(metrics) {
            try await withDaemons(
                [{ _ in .answer(.failure(Failure(.unavailable, "away"))) }],
                {
                    $0.retry = RetryPolicy(tries: 10_000)
                    $0.retry.firstPauseMilliseconds = 0
                }
            ) { client, _ in
                _ = await failure { try await client.issue(1, to: 2, deadline: .seconds(60)) }
            }
        }
        #expect(try metrics.expectCounter("coupon_client_retries_withheld_total").totalValue == 1)
        let retries = try metrics.expectCounter("coupon_client_retries_total").totalValue
        #expect(retries == seen.count(0) - 1)
    }

    @Test func `connections that are made and lost are logged`() async throws {
        var handler = InMemoryLogHandler()
        handler.logLevel = .debug
        let logger = Logger(label: "test") { [handler] _ in handler }
        let daemon = try await CannedDaemon.start { [seen] request in
            seen.append(0, request)
            return seen.count(0) == 1 ? .hangUp : .accepted
        }
        let client = CouponClient(addresses: [daemon.address], logger: logger)
        _ = try await client.issue(1, to: 2, deadline: .seconds(60))
        await client.close()
        try await daemon.stop()
        let messages = handler.entries.map(\.message.description)
        #expect(messages == ["connected", "a connection gets no further calls", "connected"])
        let address = "[IPv4]127.0.0.1:\(daemon.address.port)"
        #expect(
            handler.entries.map { $0.metadata["address"]?.description } == [
                address, address, address,
            ])
    }
}

extension ClientObservationTests: CallsDaemons {}
