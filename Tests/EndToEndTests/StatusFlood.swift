/// Callers that ask for statuses as fast as they are answered, with as many unanswered as allowed.
import CouponCore
import CouponWire
import Foundation
import Synchronization
import TestSupport
import TestWorld
import Testing

/// Plain connections, each with a thread: the client library would not send so much.
final class StatusFlood: Sendable {
    private let answered = Atomic<Int>(0)
    private let isOver = Atomic(false)

    /// Starts the callers.
    init(of coupon: CouponID, connections: Int, _ daemon: Daemon) throws {
        for number in 0..<connections {
            let socket = try PlainSocket(port: daemon.port)
            Thread.detachNewThread { self.ask(coupon, by: socket, UInt64(number + 1) << 32) }
        }
    }

    /// Waits until more statuses are answered.
    func waitUntilOn() async throws {
        let before = answered.load(ordering: .relaxed)
        try await eventually("the flood is on") {
            answered.load(ordering: .relaxed) > before + 100
        }
    }

    /// Stops the callers.
    func end() { isOver.store(true, ordering: .relaxed) }

    /// Sends as many requests as a connection may leave unanswered, then another one for each answer.
    private func ask(_ coupon: CouponID, by socket: PlainSocket, _ first: UInt64) {
        do {
            for number in 0..<UInt64(Limits.requestsInFlightPerConnection) {
                try socket.send(Self.question(coupon, first + number))
            }
            var next = first + UInt64(Limits.requestsInFlightPerConnection)
            while !isOver.load(ordering: .relaxed) {
                guard let response = try answer(from: socket) else { return }
                // A refused request is not repeated.
                if case .failure(let failure) = response.result,
                    failure.code == .resourceExhausted
                {
                    continue
                }
                answered.add(1, ordering: .relaxed)
                try socket.send(Self.question(coupon, next))
                next += 1
            }
        } catch {
            if !isOver.load(ordering: .relaxed) { Testing.Issue.record("the flood: \(error)") }
        }
    }

    /// The next response, however long it takes; nil after the end.
    private func answer(from socket: PlainSocket) throws -> Response? {
        while !isOver.load(ordering: .relaxed) {
            do { return try socket.response() } catch let error as SocketError {
                guard error.errorNumber == EAGAIN else { throw error }
            }
        }
        return nil
    }

    private static func question(_ coupon: CouponID, _ number: UInt64) throws -> [UInt8] {
        try Request(
            id: number, deadlineMilliseconds: 60_000,
            method: .couponStatus(coupon: coupon, user: UserID(Int64(number)))
        ).frame()
    }
}
