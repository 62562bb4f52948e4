/// What the daemon asks of PostgreSQL besides issuing.
public import CouponCore
public import Logging

/// `CouponStore` by libpq. Blocking, and confined to one thread; after `sessionLost` the
/// next call connects again.
public final class PostgresCouponStore: CouponStore {
    let session: Session
    let partitioning: Partitioning
    /// The page that a load needs next.
    var pageAhead: PageAhead?
    /// The coupon whose outbox row `resync` took last: the rows after it come next.
    var outboxPlace = CouponID(0)

    /// Connects with the first call.
    /// - Parameter partitioning: as `Installation.setUp` found it.
    public init(_ options: PostgresOptions, partitioning: Partitioning, logger: Logger) {
        session = Session(options, role: .store, logger: logger)
        self.partitioning = partitioning
    }

    /// All partitions' rows, in order.
    public func partitions() throws(BackendError) -> [PartitionRow] {
        let rows = try session.run(
            Statement(
                """
                SELECT \(PartitionRow.columns)
                FROM coupond.partition AS p CROSS JOIN coupond.installation ORDER BY p.id
                """))
        return (0..<rows.count).map { rows.partition($0) }
    }

    /// A coupon; nil if it does not exist.
    public func coupon(_ id: CouponID) throws(BackendError) -> Coupon? {
        try session.coupons([id]).first
    }

    /// Coupons as committed, by id.
    public func coupons(_ ids: [CouponID]) throws(BackendError) -> [Coupon] {
        try session.coupons(ids)
    }

    /// Coupons with an id above `after`, by id. Each list has an index of its own.
    public func coupons(
        after: CouponID, limit: Int, archived: Bool
    ) throws(BackendError) -> [Coupon] {
        try session.run(
            Statement(
                """
                SELECT \(Coupon.columns) FROM coupond.coupon
                WHERE id > $1 AND archived_at IS \(archived ? "NOT NULL" : "NULL")
                ORDER BY id LIMIT $2
                """, .integer(after.rawValue), .integer(Int64(limit)))
        ).coupons()
    }

    /// Active coupons that open within so many milliseconds, the first to open first.
    public func opening(within milliseconds: Int64, limit: Int) throws(BackendError) -> [CouponID] {
        let rows = try session.run(
            Statement(
                """
                SELECT id FROM coupond.coupon
                WHERE opens_at > now() AND opens_at <= now() + $1 * interval '1 millisecond'
                    AND state = 1
                ORDER BY opens_at, id LIMIT $2
                """, .integer(milliseconds), .integer(Int64(limit))))
        return (0..<rows.count).map { CouponID(rows.integer($0, 0)) }
    }

    /// Creates a coupon, with nothing issued, and its line in the trail: one statement does both or neither.
    /// False if the id exists, or was deleted.
    public func create(_ coupon: Coupon, by call: AdminCall) throws(BackendError) -> Bool {
        let action = AdminAction(call: call, coupon: coupon.id, after: TrailDocument.of(coupon))
        do throws(SQLFailure) {
            return try session.attempt([Self.creating(coupon, action)]).affected == 1
        } catch {
            // A deletion of the same id has ended in the meantime.
            if case .refused("CPDEL", _) = error { return false }
            throw .postgres(PostgresFault(error))
        }
    }

    private static func creating(_ coupon: Coupon, _ action: AdminAction) -> Statement {
        let written = coupon.written
        let columns = written.map(\.column).joined(separator: ", ")
        let values = written.indices.map { "$\($0 + 8)" }.joined(separator: ", ")
        let parameters: [Parameter] = [
            .integer(coupon.id.rawValue), .text(action.principal), .text(action.address),
            .text(action.method), .text("\(action.call.request)"), .text(action.after),
            .text(action.text),
        ]
        return Statement(
            """
            WITH made AS (
                INSERT INTO coupond.coupon (id, \(columns)) SELECT $1, \(values)
                WHERE NOT EXISTS (SELECT FROM coupond.deleted_coupon WHERE coupon_id = $1)
                ON CONFLICT DO NOTHING RETURNING id)
            INSERT INTO coupond.admin_action
                (principal, address, method, coupon_id, request, after, outcome)
            SELECT $2, $3, $4, id, $5::text::numeric, $6::text::jsonb, $7 FROM made
            """, parameters: parameters + written.map(\.value))
    }
}
