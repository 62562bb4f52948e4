/// Callers that keep to the rules: new users for one coupon, at a steady rate, whatever the answers.
internal import CouponCore
internal import CouponWire
internal import Foundation
internal import Synchronization
internal import TestSupport
internal import TestWorld

/// What honest callers got.
struct Measurement: Sendable {
    var latencies = Latencies()
    var asked = 0
    var accepted = 0
    /// The share of new connections that were served.
    var newcomers = 1.0

    /// The share of requests that were accepted.
    var share: Double { asked > 0 ? Double(accepted) / Double(asked) : 0 }
}

struct HonestCallers: Sendable {
    private static let connections = 4

    private let coupon: CouponID
    private let perSecond: Int
    private let connected: @Sendable () throws -> PlainSocket

    init(
        _ coupon: CouponID, perSecond: Int, connected: @escaping @Sendable () throws -> PlainSocket
    ) {
        self.coupon = coupon
        self.perSecond = perSecond
        self.connected = connected
    }

    /// Asks for so long, and waits for the last answers. Each second a new caller connects, too.
    func run(seconds: Int) async throws -> Measurement {
        let end = ContinuousClock.now + .seconds(seconds)
        var whole = try await withThrowingTaskGroup(of: Measurement.self) { group in
            for number in 0..<Self.connections {
                group.addTask { try await onThread { try self.ask(number, until: end) } }
            }
            group.addTask { try await onThread { self.connect(until: end) } }
            return try await group.reduce(into: Measurement()) { whole, part in
                whole.asked += part.asked
                whole.accepted += part.accepted
                for value in part.latencies.seconds { whole.latencies.add(value) }
                whole.latencies.unanswered += part.latencies.unanswered
                whole.newcomers = min(whole.newcomers, part.newcomers)
            }
        }
        whole.latencies.unanswered = whole.asked - whole.latencies.seconds.count
        return whole
    }

    /// One connection: sends each request when it is due, and counts its time from then on.
    private func ask(_ number: Int, until end: ContinuousClock.Instant) throws -> Measurement {
        let socket = try connected()
        let pause = Duration.seconds(1) * Self.connections / perSecond
        var measurement = Measurement()
        var due = ContinuousClock.now + pause * number / Self.connections
        var waiting: [UInt64: ContinuousClock.Instant] = [:]
        let last = end + .seconds(10)
        while ContinuousClock.now < (waiting.isEmpty ? end : last) {
            let now = ContinuousClock.now
            if due <= now, now < end {
                measurement.asked += 1
                let id = UInt64(measurement.asked)
                waiting[id] = due
                due += pause
                try socket.send(request(id).frame())
            } else if socket.isReadable(within: max(0.001, (min(due, end) - now) / .seconds(1))) {
                guard let response = try socket.response(),
                    let sent = waiting.removeValue(forKey: response.id)
                else { throw Failed("an honest caller was disconnected") }
                measurement.latencies.add((ContinuousClock.now - sent) / .seconds(1))
                if case .issue(.accepted) = response.result { measurement.accepted += 1 }
            }
        }
        return measurement
    }

    /// A new caller each second.
    private func connect(until end: ContinuousClock.Instant) -> Measurement {
        var (callers, served) = (0, 0)
        while ContinuousClock.now < end {
            callers += 1
            if (try? isServed()) == true { served += 1 }
            usleep(1_000_000)
        }
        var measurement = Measurement()
        measurement.newcomers = callers > 0 ? Double(served) / Double(callers) : 1
        return measurement
    }

    private func isServed() throws -> Bool {
        let socket = try connected()
        try socket.send(request(1).frame())
        guard case .issue(.accepted) = try socket.response()?.result else { return false }
        return true
    }

    private func request(_ id: UInt64) -> Request {
        Request(
            id: id, deadlineMilliseconds: 5_000,
            method: .issue(
                IssueRequest(
                    coupon: coupon, user: UserID(.random(in: 1 << 40..<1 << 62)),
                    requestID: .random())))
    }
}

/// Runs a blocking call on a thread of its own, because all tasks share as many threads as there are cores.
func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { waiting in
        Thread.detachNewThread { waiting.resume(with: Result { try body() }) }
    }
}
