internal import ArgumentParser
internal import CouponClient
internal import CouponCore

/// `couponctl dead-letter …`: requests that were accepted and could not be issued.
struct DeadLetterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letter",
        abstract: "Lists, redrives and discards requests that could not be issued.",
        subcommands: [DeadLetterList.self, DeadLetterRedrive.self, DeadLetterDiscard.self])

    @OptionGroup var global: GlobalOptions
}

/// All dead letters, page by page.
struct DeadLetterList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the dead letters by id; with --json one a line.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "Only this coupon's.", completion: .couponIDs) var coupon: CouponID?

    func run() async throws {
        try await global.withClient(reading: true) { client in
            var table = Table(header: DeadLetter.header)
            var last: Int64 = 0
            while case let page = try await client.deadLetters(after: last, of: coupon),
                let end = page.last
            {
                if global.json {
                    try Output.write(page.map(\.json.description))
                } else {
                    table.rows += page.map(\.row)
                }
                last = end.id
            }
            if !global.json { try Output.write(table.lines) }
        }
    }
}

/// Issues a dead letter's request.
struct DeadLetterRedrive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive", abstract: "Issues the request after all, with its old sequence.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The letter's id.") var id: Int64

    func run() async throws {
        try await global.withClient { client in
            let letter = try await client.redrive(id)
            try Output.show(letter.json, Table.fields(letter.fields), json: global.json)
        }
    }
}

/// Discards a dead letter.
struct DeadLetterDiscard: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discard", abstract: "Discards the request, and frees its slot.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The letter's id.") var id: Int64

    func run() async throws {
        try await global.withClient { client in
            let letter = try await client.discard(id)
            try Output.show(letter.json, Table.fields(letter.fields), json: global.json)
        }
    }
}

extension DeadLetter {
    /// The headings of `row`.
    fileprivate static let header = ["ID", "COUPON", "USER", "SEQUENCE", "STATE", "SINCE", "ERROR"]

    /// The cells of one line.
    fileprivate var row: [String] { fields.map(\.1) }

    /// Names and values for people.
    fileprivate var fields: [(String, String)] {
        [
            ("id", "\(id)"), ("coupon", accepted.map { "\($0.coupon.rawValue)" } ?? "-"),
            ("user", accepted.map { "\($0.user.rawValue)" } ?? "-"),
            ("sequence", accepted.map { "\($0.sequence)" } ?? "-"),
            ("state", state.name), ("since", createdAt.rfc3339), ("error", error),
        ]
    }

    /// One JSON document.
    fileprivate var json: JSONValue {
        .object([
            ("id", .integer(id)), ("coupon_id", .optional(accepted?.coupon.rawValue)),
            ("user_id", .optional(accepted?.user.rawValue)),
            ("sequence", .optional(accepted?.sequence)),
            ("request_id", accepted.map { .string($0.requestID.hexadecimal) } ?? .null),
            ("epoch", .integer(position.epoch)), ("n", .integer(position.n)),
            ("error", .string(error)), ("state", .string(state.name)),
            ("created_at", .time(createdAt)),
        ])
    }
}
