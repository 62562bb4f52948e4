public import CouponDomain

/// What the daemon answers: one envelope in one frame.
public struct Response: Equatable, Sendable {
    /// The request's id; 0 where the frame could not be read that far.
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
        /// To `health`; nil where ready, else why not.
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
