// The methods of the protocol, and which message of the wire each one is. What the server must know of a
// method is in CouponServer/Access/MethodDescriptor.swift.

internal import CCouponProto
public import CouponDomain

extension Request {
    /// The methods of the protocol. Those from `watch` on are not for issuers and readers.
    public enum Method: Equatable, Sendable {
        /// One user asks for one coupon.
        case issue(IssueRequest)
        /// The status of a coupon, and of a user if one is named.
        case couponStatus(coupon: CouponID, user: UserID?)
        /// Whether the daemon can accept requests now.
        case health
        /// What the daemon is. Also says whether this client knows `Response.Result.goAway`.
        case serverInfo(acceptsGoAway: Bool = false)
        /// Says who calls, by a token of the callers file.
        case authenticate(token: [UInt8])
        /// Many users ask for one coupon.
        case issueBatch(IssueBatch)
        /// The status of a coupon, and of many of its users.
        case couponStatusBatch(coupon: CouponID, users: [UserID])
        /// What was committed, for services that follow it: a long poll.
        case watch(EventQuestion)
        /// A new coupon.
        case createCoupon(Coupon)
        /// One coupon.
        case getCoupon(CouponID)
        /// Coupons with an id above `after`: the archived ones, or the others.
        case listCoupons(after: CouponID, limit: Int, archived: Bool = false)
        /// A change of title, total or window.
        case updateCoupon(CouponID, CouponChange)
        /// Refuses requests until resumed.
        case pauseCoupon(CouponID)
        /// Accepts requests again.
        case resumeCoupon(CouponID)
        /// Refuses requests for good.
        case closeCoupon(CouponID)
        /// Deletes a closed coupon of which no request was decided.
        case deleteCoupon(CouponID)
        /// Takes a closed coupon out of lists and gate; its rows stay.
        case archiveCoupon(CouponID)
        /// Brings an archived coupon back into the lists.
        case unarchiveCoupon(CouponID)
        /// The raw figures of gate, queue and tables.
        case auditCoupon(CouponID)
        /// A coupon's issues to users with an id above `after`.
        case listIssues(CouponID, after: UserID, limit: Int)
        /// Dead letters with an id above `after`; of all coupons if none is named.
        case listDeadLetters(after: Int64, coupon: CouponID?)
        /// Issues a dead letter's request with its old sequence.
        case redriveDeadLetter(Int64)
        /// Discards a dead letter, and frees its slot.
        case discardDeadLetter(Int64)
        /// Lines of the trail of admin actions with an id below `before`, the newest first.
        case listAdminActions(TrailSubject, before: Int64, limit: Int)
        /// What became of a user's requests, and why.
        case explain(coupon: CouponID, user: UserID)
        /// Empties the daemon's front doors and reads its settings again.
        case reload
        /// Rebuilds a partition's gate.
        case rebuildGate(PartitionID)
        /// Lets the partitions go to a Redis of a lower term (rule 50).
        case adoptRedis
        /// Which Redis serves which partitions.
        case topology
        /// Connections with an id above `after`.
        case listConnections(ConnectionFilter, after: Int64, limit: Int)
        /// Ends connections, except the one that asks.
        case endConnections(ConnectionFilter)

        /// Whether it is not for issuers and readers, and so may come with the admin token.
        public var isAdmin: Bool {
            switch self {
            case .issue, .couponStatus, .health, .serverInfo, .authenticate, .issueBatch,
                .couponStatusBatch:
                false
            default: true
            }
        }
    }
}

extension Coupond__V1__HealthRequest: WireMessage {}
extension Coupond__V1__ReloadRequest: WireMessage {}
extension Coupond__V1__GetCouponRequest: WireMessage {}
extension Coupond__V1__PauseCouponRequest: WireMessage {}
extension Coupond__V1__ResumeCouponRequest: WireMessage {}
extension Coupond__V1__CloseCouponRequest: WireMessage {}
extension Coupond__V1__DeleteCouponRequest: WireMessage {}
extension Coupond__V1__ArchiveCouponRequest: WireMessage {}
extension Coupond__V1__UnarchiveCouponRequest: WireMessage {}
extension Coupond__V1__AuditCouponRequest: WireMessage {}
extension Coupond__V1__RedriveDeadLetterRequest: WireMessage {}
extension Coupond__V1__DiscardDeadLetterRequest: WireMessage {}
extension Coupond__V1__RebuildGateRequest: WireMessage {}
extension Coupond__V1__AdoptRedisRequest: WireMessage {}

extension MessageArena {
    /// Puts a method with its arguments into the message of a request.
    func setMethod(
        _ method: Request.Method, of part: Part<Coupond__V1__Request>
    ) throws(Failure) {
        part.method_case = method.wireCase
        switch method {
        case .issue(let request): part.issue = try issue(request)
        case .couponStatus(let coupon, let user):
            part.coupon_status = try couponStatus(of: coupon, user)
        case .health: part.health = try make(Coupond__V1__HealthRequest.self)
        case .serverInfo(let acceptsGoAway):
            part.server_info = try serverInfo(acceptsGoAway: acceptsGoAway)
        case .authenticate(let token): part.authenticate = try authenticate(token)
        case .issueBatch(let batch): part.issue_batch = try issueBatch(batch)
        case .couponStatusBatch(let coupon, let users):
            part.coupon_status_batch = try couponStatusBatch(of: coupon, users)
        case .watch(let question): part.watch = try watch(question)
        case .reload: part.reload = try make(Coupond__V1__ReloadRequest.self)
        case .rebuildGate(let partition):
            part.rebuild_gate = try only(\.partition, UInt32(clamping: partition.rawValue))
        case .adoptRedis: part.adopt_redis = try make(Coupond__V1__AdoptRedisRequest.self)
        case .topology: part.topology = try make(Coupond__V1__TopologyRequest.self)
        case .listConnections(let filter, let after, let limit):
            part.list_connections = try listConnections(filter, after: after, limit: limit)
        case .endConnections(let filter): part.end_connections = try endConnections(filter)
        case .createCoupon(let coupon): part.create_coupon = try create(coupon)
        case .listCoupons(let after, let limit, let archived):
            part.list_coupons = try list(after: after, limit: limit, archived: archived)
        case .updateCoupon(let id, let change):
            part.update_coupon = try update(id, change)
        case .getCoupon(let id): part.get_coupon = try only(\.id, id.rawValue)
        case .pauseCoupon(let id): part.pause_coupon = try only(\.id, id.rawValue)
        case .resumeCoupon(let id): part.resume_coupon = try only(\.id, id.rawValue)
        case .closeCoupon(let id): part.close_coupon = try only(\.id, id.rawValue)
        case .deleteCoupon(let id): part.delete_coupon = try only(\.id, id.rawValue)
        case .archiveCoupon(let id): part.archive_coupon = try only(\.id, id.rawValue)
        case .unarchiveCoupon(let id): part.unarchive_coupon = try only(\.id, id.rawValue)
        case .auditCoupon(let id): part.audit_coupon = try only(\.coupon_id, id.rawValue)
        case .listIssues(let coupon, let after, let limit):
            part.list_issues = try list(of: coupon, after: after, limit: limit)
        case .listDeadLetters(let after, let coupon):
            part.list_dead_letters = try listDeadLetters(after: after, of: coupon)
        case .redriveDeadLetter(let id): part.redrive_dead_letter = try only(\.id, id)
        case .discardDeadLetter(let id): part.discard_dead_letter = try only(\.id, id)
        case .listAdminActions(let subject, let before, let limit):
            part.list_admin_actions = try listAdminActions(of: subject, before, limit)
        case .explain(let coupon, let user): part.explain = try explain(coupon, user)
        }
    }

    /// A request with one field.
    @_lifetime(borrow self)
    private func only<Message: WireMessage, Value: WireNumber>(
        _ field: WritableKeyPath<Message, Value>, _ value: Value
    ) throws(Failure) -> Part<Message> {
        let part = try make(Message.self)
        part[dynamicMember: field] = value
        return part
    }
}

extension Request.Method {
    /// The field of the method in the .proto: `pause_coupon`. For logs, messages and the trail.
    public var name: String { Coupond__V1__Request.fieldName(wireCase.rawValue) ?? "unknown" }

    fileprivate var wireCase: Coupond__V1__Request__MethodCase {
        switch self {
        case .issue: COUPOND__V1__REQUEST__METHOD_ISSUE
        case .couponStatus: COUPOND__V1__REQUEST__METHOD_COUPON_STATUS
        case .health: COUPOND__V1__REQUEST__METHOD_HEALTH
        case .serverInfo: COUPOND__V1__REQUEST__METHOD_SERVER_INFO
        case .authenticate: COUPOND__V1__REQUEST__METHOD_AUTHENTICATE
        case .issueBatch: COUPOND__V1__REQUEST__METHOD_ISSUE_BATCH
        case .couponStatusBatch: COUPOND__V1__REQUEST__METHOD_COUPON_STATUS_BATCH
        case .watch: COUPOND__V1__REQUEST__METHOD_WATCH
        case .createCoupon: COUPOND__V1__REQUEST__METHOD_CREATE_COUPON
        case .getCoupon: COUPOND__V1__REQUEST__METHOD_GET_COUPON
        case .listCoupons: COUPOND__V1__REQUEST__METHOD_LIST_COUPONS
        case .updateCoupon: COUPOND__V1__REQUEST__METHOD_UPDATE_COUPON
        case .pauseCoupon: COUPOND__V1__REQUEST__METHOD_PAUSE_COUPON
        case .resumeCoupon: COUPOND__V1__REQUEST__METHOD_RESUME_COUPON
        case .closeCoupon: COUPOND__V1__REQUEST__METHOD_CLOSE_COUPON
        case .deleteCoupon: COUPOND__V1__REQUEST__METHOD_DELETE_COUPON
        case .archiveCoupon: COUPOND__V1__REQUEST__METHOD_ARCHIVE_COUPON
        case .unarchiveCoupon: COUPOND__V1__REQUEST__METHOD_UNARCHIVE_COUPON
        case .auditCoupon: COUPOND__V1__REQUEST__METHOD_AUDIT_COUPON
        case .listIssues: COUPOND__V1__REQUEST__METHOD_LIST_ISSUES
        case .listDeadLetters: COUPOND__V1__REQUEST__METHOD_LIST_DEAD_LETTERS
        case .redriveDeadLetter: COUPOND__V1__REQUEST__METHOD_REDRIVE_DEAD_LETTER
        case .discardDeadLetter: COUPOND__V1__REQUEST__METHOD_DISCARD_DEAD_LETTER
        case .listAdminActions: COUPOND__V1__REQUEST__METHOD_LIST_ADMIN_ACTIONS
        case .explain: COUPOND__V1__REQUEST__METHOD_EXPLAIN
        case .reload: COUPOND__V1__REQUEST__METHOD_RELOAD
        case .rebuildGate: COUPOND__V1__REQUEST__METHOD_REBUILD_GATE
        case .adoptRedis: COUPOND__V1__REQUEST__METHOD_ADOPT_REDIS
        case .topology: COUPOND__V1__REQUEST__METHOD_TOPOLOGY
        case .listConnections: COUPOND__V1__REQUEST__METHOD_LIST_CONNECTIONS
        case .endConnections: COUPOND__V1__REQUEST__METHOD_END_CONNECTIONS
        }
    }
}

extension Request.Method {
    init(_ raw: Part<Coupond__V1__Request>) throws(Failure) {
        switch raw.method_case {
        case COUPOND__V1__REQUEST__METHOD_ISSUE:
            self = .issue(try IssueRequest(try Field.message(raw.issue, "issue")))
        case COUPOND__V1__REQUEST__METHOD_COUPON_STATUS:
            self = try .couponStatus(try Field.message(raw.coupon_status, "coupon_status"))
        case COUPOND__V1__REQUEST__METHOD_HEALTH: self = .health
        case COUPOND__V1__REQUEST__METHOD_SERVER_INFO:
            let raw = try Field.message(raw.server_info, "server_info")
            self = .serverInfo(acceptsGoAway: raw.accepts_go_away)
        case COUPOND__V1__REQUEST__METHOD_AUTHENTICATE:
            self = try .authenticate(try Field.message(raw.authenticate, "authenticate"))
        case COUPOND__V1__REQUEST__METHOD_ISSUE_BATCH:
            self = .issueBatch(
                try IssueBatch(try Field.message(raw.issue_batch, "issue_batch")))
        case COUPOND__V1__REQUEST__METHOD_COUPON_STATUS_BATCH:
            self = try .couponStatusBatch(
                try Field.message(raw.coupon_status_batch, "coupon_status_batch"))
        case COUPOND__V1__REQUEST__METHOD_WATCH:
            self = try .watch(try Field.message(raw.watch, "watch"))
        case COUPOND__V1__REQUEST__METHOD__NOT_SET:
            // A method of a later .proto arrives as a field that this one does not have.
            throw raw.hasUnknownFields
                ? Failure(.unimplemented, "method: not known here")
                : .field("method", "missing")
        default: self = try .admin(raw)
        }
    }

    private static func admin(_ raw: Part<Coupond__V1__Request>) throws(Failure) -> Self {
        switch raw.method_case {
        case COUPOND__V1__REQUEST__METHOD_CREATE_COUPON:
            let create = try Field.message(raw.create_coupon, "create_coupon")
            return .createCoupon(try Coupon(create))
        case COUPOND__V1__REQUEST__METHOD_LIST_COUPONS:
            return try list(try Field.message(raw.list_coupons, "list_coupons"))
        case COUPOND__V1__REQUEST__METHOD_UPDATE_COUPON:
            let update = try Field.message(raw.update_coupon, "update_coupon")
            let id = try Field.coupon(update.id, "update_coupon.id")
            return .updateCoupon(id, try CouponChange(update))
        case COUPOND__V1__REQUEST__METHOD_LIST_ISSUES:
            return try list(try Field.message(raw.list_issues, "list_issues"))
        case COUPOND__V1__REQUEST__METHOD_LIST_DEAD_LETTERS:
            return try list(try Field.message(raw.list_dead_letters, "list_dead_letters"))
        case COUPOND__V1__REQUEST__METHOD_LIST_ADMIN_ACTIONS:
            return try list(try Field.message(raw.list_admin_actions, "list_admin_actions"))
        case COUPOND__V1__REQUEST__METHOD_EXPLAIN:
            return try explain(try Field.message(raw.explain, "explain"))
        case COUPOND__V1__REQUEST__METHOD_RELOAD: return .reload
        case COUPOND__V1__REQUEST__METHOD_REBUILD_GATE:
            let rebuild = try Field.message(raw.rebuild_gate, "rebuild_gate")
            return .rebuildGate(PartitionID(Int(rebuild.partition)))
        case COUPOND__V1__REQUEST__METHOD_ADOPT_REDIS: return .adoptRedis
        case COUPOND__V1__REQUEST__METHOD_TOPOLOGY: return .topology
        case COUPOND__V1__REQUEST__METHOD_LIST_CONNECTIONS:
            return try list(try Field.message(raw.list_connections, "list_connections"))
        case COUPOND__V1__REQUEST__METHOD_END_CONNECTIONS:
            return try endConnections(
                try Field.message(raw.end_connections, "end_connections"))
        default: return try ofOneID(raw)
        }
    }

    /// The methods that name a coupon or a dead letter, and nothing else.
    private static func ofOneID(_ raw: Part<Coupond__V1__Request>) throws(Failure) -> Self {
        switch raw.method_case {
        case COUPOND__V1__REQUEST__METHOD_GET_COUPON:
            return .getCoupon(CouponID(try id(\.id, raw.get_coupon, "get_coupon.id")))
        case COUPOND__V1__REQUEST__METHOD_PAUSE_COUPON:
            return .pauseCoupon(CouponID(try id(\.id, raw.pause_coupon, "pause_coupon.id")))
        case COUPOND__V1__REQUEST__METHOD_RESUME_COUPON:
            return .resumeCoupon(CouponID(try id(\.id, raw.resume_coupon, "resume_coupon.id")))
        case COUPOND__V1__REQUEST__METHOD_CLOSE_COUPON:
            return .closeCoupon(CouponID(try id(\.id, raw.close_coupon, "close_coupon.id")))
        case COUPOND__V1__REQUEST__METHOD_DELETE_COUPON:
            return .deleteCoupon(CouponID(try id(\.id, raw.delete_coupon, "delete_coupon.id")))
        case COUPOND__V1__REQUEST__METHOD_ARCHIVE_COUPON:
            return .archiveCoupon(CouponID(try id(\.id, raw.archive_coupon, "archive_coupon.id")))
        case COUPOND__V1__REQUEST__METHOD_UNARCHIVE_COUPON:
            return .unarchiveCoupon(
                CouponID(try id(\.id, raw.unarchive_coupon, "unarchive_coupon.id")))
        case COUPOND__V1__REQUEST__METHOD_AUDIT_COUPON:
            return .auditCoupon(
                CouponID(try id(\.coupon_id, raw.audit_coupon, "audit_coupon.coupon_id")))
        case COUPOND__V1__REQUEST__METHOD_REDRIVE_DEAD_LETTER:
            return .redriveDeadLetter(
                try id(\.id, raw.redrive_dead_letter, "redrive_dead_letter.id"))
        case COUPOND__V1__REQUEST__METHOD_DISCARD_DEAD_LETTER:
            return .discardDeadLetter(
                try id(\.id, raw.discard_dead_letter, "discard_dead_letter.id"))
        default:
            throw Failure(.unimplemented, "method: not known here")
        }
    }

    private static func id<Message>(
        _ field: WritableKeyPath<Message, Int64>, _ raw: Part<Message>?, _ path: String
    ) throws(Failure) -> Int64 {
        // Never missing: libprotobuf-c allocates the message that it names in `method_case`.
        try Field.positive(try Field.message(raw, path)[dynamicMember: field], path)
    }
}
