public import CouponCore

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

/// What the daemon is.
public struct ServerInfo: Equatable, Sendable {
    /// Its version.
    public var version: String
    /// P.
    public var partitions: Int
    /// The longest frame that it reads, in bytes.
    public var maximumFrameBytes: Int
    /// Its clock.
    public var now: Timestamp

    /// What the daemon is.
    public init(version: String, partitions: Int, maximumFrameBytes: Int, now: Timestamp) {
        self.version = version
        self.partitions = partitions
        self.maximumFrameBytes = maximumFrameBytes
        self.now = now
    }
}

/// The raw figures of gate, queue and tables for one coupon.
public struct CouponAudit: Equatable, Sendable {
    /// The tables' side.
    public var accounts: LedgerAccounts
    /// The gate's side; nil where the gate does not hold the coupon.
    public var gate: GateRecord?
    /// Where the partition's gate stood in the same reading.
    public var place: GatePlace
    /// Requests for this coupon found by reading the queue after the cursor; nil where it is too long.
    public var queueRequests: Int64?
    /// Whether the gate refuses new users because the quantity is gone.
    public var gateSaysSoldOut: Bool
    /// How many of the daemon's workers remember the coupon.
    public var workers: Int
    /// How many of those remember it as closed.
    public var workersClosed: Int

    /// The raw figures of one coupon.
    public init(
        accounts: LedgerAccounts, gate: GateRecord?, place: GatePlace, queueRequests: Int64?,
        gateSaysSoldOut: Bool, workers: Int, workersClosed: Int
    ) {
        self.accounts = accounts
        self.gate = gate
        self.place = place
        self.queueRequests = queueRequests
        self.gateSaysSoldOut = gateSaysSoldOut
        self.workers = workers
        self.workersClosed = workersClosed
    }

    /// Whether they add up.
    public var judge: AccountsJudge {
        AccountsJudge(ledger: accounts, gate: gate, place: place, queueRequests: queueRequests)
    }
}
