// One of each message of the protocol.

import CouponCore
import CouponWire

enum Samples {
    static let window = Window(
        opens: Timestamp(microseconds: 1_700_000_000_000_000),
        closes: Timestamp(microseconds: Limits.maximumMicroseconds))

    static let coupon = Coupon(
        id: CouponID(7), title: "Frühstück für zwei 🥐", total: 100, window: window,
        state: .paused, version: 12, issued: 40, isArchived: true)

    static let unlimited = Coupon(
        id: CouponID(.max), title: String(repeating: "x", count: Limits.maximumTitleBytes),
        total: nil, window: Window(opens: Timestamp(microseconds: 0), closes: window.closes))

    static let requestIDs = [
        RequestID.empty, RequestID(high: 0, low: 0, length: 1),
        RequestID(high: 0x0102_0304_0506_0700, low: 0, length: 8),
        RequestID(high: .max, low: .max, length: 16),
    ]

    static let batch = IssueBatch(
        coupon: 3, items: [IssueBatch.Item(user: 4, requestID: .empty)], waitFor: .issued,
        attempt: 1)

    /// A full batch with the longest numbers.
    static let largestBatch = IssueBatch(
        coupon: CouponID(.max),
        items: (0..<Limits.usersPerBatch).map {
            IssueBatch.Item(user: UserID(.max - Int64($0)), requestID: requestIDs[3])
        })

    /// The largest answer.
    static let ends: [Result<Outcome, Failure>] = (0..<Limits.usersPerBatch).map {
        $0.isMultiple(of: 2)
            ? .success(.issued(sequence: .max, at: Timestamp(microseconds: .max)))
            : .failure(
                Failure(
                    .deadlineExceeded, "late \($0 % Limits.errorsPerBatch / 2)",
                    acceptance: .accepted(sequence: .max)))
    }

    /// Of 1,024 partitions.
    static let longestBookmark = Bookmark(bytes: [UInt8](repeating: 255, count: 22_000))

    private static func event(_ kind: CouponEvent.Kind, _ index: Int) -> CouponEvent {
        CouponEvent(
            coupon: CouponID(.max), kind: kind, committedAt: Timestamp(microseconds: .max),
            place: CouponEvent.Place(
                partition: PartitionID(1_023), commit: .max, index: index))
    }

    static let events = EventPage(
        events: [
            event(.issued(1, sequence: 2, requestIDs[2], acceptedAt: window.opens), 0),
            event(.soldOut(version: 3), 2), event(.changed(version: 4), 3),
        ]
            + RejectionReason.allCases.map {
                event(.rejected(5, sequence: 6, requestIDs[3], $0), 50_000)
            },
        bookmark: Bookmark(bytes: [1, 2, 3]),
        resets: EventPage.Reset.Reason.allCases.map { EventPage.Reset(PartitionID(9), $0) },
        behind: 7)

    /// The largest answer to a watch.
    static let largestEvents = EventPage(
        events: (0..<Limits.eventsPerPage).map {
            event(
                .issued(
                    UserID(.max), sequence: .max, requestIDs[3],
                    acceptedAt: Timestamp(microseconds: .max)), 50_000 + $0)
        }, bookmark: longestBookmark, behind: .max)

    static let methods: [Request.Method] =
        requestIDs.map {
            .issue(IssueRequest(coupon: CouponID(1), user: UserID(.max), requestID: $0))
        } + [
            .issue(
                IssueRequest(
                    coupon: CouponID(9), user: UserID(1), requestID: requestIDs[3],
                    waitFor: .issued, attempt: .max)),
            .couponStatus(coupon: CouponID(3), user: nil),
            .issueBatch(batch), .issueBatch(largestBatch),
            .couponStatusBatch(coupon: 3, users: [4]),
            .couponStatusBatch(coupon: 3, users: largestBatch.items.map(\.user)),
            .couponStatus(coupon: CouponID(3), user: UserID(4)),
            .watch(EventQuestion(.now, waitMilliseconds: 0)),
            .watch(EventQuestion(.oldest, of: CouponID(.max), limit: 1)),
            .watch(EventQuestion(.after(longestBookmark))),
            .health, .serverInfo(), .serverInfo(acceptsGoAway: true),
            .authenticate(token: [1]),
            .authenticate(token: [UInt8](repeating: 255, count: Limits.maximumTokenBytes)),
            .createCoupon(
                Coupon(id: CouponID(5), title: "a", total: Limits.maximumTotal, window: window)),
            .createCoupon(unlimited),
            .createCoupon(Coupon(id: 5, title: "a", total: 1, window: Window(opens: window.opens))),
            .getCoupon(CouponID(6)),
            .listCoupons(after: CouponID(0), limit: 1),
            .listCoupons(after: CouponID(.max), limit: Limits.couponsPerPage),
            .updateCoupon(CouponID(7), CouponChange(title: "b")),
            .updateCoupon(CouponID(7), CouponChange(total: .some(1))),
            .updateCoupon(CouponID(7), CouponChange(total: .some(nil))),
            .updateCoupon(CouponID(7), CouponChange(opens: window.opens)),
            .updateCoupon(CouponID(7), CouponChange(closes: window.closes)),
            .updateCoupon(
                CouponID(7),
                CouponChange(
                    title: "c", total: .some(2), opens: window.opens, closes: window.closes)),
            .pauseCoupon(CouponID(8)), .resumeCoupon(CouponID(9)), .closeCoupon(CouponID(10)),
            .deleteCoupon(CouponID(11)), .archiveCoupon(CouponID(12)),
            .unarchiveCoupon(CouponID(13)),
            .listCoupons(after: CouponID(5), limit: 7, archived: true),
            .auditCoupon(CouponID(11)),
            .listIssues(CouponID(12), after: UserID(0), limit: 1),
            .listIssues(CouponID(.max), after: UserID(.max), limit: Limits.issuesPerPage),
            .listDeadLetters(after: 0, coupon: nil),
            .listDeadLetters(after: 7, coupon: CouponID(8)), .redriveDeadLetter(9),
            .discardDeadLetter(10), .listAdminActions(.all, before: .max, limit: 1),
            .listAdminActions(.coupon(CouponID(8)), before: 9, limit: Limits.trailLinesPerPage),
            .listAdminActions(.principal("Zoë"), before: 1, limit: 50),
            .explain(coupon: CouponID(3), user: UserID(4)), .reload, .rebuildGate(PartitionID(0)),
            .rebuildGate(PartitionID(Limits.maximumPartitions - 1)), .adoptRedis, .topology,
            .listConnections(ConnectionFilter(), after: 0, limit: 100),
            .listConnections(
                ConnectionFilter(principal: "shop", address: "unix:/run/é"), after: .max,
                limit: Limits.connectionsPerPage),
            .endConnections(ConnectionFilter(id: .max)),
            .endConnections(ConnectionFilter(principal: "anonymous", address: "::1")),
        ]

    static let requests: [Request] =
        methods.map { Request(id: 1, method: $0) } + [
            Request(
                id: .max, deadlineMilliseconds: .max, token: Array("secret".utf8), method: .health),
            Request(
                id: 0, token: [UInt8](repeating: 0, count: Limits.maximumTokenBytes),
                method: .serverInfo()),
            Request(id: 2, trace: trace, method: .issue(issue)),
        ]

    private static let trace = TraceContext(
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    private static let issue = IssueRequest(coupon: CouponID(1), user: UserID(2))

    static let outcomes: [Outcome] =
        [
            .accepted(sequence: 1), .accepted(sequence: .max),
            .issued(sequence: 2, at: window.opens),
            .soldOut, .notOpen(opens: window.opens), .ended, .paused, .closed, .notFound,
        ] + [HolderState.queued, .issued, .rejected].map { .duplicate(sequence: 3, state: $0) }
        + RejectionReason.allCases.map { .rejected(sequence: 4, reason: $0) }

    static let failures: [Failure] =
        StatusCode.allCases.map { Failure($0, "text of \($0)") } + [
            Failure(.unavailable, "", retryAfterMilliseconds: .max, acceptance: .unknown),
            Failure(
                .deadlineExceeded, "späte Antwort", retryAfterMilliseconds: 1,
                acceptance: .accepted(sequence: .max)),
        ]

    static let userStatuses: [UserStatus] =
        [.none, .queued(sequence: 5), .issued(sequence: 6, at: window.closes)]
        + RejectionReason.allCases.map { .rejected(sequence: 7, reason: $0) }

    private static func place(of user: UserStatus) -> QueuePlace? {
        guard case .queued = user else { return nil }
        return QueuePlace(ahead: 4, milliseconds: 1_500)
    }

    static let audits: [CouponAudit] = [
        CouponAudit(
            accounts: LedgerAccounts(
                coupon: decided, epoch: 3, cursor: Position(epoch: 3, n: 17),
                rows: IssuedRows(count: 40, lowest: 1, highest: 44, repeated: 2), rejected: 3,
                deadLettered: 1, discarded: 6, unsynced: 5, unreadable: 7, isComplete: false),
            gate: GateRecord(
                version: 12, rev: 4, used: 60, queued: 20, nextSequence: 65, cap: 90,
                terms: coupon.terms),
            place: GatePlace(
                isOpen: true, epoch: 3, settled: Position(epoch: 2, n: 5), tail: 19),
            queueRequests: 20, gateSaysSoldOut: true, workers: 4, workersClosed: 2),
        CouponAudit(
            accounts: LedgerAccounts(
                coupon: unlimited, epoch: 1, cursor: .zero,
                rows: IssuedRows(count: 0, lowest: nil, highest: nil, repeated: 0), rejected: 0,
                deadLettered: 0),
            gate: GateRecord(
                version: 1, rev: 1, used: 0, queued: 0, nextSequence: 1, cap: nil,
                terms: unlimited.terms),
            place: GatePlace(isOpen: false, epoch: 0, settled: .zero, tail: 0),
            queueRequests: 0, gateSaysSoldOut: false, workers: 0, workersClosed: 0),
        CouponAudit(
            accounts: LedgerAccounts(
                coupon: coupon, epoch: 1, cursor: .zero, rows: nil, rejected: 0,
                deadLettered: 0),
            gate: nil, place: GatePlace(isOpen: true, epoch: 1, settled: .zero, tail: 0),
            queueRequests: nil, gateSaysSoldOut: false, workers: 1, workersClosed: 0),
    ]

    /// A full page: issues with the longest values, and one with the shortest.
    static let issues: [Issue] =
        (2...Limits.issuesPerPage).map {
            Issue(
                user: UserID(.max - Int64($0)), sequence: .max,
                requestID: RequestID(high: .max, low: .max, length: 16), acceptedAt: window.closes,
                issuedAt: Timestamp(microseconds: .max))
        } + [
            Issue(
                user: UserID(1), sequence: 1, requestID: .empty, acceptedAt: .zero, issuedAt: .zero)
        ]

    static let letters: [DeadLetter] =
        DeadLetter.State.allCases.map {
            DeadLetter(
                id: 4,
                accepted: AcceptedRequest(
                    coupon: CouponID(5), user: UserID(6), sequence: 7,
                    requestID: RequestID(high: 1, low: 2, length: 16)),
                position: Position(epoch: 2, n: 3), error: "nein", state: $0,
                createdAt: window.opens)
        } + [
            DeadLetter(
                id: 5, accepted: nil, position: .zero, error: "", state: .held, createdAt: .zero)
        ]

    static let trail: [TrailLine] = [
        TrailLine(
            id: .max, at: window.opens,
            action: AdminAction(
                call: AdminCall(
                    principal: "Zoë", address: "::1", method: "pause_coupon", request: .max),
                coupon: CouponID(8), before: "{}", after: #"{"title":"ü"}"#)),
        TrailLine(
            id: 1, at: .zero,
            action: AdminAction(
                call: AdminCall(principal: "bob", address: "", method: "reload", request: 0),
                outcome: "PERMISSION_DENIED", count: 1_000)),
    ]

    static let sentences: [Sentence] =
        Sentence.Source.allCases.map {
            Sentence(
                $0, "der Satz", sequence: 7, requestID: RequestID(high: 1, low: 2, length: 16),
                at: window.opens)
        } + [Sentence(.gate, "")]

    /// A coupon as an audit has it.
    private static var decided: Coupon {
        var decided = coupon
        decided.lastSequence = 44
        return decided
    }

    /// With each coupon, and with every number at its longest.
    static let statuses: [CouponStatus] =
        userStatuses.map {
            CouponStatus(coupon: coupon, accepted: 60, queued: 20, user: $0, place: place(of: $0))
        } + [
            CouponStatus(coupon: unlimited, accepted: 0, queued: 0, user: .none),
            CouponStatus(
                coupon: Coupon(
                    id: CouponID(.max), title: unlimited.title, total: .min,
                    window: Window(
                        opens: Timestamp(microseconds: .min), closes: Timestamp(microseconds: .min)),
                    version: .min, issued: .min, isArchived: true),
                accepted: .min, queued: .min, user: .queued(sequence: .min),
                place: QueuePlace(ahead: .min, milliseconds: .max)),
        ]

    static let results: [Response.Result] =
        outcomes.map { .issue($0) } + failures.map { .failure($0) }
        + statuses.map { .couponStatus($0) } + audits.map { .audit($0) }
        + letters.map { .deadLetter($0) } + [
            .adminActions(trail), .adminActions([]), .explanation(sentences), .explanation([]),
            .issues(issues), .issues([]), .deadLetters(letters), .deadLetters([]),
            .authenticated(Authentication(principal: "shop", roles: [])),
            .authenticated(
                Authentication(
                    principal: "shop", roles: ["issuer", "reader", "operator", "admin"],
                    expiresAt: window.closes)),
            .issueBatch(outcomes.map { .success($0) } + failures.prefix(4).map { .failure($0) }),
            .issueBatch(ends),
            .couponStatusBatch(
                CouponStatusBatch(coupon: coupon, accepted: 9, queued: 3, users: userStatuses)),
            .couponStatusBatch(
                CouponStatusBatch(
                    coupon: unlimited, accepted: .max, queued: .max,
                    users: (0..<Limits.usersPerBatch).map { _ in
                        .issued(sequence: .max, at: Timestamp(microseconds: .max))
                    })),
            .events(events), .events(largestEvents),
            .events(EventPage(events: [], bookmark: Bookmark(bytes: []))),
            .goAway(isLast: false), .goAway(isLast: true),
            .reloaded(ReloadReport()),
            .reloaded(ReloadReport(changed: ["log-level", "é"], needsRestart: ["listen"])),
            .gateRebuilt(PartitionID(0), 1), .gateRebuilt(PartitionID(9), .max),
            .connections([]),
            .connections([
                CallerConnection(
                    id: 1, principal: "anonymous", address: "127.0.0.1", ageMilliseconds: 0,
                    inFlight: 0, heldBytes: 0),
                CallerConnection(
                    id: .max, principal: "é", address: "unix:/p", ageMilliseconds: .max,
                    inFlight: 1_024, heldBytes: .max),
            ]), .connectionsEnded(0), .connectionsEnded(7),
            .redisAdopted(partitions: 0), .redisAdopted(partitions: 16),
            .topology(TopologyReport(kind: .single, epoch: 0, nodes: [])),
            .topology(
                TopologyReport(
                    kind: .cluster, epoch: .max,
                    nodes: (0..<Limits.nodesPerReport).map { index in
                        TopologyReport.Node(
                            id: String(repeating: "a", count: Limits.nodeTextBytes),
                            address: String(repeating: "b", count: Limits.nodeTextBytes),
                            term: .max,
                            partitions: (0..<4).map { PartitionID(4 * index + $0) })
                    }, moreNodes: 7, trouble: "no node answers")),
            .health(notReady: nil), .health(notReady: "Redis is away"),
            .serverInfo(
                ServerInfo(
                    version: "1.0.0", partitions: 16, maximumFrameBytes: 65_536,
                    now: window.opens, idleSeconds: 600, features: ["watch", "issue_batch"])),
            .coupon(coupon), .coupon(unlimited),
            .coupons([]), .coupons([coupon, unlimited, coupon]),
        ]

    static let responses: [Response] =
        results.map { Response(id: 1, result: $0) } + [
            Response(id: 0, result: .issue(.soldOut)), Response(id: .max, result: .issue(.soldOut)),
        ]
}
