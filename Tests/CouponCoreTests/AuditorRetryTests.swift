import CouponCore
import Testing

/// Tables and gates of coupons that a test makes drift.
private final class Books: AuditStore, AuditGate {
    /// By id: the version that the gate has; the tables have 2.
    var versions: [Int64: Int64] = [:]
    /// By id: slots at the gate that the tables do not have.
    var slots: [Int64: Int64] = [:]
    /// What the next calls of `requestResync` throw.
    var resyncFailures: [BackendError] = []
    var resyncRequests: [CouponID] = []
    /// Coupons whose record cannot be read.
    var damaged: Set<Int64> = []
    var isRedisAway = false
    var areHoldersAway = false
    var inspections: [CouponID] = []
    private let place = GatePlace(
        isOpen: true, epoch: 1, settled: Position(epoch: 1, n: 1), tail: 1)

    private func ledger(_ id: Int64) -> LedgerAccounts {
        LedgerAccounts(
            coupon: coupon(id), epoch: 1, cursor: place.settled, rows: nil, rejected: 0,
            deadLettered: 0)
    }

    private func coupon(_ id: Int64) -> Coupon {
        var coupon = Coupon(
            id: CouponID(id), title: "t", total: 10,
            window: Window(opens: .zero, closes: Timestamp(microseconds: 1)), issued: 1,
            lastSequence: 1)
        coupon.version = 2
        return coupon
    }

    func accounts(of coupons: [CouponID], _ bounds: AccountsBounds) -> [LedgerAccounts] {
        coupons.map { ledger($0.rawValue) }
    }

    func accounts(after: CouponID, limit: Int, _ bounds: AccountsBounds) -> [LedgerAccounts] {
        versions.keys.filter { $0 > after.rawValue }.sorted().prefix(limit).map { ledger($0) }
    }

    func inspect(
        _ coupon: CouponID, partition: PartitionID, user: UserID?
    ) throws(BackendError) -> GateInspection {
        inspections.append(coupon)
        if isRedisAway { throw .redis(.unavailable("away")) }
        if damaged.contains(coupon.rawValue) { throw .redis(.unexpectedReply("damaged")) }
        let record = GateRecord(
            version: versions[coupon.rawValue] ?? 2, rev: 1,
            used: 1 + slots[coupon.rawValue, default: 0], queued: 0, nextSequence: 2, cap: nil,
            terms: self.coupon(coupon.rawValue).terms)
        return GateInspection(
            status: .open, epoch: 1, settled: place.settled, tail: 1, now: .zero,
            identity: RedisIdentity(runID: "run", replicationID: "data"), record: record,
            holder: nil)
    }

    func requestResync(_ coupon: CouponID, above version: Int64?) throws(BackendError) {
        resyncRequests.append(coupon)
        if !resyncFailures.isEmpty { throw resyncFailures.removeFirst() }
    }

    func holders(
        of coupon: CouponID, partition: PartitionID, epoch: Epoch, limit: Int
    ) throws(BackendError) -> [LoadedHolder] {
        if areHoldersAway { throw .redis(.unexpectedReply("HSCAN")) }
        return []
    }

    func rows(of coupon: CouponID, after: UserID, limit: Int) -> RowSlice {
        RowSlice(count: 1, last: nil, issued: 1)
    }
    func missingSequences(of coupon: CouponID, limit: Int) -> [ClosedRange<Int64>] { [] }
    func coupon(_ id: CouponID) -> Coupon? { coupon(id.rawValue) }
    func coupons(after: CouponID, limit: Int) -> [Coupon] { [] }
    func decisions(_ questions: [AcceptedRequest], in partition: PartitionID) -> Decisions {
        Decisions(cursor: place.settled, standings: questions.map { _ in nil })
    }
}

@Suite struct AuditorRetryTests {
    private let books = Books()
    private let diary = Diary()
    private let auditor: Auditor

    private final class Diary { var news: [Auditor.News] = [] }

    init() {
        auditor = Auditor(
            store: books, gates: books, partitioning: Partitioning(count: 4),
            owns: { _ in true }
        ) { [diary] in diary.news.append($0) }
    }

    private func looks(_ count: Int) { for _ in 0..<count { auditor.look() } }

    private func count(_ isWanted: (Auditor.News) -> Bool) -> Int {
        diary.news.count(where: isWanted)
    }

    private var resyncRequests: Int {
        count { if case .resyncRequested = $0 { true } else { false } }
    }

    @Test func `a resync that fails is repeated at a later look`() {
        books.versions = [1: 1]
        books.resyncFailures = [.postgres(.busy("locked")), .postgres(.sessionLost("failover"))]
        looks(60)
        #expect(books.resyncRequests.count == 3, "two that failed, and one")
        #expect(resyncRequests == 1)
        #expect(auditor.drifting == 1)
        books.versions = [1: 2]
        looks(1)
        #expect(count { $0 == .mended(CouponID(1)) } == 1)
        #expect(auditor.drifting == 0)
    }

    @Test func `a gate that is ahead raises one alarm, even if its repair is retried`() {
        books.versions = [1: 5]
        books.resyncFailures = [.postgres(.busy("locked"))]
        looks(60)
        #expect(books.resyncRequests.count == 2)
        #expect(count { if case .wentBack = $0 { true } else { false } } == 1)
    }

    @Test func `a coupon that cannot be read does not delay others`() {
        books.versions = [1: 1, 2: 2, 3: 1, 4: 2, 5: 2, 6: 2]
        books.damaged = [1, 2, 4, 5]
        books.resyncFailures = [.postgres(.busy("locked"))]
        looks(20)
        #expect(count { $0 == .looked(CouponID(6)) } == 10)
        #expect(resyncRequests == 1)
        #expect(count { if case .failed(CouponID(1)?, _) = $0 { true } else { false } } == 10)
    }

    @Test func `if a server is away the look ends, and the next look continues there`() {
        for id in Int64(1)...30 { books.versions[id] = 2 }
        books.isRedisAway = true
        looks(1)
        #expect(books.inspections.count == 3)
        books.isRedisAway = false
        books.inspections = []
        looks(1)
        #expect(books.inspections.count == 27, "the look continues where it ended")
    }

    @Test func `a drift is reported without its sequences if they cannot be found`() {
        books.versions = [1: 2]
        books.slots = [1: 1]
        books.areHoldersAway = true
        looks(60)
        #expect(count { if case .drift(_, _, sequences: []) = $0 { true } else { false } } == 1)
        #expect(auditor.drifting == 1)
    }
}
