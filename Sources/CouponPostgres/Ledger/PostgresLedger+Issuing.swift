/// Rule 19: the issuing transaction.
///
/// First it assumes that there are no conflicts. Every candidate goes into one COPY, which takes half the
/// time of an INSERT that looks for conflicts; or, if they are few, into an INSERT that travels with the
/// COMMIT. If as many rows came as were sent, nothing else is read. If a candidate had a row already, or
/// PostgreSQL refused one for its data, everything is rolled back and the batch runs again carefully: it
/// looks for users who have a row, and finds bad requests by halving. The cursor is moved again each time, so
/// another owner's commit in between is fenced.
public import CouponCore

extension PostgresLedger {
    /// Moves the cursor and issues the batch, in one transaction.
    public func issue(_ batch: Batch) throws(BackendError) -> Commit {
        session.statementMilliseconds = batch.statementMilliseconds
        defer { session.statementMilliseconds = nil }
        if let commit = try attempt(
            batch,
            { insertion, issuedAt throws(BackendError) in
                try insertion.insertAllOrNothing(issuedAt: issuedAt)
            })
        {
            return commit
        }
        let commit = try attempt(batch) { insertion, _ throws(BackendError) in
            try insertion.insertCarefully()
            return true
        }
        guard let commit else { throw .postgres(.refused("the batch ended without a COMMIT")) }
        return commit
    }

    /// One transaction; nil if `insert` gave up, and nothing was written.
    private func attempt(
        _ batch: Batch, _ insert: (inout Insertion, Timestamp) throws(BackendError) -> Bool
    ) throws(BackendError) -> Commit? {
        do throws(BackendError) {
            let locked = try begin(batch)
            var insertion = Insertion(batch: batch, coupons: locked.coupons, session: session)
            guard try insert(&insertion, locked.issuedAt) else {
                session.rollBack()
                return nil
            }
            guard var commit = try commit(batch, insertion, of: locked.coupons) else {
                session.rollBack()
                return nil
            }
            commit.issuedAt = locked.issuedAt
            return commit
        } catch {
            session.rollBack()
            throw error
        }
    }

    /// The fence comes first and raises an error by itself, so all of this travels in one round trip.
    private func begin(
        _ batch: Batch
    ) throws(BackendError) -> (coupons: [Coupon], issuedAt: Timestamp) {
        let rows = try session.run(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
            Statement("SET LOCAL statement_timeout = \(batch.statementMilliseconds)"),
            Statement(
                "SELECT coupond.move_cursor($1::int4, $2, $3, $4, $5, $6)", isPrepared: true,
                .integer(Int64(batch.partition.rawValue)), .integer(batch.epoch),
                .integer(batch.from.epoch), .integer(batch.from.n),
                .integer(batch.to.epoch), .integer(batch.to.n)),
            Statement(
                """
                SELECT \(Coupon.columns), now() FROM coupond.coupon
                WHERE id = ANY ($1) ORDER BY id FOR UPDATE
                """, isPrepared: true, .integers(batch.couponIDs.map(\.rawValue))))
        let issuedAt = rows.count > 0 ? rows.timestamp(0, Coupon.columnCount) : .zero
        return (try rows.coupons(), issuedAt)
    }

    /// Nil if an INSERT that travels with the COMMIT failed for its data: nothing is committed then.
    private func commit(
        _ batch: Batch, _ insertion: consuming Insertion, of locked: [Coupon]
    ) throws(BackendError) -> Commit? {
        let deadLetters = insertion.deadLetters
        let issued = insertion.issued
        let insertsWithCommit = !insertion.statements.isEmpty
        var statements = insertion.statements
        let commit = insertion.decision.finish()
        let rejections = commit.rejections.filter { $0.reason != .deadLetter }
        if !rejections.isEmpty { statements.append(.insert(rejections, of: batch.partition)) }
        if !deadLetters.isEmpty { statements.append(.insert(deadLetters, of: batch.partition)) }
        let coupons = commit.coupons.compactMap(\.coupon)
        if !coupons.isEmpty { statements.append(.update(coupons)) }
        if !batch.items.isEmpty {
            statements.append(.add(Self.events(of: batch, issued, commit, locked)))
        }
        statements.append("COMMIT")
        do throws(SQLFailure) {
            let command = try session.attempt(statements).command
            guard command == "COMMIT" else {
                throw .refused(state: "25P02", message: "COMMIT ended as \(command)")
            }
        } catch {
            if insertsWithCommit && error.blamesData { return nil }
            throw .postgres(PostgresFault(error))
        }
        return commit
    }

    /// What the commit log has of a batch.
    private static func events(
        of batch: Batch, _ issued: [BatchDecision.Candidate], _ commit: Commit, _ locked: [Coupon]
    ) -> LoggedEvents {
        var events = LoggedEvents(batch)
        events.issued = issued.map {
            CouponUser(user: $0.accepted.user, coupon: $0.accepted.coupon)
        }
        events.others = commit.rejections.map { LoggedCommit.Other($0) }
        let soldOut = commit.coupons.compactMap(\.coupon).filter(\.isSoldOut)
        if soldOut.isEmpty { return events }
        let before = Dictionary(
            locked.map { ($0.id, $0.version) }, uniquingKeysWith: { first, _ in first })
        for coupon in soldOut where before[coupon.id].map({ $0 < coupon.version }) == true {
            events.others.append(
                LoggedCommit.Other(coupon: coupon.id, kind: .soldOut(version: coupon.version)))
        }
        return events
    }
}

extension Batch {
    /// The coupons concerned, each once, in the order in which they are locked.
    fileprivate var couponIDs: [CouponID] { Set(items.flatMap(\.coupons)).sorted() }
}
