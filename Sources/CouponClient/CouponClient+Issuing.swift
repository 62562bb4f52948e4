// Issue requests that are sent until their end is known.

public import CouponDomain
internal import CouponWire
public import NIOCore
internal import Synchronization

extension CouponClient {
    /// Asks for one coupon for one user. Tries again, at any daemon, while that may help and the deadline
    /// allows it: all tries are one request.
    ///
    /// A refusal by rule, such as SOLD_OUT, is an outcome and not an error.
    /// - Parameters:
    ///   - coupon: the coupon.
    ///   - user: who asks.
    ///   - waitFor: whether to answer after the commit, or as soon as the gate has decided.
    ///   - requestID: names the request. Give your own to ask again later, from another process for example.
    ///   - deadline: how long the call may take; nil is the configuration's.
    public func issue(
        _ coupon: CouponID, to user: UserID, waitFor: WaitFor = .issued,
        requestID: RequestID = .random(), deadline: TimeAmount? = nil
    ) async throws(IssueError) -> Outcome {
        let request = IssueRequest(
            coupon: coupon, user: user, requestID: requestID, waitFor: waitFor)
        return try await settle(request, within: deadline ?? configuration.deadline)
    }

    /// Finds out what became of a request whose fate is unknown, by asking the gate again with its request
    /// id. If the request was never accepted, it is judged now.
    /// - Parameters:
    ///   - request: from ``IssueError/unknown(_:reason:)`` or ``IssueError/accepted(_:sequence:reason:)``, or
    ///     one that you have kept.
    ///   - deadline: how long the call may take; nil is the configuration's.
    public func resolve(
        _ request: IssueRequest, deadline: TimeAmount? = nil
    ) async throws(IssueError) -> Outcome {
        var request = request
        request.attempt = max(request.attempt, 1)
        return try await settle(request, within: deadline ?? configuration.deadline)
    }

    private func settle(
        _ request: IssueRequest, within deadline: TimeAmount
    ) async throws(IssueError) -> Outcome {
        var attempts = IssueAttempts(request, policy: configuration.retry)
        do throws(ClientError) {
            return try await issue(
                &attempts, deadline: deadline, limit: NIODeadline.now() + deadline)
        } catch {
            throw IssueError(error, attempts.request)
        }
    }

    /// Sends a request again and again.
    /// - Parameters:
    ///   - deadline: of each try; nil is the configuration's.
    ///   - limit: when all tries must be over; nil if only their number counts.
    func issue(
        _ attempts: inout IssueAttempts, deadline: TimeAmount?, limit: NIODeadline?
    ) async throws(ClientError) -> Outcome {
        retries.withLock { $0.deposit() }
        while true {
            do throws(ClientError) {
                let answer = try await call(
                    .issue(attempts.request), deadline: deadline, limit: limit)
                guard case .issue(let outcome) = answer else { throw ClientError.otherMethod }
                return outcome
            } catch {
                let pause: UInt32
                switch attempts.failed(error, jitter: .random(in: 0...1)) {
                case .fail(let error): throw error
                case .retry(let milliseconds): pause = milliseconds
                }
                guard mayRetry(after: pause, until: limit),
                    // A cancelled task does not wait, and does not ask again.
                    (try? await Task.sleep(for: .milliseconds(pause))) != nil
                else { throw attempts.givenUp(after: error) }
            }
        }
    }

    /// Whether the time that is left, and the budget, allow a retry.
    private func mayRetry(after milliseconds: UInt32, until limit: NIODeadline?) -> Bool {
        if let limit, NIODeadline.now() + .milliseconds(Int64(milliseconds)) >= limit {
            return false
        }
        guard retries.withLock({ $0.withdraw(now: .now()) }) else {
            metrics.withheldRetry()
            return false
        }
        metrics.retried()
        return true
    }
}
