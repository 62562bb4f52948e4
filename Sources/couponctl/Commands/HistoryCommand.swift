internal import ArgumentParser
internal import CouponClient
internal import CouponCore

/// The trail: what admins did to a coupon, or what a caller did, the newest first.
struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Lists what admins did, the newest first; with --json one a line.",
        discussion: """
            Lists all actions, those on one coupon, or those of the caller that --principal names. Denied \
            calls of callers with a name are among them, counted by the minute. To continue, name the last \
            id with --before.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Only actions on this coupon.", completion: .couponIDs) var coupon: CouponID?
    @Option(help: ArgumentHelp("Only actions of this caller.", valueName: "name"))
    var principal: String?
    @Option(help: ArgumentHelp("Only actions with an id below this one.", valueName: "id"))
    var before: Int64?
    @Option(help: "How many, at most.") var limit = Limits.defaultTrailLinesPerPage

    func validate() throws {
        if coupon != nil, principal != nil {
            throw ValidationError("name a coupon or --principal, not both")
        }
        if principal == "" { throw ValidationError("--principal must not be empty") }
        if limit < 1 { throw ValidationError("--limit must be at least 1") }
        if let before, before < 1 { throw ValidationError("--before must be at least 1") }
    }

    private var subject: TrailSubject {
        if let coupon { return .coupon(coupon) }
        return principal.map { .principal($0) } ?? .all
    }

    func run() async throws {
        try await global.withClient(reading: true) { client in
            try await printPages(
                from: before ?? .max, limit: limit, asJSON: global.json, header: TrailLine.header,
                next: { before, left in
                    try await client.adminActions(
                        of: subject, before: before, limit: min(left, Limits.trailLinesPerPage))
                }, place: \.id, json: \.json, row: \.row)
        }
    }
}

extension TrailLine {
    /// The headings of `row`.
    static let header = [
        "ID", "TIME", "PRINCIPAL", "ADDRESS", "METHOD", "COUPON", "REQUEST", "CALLS", "OUTCOME",
        "CHANGE",
    ]

    /// The cells of one line.
    var row: [String] {
        let call = action.call
        return [
            "\(id)", at.rfc3339, call.principal, call.address, call.method,
            (action.coupon?.rawValue).text, "\(call.request)", "\(action.count)", action.outcome,
            ChangedDocument(before: action.before, after: action.after).text,
        ]
    }

    /// One JSON document.
    var json: JSONValue {
        let call = action.call
        return .object([
            ("id", .integer(id)), ("at", .time(at)), ("principal", .string(call.principal)),
            ("address", .string(call.address)), ("method", .string(call.method)),
            ("coupon_id", .optional(action.coupon?.rawValue)),
            // May be 2^63 or more: some programs cannot read such a number.
            ("request", .string("\(call.request)")),
            ("before", .document(action.before)), ("after", .document(action.after)),
            ("outcome", .string(action.outcome)), ("count", .integer(action.count)),
        ])
    }
}
