/// Records a history while it happens.
package import CouponClient
internal import CouponCore
internal import CouponWire
package import HistoryChecker
package import NIOCore
internal import Synchronization

/// A growing history. Its times are the wall clock's at the start plus the monotonic clock's since then: they
/// can be compared with those of Redis and PostgreSQL, and never go back.
package final class Recorder: Sendable {
    private let beginning: (wall: Timestamp, monotonic: ContinuousClock.Instant)
    private let book = Mutex(History())

    package init() {
        beginning = (.now(plus: 0), .now)
    }

    /// All that was recorded so far.
    package var history: History { book.withLock { $0 } }

    /// The time now, by the history's clock.
    package var now: Timestamp {
        let (seconds, attoseconds) = (ContinuousClock.now - beginning.monotonic).components
        return Timestamp(
            microseconds: beginning.wall.microseconds + seconds * 1_000_000
                + attoseconds / 1_000_000_000_000)
    }

    /// Records something other than a call.
    package func record(_ change: (inout History) -> Void) { book.withLock { change(&$0) } }

    /// Runs `body`, which loses data, and records the loss.
    /// - Parameters:
    ///   - since: the moment from which data is lost, if that is before the call.
    ///   - coupons: those on the server; nil for all.
    @discardableResult
    package func losing<Result>(
        _ store: Loss.Store, since: Timestamp? = nil, coupons: Set<CouponID>? = nil,
        _ body: () async throws -> Result
    ) async rethrows -> Result {
        let from = since ?? now
        defer {
            let at = Interval(from: from, to: now)
            record { $0.losses.append(Loss(of: store, at: at, coupons: coupons)) }
        }
        return try await body()
    }

    /// Asks once, and records the call.
    /// - Parameter daemon: the number of the daemon that `client` reaches.
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
        record { $0.calls.append(call) }
        return answer
    }

    /// Asks for the statuses of these users, and records them.
    /// - Returns: whether there was an answer.
    @discardableResult
    package func askStatus(
        _ users: [UserID], of coupon: CouponID, _ client: CouponClient, isAtRest: Bool = false
    ) async -> Bool {
        let sent = now
        guard let batch = try? await client.status(of: coupon, users: users) else { return false }
        let ended = now
        let statuses = zip(users, batch.users).map { user, status in
            StatusCall(
                coupon: coupon, user: user, sent: sent, ended: ended, status: status,
                isAtRest: isAtRest)
        }
        record { $0.statuses += statuses }
        return true
    }
}

extension CouponClient {
    /// The result of one try of a request, with a failure as a value.
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
        case .success(let outcome): self = .answered(outcome)
        case .failure(.refused(let failure)): self = .failed(failure.code, failure.acceptance)
        case .failure(let error): self = .failed(nil, error.acceptance)
        }
    }
}

extension Recorder {
    /// Records, until it is cancelled, when the machine did not let this process run: answers are not late
    /// because of that.
    package func recordStalls() async {
        while !Task.isCancelled {
            let due = now.advanced(byMilliseconds: 10)
            try? await Task.sleep(for: .milliseconds(10))
            let woken = now
            guard woken.milliseconds(since: due) > 5 else { continue }
            record { $0.stalls.append(Interval(from: due, to: woken)) }
        }
    }
}
