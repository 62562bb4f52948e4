/// Dead letters: what an admin decides of them (rule 46).
public import CouponCore

extension PostgresCouponStore {
    static let letterColumns =
        "id, coupon_id, user_id, sequence, request_id, epoch, n, error, state, created_at"

    /// Letters with a number above `after`, in order.
    public func deadLetters(
        after: Int64, of coupon: CouponID?, limit: Int
    ) throws(BackendError) -> [DeadLetter] {
        let (after, limit) = (Parameter.integer(after), Parameter.integer(Int64(limit)))
        let rows =
            if let coupon {
                // Only the index by coupon has this order. With `id > $1 ORDER BY id` alone PostgreSQL might
                // read all letters of other coupons.
                try session.run(
                    Statement(
                        """
                        SELECT \(Self.letterColumns) FROM coupond.dead_letter
                        WHERE (coupon_id, id) > ($2, $1) AND coupon_id <= $2
                        ORDER BY coupon_id, id LIMIT $3
                        """, after, .integer(coupon.rawValue), limit))
            } else {
                try session.run(
                    Statement(
                        """
                        SELECT \(Self.letterColumns) FROM coupond.dead_letter
                        WHERE id > $1 ORDER BY id LIMIT $2
                        """, after, limit))
            }
        var letters: [DeadLetter] = []
        for row in 0..<rows.count { letters.append(try rows.deadLetter(row)) }
        return letters
    }

    /// Redrives or discards a letter, in one transaction that holds partition row and coupon row, and writes
    /// the line in the trail.
    public func decide(
        _ id: Int64, _ state: DeadLetter.State, by call: AdminCall
    ) throws(BackendError) -> LetterDecision {
        try locked(id, lock: .logging) { letter, coupon, partition throws(BackendError) in
            let action = AdminAction(
                call: call, coupon: letter.accepted?.coupon ?? coupon?.id,
                before: TrailDocument.of(letter), after: TrailDocument.of(letter.decided(state)))
            guard letter.state == .held else {
                guard letter.state == state else {
                    return .refused("dead letter \(id) was already \(letter.state)")
                }
                _ = try session.run(Self.shortLockTimeout, Self.adding(action))
                return .decided(letter)
            }
            if state == .redriven, let fault = try issue(letter, coupon) { return .refused(fault) }
            if let events = Self.events(of: letter, state, coupon, partition) {
                _ = try session.run(.add(events))
            }
            _ = try session.run(
                Self.shortLockTimeout, Self.adding(action),
                Statement(
                    """
                    UPDATE coupond.dead_letter SET state = $2, synced = user_id IS NULL,
                        decided_at = now()
                    WHERE id = $1
                    """, .integer(id), .integer(Int64(state.rawValue))))
            return .decided(letter.decided(state))
        } ?? .missing
    }

    /// What the commit log has of a decision; nil if the letter names no user.
    private static func events(
        of letter: DeadLetter, _ state: DeadLetter.State, _ coupon: Coupon?,
        _ partition: PartitionRow
    ) -> LoggedEvents? {
        guard let accepted = letter.accepted else { return nil }
        var events = LoggedEvents(partition)
        guard state == .redriven else {
            events.others = [
                LoggedCommit.Other(
                    coupon: accepted.coupon,
                    kind: .rejected(
                        accepted.user, sequence: accepted.sequence, accepted.requestID, .discarded))
            ]
            return events
        }
        events.issued = [CouponUser(user: accepted.user, coupon: accepted.coupon)]
        if let coupon, coupon.remaining == 1 {
            events.others = [
                LoggedCommit.Other(coupon: coupon.id, kind: .soldOut(version: coupon.version + 1))
            ]
        }
        return events
    }

    /// Decided letters that the gate does not know yet.
    public func unsyncedLetters(
        limit: Int, except coupons: Set<CouponID>
    ) throws(BackendError) -> [UnsyncedLetter] {
        let rows = try session.run(
            Statement(
                """
                SELECT l.id, p.id, l.coupon_id FROM coupond.partition AS p CROSS JOIN LATERAL (
                    SELECT id, coupon_id, row_number() OVER (ORDER BY id) AS turn
                    FROM coupond.dead_letter
                    WHERE NOT synced AND partition = p.id
                        AND (coupon_id IS NULL OR coupon_id <> ALL ($2))
                    ORDER BY id LIMIT $1) AS l
                ORDER BY turn, p.id
                """, .integer(Int64(limit)), .integers(coupons.map { $0.rawValue })))
        return (0..<rows.count).map {
            UnsyncedLetter(
                id: rows.integer($0, 0), partition: PartitionID(Int(rows.integer($0, 1))),
                coupon: rows.optionalInteger($0, 2).map { CouponID($0) })
        }
    }

    /// Updates the gate with a decided letter, under the locks of `decide`, and records that the gate has it.
    public func resyncLetter(
        _ id: Int64, _ update: (DeadLetter, Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> Bool {
        let isSynced = try locked(
            id, lock: .shared
        ) { letter, coupon, partition throws(BackendError) in
            if let coupon, letter.accepted != nil, !update(letter, coupon, partition) {
                return false
            }
            _ = try session.run(
                Statement(
                    "UPDATE coupond.dead_letter SET synced = true WHERE id = $1", .integer(id)))
            return true
        }
        return isSynced ?? true
    }

    /// Runs a transaction that locks a letter's partition, its coupon and the letter, in the order of all
    /// transactions. Nil if there is no such letter.
    private func locked<Value>(
        _ id: Int64, lock: PartitionLock,
        _ body: (DeadLetter, Coupon?, PartitionRow) throws(BackendError) -> Value
    ) throws(BackendError) -> Value? {
        do throws(BackendError) {
            let place = try session.run(
                "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
                Statement(
                    "SELECT partition, coupon_id FROM coupond.dead_letter WHERE id = $1",
                    .integer(id)))
            guard place.count == 1 else {
                session.rollBack()
                return nil
            }
            let partition = try session.partition(
                PartitionID(Int(place.integer(0, 0))), lock: lock)
            let coupon =
                place.isNull(0, 1) ? nil : try lockedCoupon(CouponID(place.integer(0, 1)))
            let rows = try session.run(
                Statement(
                    "SELECT \(Self.letterColumns) FROM coupond.dead_letter WHERE id = $1 FOR UPDATE",
                    .integer(id)))
            // The letter may have been deleted while this transaction waited for the coupon.
            guard rows.count == 1 else {
                session.rollBack()
                return nil
            }
            let value = try body(try rows.deadLetter(0), coupon, partition)
            _ = try session.run("COMMIT")
            return value
        } catch {
            session.rollBack()
            throw error
        }
    }

    /// Issues a letter's request with its old sequence. Returns why it cannot be issued; nil if it was. If it
    /// cannot be issued, everything written for it is rolled back to a savepoint.
    private func issue(_ letter: DeadLetter, _ coupon: Coupon?) throws(BackendError) -> String? {
        guard let accepted = letter.accepted else {
            return "the dead letter does not name its user"
        }
        guard let coupon else { return "there is no coupon \(accepted.coupon.rawValue)" }
        if coupon.isSoldOut { return "the total is used up: raise it first" }
        do throws(SQLFailure) {
            let inserted = try session.attempt([
                "SAVEPOINT letter",
                Statement(
                    """
                    INSERT INTO coupond.coupon_issue
                        (coupon_id, user_id, sequence, request_id, accepted_at, issued_at)
                    SELECT coupon_id, user_id, sequence, request_id,
                        coalesce(accepted_at, created_at), now()
                    FROM coupond.dead_letter WHERE id = $1 ON CONFLICT DO NOTHING
                    """, .integer(letter.id)),
            ]).affected
            guard inserted == 1 else {
                return "the user has the coupon through another request: discard the letter"
            }
        } catch {
            guard error.blamesData else { throw .postgres(PostgresFault(error)) }
            _ = try session.run("ROLLBACK TO letter")
            return "PostgreSQL still refuses it: \(error.message)"
        }
        _ = try session.run(
            Statement(
                """
                UPDATE coupond.coupon SET issued = issued + 1,
                    version = version + (issued + 1 IS NOT DISTINCT FROM total)::int
                WHERE id = $1
                """, .integer(coupon.id.rawValue)))
        return nil
    }
}

extension DeadLetter {
    fileprivate func decided(_ state: State) -> DeadLetter {
        DeadLetter(
            id: id, accepted: accepted, position: position, error: error, state: state,
            createdAt: createdAt)
    }
}

extension Rows {
    func deadLetter(_ row: Int) throws(BackendError) -> DeadLetter {
        let state = UInt8(exactly: integer(row, 8)).flatMap(DeadLetter.State.init)
        guard let state else { throw .postgres(.refused("a dead letter has an unknown state")) }
        let isKnown = (1...4).allSatisfy { !isNull(row, $0) }
        return DeadLetter(
            id: integer(row, 0),
            accepted: isKnown
                ? AcceptedRequest(
                    coupon: CouponID(integer(row, 1)), user: UserID(integer(row, 2)),
                    sequence: number(row, 3), requestID: requestID(row, 4)) : nil,
            position: position(row, 5), error: text(row, 7), state: state,
            createdAt: timestamp(row, 9))
    }
}
