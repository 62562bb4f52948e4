// What the daemon answers, and which message of the wire each answer is. A client believes the daemon's
// numbers; a value that it does not know is an error that names the field.

internal import CCouponProto
internal import CProtobufC
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
        /// To `health`: nil if ready, else the reason.
        case health(notReady: String?)
        /// To `serverInfo`.
        case serverInfo(ServerInfo)
        /// To `createCoupon`, `getCoupon`, `updateCoupon`, `pauseCoupon`, `resumeCoupon` and
        /// `closeCoupon`.
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
        /// To `reload`.
        case reloaded
        /// To `rebuildGate`: in which epoch it is open.
        case gateRebuilt(PartitionID, Epoch)
    }
}

extension MessageArena {
    mutating func response(
        _ response: Response
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__Response> {
        let raw = unsafe try make(coupond__v1__response__init)
        unsafe raw.pointee.id = response.id
        switch response.result {
        case .failure(let failure):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_ERROR
            unsafe raw.pointee.error = unsafe try error(failure)
        case .issue(let outcome):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_ISSUE
            unsafe raw.pointee.issue = unsafe try issue(outcome)
        case .couponStatus(let status):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_COUPON_STATUS
            unsafe raw.pointee.coupon_status = unsafe try couponStatus(status)
        case .health(let notReady):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_HEALTH
            unsafe raw.pointee.health = unsafe try health(notReady)
        case .serverInfo(let info):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_SERVER_INFO
            unsafe raw.pointee.server_info = unsafe try serverInfo(info)
        case .reloaded:
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_RELOAD
            unsafe raw.pointee.reload = unsafe try make(coupond__v1__reload_response__init)
        case .gateRebuilt(let partition, let epoch):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_REBUILD_GATE
            unsafe raw.pointee.rebuild_gate = unsafe try rebuilt(partition, epoch)
        case .coupon(let coupon):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_COUPON
            unsafe raw.pointee.coupon = unsafe try self.coupon(coupon)
        case .coupons(let coupons):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_LIST_COUPONS
            unsafe raw.pointee.list_coupons = unsafe try page(of: coupons)
        case .audit(let audit):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_AUDIT_COUPON
            unsafe raw.pointee.audit_coupon = unsafe try self.audit(audit)
        case .issues(let issues):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_LIST_ISSUES
            unsafe raw.pointee.list_issues = unsafe try page(of: issues)
        case .deadLetters(let letters):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_LIST_DEAD_LETTERS
            unsafe raw.pointee.list_dead_letters = unsafe try page(of: letters)
        case .deadLetter(let letter):
            unsafe raw.pointee.result_case = COUPOND__V1__RESPONSE__RESULT_DEAD_LETTER
            unsafe raw.pointee.dead_letter = unsafe try deadLetter(letter)
        }
        return unsafe raw
    }

    private mutating func health(
        _ notReady: String?
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__HealthResponse> {
        let raw = unsafe try make(coupond__v1__health_response__init)
        unsafe raw.pointee.ready = notReady == nil ? 1 : 0
        unsafe raw.pointee.reason = unsafe try text(
            notReady ?? "", upTo: Limits.maximumErrorTextBytes)
        return unsafe raw
    }

    private mutating func rebuilt(
        _ partition: PartitionID, _ epoch: Epoch
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__RebuildGateResponse> {
        let raw = unsafe try make(coupond__v1__rebuild_gate_response__init)
        unsafe raw.pointee.partition = UInt32(clamping: partition.rawValue)
        unsafe raw.pointee.epoch = epoch
        return unsafe raw
    }
}

extension Response.Result {
    init(_ raw: Coupond__V1__Response) throws(Failure) {
        switch unsafe raw.result_case {
        case COUPOND__V1__RESPONSE__RESULT_ERROR:
            self = unsafe .failure(try Failure(try Field.message(raw.error, "error")))
        case COUPOND__V1__RESPONSE__RESULT_ISSUE:
            self = unsafe .issue(try Outcome(try Field.message(raw.issue, "issue")))
        case COUPOND__V1__RESPONSE__RESULT_COUPON_STATUS:
            let status = unsafe try Field.message(raw.coupon_status, "coupon_status")
            self = unsafe .couponStatus(try CouponStatus(status))
        case COUPOND__V1__RESPONSE__RESULT_HEALTH:
            let health = unsafe try Field.message(raw.health, "health")
            self = unsafe .health(
                notReady: health.ready != 0 ? nil : try Field.text(health.reason, "health.reason"))
        case COUPOND__V1__RESPONSE__RESULT_SERVER_INFO:
            self = unsafe .serverInfo(
                try ServerInfo(try Field.message(raw.server_info, "server_info")))
        case COUPOND__V1__RESPONSE__RESULT_COUPON:
            self = unsafe .coupon(try Coupon(try Field.message(raw.coupon, "coupon")))
        case COUPOND__V1__RESPONSE__RESULT_LIST_COUPONS:
            self = unsafe .coupons(
                try Self.page(try Field.message(raw.list_coupons, "list_coupons")))
        case COUPOND__V1__RESPONSE__RESULT_AUDIT_COUPON:
            self = unsafe .audit(
                try CouponAudit(try Field.message(raw.audit_coupon, "audit_coupon")))
        case COUPOND__V1__RESPONSE__RESULT_LIST_ISSUES:
            self = unsafe .issues(try Issue.page(try Field.message(raw.list_issues, "list_issues")))
        case COUPOND__V1__RESPONSE__RESULT_LIST_DEAD_LETTERS:
            self = unsafe .deadLetters(
                try DeadLetter.page(
                    try Field.message(raw.list_dead_letters, "list_dead_letters")))
        case COUPOND__V1__RESPONSE__RESULT_DEAD_LETTER:
            self = unsafe .deadLetter(
                try DeadLetter(try Field.message(raw.dead_letter, "dead_letter")))
        case COUPOND__V1__RESPONSE__RESULT_RELOAD: self = .reloaded
        case COUPOND__V1__RESPONSE__RESULT_REBUILD_GATE:
            let rebuilt = unsafe try Field.message(raw.rebuild_gate, "rebuild_gate")
            self = unsafe .gateRebuilt(PartitionID(Int(rebuilt.partition)), rebuilt.epoch)
        default:
            throw .field("result", "not known here")
        }
    }
}
