/// Writes a history down while it happens.
package import CouponClient
package import CouponCore
package import CouponWire
package import HistoryChecker
package import NIOCore
internal import Synchronization

/// A history in the making. Its times are those of the wall clock at the beginning, carried on by the
/// monotonic one: comparable with what Redis and PostgreSQL say, and never going back.
package final class Recorder: Sendable {
    private let beginning: (wall: Timestamp, monotonic: ContinuousClock.Instant)
    private let book = Mutex(History())

    package init() {
        beginning = (.now(plus: 0), .now)
    }

    /// All that was written down so far.
    package var history: History { book.withLock { $0 } }

    /// The moment that is now.
    package var now: Timestamp {
        let (seconds, attoseconds) = (ContinuousClock.now - beginning.monotonic).components
        return Timestamp(
            microseconds: beginning.wall.microseconds + seconds * 1_000_000
                + attoseconds / 1_000_000_000_000)
    }

    /// Writes something else down than a call.
    package func note(_ change: (inout History) -> Void) { book.withLock { change(&$0) } }

    /// Does something that loses data, and writes that down.
    /// - Parameter since: from when on all that followed is lost, where that began before.
    @discardableResult
    package func losing<Result>(
        _ store: Loss.Store, since: Timestamp? = nil, _ body: () async throws -> Result
    ) async rethrows -> Result {
        let from = since ?? now
        defer { note { $0.losses.append(Loss(of: store, at: Interval(from: from, to: now))) } }
        return try await body()
    }

    /// Asks once, and writes down what was told.
    /// - Parameter daemon: the number of the one that `client` reaches.
    package func ask(
        _ request: IssueRequest, deadlineMilliseconds: Int64, _ client: CouponClient, daemon: Int
    ) async -> Result<Outcome, ClientError> {
        let sent = now
        let answer = await client.answer(
            to: request, within: .milliseconds(deadlineMilliseconds))
        let call = Call(
            coupon: request.coupon, user: request.user, requestID: request.requestID,
            attempt: request.attempt, waitsForIssue: request.waitFor == .issued,
            deadlineMilliseconds: deadlineMilliseconds, daemon: daemon, sent: sent, ended: now,
            end: Call.End(answer))
        note { $0.calls.append(call) }
        return answer
    }
}

extension CouponClient {
    /// What one try of a request ends with, the failure as a value.
    package func answer(
        to request: IssueRequest, within deadline: TimeAmount
    ) async -> Result<Outcome, ClientError> {
        do throws(ClientError) {
            return .success(try await issue(request, deadline: deadline))
        } catch {
            return .failure(error)
        }
    }
}

extension Call.End {
    init(_ answer: Result<Outcome, ClientError>) {
        switch answer {
        case .success(let outcome): self = .told(outcome)
        case .failure(.refused(let failure)): self = .failed(failure.code, failure.acceptance)
        case .failure(let error): self = .failed(nil, error.acceptance)
        }
    }
}

extension Recorder {
    /// Writes down, until it is cancelled, when the machine did not let this process run: nobody's answer
    /// is late for that.
    package func watchTheClock() async {
        while !Task.isCancelled {
            let due = now.advanced(byMilliseconds: 10)
            try? await Task.sleep(for: .milliseconds(10))
            let woken = now
            guard woken.milliseconds(since: due) > 5 else { continue }
            note { $0.stalls.append(Interval(from: due, to: woken)) }
        }
    }
}
