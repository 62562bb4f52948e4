import CouponCore
import Testing

/// The figures of a coupon, by default of one that is sold out and settled.
private struct Figures {
    var total: Int64? = 10
    var issued: Int64 = 10
    var last: Int64 = 10
    var rows: Int64? = 10
    var repeated: Int64 = 0
    var rejected: Int64 = 0
    var dead: Int64 = 0
    var discarded: Int64 = 0
    var unsynced: Int64 = 0
    var unreadable: Int64 = 0
    var isComplete = true
    var epoch: Epoch = 1
    var cursor = Position(epoch: 1, n: 4)
    var used: Int64 = 10
    var queued: Int64 = 0
    var next: Int64 = 11
    var version: Int64 = 1
    var gateTotal: Int64? = 10
    var cap: Int64?
    var settled = Position(epoch: 1, n: 4)
    var tail: Int64 = 4
    var gateEpoch: Epoch = 1
    var queue: Int64?
    var isLoaded = true

    static func with(_ change: (inout Figures) -> Void) -> Figures {
        var figures = Figures()
        change(&figures)
        return figures
    }

    /// Three are queued, one is rejected, two are dead letters, one of them discarded, four are issued.
    static func busy(_ change: (inout Figures) -> Void = { _ in }) -> Figures {
        with {
            $0.issued = 4
            $0.rows = 4
            $0.rejected = 1
            $0.dead = 1
            $0.discarded = 1
            $0.last = 7
            $0.queued = 3
            $0.used = 8
            $0.tail = 5
            change(&$0)
        }
    }

    var ledger: LedgerAccounts {
        LedgerAccounts(
            coupon: coupon, epoch: epoch, cursor: cursor,
            rows: rows.map { IssuedRows(count: $0, lowest: 1, highest: last, repeated: repeated) },
            rejected: rejected, deadLettered: dead, discarded: discarded,
            unsynced: unsynced, unreadable: unreadable,
            isComplete: isComplete)
    }

    private var coupon: Coupon {
        Coupon(
            id: CouponID(1), title: "t", total: total,
            window: Window(
                opens: Timestamp(microseconds: 1), closes: Timestamp(microseconds: .max)),
            issued: issued, lastSequence: last)
    }

    var judge: AccountsJudge {
        var known = coupon
        known.total = gateTotal
        return AccountsJudge(
            ledger: ledger,
            gate: isLoaded
                ? GateRecord(
                    version: version, rev: 1, used: used, queued: queued, nextSequence: next,
                    cap: cap, terms: known.terms) : nil,
            place: GatePlace(isOpen: true, epoch: gateEpoch, settled: settled, tail: tail),
            queueRequests: queue)
    }

    var failed: [String] { judge.checks.filter { !$0.holds }.map(\.rule) }
}

@Suite struct AccountsTests {
    @Test(arguments: [
        Figures(), .busy(),
        .with { $0.isLoaded = false },
        .with {
            $0.total = nil
            $0.gateTotal = nil
        },
        .busy { $0.queue = 3 },
        // Not all rejections were counted: what needs them is not judged.
        .busy {
            $0.rejected = 0
            $0.dead = 0
            $0.isComplete = false
        },
        // The gate has not settled the last commit yet: its figures are not compared.
        .busy {
            $0.issued = 5
            $0.rows = 5
            $0.last = 8
            $0.cursor = Position(epoch: 1, n: 5)
        },
        // The gate does not know of a discarded letter yet, or got it just now.
        .busy {
            $0.unsynced = 1
            $0.used = 9
        },
        .busy { $0.unsynced = 1 },
        // A cap at or above the total has no effect; for an unlimited coupon, one at the largest total.
        .with { $0.cap = 10 },
        .with {
            ($0.total, $0.gateTotal) = (nil, nil)
            $0.cap = Limits.maximumTotal
        },
    ])
    fileprivate func `accounts that add up have no failed check`(figures: Figures) {
        #expect(figures.failed == [])
    }

    @Test(
        arguments: [
            (.with { $0.used = 11 }, AccountsJudge.Rule.slots),
            (.busy { $0.used = 7 }, AccountsJudge.Rule.slots),
            (
                .busy {
                    $0.dead = 0; $0.discarded = 2
                }, AccountsJudge.Rule.slots
            ),
            (.with { $0.next = 12 }, AccountsJudge.Rule.sequences),
            (.busy { $0.queue = 2 }, AccountsJudge.Rule.queue),
            (.busy { $0.tail = 4 }, AccountsJudge.Rule.queue),
            (
                .with {
                    $0.isLoaded = false
                    $0.queue = 1
                }, AccountsJudge.Rule.queue
            ),
            (.busy { $0.rejected = 0 }, AccountsJudge.Rule.lost),
            (.busy { $0.rejected = 2 }, AccountsJudge.Rule.lost),
            (.with { $0.rows = 9 }, AccountsJudge.Rule.rows),
            (.with { $0.repeated = 2 }, "no sequence is issued twice"),
            (
                .with {
                    $0.total = 9
                    $0.gateTotal = 9
                }, "no more is issued than the total"
            ),
            (.with { $0.version = 0 }, AccountsJudge.Rule.version),
            (.with { $0.version = 2 }, AccountsJudge.Rule.version),
            (.with { $0.gateTotal = 12 }, AccountsJudge.Rule.terms),
            (.with { $0.cap = 9 }, AccountsJudge.Rule.cap),
            (
                .with {
                    ($0.total, $0.gateTotal) = (nil, nil)
                    $0.cap = Limits.maximumTotal - 1
                }, AccountsJudge.Rule.cap
            ),
        ] as [(Figures, String)])
    fileprivate func `each breach names its rule`(figures: Figures, rule: String) {
        #expect(figures.failed == [rule])
    }

    @Test func `a loss is a breach in the first epoch and documented in later ones`() {
        let lost = Figures.busy { $0.rejected = 0 }
        #expect(lost.ledger.lost == 1 && lost.failed == [AccountsJudge.Rule.lost])
        var later = lost
        later.epoch = 2
        later.gateEpoch = 2
        later.cursor = Position(epoch: 2, n: 4)
        later.settled = later.cursor
        var finder = VerdictFinder(maximumReadings: 4)
        #expect(later.failed == [] && finder.verdict(on: later.ledger, later.judge) == .loss)
        var unreadable = lost
        unreadable.unreadable = 1
        #expect(unreadable.failed == [])
    }

    @Test func `more decided than accepted is never a documented loss`() {
        let figures = Figures.busy {
            $0.rejected = 2
            $0.epoch = 2
        }
        #expect(figures.failed == [AccountsJudge.Rule.lost])
    }

    @Test func `a difference that changes between readings is read again`() {
        var finder = VerdictFinder(maximumReadings: 4)
        let figures = [1, 2, 1, 2].map { by in Figures.with { $0.used += by } }
        #expect(
            figures.map { finder.verdict(on: $0.ledger, $0.judge) } == [nil, nil, nil, .moving])
    }

    @Test func `a difference that is seen twice counts, with any traffic`() {
        var finder = VerdictFinder(maximumReadings: 4)
        let busy = [Int64(0), 5].map { more in
            Figures.busy {
                $0.used += 1 + more
                $0.queued += more
                $0.next += more
            }
        }
        #expect(busy.map { finder.verdict(on: $0.ledger, $0.judge) } == [nil, .breach])
    }

    @Test func `a breach within the tables counts at once`() {
        var finder = VerdictFinder(maximumReadings: 4)
        let figures = Figures.with { $0.rows = 9 }
        #expect(finder.verdict(on: figures.ledger, figures.judge) == .breach)
    }

    @Test func `a change has until the last reading to reach the gate`() {
        var finder = VerdictFinder(maximumReadings: 3)
        let behind = Figures.with { $0.version = 0 }
        #expect(finder.verdict(on: behind.ledger, behind.judge) == nil)
        #expect(finder.verdict(on: Figures().ledger, Figures().judge) == .balanced)
        var other = VerdictFinder(maximumReadings: 3)
        let verdicts = (1...3).map { _ in other.verdict(on: behind.ledger, behind.judge) }
        #expect(verdicts == [nil, nil, .breach])
    }

    @Test func `gate and tables that never show the same cursor are MOVING`() {
        var finder = VerdictFinder(maximumReadings: 2)
        let figures = Figures.with { $0.settled = Position(epoch: 1, n: 3) }
        let verdicts = (1...2).map { _ in finder.verdict(on: figures.ledger, figures.judge) }
        #expect(verdicts == [nil, .moving])
    }
}
