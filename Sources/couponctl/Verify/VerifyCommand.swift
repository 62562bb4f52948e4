internal import ArgumentParser
internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import NIOCore

/// Whether the accounts of a coupon, or of all, add up.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks that gate, queue and tables add up; for all coupons if none is named.",
        discussion: """
            It stops nothing: gate and tables are compared when both stand at the same position. \
            A difference that a step in progress may explain is read again, for five seconds at \
            most. LOSS means requests that Redis lost, as documented, and is not a breach. Exits \
            with 1 on a breach, with 75 if the figures could not be read, or could never be \
            compared.
            """)

    @OptionGroup var global: GlobalOptions
    @Option(help: "Only this coupon.", completion: .couponIDs) var coupon: CouponID?

    func run() async throws {
        try await global.withClient(reading: true) { client in
            var report = Report()
            if let coupon {
                report.findings.append(try await find(coupon, client))
            } else {
                try await findAll(client, &report)
            }
            try show(report)
            if report.findings.contains(where: { $0.verdict == .breach }) {
                throw CommandExit.negative.code
            }
            if !report.unread.isEmpty || report.findings.contains(where: { $0.verdict == .moving })
            {
                throw CommandExit.unknown.code
            }
        }
    }

    /// A coupon that cannot be read now is reported, and the next one is checked. The third failure in a row
    /// ends the command: then it is not the coupon's fault.
    private func findAll(_ client: CouponClient, _ report: inout Report) async throws {
        var failures = 0
        var (findings, unread) = (report.findings, report.unread)
        try await client.forEachPage { page in
            for coupon in page {
                do {
                    findings.append(try await find(coupon.id, client))
                    failures = 0
                } catch let error as ClientError where error.mayBeOfOneCoupon && failures < 2 {
                    failures += 1
                    let reason = Complaint(error, address: client.address, reading: true).message
                    unread.append(Unread(coupon: coupon.id, reason: reason))
                }
            }
        }
        (report.findings, report.unread) = (findings, unread)
    }

    private func find(_ coupon: CouponID, _ client: CouponClient) async throws -> Finding {
        var finder = VerdictFinder(maximumReadings: 50)
        while true {
            let audit = try await client.audit(coupon, deadline: .seconds(10))
            if let verdict = finder.verdict(on: audit.accounts, audit.judge) {
                return Finding(audit: audit, verdict: verdict)
            }
            // Long enough for a batch to be committed and settled.
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func show(_ report: Report) throws(OutputLost) {
        if global.json {
            let documents = report.findings.map(\.json) + report.unread.map(\.json)
            return try Output.write(documents.map(\.description))
        }
        let table = Table(header: Finding.header, rows: report.findings.map(\.row))
        try Output.write(
            table.lines + report.findings.flatMap(\.complaints).map(\.safeForTerminal)
                + report.unread.map(\.line.safeForTerminal))
    }
}

/// What was found of all coupons.
private struct Report {
    var findings: [Finding] = []
    var unread: [Unread] = []
}

/// A coupon whose figures could not be read.
private struct Unread {
    private static let verdict = "UNREAD"

    let coupon: CouponID
    let reason: String

    var line: String { "\(Self.verdict) coupon \(coupon.rawValue): \(reason)" }

    var json: JSONValue {
        .object([
            ("coupon", .integer(coupon.rawValue)), ("verdict", .string(Self.verdict)),
            ("error", .string(reason)),
        ])
    }
}

extension ClientError {
    /// Whether another coupon may be readable.
    fileprivate var mayBeOfOneCoupon: Bool {
        switch self {
        case .deadlineExceeded: true
        case .refused(let failure):
            [.unavailable, .deadlineExceeded, .resourceExhausted, .internal].contains(failure.code)
        default: false
        }
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
