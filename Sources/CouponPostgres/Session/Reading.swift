/// Rows of the tables as values of the domain, and a coupon as a row.
internal import CouponCore

extension Rows {
    func position(_ row: Int, _ column: Int) -> Position {
        Position(epoch: integer(row, column), n: integer(row, column + 1))
    }

    /// A count, a sequence or a version, clamped so that adding to it does not overflow: anybody may write
    /// any number by SQL.
    func number(_ row: Int, _ column: Int) -> Int64 {
        min(max(0, integer(row, column)), Limits.maximumNumber)
    }

    /// The columns of `Coupon.columns`, from `column` on.
    func coupon(_ row: Int, at column: Int = 0) throws(BackendError) -> Coupon {
        let state = UInt8(exactly: integer(row, column + 5)).flatMap(CouponState.init)
        guard let state else {
            throw .postgres(.refused("coupon \(integer(row, column)) has an unknown state"))
        }
        return Coupon(
            id: CouponID(integer(row, column)), title: Coupon.title(text(row, column + 1)),
            total: isNull(row, column + 2)
                ? nil : min(number(row, column + 2), Limits.maximumTotal),
            window: Window(
                opens: timestamp(row, column + 3), closes: timestamp(row, column + 4)),
            state: state, version: number(row, column + 6), issued: number(row, column + 7),
            lastSequence: number(row, column + 8), isArchived: !isNull(row, column + 9))
    }

    func coupons() throws(BackendError) -> [Coupon] {
        var coupons: [Coupon] = []
        coupons.reserveCapacity(count)
        for row in 0..<count { coupons.append(try coupon(row)) }
        return coupons
    }

    /// The columns of `PartitionRow.columns`.
    func partition(_ row: Int) -> PartitionRow {
        PartitionRow(
            id: PartitionID(Int(integer(row, 0))), epoch: integer(row, 1),
            cursor: position(row, 2),
            identity: isNull(row, 4) ? nil : RedisIdentity(text(row, 4)),
            redisTerm: UInt64(number(row, 5)), installID: text(row, 6))
    }

    /// A reason that no daemon writes is read as one that leaves the user free to ask again: a row that was
    /// changed by SQL must not hold up a load, a settle or those who wait.
    func reason(_ row: Int, _ column: Int) -> RejectionReason {
        UInt8(exactly: integer(row, column)).flatMap(RejectionReason.init) ?? .discarded
    }
}

extension Coupon {
    static let columns =
        "id, title, total, opens_at, closes_at, state, version, issued, last_sequence, archived_at"
    static let columnCount = columns.split(separator: ",").count

    /// The columns that creating and changing a coupon write, besides its id and the archive's time.
    var written: [(column: String, value: Parameter)] {
        [
            ("title", .text(title)), ("total", .integer(total)),
            ("opens_at", .timestamp(window.opens)), ("closes_at", .timestamp(window.closes)),
            ("state", .integer(Int64(state.rawValue))), ("version", .integer(version)),
        ]
    }

    /// The columns of a table that has this name in the statement.
    static func columns(of name: String) -> String {
        columns.split(separator: ", ").map { "\(name).\($0)" }.joined(separator: ", ")
    }
}

extension PartitionRow {
    /// Of `coupond.partition AS p` and `coupond.installation`.
    static let columns =
        "p.id, epoch, cursor_epoch, cursor_n, redis_identity, redis_term, install_id::text"
    static let columnCount = 7
}
