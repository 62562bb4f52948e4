internal import ArgumentParser
internal import CouponClient
internal import CouponCore

/// What became of a user's requests for a coupon, and why.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says what became of a user's requests for a coupon, and why.",
        discussion: """
            It reads the gate, the counters of its queue, the tables and the trail. Refused requests \
            leave nothing behind, and the entries of the queue are not read.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The coupon's id.", completion: .couponIDs) var coupon: CouponID
    @Argument(help: "The user's id.") var user: UserID

    func run() async throws {
        try await global.withClient(reading: true) { client in
            let sentences = try await client.explanation(of: user, for: coupon)
            let document = JSONValue.object([
                ("coupon_id", .integer(coupon.rawValue)), ("user_id", .integer(user.rawValue)),
                ("sentences", .array(sentences.map(\.json))),
            ])
            let table = Table(header: Sentence.header, rows: sentences.map(\.row))
            try Output.show(document, table.lines, json: global.json)
        }
    }
}

extension Sentence {
    /// The headings of `row`.
    static let header = ["SOURCE", "TIME", "SENTENCE"]

    /// The cells of one line.
    var row: [String] {
        var evidence: [String] = []
        if let sequence { evidence.append("sequence \(sequence)") }
        if let requestID { evidence.append("request \(requestID.hexadecimal)") }
        let tail = evidence.isEmpty ? "" : " (\(evidence.joined(separator: ", ")))"
        return [source.name, at?.rfc3339 ?? "-", text + tail]
    }

    /// One JSON document.
    var json: JSONValue {
        .object([
            ("source", .string(source.name)), ("text", .string(text)),
            ("sequence", .optional(sequence)),
            ("request_id", requestID.map { .string($0.hexadecimal) } ?? .null),
            ("at", at.map { .time($0) } ?? .null),
        ])
    }
}
