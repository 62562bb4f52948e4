internal import ArgumentParser
internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import NIOCore

/// One user asks for one coupon.
struct IssueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue", abstract: "Asks for one coupon for one user; retries where it helps.",
        discussion: "Exits 0 on ACCEPTED and ISSUED, 1 on every other outcome.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "The coupon.") var coupon: CouponID
    @Option(help: "The user.") var user: UserID
    @Option(
        help: ArgumentHelp(
            "The request's name, to ask again by; random where absent.", valueName: "hex"))
    var requestID: RequestID?
    @Flag(help: "Waits until the issue is committed.") var waitIssued = false
    @Option(help: "How long each try may take: 500ms, 2s.") var deadline = TimeSpan(
        milliseconds: Int64(Limits.defaultDeadlineMilliseconds))

    func run() async throws {
        // Who names a request may have asked before: a retry is asked of the gate, and never bounces.
        let attempt: UInt32 = requestID == nil ? 0 : 1
        let requestID = requestID ?? .random()
        let request = IssueRequest(
            coupon: coupon, user: user, requestID: requestID,
            waitFor: waitIssued ? .issued : .accepted, attempt: attempt)
        try await global.withClient { client in
            let outcome = try await issue(request, client)
            let fields = [("outcome", JSONValue.string(outcome.name))] + outcome.details
            let named = fields + [("request_id", .string(requestID.hexadecimal))]
            show(.object(named), Table.fields(named.map { ($0.0, $0.1.text) }), json: global.json)
            if !outcome.isPositive { throw CommandExit.negative.code }
        }
    }

    /// Where nobody can say what became of it, the caller learns the name to ask again by.
    private func issue(
        _ request: IssueRequest, _ client: CouponClient
    ) async throws(ClientError) -> Outcome {
        do throws(ClientError) {
            return try await client.issue(
                request, deadline: .milliseconds(deadline.milliseconds), retrying: RetryPolicy())
        } catch {
            if error.acceptance != .notAccepted {
                let name = request.requestID.hexadecimal
                standardError("couponctl: to ask for the same again: --request-id \(name)\n")
            }
            throw error
        }
    }
}
