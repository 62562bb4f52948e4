/// The trail of admin actions: lines are added and read, and never changed. A page costs the same however
/// many lines there are, because each question follows an index.
public import CouponCore

extension PostgresCouponStore {
    private static let columns = """
        id, at, principal, address, method, coupon_id, request::text, before::text, after::text,
        outcome, count
        """

    /// Adds lines in one transaction. It leaves out the lines that PostgreSQL refuses for their data, and
    /// returns them.
    public func record(_ actions: [AdminAction]) throws(BackendError) -> [AdminAction] {
        do throws(SQLFailure) {
            _ = try session.attempt(["BEGIN"] + actions.map { Self.adding($0) } + ["COMMIT"])
            return []
        } catch {
            session.rollBack()
            guard error.blamesData else { throw .postgres(PostgresFault(error)) }
            return try recordEach(actions)
        }
    }

    /// Adds the lines one by one, because one of them is refused. It is slow, and rare: the texts of a line
    /// are cut to the bounds of the table.
    private func recordEach(_ actions: [AdminAction]) throws(BackendError) -> [AdminAction] {
        var refused: [AdminAction] = []
        do throws(BackendError) {
            _ = try session.run("BEGIN")
            for action in actions {
                if try !isAdded(action) { refused.append(action) }
            }
            _ = try session.run("COMMIT")
        } catch {
            session.rollBack()
            throw error
        }
        return refused
    }

    private func isAdded(_ action: AdminAction) throws(BackendError) -> Bool {
        do throws(SQLFailure) {
            _ = try session.attempt(["SAVEPOINT line", Self.adding(action), "RELEASE line"])
            return true
        } catch {
            guard error.blamesData else { throw .postgres(PostgresFault(error)) }
            _ = try session.run("ROLLBACK TO line")
            return false
        }
    }

    /// Lines with a number below `before`, the newest first.
    ///
    /// Only the index by coupon, or by principal, has the order that its statement asks for. With
    /// `id < $1 ORDER BY id DESC` alone PostgreSQL might read all lines of others.
    public func trail(
        of subject: TrailSubject, before: Int64, limit: Int
    ) throws(BackendError) -> [TrailLine] {
        let (before, limit) = (Parameter.integer(before), Parameter.integer(Int64(limit)))
        switch subject {
        case .all:
            return try session.run(
                Statement(
                    """
                    SELECT \(Self.columns) FROM coupond.admin_action
                    WHERE id < $1 ORDER BY id DESC LIMIT $2
                    """, before, limit)
            ).trailLines()
        case .coupon(let coupon):
            return try session.run(Self.trail(of: coupon, before: before, limit: limit))
                .trailLines()
        case .principal(let name):
            return try session.run(
                Statement(
                    """
                    SELECT \(Self.columns) FROM coupond.admin_action
                    WHERE (principal, id) < ($2, $1) AND principal >= $2
                    ORDER BY principal DESC, id DESC LIMIT $3
                    """, before, .text(name.asPrincipal), limit)
            ).trailLines()
        }
    }

    static func trail(
        of coupon: CouponID, before: Parameter, limit: Parameter
    ) -> Statement {
        Statement(
            """
            SELECT \(columns) FROM coupond.admin_action
            WHERE (coupon_id, id) < ($2, $1) AND coupon_id >= $2
            ORDER BY coupon_id DESC, id DESC LIMIT $3
            """, before, .integer(coupon.rawValue), limit)
    }

    /// For a transaction that locks a partition's row when it adds its line: the table may be locked, such as
    /// for a new index, and nothing is issued in that partition until the transaction ends.
    static let shortLockTimeout: Statement = "SET LOCAL lock_timeout = '200ms'"

    /// The statement that adds a line, for the transaction of the change that it is about.
    static func adding(_ action: AdminAction) -> Statement {
        Statement(
            """
            INSERT INTO coupond.admin_action
                (principal, address, method, coupon_id, request, before, after, outcome, count, at)
            VALUES ($1, $2, $3, $4, $5::text::numeric, $6::text::jsonb, $7::text::jsonb, $8, $9,
                coalesce(timestamptz 'epoch' + $10 * interval '1 microsecond', now()))
            """, .text(action.principal), .text(action.address), .text(action.method),
            .integer(action.coupon?.rawValue), .text("\(action.call.request)"),
            .text(action.before), .text(action.after), .text(action.text), .integer(action.count),
            .integer(action.at?.microseconds))
    }
}

/// The texts of a line, in the bounds of the table: a long name must not be a reason to refuse a change.
extension AdminAction {
    var principal: String { call.principal.asPrincipal }
    var address: String { call.address.shown(upTo: 256) }
    var method: String { call.method.shown(upTo: 64) }
    /// The outcome.
    var text: String { outcome.shown(upTo: 1_024) }
}

extension String {
    /// A caller's name as the trail has it.
    fileprivate var asPrincipal: String { shown(upTo: 256) }

    /// Without control characters, and with so many bytes at most.
    fileprivate func shown(upTo limit: Int) -> String {
        var text = safeForTerminal
        while text.utf8.count > limit { text.unicodeScalars.removeLast() }
        return text
    }
}

extension Rows {
    func trailLines() -> [TrailLine] {
        var lines: [TrailLine] = []
        for row in 0..<count { lines.append(trailLine(row)) }
        return lines
    }

    private func trailLine(_ row: Int) -> TrailLine {
        let call = AdminCall(
            principal: text(row, 2), address: text(row, 3), method: text(row, 4),
            request: UInt64(text(row, 6)) ?? 0)
        return TrailLine(
            id: integer(row, 0), at: timestamp(row, 1),
            action: AdminAction(
                call: call, coupon: optionalInteger(row, 5).map { CouponID($0) },
                before: isNull(row, 7) ? nil : text(row, 7),
                after: isNull(row, 8) ? nil : text(row, 8), outcome: text(row, 9),
                count: number(row, 10)))
    }
}
