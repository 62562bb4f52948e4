internal import ArgumentParser
internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import NIOCore

/// Whether the accounts of a coupon, or of all, add up.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks that gate, queue and tables add up; for all coupons where none is named.",
        discussion: """
            Nothing is stopped for it: gate and tables are compared where they stand at the same \
            place of the queue, and what may be a step under way is read again, for five seconds \
            at most. LOSS is said of requests that Redis lost, as documented: not a breach. \
            Exits 1 on a breach, 75 where the figures could never be compared.
            """)

    @OptionGroup var global: GlobalOptions
    @Option(help: "Only this coupon.") var coupon: CouponID?

    func run() async throws {
        try await global.withClient { client in
            var findings: [Finding] = []
            if let coupon {
                findings.append(try await find(coupon, client))
            } else {
                try await client.forEachCoupon { findings.append(try await find($0.id, client)) }
            }
            show(findings)
            if findings.contains(where: { $0.verdict == .breach }) {
                throw CommandExit.negative.code
            }
            if findings.contains(where: { $0.verdict == .moving }) {
                throw CommandExit.unknown.code
            }
        }
    }

    private func find(_ coupon: CouponID, _ client: CouponClient) async throws -> Finding {
        var finder = VerdictFinder(patience: 50)
        while true {
            let audit = try await client.audit(coupon, deadline: .seconds(10))
            if let verdict = finder.verdict(on: audit.accounts, audit.judge) {
                return Finding(audit: audit, verdict: verdict)
            }
            // Long enough for a batch to be committed and settled.
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func show(_ findings: [Finding]) {
        if global.json {
            for finding in findings { print(finding.json) }
            return
        }
        let table = Table(header: Finding.header, rows: findings.map(\.row))
        for line in table.lines { print(line) }
        for line in findings.flatMap(\.complaints) { print(line) }
    }
}

/// One coupon's figures and the verdict on them.
struct Finding {
    let audit: CouponAudit
    let verdict: Verdict

    private var judge: AccountsJudge { audit.judge }

    /// The headings of `row`.
    static let header = [
        "COUPON", "TOTAL", "ACCEPTED", "ISSUED", "QUEUED", "REJECTED", "DEAD", "LOST", "VERDICT",
    ]

    /// The cells of one line.
    var row: [String] {
        let accounts = audit.accounts
        return [
            "\(accounts.coupon.id.rawValue)", accounts.coupon.total.text, "\(judge.accepted)",
            "\(accounts.coupon.issued)", "\(judge.queued)", "\(accounts.rejected)",
            "\(accounts.deadLettered)", "\(accounts.lost)", verdict.rawValue,
        ]
    }

    /// One line for each statement that fails.
    var complaints: [String] {
        let coupon = audit.accounts.coupon.id.rawValue
        return judge.checks.filter { !$0.holds }.map {
            "\(verdict.rawValue) coupon \(coupon): \($0.rule): \($0.figures)"
        }
    }

    /// One JSON document.
    var json: JSONValue {
        let accounts = audit.accounts
        return .object([
            ("coupon", accounts.coupon.json), ("accepted", .integer(judge.accepted)),
            ("rows", accounts.rows.map { .integer($0.count) } ?? .null),
            ("queue_requests", .integer(judge.queued)),
            ("rejected", .integer(accounts.rejected)),
            ("dead_lettered", .integer(accounts.deadLettered)),
            ("discarded", .integer(accounts.discarded)), ("lost", .integer(accounts.lost)),
            ("loaded", .bool(audit.gate != nil)), ("verdict", .string(verdict.rawValue)),
            ("checks", .array(judge.checks.map(\.json))),
        ])
    }
}

extension Check {
    /// One JSON document.
    var json: JSONValue {
        .object([
            ("rule", .string(rule)), ("figures", .string(figures)), ("holds", .bool(holds)),
        ])
    }
}
