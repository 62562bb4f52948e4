/// Measures the longest time in which a gate gave no answer.
internal import CouponCore
internal import CouponWire
internal import Foundation
internal import Synchronization
internal import TestSupport
internal import TestWorld

/// A thread that asks for one user each millisecond, one after the other, directly on a socket: so it waits
/// for the daemon and its Redis only, and not for tasks of this process.
final class Prober: Sendable {
    private let isStopped = Atomic(false)
    private let state = Mutex(State())

    private struct State {
        /// In milliseconds.
        var longest = 0.0
        var count = 0
        var failure: String?
        var isDone = false
    }

    /// - Parameter coupon: an unlimited coupon.
    init(_ daemon: Coupond, _ coupon: CouponID) throws {
        let socket = try PlainSocket(port: daemon.port)
        Thread.detachNewThread {
            do {
                while !self.isStopped.load(ordering: .relaxed) {
                    try self.probe(socket, coupon)
                    usleep(1_000)
                }
            } catch {
                self.state.withLock { $0.failure = "\(error)" }
            }
            self.state.withLock { $0.isDone = true }
        }
    }

    /// How many requests were accepted.
    var count: Int { state.withLock { $0.count } }

    /// The longest answer since the last call, in milliseconds.
    func resetLongest() throws -> Double {
        try state.withLock { state in
            if let failure = state.failure { throw Failed("a probe was not answered: \(failure)") }
            defer { state.longest = 0 }
            return state.longest
        }
    }

    /// Stops, and returns the longest answer since the last reset, in milliseconds.
    func stop() async throws -> Double {
        isStopped.store(true, ordering: .relaxed)
        try await eventually("the last probe is answered") { state.withLock { $0.isDone } }
        return try resetLongest()
    }

    private func probe(_ socket: PlainSocket, _ coupon: CouponID) throws {
        let frame = try Request(
            id: 1, deadlineMilliseconds: 10_000,
            method: .issue(
                IssueRequest(coupon: coupon, user: .newUser(), requestID: .random()))
        ).frame()
        let watch = Stopwatch()
        try socket.send(frame)
        guard case .issue(.accepted) = try socket.response()?.result else {
            throw Failed("not accepted")
        }
        let milliseconds = watch.seconds * 1_000
        state.withLock { state in
            state.longest = max(state.longest, milliseconds)
            state.count += 1
        }
    }
}
