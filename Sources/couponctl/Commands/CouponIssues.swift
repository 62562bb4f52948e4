internal import ArgumentParser
internal import CouponClient
internal import CouponCore

/// The users that have a coupon. There may be a million: each page is printed before the next one is read.
struct CouponIssues: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issues", abstract: "Lists a coupon's issues by user; with --json one a line.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The coupon's id.", completion: .couponIDs) var id: CouponID
    @Option(help: "Only users with an id above this one.") var after: UserID?

    func run() async throws {
        try await global.withClient(reading: true) { client in
            var (last, isFirst) = (after ?? UserID(0), true)
            while true {
                let page = try await client.issues(
                    of: id, after: last, limit: Limits.issuesPerPage)
                try show(page, withHeadings: isFirst)
                guard let end = page.last else { return }
                (last, isFirst) = (end.user, false)
            }
        }
    }

    private func show(_ page: [Issue], withHeadings: Bool) throws(OutputLost) {
        if global.json {
            try Output.write(page.map { $0.json(of: id).description })
        } else {
            let table = Table(header: Issue.header, rows: page.map(\.row))
            try Output.write(Array(table.lines.dropFirst(withHeadings ? 0 : 1)))
        }
    }
}

extension Issue {
    /// The headings of `row`; columns of a fixed width come first, so that pages look like one table.
    fileprivate static let header = ["ISSUED", "ACCEPTED", "SEQUENCE", "USER", "REQUEST"]

    /// The cells of one line.
    fileprivate var row: [String] {
        [
            issuedAt.rfc3339, acceptedAt.rfc3339, "\(sequence)", "\(user.rawValue)",
            requestID.hexadecimal,
        ]
    }

    /// One JSON document.
    fileprivate func json(of coupon: CouponID) -> JSONValue {
        .object([
            ("coupon_id", .integer(coupon.rawValue)), ("user_id", .integer(user.rawValue)),
            ("sequence", .integer(sequence)), ("request_id", .string(requestID.hexadecimal)),
            ("accepted_at", .time(acceptedAt)), ("issued_at", .time(issuedAt)),
        ])
    }
}
