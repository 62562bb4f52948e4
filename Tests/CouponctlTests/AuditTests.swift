import CouponCore
import CouponWire
import Testing

@testable import couponctl

/// The figures of a coupon, by default of one that is sold out and settled.
struct Figures {
    var total: Int64? = 10
    var counted: Int64 = 10
    var rows: Int64 = 10
    var highest: Int64? = 10
    var repeated: Int64 = 0
    var rejected: Int64 = 0
    var dead: Int64 = 0
    var used: Int64 = 10
    var gateQueued: Int64 = 0
    var next: Int64 = 11
    var queue: Int64 = 0
    var isLoaded = true
    var soldOut = true
    var workers = 2
    var closed = 2

    var audit: CouponAudit {
        let time = Timestamp(microseconds: 0)
        let coupon = Coupon(
            id: CouponID(1), title: "t", total: total, window: Window(opens: time, closes: time),
            issued: counted)
        return CouponAudit(
            accounts: LedgerAccounts(
                coupon: coupon, issued: rows, lowestSequence: 1, highestSequence: highest,
                repeatedSequences: repeated, rejected: rejected, deadLettered: dead,
                cursor: .zero),
            gate: isLoaded
                ? GateRecord(
                    version: 1, rev: 1, used: used, queued: gateQueued, nextSequence: next, cap: nil
                )
                : nil,
            queueRequests: queue, gateSaysSoldOut: soldOut, workers: workers, workersClosed: closed)
    }

    static func with(_ change: (inout Figures) -> Void) -> Figures {
        var figures = Figures()
        change(&figures)
        return figures
    }
}

@Suite struct AuditTests {
    @Test(arguments: [
        Figures(),
        .with { $0.isLoaded = false },
        .with { $0.total = nil },
        // Three queued, one rejected, one dead-lettered, five issued.
        .with {
            $0.rows = 5
            $0.counted = 5
            $0.rejected = 1
            $0.dead = 1
            $0.queue = 3
            $0.gateQueued = 3
            $0.used = 9
        },
        // Rejected after the last issue, and let go by the gate.
        .with {
            $0.isLoaded = false
            $0.rows = 5
            $0.counted = 5
            $0.highest = 5
            $0.rejected = 2
        },
    ])
    func balances(figures: Figures) {
        #expect(AuditJudge(figures.audit).checks.filter { !$0.holds } == [])
    }

    @Test(
        arguments: [
            (.with { $0.total = 9 }, "no more is issued than the total"),
            (.with { $0.counted = 9 }, "issued rows are as many as the coupon says"),
            (.with { $0.repeated = 1 }, "no sequence is issued twice"),
            (.with { $0.used = 11 }, "the gate's used slots are issued, queued or dead-lettered"),
            (
                .with {
                    $0.gateQueued = 1
                    $0.used = 11
                    $0.next = 11
                }, "the gate's queued requests are in the queue"
            ),
            (
                .with { $0.next = 12 },
                "every accepted request is issued, queued, rejected or dead-lettered"
            ),
            (
                .with {
                    $0.isLoaded = false
                    $0.highest = 11
                }, "every accepted request is issued, queued, rejected or dead-lettered"
            ),
        ] as [(Figures, String)])
    func breachesAreNamed(figures: Figures, rule: String) {
        #expect(AuditJudge(figures.audit).checks.filter { !$0.holds }.map(\.rule) == [rule])
    }

    @Test func figuresInMotionAreReadAgain() {
        var finder = VerdictFinder(patience: 4)
        let first = Figures.with { $0.next = 12 }.audit
        let second = Figures.with { $0.next = 13 }.audit
        let verdicts = [first, second, first, second].map { finder.verdict(on: $0) }
        #expect(verdicts == [nil, nil, nil, .moving])
    }

    @Test func whatStandsStillCounts() {
        var finder = VerdictFinder(patience: 4)
        let figures = Figures.with { $0.next = 12 }.audit
        let verdicts = [figures, figures].map { finder.verdict(on: $0) }
        #expect(verdicts == [nil, .breach])
    }

    @Test func overIssueCountsAtOnce() {
        var finder = VerdictFinder(patience: 4)
        let verdict = finder.verdict(on: Figures.with { $0.total = 9 }.audit)
        #expect(verdict == .breach)
    }
}
