// What the daemon answers, and which message of the wire each answer is. A client believes the daemon's
// numbers; a value that it does not know is an error that names the field.

internal import CCouponProto
public import CouponDomain

/// What the daemon answers: one envelope in one frame.
public struct Response: Equatable, Sendable {
    /// The request's id; 0 if it could not be read.
    public var id: UInt64
    /// The answer.
    public var result: Result

    /// An envelope.
    public init(id: UInt64, result: Result) {
        self.id = id
        self.result = result
    }

    /// The answers of the protocol.
    public enum Result: Equatable, Sendable {
        /// The request could not be judged.
        case failure(Failure)
        /// To `issue`.
        case issue(Outcome)
        /// To `couponStatus`.
        case couponStatus(CouponStatus)
        /// To `issueBatch`: one result for each user, in the order of the request.
        case issueBatch([Swift.Result<Outcome, Failure>])
        /// To `couponStatusBatch`.
        case couponStatusBatch(CouponStatusBatch)
        /// To `watch`.
        case events(EventPage)
        /// To `health`: nil if ready, else the reason.
        case health(notReady: String?)
        /// To `serverInfo`.
        case serverInfo(ServerInfo)
        /// To `authenticate`.
        case authenticated(Authentication)
        /// Answers no request, so its id is 0: the daemon is going to stop. With `isLast` it has not read the
        /// requests that it has not answered.
        case goAway(isLast: Bool)
        /// To each method that creates, shows, changes, archives or deletes one coupon.
        case coupon(Coupon)
        /// To `listCoupons`.
        case coupons([Coupon])
        /// To `auditCoupon`.
        case audit(CouponAudit)
        /// To `listIssues`.
        case issues([Issue])
        /// To `listDeadLetters`.
        case deadLetters([DeadLetter])
        /// To `redriveDeadLetter` and `discardDeadLetter`.
        case deadLetter(DeadLetter)
        /// To `listAdminActions`.
        case adminActions([TrailLine])
        /// To `explain`.
        case explanation([Sentence])
        /// To `reload`.
        case reloaded(ReloadReport)
        /// To `rebuildGate`: in which epoch it is open.
        case gateRebuilt(PartitionID, Epoch)
        /// To `adoptRedis`: how many partitions had a term.
        case redisAdopted(partitions: Int)
        /// To `topology`.
        case topology(TopologyReport)
        /// To `listConnections`.
        case connections([CallerConnection])
        /// To `endConnections`: how many.
        case connectionsEnded(Int)

        /// How the request has ended, in one word.
        public var endName: String {
            switch self {
            case .issue(let outcome): outcome.name
            case .failure(let failure): failure.code.name
            default: AdminAction.done
            }
        }
    }
}

extension Coupond__V1__Response: WireMessage {}
extension Coupond__V1__HealthResponse: WireMessage {}
extension Coupond__V1__RebuildGateResponse: WireMessage {}
extension Coupond__V1__AdoptRedisResponse: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func response(_ response: Response) throws(Failure) -> Part<Coupond__V1__Response> {
        let part = try make(Coupond__V1__Response.self)
        part.id = response.id
        part.result_case = response.result.wireCase
        switch response.result {
        case .failure(let failure): part.error = try error(failure)
        case .issue(let outcome): part.issue = try issue(outcome)
        case .couponStatus(let status): part.coupon_status = try couponStatus(status)
        case .issueBatch(let ends): part.issue_batch = try issueBatch(ends)
        case .couponStatusBatch(let batch): part.coupon_status_batch = try couponStatusBatch(batch)
        case .events(let events): part.watch = try page(of: events)
        case .health(let notReady): part.health = try health(notReady)
        case .serverInfo(let info): part.server_info = try serverInfo(info)
        case .authenticated(let authentication):
            part.authenticate = try authenticated(authentication)
        case .goAway(let isLast): part.go_away = try goAway(isLast: isLast)
        case .reloaded(let report): part.reload = try reloaded(report)
        case .gateRebuilt(let partition, let epoch):
            part.rebuild_gate = try rebuilt(partition, epoch)
        case .redisAdopted(let partitions): part.adopt_redis = try adopted(partitions)
        case .topology(let report): part.topology = try topology(report)
        case .connections(let connections): part.list_connections = try page(of: connections)
        case .connectionsEnded(let count): part.end_connections = try connectionsEnded(count)
        case .coupon(let coupon): part.coupon = try self.coupon(coupon)
        case .coupons(let coupons): part.list_coupons = try page(of: coupons)
        case .audit(let audit): part.audit_coupon = try self.audit(audit)
        case .issues(let issues): part.list_issues = try page(of: issues)
        case .deadLetters(let letters): part.list_dead_letters = try page(of: letters)
        case .deadLetter(let letter): part.dead_letter = try deadLetter(letter)
        case .adminActions(let lines): part.list_admin_actions = try page(of: lines)
        case .explanation(let sentences): part.explain = try explanation(of: sentences)
        }
        return part
    }

    @_lifetime(borrow self)
    private func health(_ notReady: String?) throws(Failure) -> Part<Coupond__V1__HealthResponse> {
        let part = try make(Coupond__V1__HealthResponse.self)
        part.ready = notReady == nil
        part.reason = try text(
            notReady ?? "", upTo: Limits.maximumErrorTextBytes)
        return part
    }

    @_lifetime(borrow self)
    private func rebuilt(
        _ partition: PartitionID, _ epoch: Epoch
    ) throws(Failure) -> Part<Coupond__V1__RebuildGateResponse> {
        let part = try make(Coupond__V1__RebuildGateResponse.self)
        part.partition = UInt32(clamping: partition.rawValue)
        part.epoch = epoch
        return part
    }

    @_lifetime(borrow self)
    private func adopted(
        _ partitions: Int
    ) throws(Failure) -> Part<Coupond__V1__AdoptRedisResponse> {
        let part = try make(Coupond__V1__AdoptRedisResponse.self)
        part.partitions = UInt32(clamping: partitions)
        return part
    }
}

extension Response.Result {
    fileprivate var wireCase: Coupond__V1__Response__ResultCase {
        switch self {
        case .failure: COUPOND__V1__RESPONSE__RESULT_ERROR
        case .issue: COUPOND__V1__RESPONSE__RESULT_ISSUE
        case .couponStatus: COUPOND__V1__RESPONSE__RESULT_COUPON_STATUS
        case .issueBatch: COUPOND__V1__RESPONSE__RESULT_ISSUE_BATCH
        case .couponStatusBatch: COUPOND__V1__RESPONSE__RESULT_COUPON_STATUS_BATCH
        case .events: COUPOND__V1__RESPONSE__RESULT_WATCH
        case .health: COUPOND__V1__RESPONSE__RESULT_HEALTH
        case .serverInfo: COUPOND__V1__RESPONSE__RESULT_SERVER_INFO
        case .authenticated: COUPOND__V1__RESPONSE__RESULT_AUTHENTICATE
        case .goAway: COUPOND__V1__RESPONSE__RESULT_GO_AWAY
        case .reloaded: COUPOND__V1__RESPONSE__RESULT_RELOAD
        case .gateRebuilt: COUPOND__V1__RESPONSE__RESULT_REBUILD_GATE
        case .redisAdopted: COUPOND__V1__RESPONSE__RESULT_ADOPT_REDIS
        case .topology: COUPOND__V1__RESPONSE__RESULT_TOPOLOGY
        case .connections: COUPOND__V1__RESPONSE__RESULT_LIST_CONNECTIONS
        case .connectionsEnded: COUPOND__V1__RESPONSE__RESULT_END_CONNECTIONS
        case .coupon: COUPOND__V1__RESPONSE__RESULT_COUPON
        case .coupons: COUPOND__V1__RESPONSE__RESULT_LIST_COUPONS
        case .audit: COUPOND__V1__RESPONSE__RESULT_AUDIT_COUPON
        case .issues: COUPOND__V1__RESPONSE__RESULT_LIST_ISSUES
        case .deadLetters: COUPOND__V1__RESPONSE__RESULT_LIST_DEAD_LETTERS
        case .deadLetter: COUPOND__V1__RESPONSE__RESULT_DEAD_LETTER
        case .adminActions: COUPOND__V1__RESPONSE__RESULT_LIST_ADMIN_ACTIONS
        case .explanation: COUPOND__V1__RESPONSE__RESULT_EXPLAIN
        }
    }
}

extension Response.Result {
    init(_ raw: Part<Coupond__V1__Response>) throws(Failure) {
        switch raw.result_case {
        case COUPOND__V1__RESPONSE__RESULT_ERROR:
            self = .failure(try Failure(try Field.message(raw.error, "error")))
        case COUPOND__V1__RESPONSE__RESULT_ISSUE:
            self = .issue(try Outcome(try Field.message(raw.issue, "issue")))
        case COUPOND__V1__RESPONSE__RESULT_COUPON_STATUS:
            let status = try Field.message(raw.coupon_status, "coupon_status")
            self = .couponStatus(try CouponStatus(status))
        case COUPOND__V1__RESPONSE__RESULT_ISSUE_BATCH:
            self = try .issueBatch(try Field.message(raw.issue_batch, "issue_batch"))
        case COUPOND__V1__RESPONSE__RESULT_COUPON_STATUS_BATCH:
            self = .couponStatusBatch(
                try CouponStatusBatch(
                    try Field.message(raw.coupon_status_batch, "coupon_status_batch")))
        case COUPOND__V1__RESPONSE__RESULT_WATCH:
            self = .events(try EventPage(try Field.message(raw.watch, "watch")))
        case COUPOND__V1__RESPONSE__RESULT_HEALTH:
            let health = try Field.message(raw.health, "health")
            self = .health(
                notReady: health.ready ? nil : try Field.text(health.reason, "health.reason"))
        case COUPOND__V1__RESPONSE__RESULT_SERVER_INFO:
            self = .serverInfo(
                try ServerInfo(try Field.message(raw.server_info, "server_info")))
        case COUPOND__V1__RESPONSE__RESULT_AUTHENTICATE:
            self = .authenticated(
                try Authentication(try Field.message(raw.authenticate, "authenticate")))
        case COUPOND__V1__RESPONSE__RESULT_GO_AWAY:
            self = .goAway(isLast: try Field.message(raw.go_away, "go_away").is_last)
        case COUPOND__V1__RESPONSE__RESULT_COUPON:
            self = .coupon(try Coupon(try Field.message(raw.coupon, "coupon")))
        case COUPOND__V1__RESPONSE__RESULT_LIST_COUPONS:
            self = .coupons(
                try Self.page(try Field.message(raw.list_coupons, "list_coupons")))
        case COUPOND__V1__RESPONSE__RESULT_AUDIT_COUPON:
            self = .audit(
                try CouponAudit(try Field.message(raw.audit_coupon, "audit_coupon")))
        case COUPOND__V1__RESPONSE__RESULT_LIST_ISSUES:
            self = .issues(try Issue.page(try Field.message(raw.list_issues, "list_issues")))
        case COUPOND__V1__RESPONSE__RESULT_LIST_DEAD_LETTERS:
            self = .deadLetters(
                try DeadLetter.page(
                    try Field.message(raw.list_dead_letters, "list_dead_letters")))
        case COUPOND__V1__RESPONSE__RESULT_DEAD_LETTER:
            self = .deadLetter(
                try DeadLetter(try Field.message(raw.dead_letter, "dead_letter")))
        case COUPOND__V1__RESPONSE__RESULT_LIST_ADMIN_ACTIONS:
            self = .adminActions(
                try TrailLine.page(
                    try Field.message(raw.list_admin_actions, "list_admin_actions")))
        case COUPOND__V1__RESPONSE__RESULT_EXPLAIN:
            self = .explanation(try Sentence.all(try Field.message(raw.explain, "explain")))
        default: try self.init(ofOperation: raw)
        }
    }

    /// The answer to a method about the daemon or its gates.
    private init(ofOperation raw: Part<Coupond__V1__Response>) throws(Failure) {
        switch raw.result_case {
        case COUPOND__V1__RESPONSE__RESULT_RELOAD:
            self = .reloaded(try ReloadReport(try Field.message(raw.reload, "reload")))
        case COUPOND__V1__RESPONSE__RESULT_REBUILD_GATE:
            let rebuilt = try Field.message(raw.rebuild_gate, "rebuild_gate")
            self = .gateRebuilt(PartitionID(Int(rebuilt.partition)), rebuilt.epoch)
        case COUPOND__V1__RESPONSE__RESULT_ADOPT_REDIS:
            let adopted = try Field.message(raw.adopt_redis, "adopt_redis")
            self = .redisAdopted(partitions: Int(adopted.partitions))
        case COUPOND__V1__RESPONSE__RESULT_TOPOLOGY:
            self = .topology(try TopologyReport(try Field.message(raw.topology, "topology")))
        case COUPOND__V1__RESPONSE__RESULT_LIST_CONNECTIONS:
            self = .connections(
                try CallerConnection.page(
                    try Field.message(raw.list_connections, "list_connections")))
        case COUPOND__V1__RESPONSE__RESULT_END_CONNECTIONS:
            let ended = try Field.message(raw.end_connections, "end_connections")
            self = .connectionsEnded(Int(ended.count))
        default:
            throw .field("result", "not known here")
        }
    }
}
