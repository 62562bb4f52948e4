internal import ArgumentParser
internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import NIOCore

/// One user asks for one coupon, or the users of a file do.
struct IssueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue", abstract: "Asks for one coupon for one user; retries if that helps.",
        discussion: """
            Exits 0 on ACCEPTED and ISSUED, 1 on every other outcome. With --users-file it prints a \
            line for each user, and exits 0 if all have the coupon, 75 if the end of one is unknown. \
            The same file may be sent again.
            """)

    @OptionGroup var global: GlobalOptions
    @Option(help: "The coupon.", completion: .couponIDs) var coupon: CouponID
    @Option(help: "The user.") var user: UserID?
    @Option(help: "A file with the id of a user in each line; - is standard input.")
    var usersFile: String?
    @Option(
        help: ArgumentHelp(
            "The request's name, for asking again; random if absent.", valueName: "hex"))
    var requestID: RequestID?
    @Flag(help: "Waits until the issue is committed.") var waitIssued = false
    @Option(help: "How long each try may take: 500ms, 2s.") var deadline = TimeSpan(
        milliseconds: Int64(Limits.defaultDeadlineMilliseconds))

    func validate() throws {
        guard (user == nil) != (usersFile == nil) else {
            throw ValidationError("--user or --users-file is needed")
        }
        if requestID != nil, usersFile != nil {
            throw ValidationError("--request-id is for one user")
        }
    }

    func run() async throws {
        if let usersFile { return try await issue(to: try UsersFile.users(of: usersFile)) }
        guard let user else { return }
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

    /// Asks for many users, a thousand in a request.
    private func issue(to users: [UserID]) async throws {
        try await global.withClient { client in
            var summary = PartIssue.Summary()
            for part in UsersFile.parts(users) {
                var issue = PartIssue(
                    coupon: coupon, users: part, waitFor: waitIssued ? .issued : .accepted)
                var failure: ClientError?
                do throws(ClientError) {
                    try await issue.run(client, deadline: .milliseconds(deadline.milliseconds))
                } catch {
                    failure = error
                }
                let ends = zip(part, issue.ends).compactMap { user, end in end.map { (user, $0) } }
                summary.add(ends.map(\.1))
                let fields = ends.map { $0.0.fields($0.1) }
                try Output.write(
                    fields.map { fields in
                        global.json
                            ? "\(JSONValue.object(fields))"
                            : fields.map(\.1.text).joined(separator: " ")
                    })
                if let failure { throw summary.givenUp(after: failure) }
            }
            if let exit = summary.exit { throw exit.code }
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
