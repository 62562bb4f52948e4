/// The raw figures of gate, queue and tables for one coupon.
public struct CouponAudit: Equatable, Sendable {
    /// The tables' side.
    public var accounts: LedgerAccounts
    /// The gate's side; nil if the gate does not hold the coupon.
    public var gate: GateRecord?
    /// Where the partition's gate stood when the record was read.
    public var place: GatePlace
    /// Requests for this coupon found by reading the queue after the cursor; nil if it is too long.
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
}
