internal import ArgumentParser
internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import NIOCore

/// One user asks for one coupon.
struct IssueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue", abstract: "Asks for one coupon for one user; retries if that helps.",
        discussion: "Exits 0 on ACCEPTED and ISSUED, 1 on every other outcome.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "The coupon.", completion: .couponIDs) var coupon: CouponID
    @Option(help: "The user.") var user: UserID
    @Option(
        help: ArgumentHelp(
            "The request's name, for asking again; random if absent.", valueName: "hex"))
    var requestID: RequestID?
    @Flag(help: "Waits until the issue is committed.") var waitIssued = false
    @Option(help: "How long each try may take: 500ms, 2s.") var deadline = TimeSpan(
        milliseconds: Int64(Limits.defaultDeadlineMilliseconds))

    func run() async throws {
        // A named request may be a retry, so it goes to the gate and never bounces.
        let attempt: UInt32 = requestID == nil ? 0 : 1
        let requestID = requestID ?? .random()
        let request = IssueRequest(
            coupon: coupon, user: user, requestID: requestID,
            waitFor: waitIssued ? .issued : .accepted, attempt: attempt)
        try await global.withClient { client in
            let outcome = try await issue(request, client)
            let fields = [("outcome", JSONValue.string(outcome.name))] + outcome.details
            let named = fields + [("request_id", .string(requestID.hexadecimal))]
            try Output.show(
                .object(named), Table.fields(named.map { ($0.0, $0.1.text) }), json: global.json)
            if !outcome.isPositive { throw CommandExit.negative.code }
        }
    }

    /// If the result is unknown, the caller gets the name with which to ask again.
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
